"""The file behind the access log: batches, full disks, slow readers, rotation."""

from __future__ import annotations

import json
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from edgesim.model import DirectResponseAction, Endpoint, Model, RequestHead
from edgesim.policies.record import Record
from edgesim.proxy import access_log
from edgesim.proxy.access_log import AccessLog, compile_format, open_log
from tests.proxy.scenes import GET, cluster, forwarding, gateway, model, to, until, upstream

SECONDS = 60.0


def record(path: bytes = b"/", status: int = 200) -> Record:
    made = Record(1.5)
    made.head = RequestHead(b"GET", b"any", path, None, {})
    made.status = status
    return made


def wait(condition: Callable[[], object]) -> None:
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.002)


def lines_of(file: Path) -> list[str]:
    return file.read_text().splitlines()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "access.log"


@pytest.fixture
def pipe() -> Iterator[tuple[int, str]]:
    reading, writing = os.pipe()
    yield reading, f"/dev/fd/{writing}"
    os.close(reading)
    os.close(writing)


def test_the_formats() -> None:
    """Without a format lines are Envoy's; a text gets its line break; an object of texts becomes JSON."""
    assert compile_format("")(record()).startswith(b'[1970-01-01T00:00:01.500Z] "GET / HTTP/1.1" 200 - 0 0 0 - "-"')
    assert compile_format("%REQ(:PATH)% %RESPONSE_CODE%")(record(b"/x")) == b"/x 200\n"
    line = compile_format('{"path": "%REQ(:PATH)%", "code": "%RESPONSE_CODE%"}')(record(b"/x"))
    assert json.loads(line) == {"path": "/x", "code": 200}
    for wrong in ("%NOTHING%", "{", '{"a": }', '{"a": "%NOTHING%"}'):
        with pytest.raises(ValueError, match=r"NOTHING|character"):
            compile_format(wrong)


def test_a_line_may_name_the_machine() -> None:
    """As text and as JSON."""
    machine = socket.gethostname()
    assert compile_format("%HOSTNAME%")(record()) == f"{machine}\n".encode()
    assert json.loads(compile_format('{"from": "%HOSTNAME%"}')(record())) == {"from": machine}


def test_a_batch_is_the_lines_one_by_one(file: Path) -> None:
    """Lines written together are what the format alone gives for each, in order, per cents and all."""
    for text in (
        "",
        "%%b %REQ(:PATH)%",
        "fixed",
        '{"50%": "%REQ(:PATH)% %%d", "a": ["%RESPONSE_CODE%", {}, 1.5, "x"]}',
    ):
        formatter = compile_format(text)
        log = AccessLog(formatter, str(file))
        records = [record(b"/50%/%b", status) for status in (200, 503)]
        for each in records:
            log.add(each)
        log.close()
        assert file.read_bytes() == b"".join(formatter(each) for each in records)
        file.unlink()


def test_lines_are_written_in_batches(file: Path) -> None:
    """Lines wait for a batch to be full, or to be flushed; closing writes the rest."""
    log = AccessLog(compile_format("%RESPONSE_CODE%"), str(file))
    for _ in range(access_log.BATCH - 1):
        log.add(record())
    assert file.read_bytes() == b""
    log.add(record())
    wait(lambda: file.read_bytes().count(b"\n") == access_log.BATCH)
    log.add(record())
    log.flush()
    wait(lambda: file.read_bytes().count(b"\n") == access_log.BATCH + 1)
    log.add(record(status=404))
    log.close()
    assert file.read_bytes().endswith(b"404\n")


def test_a_full_disk_loses_lines_and_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    """What a full disk does not take is counted, not kept, and one line tells of it."""
    log = AccessLog(compile_format("%RESPONSE_CODE%"), "/dev/full")
    with caplog.at_level(logging.ERROR, "edgesim"):
        for _ in range(access_log.BATCH * 3):
            log.add(record())
        log.close()
    assert log.dropped == access_log.BATCH * 3
    assert [each.getMessage() for each in caplog.records] == [
        "the access log /dev/full cannot be written: No space left on device; lines are lost"
    ]
    log.forget_dropped()
    assert log.dropped == 0


def test_a_reader_that_stands_still_holds_nobody_up(pipe: tuple[int, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """While the file takes nothing, lines wait up to a limit; beyond it they are dropped and counted, at once."""
    reading, path = pipe
    monkeypatch.setattr(access_log, "MOST_WAITING", 1 << 20)
    log = AccessLog(compile_format("%REQ(:PATH)%"), path)
    begun = time.monotonic()
    for _ in range(access_log.BATCH * 4):
        log.add(record(b"/" + b"x" * 1000))
    assert time.monotonic() - begun < SECONDS
    assert log.dropped > access_log.BATCH
    read = b""
    expected = access_log.BATCH * 4 - log.dropped
    while read.count(b"\n") < expected:
        read += os.read(reading, 1 << 16)
    log.close()
    assert set(read.split(b"\n")) == {b"/" + b"x" * 1000, b""}


def test_workers_that_share_a_pipe_tear_no_lines(pipe: tuple[int, str]) -> None:
    """Two logs that write to one pipe at the same time leave every line whole."""
    reading, path = pipe
    logs = [AccessLog(compile_format("%REQ(:PATH)%"), path) for _ in range(2)]
    count = access_log.BATCH * 2

    def write(log: AccessLog, letter: bytes) -> None:
        for _ in range(count):
            log.add(record(b"/" + letter * 300))
        log.flush()

    threads = [threading.Thread(target=write, args=pair) for pair in zip(logs, (b"a", b"b"), strict=True)]
    for thread in threads:
        thread.start()
    read = b""
    while read.count(b"\n") < 2 * count:
        read += os.read(reading, 1 << 16)
    for thread, log in zip(threads, logs, strict=True):
        thread.join()
        log.close()
    assert set(read.split(b"\n")) == {b"/" + b"a" * 300, b"/" + b"b" * 300, b""}


def test_a_moved_file_is_left(file: Path) -> None:
    """After a reopening, lines go to a new file of the name; those before it are in the old one."""
    log = AccessLog(compile_format("%RESPONSE_CODE%"), str(file))
    log.add(record(status=200))
    log.flush()
    moved = file.rename(file.with_suffix(".1"))
    log.add(record(status=201))
    log.reopen()
    log.add(record(status=202))
    log.close()
    assert moved.read_bytes() == b"200\n201\n"
    assert file.read_bytes() == b"202\n"


def test_a_file_that_cannot_be_opened_anew_is_kept(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    """When the new file cannot be opened, the old one goes on, and one line tells why."""
    file.parent.joinpath("logs").mkdir()
    path = file.parent / "logs" / "access.log"
    log = AccessLog(compile_format("%RESPONSE_CODE%"), str(path))
    moved = path.parent.rename(file.parent / "old")
    log.reopen()
    log.add(record())
    log.close()
    assert (moved / "access.log").read_bytes() == b"200\n"
    assert "cannot be opened again: No such file" in caplog.text


def test_a_pipe_without_a_reader_is_refused(tmp_path: Path) -> None:
    """Opening a named pipe that nobody reads fails; it does not wait for a reader."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="No such device"):
        open_log(str(tmp_path / "pipe"))


async def test_every_request_is_a_line(file: Path) -> None:
    """Forwarded requests, repeated and new, local answers and refusals each leave the line the format asks for."""
    text = "%REQ(:METHOD)% %REQ(:PATH)% %REQ(X-A)% %RESPONSE_CODE% %RESPONSE_FLAGS% %UPSTREAM_HOST% %BYTES_SENT%"
    async with forwarding() as (made, up):
        made.worker.log = AccessLog(compile_format(text), str(file))
        client = await made.client()
        for _ in range(3):
            await client.ask(GET)
        await client.ask(b"GET /x HTTP/1.1\r\nhost: any\r\nx-a: 50%\r\n\r\n")
        await until(lambda: not made.worker.active, "a request goes on")
        made.worker.log.close()
        made.worker.log = None
        host = f"127.0.0.1:{up.port}"
    assert lines_of(file) == [*[f"GET / - 200 - {host} 2"] * 3, f"GET /x 50% 200 - {host} 2"]


async def lines_about(file: Path, text: str, served: Model, *asked: bytes) -> list[str]:
    """Return the lines that requests leave."""
    async with gateway(served) as made:
        made.worker.log = AccessLog(compile_format(text), str(file))
        client = await made.client()
        for each in asked:
            await client.ask(each)
        await until(lambda: not made.worker.active, "a request goes on")
        made.worker.log.close()
        made.worker.log = None
    return lines_of(file)


async def test_headers_of_answers_are_those_the_client_gets(file: Path) -> None:
    """Of answers from here and from upstreams alike, but for what frames them: Envoy's codec adds that behind the log."""
    text = "%RESPONSE_CODE% %RESP(SERVER)% %RESP(CONTENT-TYPE)% %RESP(CONTENT-LENGTH)% %RESP(CONNECTION)% %RESP(X-NONE?LOCATION)%"
    closing = GET.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n")
    async with upstream() as up:
        served = model([to()], [cluster(up.endpoint)])
        assert await lines_about(file, text, served, GET, GET) == ["200 envoy - 2 - -"] * 2
    assert await lines_about(file.with_suffix(".404"), text, model([]), GET, closing) == [
        "404 envoy - - - -",
        "404 envoy - - close -",
    ]
    direct = replace(to(), action=DirectResponseAction(200, "said"))
    assert await lines_about(file.with_suffix(".200"), text, model([direct]), GET) == ["200 envoy text/plain 4 - -"]


async def test_an_endpoint_that_refuses_is_named_though_nobody_is_connected(file: Path) -> None:
    """The host is the endpoint that was chosen; the remote address, that of a connection, is not known, as with Envoy."""
    with socket.socket() as closed:  # bound and never listening: it refuses
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        served = model([to()], [cluster(Endpoint("127.0.0.1", port))])
        text = "%UPSTREAM_HOST% %UPSTREAM_REMOTE_ADDRESS% %UPSTREAM_PROTOCOL% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%"
        (line,) = await lines_about(file, text, served, GET)
    reason = "remote_connection_failure|delayed_connect_error:_Connection_refused"
    assert line == f"127.0.0.1:{port} - - UF upstream_reset_before_response_started{{{reason}}}"


async def test_a_host_that_is_missing_is_null_in_json(file: Path) -> None:
    """A request without Host has no authority; an empty one has an empty one."""
    asked = (b"GET / HTTP/1.1\r\nhost:\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n")
    lines = await lines_about(file, '{"a": "%REQ(:AUTHORITY)%", "b": "<%REQ(HOST)%>"}', model([]), *asked)
    assert [*map(json.loads, lines)] == [{"a": "", "b": "<>"}, {"a": None, "b": "<->"}]


async def test_what_is_kept_of_a_line_ends_with_the_configuration(file: Path) -> None:
    """A request that comes again after a change is logged with the new route."""
    async with upstream() as up, gateway(model([to("one")], [cluster(up.endpoint, name="one")])) as made:
        made.worker.log = AccessLog(compile_format("%UPSTREAM_CLUSTER%"), str(file))
        client = await made.client()
        await client.ask(GET)
        await client.ask(GET)
        made.serve(model([to("two")], [cluster(up.endpoint, name="two")]))
        await client.ask(GET)
        await until(lambda: not made.worker.active, "a request goes on")
        made.worker.log.close()
        made.worker.log = None
    assert lines_of(file) == ["one", "one", "two"]
