from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from edgesim.load.replay import read_log, replay_of, speed_of
from edgesim.load.scenario import RequestClass
from edgesim.model import EdgesimError
from tests.load.driving import constant, drive
from tests.load.servers import serving


def line(at: str, first: str = "GET /a HTTP/1.1", agent: str = "lab") -> str:
    return f'[2026-11-24T{at}Z] "{first}" 200 - 0 11 3 3 "-" "{agent}" "one" "shop.example" "127.1.1.1:5678"\n'


def test_lines_become_requests_at_their_times() -> None:
    """In order of when they came, though a log has them in order of when they ended."""
    replay = replay_of([line("10:00:01.500"), line("10:00:00.250", "DELETE /b HTTP/1.1"), line("10:00:02.250")], "log")
    assert replay.mode.times == (0.0, 1.25, 2.0)
    assert [replay.requests[index].path for index in replay.mode.requests] == ["/b", "/a", "/a"]
    assert replay.requests[1] == RequestClass(
        "DELETE /b",
        "DELETE",
        "/b",
        (("Host", "shop.example"), ("user-agent", "lab"), ("x-request-id", "one")),
        weight=1.0,
    )
    assert replay.notes == ()


def test_speed_makes_it_shorter() -> None:
    """Twice as fast is half the time."""
    lines = [line("10:00:00.000"), line("10:00:04.000")]
    assert replay_of(lines, "log", speed_of("2x")).mode.times == (0.0, 2.0)
    assert speed_of("0.5") == 0.5
    for wrong in ("fast", "0x", "-1", "nan"):
        with pytest.raises(EdgesimError, match="ES1200 --speed"):
            speed_of(wrong)


@pytest.mark.parametrize("at", ["2026-11-24T10:00:00.000Z", 1795514400, 1795514400000, "1795514400.0"])
def test_json_lines_are_read(at: str | float) -> None:
    """With times as text, Unix seconds or milliseconds; fields that are no headers are not sent as such."""
    data = {
        "start_time": at, "method": "GET", "path": "/x?y=1", "authority": "a.example", "user_agent": "lab",
        "response_flags": "-", "upstream_host": "1.2.3.4", "x-envoy-upstream-service-time": "3",
        "headers": {"x-user": "ada", "content-length": "5"}, "status": 200,
    }  # fmt: skip
    replay = replay_of([json.dumps(data), json.dumps(data)], "log")
    assert len(replay.mode.times) == 2
    (request,) = replay.requests
    assert (request.name, request.path) == ("GET /x", "/x?y=1")
    assert dict(request.headers) == {"Host": "a.example", "user-agent": "lab", "x-user": "ada"}


def test_many_paths_are_counted_together() -> None:
    """All but the twenty that came most often."""
    lines = [line("10:00:00.000", f"GET /item/{index} HTTP/1.1") for index in range(30)] + [line("10:00:01.000")] * 2
    replay = replay_of(lines, "log")
    names = {each.name for each in replay.requests}
    assert len(names) == 21
    assert {"GET /a", "GET (others)"} <= names


def test_what_is_not_as_it_was_is_told() -> None:
    """Lines that were not read, and bodies that a log does not have."""
    replay = replay_of(["hello\n", "\n", line("10:00:00.000", "POST /a HTTP/1.1")], "log")
    assert [each.partition(":")[0] for each in replay.notes] == [
        "1 line is no request with a time (the first",
        "1 POST, PUT or PATCH request is sent without a body",
    ]


def test_a_log_without_requests_is_refused(tmp_path: Path) -> None:
    """And one that is not there, or is no gzip although it says so."""
    (tmp_path / "notes.txt").write_text('hello\n{"path": "/x"}\n[1, 2]\n')
    (tmp_path / "log.gz").write_text("no gzip")
    for name, said in (("notes.txt", "line 1"), ("nope", "no such file"), ("log.gz", "not a gzipped file")):
        with pytest.raises(EdgesimError, match=f"ES1213 --replay .*{name}: .*{said}"):
            read_log(tmp_path / name)


async def test_a_log_is_replayed(tmp_path: Path) -> None:
    """Against a real server, from a compressed file: each request, with the host it had."""
    with gzip.open(tmp_path / "log.gz", "wt") as log:
        log.writelines([line("10:00:00.000"), line("10:00:00.500", "GET /b%20c?d HTTP/1.1"), line("10:00:01.000")])
    replay = read_log(tmp_path / "log.gz", 10.0)
    async with serving() as server:
        base = constant(server.port)
        result = await drive(type(base)(base.target, replay.requests, replay.mode, connections=1, timeout=5.0))
    assert [each.path for each in server.asked] == ["/a", "/b%20c?d", "/a"]
    assert {each.fields["host"] for each in server.asked} == {"shop.example"}
    assert result.asked == 3
