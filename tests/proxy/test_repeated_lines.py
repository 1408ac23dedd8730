"""Log lines of requests that came before say what they would say had they been written in full."""

from __future__ import annotations

import json
import os

import pytest

from edgesim.policies.formatter import DEFAULT_TEXT
from edgesim.proxy.access_log import AccessLog, compile_format
from edgesim.proxy.exchange import Exchange
from edgesim.proxy.exchange_record import record_at_end
from edgesim.proxy.repeated_lines import RepeatedLines, is_usual
from tests.proxy.scenes import OK, Gateway, Peer, cluster, forwarding, model, to, until, upstream

EVERYTHING = (
    "%START_TIME% %START_TIME(%s)% 100%% %REQ(:METHOD)% %REQ(X-A?:PATH)% %PATH(NQ)% %REQ(USER-AGENT):3% %PROTOCOL% "
    "%RESPONSE_CODE% %RESPONSE_CODE_DETAILS% %RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT% %DURATION% %STREAM_ID% "
    "%RESP(X-Envoy-Upstream-Service-Time)% %REQ(X-Request-Id)% %UPSTREAM_CLUSTER% %UPSTREAM_HOST% %ROUTE_NAME%"
)
ADDRESSES = " ".join(
    f"%DOWNSTREAM_{whose}_{what}%"
    for whose in ("REMOTE", "DIRECT_REMOTE", "LOCAL")
    for what in ("ADDRESS", "ADDRESS_WITHOUT_PORT", "PORT")
)
IN_JSON = json.dumps({
    "50%": "%%d", "a": ["%START_TIME%", "%EMIT_TIME(%s %f)%", "%REQ(:PATH)%", "%REQ(X-NONE)%", {"b": "%RESPONSE_CODE%"}],
    "mixed": '%%b %REQ(USER-AGENT)% "%START_TIME%" %REQ(X-NONE)% %DURATION%%REQ(X-BYTES)%é %STREAM_ID%',
    "bytes": "%REQ(X-BYTES)%", "took": "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%", "id": "%REQ(X-REQUEST-ID)%", "n": 1.5,
    "sent": "%BYTES_SENT%", "host": "%UPSTREAM_HOST%", "client": "%DOWNSTREAM_REMOTE_ADDRESS%", "status": "%RESP(:STATUS)%",
})  # fmt: skip
OF_ANSWERS = "%RESP(SERVER)% %RESP(X-NONE?DATE)% %RESP(CONTENT-LENGTH)% %RESP(X-UP):2% %START_TIME% %RESP(CONNECTION)%"
ASK = b'GET /a%20b?c=%25 HTTP/1.1\r\nhost: any\r\nuser-agent: 50%b %s\r\nx-b: 1\r\nx-bytes: \xc3\x28"\r\n\r\n'


async def ended(gw: Gateway, *asked: bytes) -> list[Exchange]:
    """Ask one after the other and return the exchanges, as the log is told of them."""
    told: list[Exchange] = []
    log = AccessLog(compile_format(""), os.devnull)
    log.add_exchange = told.append  # type: ignore[method-assign, assignment]
    gw.worker.log = log
    client = await gw.client()
    for each in asked:
        await client.ask(each)
    await until(lambda: len(told) == len(asked), "an exchange does not end")
    gw.worker.log = None
    log.close()
    return told


def written(short: RepeatedLines, exchanges: list[Exchange]) -> list[bytes]:
    """Return their lines."""
    for each in exchanges:
        short.add(each)
    return short.take()


@pytest.mark.parametrize(
    "text", [DEFAULT_TEXT, EVERYTHING, ADDRESSES, IN_JSON, "fixed 100%%", '{"a": "fixed"}', "%REQ(X-B)% %%b%%\n"]
)
async def test_repeated_lines_say_the_same_as_records(text: str) -> None:
    """Every line is the one that is written from a record, whatever bytes the request is made of."""
    form = compile_format(text)
    short = RepeatedLines(form)
    assert short.keeps
    async with forwarding() as (gw, up), upstream() as other:
        gw.serve(model([to()], [cluster(up.endpoint, other.endpoint)]))
        exchanges = await ended(gw, *[ASK] * 9)
    assert [*map(is_usual, exchanges)] == [True] * 9
    for _ in range(2):
        assert written(short, exchanges) == [form(record_at_end(each)) for each in exchanges]


async def test_lines_with_headers_of_answers() -> None:
    """An answer that comes again has the same line; one with other headers, or none of its own, has its own."""
    date = b"date: Thu, 26 Nov 2026 11:28:00 GMT\r\n"
    answers = [b"HTTP/1.1 200 OK\r\n%bcontent-length: 2\r\nx-up: %b\r\n\r\nok" % (date, up) for up in (b"one", b"two")]

    async def script(peer: Peer) -> None:
        for answer in answers * 4:
            await peer.head()
            peer.send(answer)

    text = OF_ANSWERS
    short = RepeatedLines(compile_format(text))
    assert short.keeps
    assert not short.shares
    async with forwarding(script) as (gw, _):
        exchanges = await ended(gw, *[ASK] * 8)
        lines = written(short, exchanges)
        assert len(exchanges[0].request.lines) == 2
    assert [line.split(b" ")[7:9] for line in lines] == [[b"2", b"on"], [b"2", b"tw"]] * 4
    assert {line.split(b" ")[0] for line in lines} == {b"envoy"}


NEW = (
    "%START_TIME% %REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PATH(NQ)% %REQ(:AUTHORITY)% %REQ(X-BYTES)% %REQ(X-NONE)% "
    "%REQ(:SCHEME)% %REQ(X-FORWARDED-PROTO)% %REQ(X-FORWARDED-FOR)% %REQ(X-ENVOY-ORIGINAL-PATH)% %UPSTREAM_HOST% %STREAM_ID%"
)


@pytest.mark.parametrize(
    ("text", "shares"), [(DEFAULT_TEXT, True), (NEW, True), (EVERYTHING, False), ("%REQ(X-A?X-B)% %REQ(:PATH)%", False)]
)
async def test_lines_of_new_requests_say_the_same_and_stay_in_order(text: str, shares: bool) -> None:
    """Requests with paths of their own share what else is said; lines of all kinds come in the order of their ends."""
    form = compile_format(text)
    short = RepeatedLines(form)
    assert short.shares is shares
    others = [ASK.replace(b"/a", b"/%d" % number) for number in range(3)]
    posted = b"POST /p HTTP/1.1\r\nhost: any\r\ncontent-length: 1\r\n\r\nx"
    async with forwarding() as (gw, _):
        exchanges = await ended(gw, ASK, others[0], ASK, posted, *others[1:], ASK)
    assert [each.request.parts is None for each in exchanges] == [False, True, False, True, True, True, False]
    for _ in range(2):
        assert written(short, exchanges) == [form(record_at_end(each)) for each in exchanges]
        short.forget()


async def test_lines_of_answers_that_differ() -> None:
    """Sizes and statuses are those of each answer, though the request is the same."""
    answers = [OK, b"HTTP/1.1 404 Not Found\r\ncontent-length: 3\r\n\r\nnot"] * 3

    async def script(peer: Peer) -> None:
        for answer in answers:
            await peer.head()
            peer.send(answer)

    short = RepeatedLines(compile_format("%RESPONSE_CODE% %BYTES_SENT%"))
    assert short.keeps
    async with forwarding(script) as (gw, _):
        exchanges = await ended(gw, *[ASK] * 6)
    assert written(short, exchanges) == [b"200 2\n", b"404 3\n"] * 3


async def test_requests_that_are_not_all_alike_are_no_repeated_ones() -> None:
    """What the client says of itself, or an answer of edgesim's own, is written from a record."""
    async with forwarding() as (gw, _):
        own_id = ASK.replace(b"x-b: 1", b"x-request-id: 1")
        assert not any(map(is_usual, await ended(gw, own_id, own_id)))
        gw.serve(model([]))
        assert not any(map(is_usual, await ended(gw, ASK, ASK)))


@pytest.mark.parametrize(
    "text",
    [
        "%REQ(X-REQUEST-ID?:PATH)%",
        "%REQ(X-REQUEST-ID):8%",
        '{"a": "%REQ(:PATH)% %REQ(X-REQUEST-ID):8%"}',
    ],
)
def test_formats_that_need_more_are_written_from_records(text: str) -> None:
    """An operator whose value neither the request nor the exchange tells keeps its format out of this."""
    assert not RepeatedLines(compile_format(text)).keeps
