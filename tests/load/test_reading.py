from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from edgesim.load.formats_json import as_json
from edgesim.load.reading import read_run
from edgesim.model import EdgesimError
from tests.load import samples


def test_what_is_saved_is_read(tmp_path: Path) -> None:
    """A run that was saved with its verdicts is read as it was."""
    outcome = samples.outcome()
    (tmp_path / "run.json").write_bytes(as_json(outcome))
    assert read_run(tmp_path / "run.json") == outcome.result


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"<html>", "no run of edgesim load"),
        (b"{}", "missing required field"),
        (b"\xff\xfe", "no run of edgesim load"),
        (
            msgspec.json.encode({**msgspec.to_builtins(samples.result(5, 1), str_keys=True), "format": 99}),
            "its format is 99",
        ),
        (msgspec.json.encode({**msgspec.to_builtins(samples.result(5, 1), str_keys=True), "kind": "x"}), "but `x`"),
        (b'{"kind": "edgesim.load.find-max", "rate": 5}', "but `edgesim.load.find-max`"),
        (msgspec.json.encode(samples.result(5, 1)).replace(b'"count":', b'"count":-'), "its counts are none"),
        (
            msgspec.json.encode(samples.result(5, 1)).replace(b'"count":', b'"count":9' + b"0" * 30),
            "its counts are none",
        ),
        (
            msgspec.json.encode(samples.result(5, 1)).replace(b'"latency":{', b'"latency":{"999999999999":1,'),
            "that are none",
        ),
    ],
)
def test_what_is_no_run(content: bytes, said: str, tmp_path: Path) -> None:
    """A file that is something else is refused with a code and its name, exit code 2."""
    file = tmp_path / "run.json"
    file.write_bytes(content)
    with pytest.raises(EdgesimError, match=said) as caught:
        read_run(file)
    assert caught.value.exit_code == 2
    assert str(caught.value).startswith(f"ES1231 {file}: ")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """A missing file is named."""
    with pytest.raises(EdgesimError, match="no such file"):
        read_run(tmp_path / "none.json")
