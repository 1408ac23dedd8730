"""Messages that are nearly right: valid ones with a few bytes moved, doubled, dropped or replaced."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from hypothesis import strategies as st

from tests.differential import hostile_requests, hostile_responses

_LONGEST = 1500
_TOKENS = (
    b"\r\n",
    b"\n",
    b"\r",
    b"\0",
    b" ",
    b"\t",
    b":",
    b",",
    b";",
    b"\r\n\r\n",
    b"\r\n ",
    b"0\r\n\r\n",
    b"5\r\n",
    b"ffffffffffffffff",
    b"HTTP/1.1",
    b"HTTP/1.0",
    b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n",
    b"Host: b\r\n",
    b"Content-Length: 3\r\n",
    b"Content-Length: 0\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: gzip\r\n",
    b"transfer-encoding:chunked\r\n",
    b"Connection: close\r\n",
    b"Connection: Upgrade\r\nUpgrade: echo\r\n",
    b"Connection: Upgrade\r\nUpgrade: h2c\r\n",
    b"Expect: 100-continue\r\n",
    b"Content-Type: application/grpc\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    b"\xff",
    b"%00",
    b"..;/",
)
_REQUESTS = [case.data for case in hostile_requests.CASES if len(case.data) < _LONGEST]
_RESPONSES = [case.data for case in hostile_responses.CASES if len(case.data) < _LONGEST]

Mutation = Callable[[bytes], bytes]


@st.composite
def mutations(draw: st.DrawFn) -> Mutation:
    """Change a message at one place, counted in thousandths of its length."""
    kind = draw(st.sampled_from(("insert", "replace", "drop", "double", "swap", "cut")))
    at, size = draw(st.integers(0, 1000)), draw(st.integers(1, 12))
    token = draw(st.sampled_from(_TOKENS))

    def mutate(data: bytes) -> bytes:
        place = len(data) * at // 1000
        before, piece, after = data[:place], data[place : place + size], data[place + size :]
        changed = {
            "insert": before + token + piece + after,
            "replace": before + token + after,
            "drop": before + after,
            "double": before + piece + piece + after,
            "swap": before + piece[::-1] + after,
            "cut": before,
        }
        return changed[kind]

    return mutate


@st.composite
def _mutated(draw: st.DrawFn, messages: list[bytes]) -> bytes:
    data = b"".join(draw(st.lists(st.sampled_from(messages), min_size=1, max_size=3)))
    for mutate in draw(st.lists(mutations(), max_size=4)):
        data = mutate(data)
    return data


def requests() -> st.SearchStrategy[bytes]:
    """One to three requests, mutated."""
    return _mutated(_REQUESTS)


def responses() -> st.SearchStrategy[bytes]:
    """One to three answers, mutated."""
    return _mutated(_RESPONSES)


def cuts() -> st.SearchStrategy[list[int]]:
    """Places to cut, in thousandths."""
    return st.lists(st.integers(0, 1000), max_size=8)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """Return the pieces of a message."""
    ends = sorted({len(data) * place // 1000 for place in places} | {0, len(data)})
    return [data[start:end] for start, end in pairwise(ends)]


def single_bytes(data: bytes) -> list[bytes]:
    """Return a message byte by byte."""
    return [data[at : at + 1] for at in range(len(data))]
