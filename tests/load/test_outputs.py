from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from edgesim.load import outputs
from edgesim.load.outcome import Outcome
from edgesim.model import EdgesimError
from tests.load import samples

OPTIONS = ("save", "hgrm", "hlog", "fortio", "prometheus", "junit", "report")


def test_every_option_writes_its_file(tmp_path: Path) -> None:
    """A file for each option, of --hgrm one for each destination too; what is returned is what is there."""
    files = {option: tmp_path / f"{option}.out" for option in OPTIONS}
    outputs.check(files)
    written = outputs.write(files, samples.outcome(samples.result(6)))
    assert sorted(written) == sorted(tmp_path.iterdir())
    assert {file.name for file in written if "hgrm" in file.name} == {
        "hgrm.out", "hgrm.service.out", "hgrm.v1.out", "hgrm.v2.out",
    }  # fmt: skip
    assert all(file.stat().st_size > 100 for file in written)


def test_a_run_without_answers_is_written_too(tmp_path: Path) -> None:
    """Nothing was answered, and every format says so in its own way."""
    result = replace(samples.result(1), cells=(), timeline=(), connects={})
    written = outputs.write({option: tmp_path / option for option in OPTIONS}, Outcome(result))
    assert len(written) == len(OPTIONS) + 1
    assert (tmp_path / "hgrm").read_text().splitlines()[-2].split() == [
        "#[Max",
        "=",
        "0.000,",
        "TotalCount",
        "=",
        "0.000]",
    ]


@pytest.mark.parametrize("file", ["", "no/folder/file.json", "a\0b"])
def test_a_file_that_cannot_be_written_is_found_before_the_run(file: str, tmp_path: Path) -> None:
    """A folder, a missing folder and a name that is none are refused by option, and again if they go amiss later."""
    with pytest.raises(EdgesimError, match="ES1200 --report"):
        outputs.check({"report": tmp_path / file})
    with pytest.raises(EdgesimError, match="ES1200 --junit"):
        outputs.write({"junit": tmp_path / file}, samples.outcome(samples.result(6)))


def test_two_files_in_one_are_refused(tmp_path: Path) -> None:
    """The second would be written over the first, without a word."""
    with pytest.raises(EdgesimError, match=r"ES1200 --fortio .*: this is the file of --save, too"):
        outputs.check({"save": tmp_path / "run.json", "fortio": tmp_path / "run.json"})


def test_formats_are_loaded_when_asked_for() -> None:
    """Naming the outputs loads none of them, nor numpy, scipy or hdrh, which some of them need."""
    loaded = "import sys, edgesim.load.outputs; print(*sorted({'numpy', 'scipy', 'hdrh', 'edgesim.load.report'} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"
