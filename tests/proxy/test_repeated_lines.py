"""Log lines of requests that came before say what they would say had they been written in full."""

from __future__ import annotations

import json
import os

import pytest

from edgesim.policies.formatter import DEFAULT_TEXT
from edgesim.policies.log_lines import Lines
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


Told = tuple[Exchange, float, int]
"""An exchange that ended, when it began, and how many microseconds it took."""


def short_for(form: Lines) -> RepeatedLines:
    return RepeatedLines(form, lambda: None)


async def ended(gw: Gateway, *asked: bytes) -> list[Told]:
    """Ask one after the other and return the exchanges, as the log is told of them."""
    told: list[Told] = []
    log = AccessLog(compile_format(""), os.devnull)
    log.add_exchange = lambda *each: told.append(each)
    gw.worker.log = log
    client = await gw.client()
    for each in asked:
        await client.ask(each)
    await until(lambda: len(told) == len(asked), "an exchange does not end")
    gw.worker.log = None
    log.close()
    return told


def written(short: RepeatedLines, exchanges: list[Told]) -> list[bytes]:
    """Return their lines."""
    add = short.adds()
    for each in exchanges:
        add(*each)
    return short.take().splitlines(keepends=True)


def in_full(form: Lines, exchanges: list[Told]) -> list[bytes]:
    """Return the lines that are written from records."""
    return [form(record_at_end(*each)) for each in exchanges]


@pytest.mark.parametrize(
    "text", [DEFAULT_TEXT, EVERYTHING, ADDRESSES, IN_JSON, "fixed 100%%", '{"a": "fixed"}', "%REQ(X-B)% %%b%%\n"]
)
async def test_repeated_lines_say_the_same_as_records(text: str) -> None:
    """Every line is the one that is written from a record, whatever bytes the request is made of."""
    form = compile_format(text)
    short = short_for(form)
    assert short.keeps
    async with forwarding() as (gw, up), upstream() as other:
        gw.serve(model([to()], [cluster(up.endpoint, other.endpoint)]))
        exchanges = await ended(gw, *[ASK] * 9)
    assert all(is_usual(each) for each, *_ in exchanges)
    for _ in range(2):
        assert written(short, exchanges) == in_full(form, exchanges)


async def test_lines_with_headers_of_answers() -> None:
    """An answer that comes again has the same line; one with other headers, or none of its own, has its own."""
    date = b"date: Thu, 26 Nov 2026 11:28:00 GMT\r\n"
    answers = [b"HTTP/1.1 200 OK\r\n%bcontent-length: 2\r\nx-up: %b\r\n\r\nok" % (date, up) for up in (b"one", b"two")]

    async def script(peer: Peer) -> None:
        for answer in answers * 4:
            await peer.head()
            peer.send(answer)

    text = OF_ANSWERS
    short = short_for(compile_format(text))
    assert short.keeps
    assert not short.shares
    async with forwarding(script) as (gw, _):
        exchanges = await ended(gw, *[ASK] * 8)
        lines = written(short, exchanges)
        assert len(exchanges[0][0].request.lines) == 2
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
    short = short_for(form)
    assert short.shares is shares
    others = [ASK.replace(b"/a", b"/%d" % number) for number in range(3)]
    posted = b"POST /p HTTP/1.1\r\nhost: any\r\ncontent-length: 1\r\n\r\nx"
    async with forwarding() as (gw, _):
        exchanges = await ended(gw, ASK, others[0], ASK, posted, *others[1:], ASK)
    assert [each.request.parts is None for each, *_ in exchanges] == [False, True, False, True, True, True, False]
    for _ in range(2):
        assert written(short, exchanges) == in_full(form, exchanges)
        short.forget()


async def test_headers_of_answers_that_never_come_again_are_found_in_each() -> None:
    """Where nothing else differs, a header is filled in, of requests that are new or known, whatever frames the answer."""
    heads = [b"content-length: 2\r\nx-up: %d\r\nx-up: no\r\n\r\nok" % number for number in range(6)]
    heads += [b"transfer-encoding: chunked\r\nx-up:\r\n\r\n2\r\nok\r\n0\r\n\r\n", b"content-length: 0\r\n\r\n"]
    text = "%REQ(:PATH)% %RESP(X-UP)% %RESP(SERVER)% %RESP(DATE)% %RESP(TRANSFER-ENCODING)% %RESP(CONTENT-LENGTH)% %RESP(X-NONE)%"

    async def script(peer: Peer) -> None:
        for head in heads:
            await peer.head()
            peer.send(b"HTTP/1.1 200 OK\r\ndate: now\r\n" + head)

    form = compile_format(text)
    short = short_for(form)
    assert short.shares
    file: list[bytes] = []
    async with forwarding(script) as (gw, _):
        log = AccessLog(form, os.devnull)
        log.add_exchange = lambda *each: file.extend(written(short, [each]))
        gw.worker.log = log
        client = await gw.client()
        for number in range(len(heads)):
            await client.ask(ASK if number % 2 else ASK.replace(b"/a", b"/%d" % number))
        await until(lambda: len(file) == len(heads), "an exchange does not end")
        gw.worker.log = None
        log.close()
    ups = [b"0", b"1", b"2", b"3", b"4", b"5", b"", b"-"]
    ends = [b"2 -"] * 6 + [b"- -", b"0 -"]
    paths = [b"/a%20b" if number % 2 else b"/%d%%20b" % number for number in range(8)]
    expected = zip(paths, ups, ends, strict=True)
    assert file == [b"%b?c=%%25 %b envoy now - %b\n" % (path, up, end) for path, up, end in expected]


@pytest.mark.parametrize(
    ("text", "shares"),
    [
        ('{"a": "<%REQ(X-BYTES)%>"}', False),
        (json.dumps({"a": '"%START_TIME("%s)%" %DURATION%', "b": "%REQ(X-BYTES)%"}), True),
    ],
)
async def test_what_is_filled_into_json_is_escaped(text: str, shares: bool) -> None:
    """Nothing a client sends, and no time format, ends a text of JSON early."""
    form = compile_format(text)
    short = short_for(form)
    assert short.shares is shares
    async with forwarding() as (gw, _):
        exchanges = await ended(gw, *[ASK.replace(b"/a", b"/%d" % number) for number in range(3)], ASK, ASK)
    for _ in range(2):
        lines = written(short, exchanges)
        assert lines == in_full(form, exchanges)
        assert all(json.loads(line)["a"][0] in '<"' for line in lines)


async def test_lines_of_answers_that_differ() -> None:
    """Sizes and statuses are those of each answer, though the request is the same."""
    answers = [OK, b"HTTP/1.1 404 Not Found\r\ncontent-length: 3\r\n\r\nnot"] * 3

    async def script(peer: Peer) -> None:
        for answer in answers:
            await peer.head()
            peer.send(answer)

    short = short_for(compile_format("%RESPONSE_CODE% %BYTES_SENT%"))
    assert short.keeps
    async with forwarding(script) as (gw, _):
        exchanges = await ended(gw, *[ASK] * 6)
    assert written(short, exchanges) == [b"200 2\n", b"404 3\n"] * 3


async def test_requests_that_are_not_all_alike_are_no_repeated_ones() -> None:
    """What the client says of itself, or an answer of edgesim's own, is written from a record."""
    async with forwarding() as (gw, _):
        own_id = ASK.replace(b"x-b: 1", b"x-request-id: 1")
        assert not any(is_usual(each) for each, *_ in await ended(gw, own_id, own_id))
        gw.serve(model([]))
        assert not any(is_usual(each) for each, *_ in await ended(gw, ASK, ASK))


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
    assert not short_for(compile_format(text)).keeps
