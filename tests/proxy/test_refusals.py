"""What is no request edgesim serves: the answer, the connection's end, and the line in the log, as Envoy's."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgesim.proxy.access_log import AccessLog, compile_format
from edgesim.telemetry.histogram import RESETS, TOTAL
from edgesim.telemetry.tally import UNROUTED
from tests.proxy.scenes import (
    GET,
    OK,
    Client,
    Gateway,
    Peer,
    cluster,
    counted,
    forwarding,
    gateway,
    model,
    to,
    until,
    upstream,
    with_options,
)

FORMAT = (
    "%REQ(:METHOD)% %REQ(:PATH)% %PROTOCOL% %RESPONSE_CODE% %RESPONSE_CODE_DETAILS% %RESPONSE_FLAGS% "
    "%BYTES_RECEIVED%/%BYTES_SENT% %REQ(:AUTHORITY)%"
)
BODY = b"POST /b HTTP/1.1\r\nhost: any\r\n"
CHUNKED = BODY + b"transfer-encoding: chunked\r\n\r\n"
MANY = b"GET / HTTP/1.1\r\nhost: any\r\n" + b"a: b\r\n" * 150 + b"\r\n"

REFUSED = {
    "no header": (GET[:-2] + b"no header\r\n\r\n", "Bad Request", "- - HTTP/1.1 400 http1.codec_error DPE 0/11 -"),
    "no http": (b"hello\r\n\r\n", "Bad Request", "- - HTTP/1.1 400 http1.codec_error DPE 0/11 -"),
    "no host": (b"GET /a HTTP/1.1\r\n\r\n", "", "GET /a HTTP/1.1 400 missing_host_header - 0/0 -"),
    "old": (b"GET /a HTTP/1.0\r\n\r\n", "Upgrade Required", "- - HTTP/1.1 426 low_version DPE 0/16 -"),
    "many": (MANY, "Request Header Fields Too Large", "- - HTTP/1.1 431 http1.too_many_headers DPE 0/31 -"),
    "coding": (
        BODY + b"transfer-encoding: gzip\r\n\r\n",
        "Not Implemented",
        "- - HTTP/1.1 501 http1.invalid_transfer_encoding DPE 0/15 -",
    ),
    "nul": (
        b"GET /a%00?b HTTP/1.1\r\nhost: any\r\n\r\n",
        "",
        "GET /a%00?b HTTP/1.1 400 path_normalization_failed - 0/0 any",
    ),
    "host": (
        b"GET /a HTTP/1.1\r\nhost: a b\r\n\r\n",
        "Bad Request",
        "- - HTTP/1.1 400 http.invalid_authority DPE 0/11 -",
    ),
    "connect": (
        b"CONNECT a:80 HTTP/1.1\r\nhost: a:80\r\n\r\n",
        "",
        "CONNECT a:80 HTTP/1.1 404 route_not_found NR 0/0 a:80",
    ),
    "first chunk": (CHUNKED + b"zz\r\n", "Bad Request", "POST /b HTTP/1.1 400 http1.codec_error DPE 0/11 any"),
    "second chunk": (
        CHUNKED + b"2\r\nab\r\nzz\r\n",
        "Bad Request",
        "POST /b HTTP/1.1 400 http1.codec_error DPE 2/11 any",
    ),
}


async def silent(peer: Peer) -> None:
    """Read, and answer nothing."""
    await peer.rest()


async def closed(gw: Gateway) -> None:
    """Close the log behind all that was to be told."""
    await until(lambda: not gw.worker.active and not gw.worker.connections, "a connection stays")
    assert gw.worker.log is not None
    gw.worker.log.close()
    gw.worker.log = None


def logged(gw: Gateway, file: Path) -> Gateway:
    """Log to a file."""
    gw.worker.log = AccessLog(compile_format(FORMAT), str(file))
    return gw


@pytest.mark.parametrize("name", REFUSED)
async def test_a_refusal_is_envoys_and_a_line_in_the_log(name: str, tmp_path: Path) -> None:
    """Status, body, server name, details and flags are what Envoy 1.40 was measured to say."""
    sent, body, line = REFUSED[name]
    async with upstream(silent) as up:
        served = with_options(model([to()], [cluster(up.endpoint)]), server_name="me")
        async with gateway(served) as gw:
            client = await logged(gw, tmp_path / "log").client()
            reply = await client.ask(sent)
            assert await client.ended()
            client.close()
            await closed(gw)
    assert (tmp_path / "log").read_text().splitlines() == [line]
    assert (reply.body.decode(), reply.headers["server"], reply.headers["connection"]) == (body, "me", "close")
    assert reply.headers.get("content-type") == ("text/plain" if body else None)


async def test_a_broken_body_counts_for_its_route() -> None:
    """The request was forwarded already: it is one answered 400, not one given up and another that nobody sent."""
    async with upstream(silent) as up, gateway(model([to()], [cluster(up.endpoint)])) as gw:
        client = await gw.client()
        client.send(CHUNKED + b"zz\r\n")
        assert (await client.reply()).status == 400
        ((key, counts),) = counted(gw.worker).items()
        assert (key.route, counts[TOTAL]) == ("0", 1)


async def test_a_refusal_behind_an_answer_has_a_line_of_its_own(tmp_path: Path) -> None:
    """What is refused behind a request is answered and logged behind it."""
    async with upstream(OK) as up, gateway(model([to()], [cluster(up.endpoint)])) as gw:
        client = await logged(gw, tmp_path / "log").client()
        client.send(GET + b"hello\r\n\r\n")
        assert [(await client.reply()).status for _ in range(2)] == [200, 400]
        client.close()
        await closed(gw)
    assert [line.split(" ")[3] for line in (tmp_path / "log").read_text().splitlines()] == ["200", "400"]


async def test_a_client_that_leaves_amid_a_head_is_logged(tmp_path: Path) -> None:
    """It is a request that was never answered: flag DC, and nothing is known of it."""
    async with gateway() as gw:
        client = await logged(gw, tmp_path / "log").client()
        client.send(b"GET / HTTP/1.1\r\nhos")
        await until(lambda: any(each.in_head for each in gw.worker.connections), "the head is not read")
        client.close()
        await closed(gw)
        counts = counted(gw.worker)[UNROUTED]
        assert (counts[TOTAL], counts[RESETS]) == (1, 1)
    assert (tmp_path / "log").read_text() == "- - HTTP/1.1 0 downstream_remote_disconnect DC 0/0 -\n"


async def test_requests_that_wait_for_a_client_that_left_are_no_lines(tmp_path: Path) -> None:
    """Envoy reads a pipelined request when it is its turn: those whose turn never came were never seen."""
    async with upstream(silent) as up, gateway(model([to()], [cluster(up.endpoint)])) as gw:
        client = await logged(gw, tmp_path / "log").client()
        client.send(GET, GET, GET)
        await until(lambda: any(len(each.queue) == 2 for each in gw.worker.connections), "requests do not wait")
        gw.worker.abort()
        await closed(gw)
    assert (tmp_path / "log").read_text() == "GET / HTTP/1.1 0 downstream_remote_disconnect DC 0/0 any\n"


# -- HTTP/1.0 ------------------------------------------------------------------------------------------


OLD = b"GET / HTTP/1.0\r\nhost: any\r\n"
KEPT = OLD + b"connection: keep-alive\r\n\r\n"
UNTIL_CLOSE = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"


async def ask_older(gw: Gateway, sent: bytes) -> tuple[bytes, Client]:
    """Send, and return the head of the answer."""
    client = await gw.client()
    client.send(sent)
    return await client.head(), client


@pytest.mark.parametrize(
    ("sent", "answer", "stays"),
    [(OLD + b"\r\n", OK, False), (KEPT, OK, True), (KEPT, UNTIL_CLOSE, False), (OLD + b"\r\n", UNTIL_CLOSE, False)],
)
async def test_an_answer_to_http_10_says_so(sent: bytes, answer: bytes, stays: bool) -> None:
    """It is HTTP/1.0 as the request, and says whether the connection stays: only where asked and the length is known."""
    async with forwarding(answer) as (gw, up):
        gw.serve(with_options(model([to()], [cluster(up.endpoint)]), accept_http_10=True))
        head, client = await ask_older(gw, sent)
        assert head.startswith(b"HTTP/1.0 200 OK\r\n")
        assert head.endswith(b"\r\nconnection: keep-alive" if stays else b"\r\nconnection: close")
        assert b"transfer-encoding" not in head
        assert await client.exactly(2) == b"ok"
        if stays:
            assert (await client.ask(KEPT)).body == b"ok"
        else:
            assert await client.ended()


async def test_edgesims_own_answers_to_http_10(tmp_path: Path) -> None:
    """Local answers and refusals are HTTP/1.0, too, and the log names the protocol."""
    async with gateway(with_options(model([]), accept_http_10=True)) as gw:
        head, client = await ask_older(logged(gw, tmp_path / "log"), KEPT)
        assert head.startswith(b"HTTP/1.0 404 Not Found\r\n")
        assert head.endswith(b"\r\nconnection: keep-alive")
        client.send(b"GET /a HTTP/1.0\r\n\r\n")
        head = await client.head()
        assert head.startswith(b"HTTP/1.0 400 Bad Request\r\n")
        client.close()
        await closed(gw)
    assert [line.split(" ")[2] for line in (tmp_path / "log").read_text().splitlines()] == ["HTTP/1.0"] * 2
