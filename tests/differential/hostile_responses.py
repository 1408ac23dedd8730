"""Answers of an upstream that two readers could understand differently, or that are none.

A table: what the upstream sends, how it ends, the status the client gets (0: the connection is reset, for an
answer begun cannot be taken back) and the body; where Envoy 1.40 differs, what it does instead.
"""

from __future__ import annotations

from dataclasses import dataclass

_LINE = b"HTTP/1.1 200 OK\r\n"
OK = _LINE + b"Content-Length: 2\r\n\r\nok"


@dataclass(frozen=True, slots=True)
class Case:
    """One row; the upstream keeps the connection, or ends it with `close` or `reset`."""

    name: str
    data: bytes
    status: int
    body: bytes = b""
    end: str = ""
    mends: str = ""


def head(rest: bytes) -> bytes:
    return _LINE + rest


def answer(fields: bytes) -> bytes:
    return _LINE + fields + b"Content-Length: 2\r\n\r\nok"


def chunked(body: bytes) -> bytes:
    return _LINE + b"Transfer-Encoding: chunked\r\n\r\n" + body


def line(start: bytes) -> bytes:
    return start + b"\r\nContent-Length: 2\r\n\r\nok"


CASES = (
    Case("plain", OK, 200, b"ok"),
    Case("chunked", head(b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"), 200, b"ok"),
    Case("until close", head(b"\r\nok"), 200, b"ok", end="close"),
    Case("length plus", head(b"Content-Length: +2\r\n\r\nok"), 502, end="close"),
    Case("length minus", head(b"Content-Length: -2\r\n\r\nok"), 502, end="close"),
    Case("length list same", head(b"Content-Length: 2, 2\r\n\r\nok"), 502, end="close"),
    Case("length list differ", head(b"Content-Length: 2, 3\r\n\r\nok"), 502, end="close"),
    Case("length hex", head(b"Content-Length: 0x2\r\n\r\nok"), 502, end="close"),
    Case("length empty", head(b"Content-Length: \r\n\r\nok"), 502, end="close"),
    Case("length overflow", head(b"Content-Length: 99999999999999999999999\r\n\r\nok"), 502, end="close"),
    Case("length leading zeros", head(b"Content-Length: 0002\r\n\r\nok"), 200, b"ok", end="close"),
    Case("length trailing tab", head(b"Content-Length: 2\t\r\n\r\nok"), 200, b"ok", end="close"),
    Case("length letters", head(b"Content-Length: ab\r\n\r\nok"), 502, end="close"),
    Case("length repeated same", head(b"Content-Length: 2\r\nContent-Length: 2\r\n\r\nok"), 502, end="close"),
    Case("length repeated differ", head(b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nok"), 502, end="close"),
    Case("coding gzip", head(b"Transfer-Encoding: gzip\r\n\r\n2\r\nok\r\n0\r\n\r\n"), 502, end="close"),
    Case(
        "coding gzip chunked", head(b"Transfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"), 502, end="close"
    ),
    Case(
        "coding chunked gzip", head(b"Transfer-Encoding: chunked, gzip\r\n\r\n2\r\nok\r\n0\r\n\r\n"), 502, end="close"
    ),
    Case(
        "coding chunked chunked",
        head(b"Transfer-Encoding: chunked, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
        502,
        end="close",
    ),
    Case("coding identity", head(b"Transfer-Encoding: identity\r\n\r\n2\r\nok\r\n0\r\n\r\n"), 502, end="close"),
    Case("coding xchunked", head(b"Transfer-Encoding: xchunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"), 502, end="close"),
    Case("coding upper", head(b"Transfer-Encoding: CHUNKED\r\n\r\n2\r\nok\r\n0\r\n\r\n"), 200, b"ok", end="close"),
    Case(
        "coding trailing space",
        head(b"Transfer-Encoding: chunked \r\n\r\n2\r\nok\r\n0\r\n\r\n"),
        502,
        end="close",
        mends="it mends the white space",
    ),
    Case("coding empty", head(b"Transfer-Encoding: \r\n\r\n2\r\nok\r\n0\r\n\r\n"), 502, end="close"),
    Case("coding comma", head(b"Transfer-Encoding: ,chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"), 502, end="close"),
    Case(
        "coding repeated",
        head(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
        502,
        end="close",
    ),
    Case(
        "coding and length",
        head(b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
        502,
        end="close",
    ),
    Case(
        "length and coding",
        head(b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
        502,
        end="close",
    ),
    Case(
        "length and coding identity",
        head(b"Content-Length: 2\r\nTransfer-Encoding: identity\r\n\r\nok"),
        502,
        end="close",
    ),
    Case("chunk extension", chunked(b"2;a=b\r\nok\r\n0\r\n\r\n"), 200, b"ok", end="close"),
    Case("chunk letters", chunked(b"zz\r\nok\r\n0\r\n\r\n"), 0, end="close"),
    Case("chunk overflow", chunked(b"10000000000000002\r\nok\r\n0\r\n\r\n"), 0, end="close"),
    Case("chunk bare lf", chunked(b"2\nok\n0\n\n"), 0, end="close"),
    Case(
        "chunk too long",
        chunked(b"2\r\nokk\r\n0\r\n\r\n"),
        0,
        end="close",
        mends="it takes any bytes for the end of a chunk",
    ),
    Case(
        "chunk too short",
        chunked(b"2\r\no\r\n0\r\n\r\n"),
        0,
        end="close",
        mends="it takes any bytes for the end of a chunk",
    ),
    Case("chunk space", chunked(b"2 \r\nok\r\n0\r\n\r\n"), 200, b"ok", end="close"),
    Case("chunk minus", chunked(b"-2\r\nok\r\n0\r\n\r\n"), 0, end="close"),
    Case("chunk truncated", chunked(b"5\r\nok"), 0, end="close"),
    Case("chunk no last", chunked(b"2\r\nok\r\n"), 0, end="close"),
    Case("chunk unfinished last", chunked(b"2\r\nok\r\n0\r\n"), 0, end="close"),
    Case("chunk trailer", chunked(b"2\r\nok\r\n0\r\nX-T: v\r\n\r\n"), 200, b"ok", end="close"),
    Case("chunk trailer bad", chunked(b"2\r\nok\r\n0\r\nX : v\r\n\r\n"), 0, end="close"),
    Case(
        "chunk trailer length",
        chunked(b"2\r\nok\r\n0\r\nContent-Length: 9\r\n\r\n"),
        0,
        end="close",
        mends="it drops any trailer",
    ),
    Case("chunk trailer huge", chunked(b"2\r\nok\r\n0\r\nX: " + b"a" * 70000 + b"\r\n\r\n"), 200, b"ok", end="close"),
    Case("truncated length", head(b"Content-Length: 5\r\n\r\nok"), 0, end="close"),
    Case("truncated length reset", head(b"Content-Length: 5\r\n\r\nok"), 0, end="reset"),
    Case("until close reset", head(b"\r\nok"), 0, end="reset", mends="it takes a reset for the end"),
    Case("truncated head", head(b"Content-Le"), 502, end="close"),
    Case("truncated line", b"HTTP/1.1 2", 502, end="close"),
    Case("nothing", b"", 503, end="close"),
    Case("line 799", line(b"HTTP/1.1 799 X"), 799, b"ok", end="close"),
    Case("line 1000", line(b"HTTP/1.1 1000 X"), 1000, b"ok", end="close"),
    Case("line 9999", line(b"HTTP/1.1 9999 X"), 9999, b"ok", end="close"),
    Case("line 65736", line(b"HTTP/1.1 65736 X"), 502, end="close", mends="it takes the status modulo 65536"),
    Case("line 99", line(b"HTTP/1.1 99 X"), 502, end="close"),
    Case("line 099", line(b"HTTP/1.1 099 X"), 502, end="close"),
    Case("line 000", line(b"HTTP/1.1 000 X"), 502, end="close"),
    Case("line 0200", line(b"HTTP/1.1 0200 X"), 200, b"ok", end="close"),
    Case("line 600", line(b"HTTP/1.1 600 X"), 600, b"ok", end="close"),
    Case("line 999", line(b"HTTP/1.1 999 X"), 999, b"ok", end="close"),
    Case("line 20x", line(b"HTTP/1.1 20x X"), 502, end="close"),
    Case("line 2", line(b"HTTP/1.1 2 X"), 502, end="close"),
    Case("line minus", line(b"HTTP/1.1 -200 X"), 502, end="close"),
    Case("line no status", line(b"HTTP/1.1 OK"), 502, end="close"),
    Case("line no reason", line(b"HTTP/1.1 200"), 200, b"ok", end="close"),
    Case("line blank reason", line(b"HTTP/1.1 200 "), 200, b"ok", end="close"),
    Case("line high reason", line(b"HTTP/1.1 200 \xe9"), 200, b"ok", end="close"),
    Case("line control reason", line(b"HTTP/1.1 200 \x01"), 502, end="close"),
    Case("line nul reason", line(b"HTTP/1.1 200 \x00"), 502, end="close"),
    Case("line bare cr reason", line(b"HTTP/1.1 200 a\rb"), 502, end="close", mends="it mends a bare CR"),
    Case("line long reason", line(b"HTTP/1.1 200 " + b"a" * 3000), 200, b"ok", end="close"),
    Case("line http 1.0", line(b"HTTP/1.0 200 OK"), 200, b"ok", end="close"),
    Case("line http 0.9", line(b"HTTP/0.9 200 OK"), 200, b"ok", end="close"),
    Case("line http 1.2", line(b"HTTP/1.2 200 OK"), 502, end="close", mends="it takes any version"),
    Case("line http 2.0", line(b"HTTP/2.0 200 OK"), 200, b"ok", end="close"),
    Case("line http 1", line(b"HTTP/1 200 OK"), 502, end="close"),
    Case("line icy", line(b"ICY 200 OK"), 502, end="close"),
    Case("line rtsp", line(b"RTSP/1.0 200 OK"), 502, end="close"),
    Case("line lower", line(b"http/1.1 200 OK"), 502, end="close"),
    Case("line two spaces", line(b"HTTP/1.1  200 OK"), 502, end="close", mends="it mends the white space"),
    Case("line tab", line(b"HTTP/1.1\t200\tOK"), 502, end="close", mends="it mends the white space"),
    Case("line leading space", line(b" HTTP/1.1 200 OK"), 502, end="close"),
    Case("line bare lf", line(b"HTTP/1.1 200 OK\nX: y"), 502, end="close", mends="it mends a bare LF"),
    Case("line unlisted 299", line(b"HTTP/1.1 299 Fine"), 299, b"ok", end="close"),
    Case("field nul", answer(b"X: a\x00b\r\n"), 502, end="close"),
    Case("field control", answer(b"X: a\x01b\r\n"), 502, end="close"),
    Case("field bare cr", answer(b"X: a\rb\r\n"), 502, end="close", mends="it mends a bare CR"),
    Case("field bare lf", answer(b"X: a\nY: b\r\n"), 502, end="close", mends="it mends a bare LF"),
    Case("field folded", answer(b"X: a\r\n b\r\n"), 502, end="close", mends="it mends folded lines"),
    Case("field space colon", answer(b"X : a\r\n"), 502, end="close"),
    Case("field no colon", answer(b"Xyz\r\n"), 502, end="close"),
    Case("field empty name", answer(b": a\r\n"), 502, end="close"),
    Case("field space name", answer(b"X Y: a\r\n"), 502, end="close"),
    Case("field high name", answer(b"X\xe9: a\r\n"), 502, end="close"),
    Case("field high value", answer(b"X: \xe9\r\n"), 200, b"ok", end="close"),
    Case("field empty value", answer(b"X:\r\n"), 200, b"ok", end="close"),
    Case("field colon name", answer(b":status: 500\r\n"), 502, end="close"),
    Case("field trailing space", answer(b"X: a \t\r\n"), 200, b"ok", end="close"),
    Case("field underscore", answer(b"X_Y: a\r\n"), 200, b"ok", end="close"),
    Case("field 101 fields", answer(b"".join(b"X%d: a\r\n" % i for i in range(101))), 502, end="close"),
    Case("field huge", answer(b"X: " + b"a" * 70000 + b"\r\n"), 200, b"ok", end="close"),
    Case("field 59k", answer(b"X: " + b"a" * 59000 + b"\r\n"), 200, b"ok", end="close"),
    Case("field connection names", answer(b"Connection: x-secret\r\nX-Secret: 1\r\n"), 200, b"ok", end="close"),
    Case(
        "field connection names length",
        answer(b"Connection: content-length\r\n"),
        502,
        end="close",
        mends="it does not look at what is named",
    ),
    Case("field connection close", answer(b"Connection: close\r\n"), 200, b"ok", end="close"),
    Case("field keep-alive", answer(b"Keep-Alive: timeout=5\r\n"), 200, b"ok", end="close"),
    Case("field upgrade", answer(b"Connection: upgrade\r\nUpgrade: foo\r\n"), 200, b"ok", end="close"),
    Case("field repeated", answer(b"X: a\r\nX: b\r\n"), 200, b"ok", end="close"),
    Case("field server", answer(b"Server: mine\r\n"), 200, b"ok", end="close"),
    Case("field te", answer(b"TE: trailers\r\n"), 200, b"ok", end="close"),
    Case("field host", answer(b"Host: a\r\n"), 200, b"ok", end="close"),
    Case("all bare lf", b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", 502, end="close", mends="it mends a bare LF"),
    Case("garbage", b"garbage\r\n\r\n", 502, end="close"),
    Case("http 0.9 body", b"<html>hello</html>", 502, end="close"),
    Case("tls alert", b"\x15\x03\x01\x00\x02\x02(", 502, end="close"),
    Case("request", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 502, end="close"),
    Case("leading crlf", b"\r\n" + OK, 502),
    Case("100", b"HTTP/1.1 100 Continue\r\n\r\n" + OK, 200, b"ok"),
    Case("100 twice", b"HTTP/1.1 100 Continue\r\n\r\n" * 2 + OK, 200, b"ok"),
    Case("100 length", b"HTTP/1.1 100 Continue\r\nContent-Length: 3\r\n\r\n" + OK, 502),
    Case("102", b"HTTP/1.1 102 Processing\r\n\r\n" + OK, 200, b"ok"),
    Case("103", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK, 200, b"ok"),
    Case("199", b"HTTP/1.1 199 X\r\n\r\n" + OK, 200, b"ok"),
    Case("100 chunked", b"HTTP/1.1 100 Continue\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + OK, 502),
    Case("100 alone", b"HTTP/1.1 100 Continue\r\n\r\n", 503, end="close"),
    Case("many 100", b"HTTP/1.1 100 Continue\r\n\r\n" * 2000 + OK, 200, b"ok"),
    Case(
        "101 unasked",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: foo\r\n\r\nraw",
        101,
        end="close",
    ),
    Case("101 bare", b"HTTP/1.1 101 Switching Protocols\r\n\r\n", 101, end="close"),
    Case("101 then 200", b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + OK, 101, end="close"),
    Case("204", b"HTTP/1.1 204 No Content\r\n\r\n", 204),
    Case("204 length", b"HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n", 502),
    Case("204 body", b"HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok", 502),
    Case("204 chunked", b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", 502),
    Case("304", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n", 304),
    Case("304 body", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\nok", 304),
    Case("205 body", b"HTTP/1.1 205 Reset Content\r\nContent-Length: 2\r\n\r\nok", 205, b"ok"),
    Case("extra bytes", OK + b"EXTRA", 200, b"ok"),
    Case("second response", OK + b"HTTP/1.1 500 Evil\r\nContent-Length: 4\r\n\r\nevil", 200, b"ok"),
    Case("extra after close", head(b"Content-Length: 2\r\nConnection: close\r\n\r\nokEXTRA"), 200, b"ok", end="close"),
    Case("extra crlf", OK + b"\r\n", 200, b"ok"),
    Case("extra nul", OK + b"\x00", 200, b"ok"),
    Case("1.0 no length", b"HTTP/1.0 200 OK\r\n\r\nok", 200, b"ok", end="close"),
    Case(
        "1.0 chunked",
        b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        200,
        b"ok",
        end="close",
    ),
    Case("1.0 keep-alive", b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok", 200, b"ok"),
    Case(
        "200 connection upgrade no length",
        head(b"Connection: upgrade\r\nUpgrade: foo\r\n\r\nok"),
        200,
        b"ok",
        end="close",
    ),
    Case("long line", b"HTTP/1.1 200 " + b"a" * 70000 + b"\r\n\r\n", 200, end="close"),
)
