"""From what the parser read to a head of one meaning."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from edgesim.http1.fields import Fields
from edgesim.http1.requests import RefusedError, Special, body_of, is_framed, read_head, read_usual_start
from edgesim.model import DEFAULT_LISTENER, ListenerOptions, RequestHead

HOST = (b"host", b"any")


@dataclass
class Parsed:
    """What the parser says of a head."""

    method: bytes = b"GET"
    version: str = "1.1"
    keep_alive: bool = True

    def get_method(self) -> bytes:
        return self.method

    def get_http_version(self) -> str:
        return self.version

    def should_keep_alive(self) -> bool:
        return self.keep_alive


def read(
    *fields: tuple[bytes, bytes],
    target: bytes = b"/",
    parsed: Parsed | None = None,
    options: ListenerOptions = DEFAULT_LISTENER,
    size: int = 100,
) -> tuple[RequestHead, Special | None, Fields]:
    given = list(fields)
    head, special = read_head(parsed or Parsed(), target, given, size, options)
    return head, special, given


OLD = Parsed(version="1.0", keep_alive=False)
OLDER_TOO = replace(DEFAULT_LISTENER, accept_http_10=True, default_host_for_http_10="default")


@pytest.mark.parametrize(
    ("fields", "target", "parsed", "status"),
    [
        ((), b"/", Parsed(), 400),
        ((HOST, HOST), b"/", Parsed(), 400),
        (((b"host", b"a b"),), b"/", Parsed(), 400),
        ((HOST,), b"/#", Parsed(), 400),
        ((HOST,), b"/", Parsed(b"QUERY"), 400),
        ((HOST, (b"transfer-encoding", b"gzip, chunked")), b"/", Parsed(b"POST"), 501),
        ((HOST, (b"transfer-encoding", b"chunked"), (b"transfer-encoding", b"chunked")), b"/", Parsed(b"POST"), 501),
        ((HOST,), b"/", OLD, 426),
        ((HOST,), b"/", Parsed(version="2.0", keep_alive=False), 426),
        ((HOST,), b"h:80", Parsed(b"CONNECT"), 404),
        ((HOST,), b"h", Parsed(b"CONNECT"), 400),
        ((HOST, *[(b"x%d" % n, b"") for n in range(101)]), b"/", Parsed(), 431),
        ((HOST, (b"x", b"y" * 70_000)), b"/", Parsed(), 431),
    ],
)
def test_refused_heads(fields: Fields, target: bytes, parsed: Parsed, status: int) -> None:
    """Heads without one meaning, or beyond the limits, have their status."""
    with pytest.raises(RefusedError) as refused:
        read(*fields, target=target, parsed=parsed, size=80_000)
    assert refused.value.status == status


def test_a_plain_head() -> None:
    """Method, host, path, query and headers are as they came; a repeated header keeps all its lines."""
    head, special, fields = read(HOST, (b"x", b"1"), (b"x", b"2"), target=b"/a?b")
    assert (head.method, head.authority, head.path, head.query) == (b"GET", b"any", b"/a", b"b")
    assert head.repeated == {b"x": [b"1", b"2"]}
    assert special is None
    assert len(fields) == 3


def test_a_method_with_a_body_says_that_there_is_none() -> None:
    """POST without framing gets a length of 0, GET does not."""
    assert (b"content-length", b"0") in read(HOST, parsed=Parsed(b"POST"))[2]
    chunked = (b"transfer-encoding", b"Chunked")
    assert read(HOST, chunked, parsed=Parsed(b"POST"))[1:] == (Special(chunked=True, framed=True), [HOST])
    assert read(HOST)[2] == [HOST]


def test_the_host_of_an_absolute_target_holds() -> None:
    """It replaces the Host field, also for what is forwarded (RFC 9112, section 3.2.2)."""
    head, _, fields = read((b"x", b"1"), HOST, (b"x", b"2"), target=b"http://other/")
    assert head.authority == head.headers[b"host"] == b"other"
    assert fields == [(b"host", b"other"), (b"x", b"1"), (b"x", b"2")]


def test_ports_are_stripped_where_asked() -> None:
    """`strip_any_host_port` changes what is routed and forwarded."""
    head, _, fields = read((b"host", b"a:80"), options=replace(DEFAULT_LISTENER, strip_any_host_port=True))
    assert (head.authority, fields) == (b"a", [(b"host", b"a")])


def test_http_10_where_admitted() -> None:
    """An older head is served with a default host; without one to take it is refused."""
    head, special, _ = read(parsed=OLD, options=OLDER_TOO)
    assert (head.authority, special) == (b"default", Special(older=True))
    with pytest.raises(RefusedError):
        read(parsed=OLD, options=replace(OLDER_TOO, default_host_for_http_10=""))


def test_heads_that_are_special() -> None:
    """Upgrades, CONNECT where allowed, and gRPC are told apart."""
    asking = read(HOST, (b"upgrade", b"WebSocket"), (b"connection", b"keep-alive, Upgrade"))[1]
    assert asking is not None
    assert asking.upgrade == b"websocket"
    allowed = replace(DEFAULT_LISTENER, allow_connect=True)
    assert read(HOST, target=b"h:80", parsed=Parsed(b"CONNECT"), options=allowed)[1] == Special(connects=True)
    assert read(HOST, (b"content-type", b"application/grpc+proto"))[1] == Special(grpc=True)


@pytest.mark.parametrize(
    ("fields", "left"),
    [
        ([(b"connection", b"keep-alive")], []),
        ([(b"connection", b"close, x"), (b"x", b"1"), (b"y", b"2")], [(b"y", b"2")]),
        ([(b"connection", b"x"), (b"connection", b"y"), (b"x", b"1"), (b"y", b"2")], []),
        ([(b"keep-alive", b"timeout=5"), (b"proxy-connection", b"keep-alive")], []),
        ([(b"te", b"gzip, trailers")], [(b"te", b"trailers")]),
        ([(b"te", b"gzip")], []),
        ([(b"upgrade", b"websocket")], []),
        ([(b"upgrade", b"h2c"), (b"connection", b"upgrade")], []),
        ([(b"expect", b"100-Continue")], []),
        ([(b"expect", b"more")], [(b"expect", b"more")]),
    ],
)
def test_no_route_sees_what_is_of_the_connection(fields: Fields, left: Fields) -> None:
    """Fields of one connection, and those `Connection` names, are gone before anything is decided by them."""
    head, special, kept = read(HOST, *fields)
    assert kept == [HOST, *left]
    assert head.headers == dict(kept)
    assert head.repeated is None
    assert special is not None


def test_a_request_to_switch_is_seen_as_one() -> None:
    """A route may tell websockets by their `upgrade` header, which goes upstream only when the route allows it."""
    head, _, fields = read(HOST, (b"upgrade", b"websocket"), (b"connection", b"Upgrade"))
    assert (head.headers[b"upgrade"], head.headers[b"connection"]) == (b"websocket", b"Upgrade")
    assert fields == [HOST]


def test_what_the_connection_of_a_switch_names_passes() -> None:
    """Its lines are one, as they were written, and the fields they name stay, as with Envoy."""
    lines = ((b"connection", b"Keep-Alive"), (b"connection", b"Upgrade, X-Mine"))
    head, _, fields = read(HOST, (b"upgrade", b"WebSocket"), *lines, (b"x-mine", b"1"), (b"keep-alive", b"5"))
    assert head.headers[b"connection"] == b"Keep-Alive,Upgrade, X-Mine"
    assert (head.headers[b"x-mine"], head.repeated) == (b"1", None)
    assert fields == [HOST, (b"x-mine", b"1")]


@pytest.mark.parametrize(
    "connection", [b"host", b"x-forwarded-for", b"content-length", b":path", b"a,b,c,d,e,f,g,h,i,j"]
)
def test_a_connection_that_names_what_addresses_the_message_is_refused(connection: bytes) -> None:
    """Dropping what frames or addresses a message would change what it means; ten names are too many for Envoy."""
    with pytest.raises(RefusedError) as refused:
        read(HOST, (b"connection", connection))
    assert (refused.value.status, refused.value.details) == (400, b"http1.connection_header_rejected")


def test_lists_over_several_lines_are_one() -> None:
    """Connection and TE are read as one list; of TE only `trailers` is left."""
    named = [(b"connection", b"a"), (b"connection", b"b"), (b"a", b"1"), (b"b", b"2")]
    fields = read(HOST, (b"te", b"gzip"), (b"te", b"trailers"), *named)[2]
    assert fields == [HOST, (b"te", b"trailers")]


def test_a_head_with_the_same_body() -> None:
    """The stand-in announces the same body and the same end of the connection."""
    headers = {b"content-length": b"3", b"connection": b"close", b"x": b"1"}
    assert body_of(headers) == b"POST / HTTP/1.1\r\ncontent-length: 3\r\nconnection: close\r\n\r\n"
    assert body_of({b"transfer-encoding": b"chunked"}) == b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n"
    assert is_framed(headers)
    assert not is_framed({})


@pytest.mark.parametrize(
    ("line", "start"),
    [
        (b"GET /a?b HTTP/1.1", (b"GET", b"/a", b"b")),
        (b"HEAD / HTTP/1.1", (b"HEAD", b"/", None)),
        (b"POST / HTTP/1.1", None),
        (b"GET / HTTP/1.0", None),
        (b"GET  / HTTP/1.1", None),
        (b"GET http://a/ HTTP/1.1", None),
        (b"GET * HTTP/1.1", None),
        (b"GET /a\x00 HTTP/1.1", None),
        (b"", None),
    ],
)
def test_a_usual_start_is_read_here(line: bytes, start: tuple[bytes, bytes, bytes | None] | None) -> None:
    """The request line of most requests is read at once; whatever is odd about one is left to the parser."""
    assert read_usual_start(line, DEFAULT_LISTENER) == start
