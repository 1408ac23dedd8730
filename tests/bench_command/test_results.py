"""Files of results."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edgesim.bench.results import Better, Series, check_writable, encoded, read, result, save
from edgesim.load.commit import commit
from edgesim.model import EdgesimError

SERIES = Series("time", "ns", Better.LOWER, (1.0, 2.0), (3.0, 4.0))


def test_a_result_comes_back_as_it_was(tmp_path: Path) -> None:
    """What was saved is read again, with machine, versions, commit and seed."""
    made = result("routing", 7, (SERIES,), asked={"kind": "distinct"}, notes=("a note",), versions={"nginx": "1.22"})
    save(made, tmp_path / "a.json")
    assert read(tmp_path / "a.json") == made
    assert made.seed == 7
    assert made.versions["nginx"] == "1.22"
    assert {"python", "uvloop"} <= made.versions.keys()
    assert made.machine.cores >= 1
    assert made.commit == commit()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "no result of `edgesim bench`"),
        (b"[1]", "no result of `edgesim bench`"),
        (b"\xff", "no result of `edgesim bench`"),
        (encoded(result("routing", 1, ())).replace(b"edgesim.bench", b"edgesim.other"), "of kind edgesim.other"),
        (encoded(result("routing", 1, (replace(SERIES, reference=(3.0,)),))), "time: 2 values with 1 references"),
        (encoded(result("routing", 1, (replace(SERIES, reference=(3.0, 0.0)),))), "time: a reference is no time"),
    ],
)
def test_other_files_are_refused(content: bytes, said: str, tmp_path: Path) -> None:
    """What is no result is ES1001, exit code 2."""
    file = tmp_path / "a.json"
    file.write_bytes(content)
    with pytest.raises(EdgesimError, match=f"ES1001 .*{said}") as raised:
        read(file)
    assert raised.value.exit_code == 2


def test_a_file_that_cannot_be_written_or_read(tmp_path: Path) -> None:
    """A folder that is not there is told before the run."""
    for use in (check_writable, read, lambda file: save(result("routing", 1, ()), file)):
        with pytest.raises(EdgesimError, match=r"ES1001 .*no such file"):
            use(tmp_path / "no" / "a.json")
    with pytest.raises(EdgesimError, match="ES1001 --save ") as raised:
        check_writable(tmp_path)
    assert "write one with" not in str(raised.value)
