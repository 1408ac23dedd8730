"""The server name in a first message, before any TLS is spoken."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.proxy.client_hello import LONGEST, server_name
from tests.proxy.authority import client_context
from tests.proxy.secure import hello_for


@pytest.mark.parametrize("name", ["a.example", "x" * 60 + ".example", None])
@pytest.mark.parametrize("size", [1, 7, 100, 16000])
def test_names_are_found_in_any_records(name: str | None, size: int) -> None:
    """A hello may come in one record or in many, and is not taken for whole before it is."""
    message = hello_for(name, client_context(alpn=("h2", "http/1.1")))[5:]
    pieces = [message[at : at + size] for at in range(0, len(message), size)]
    data = b"".join(b"\x16\x03\x01" + len(piece).to_bytes(2, "big") + piece for piece in pieces)
    assert server_name(data) == (name or "").encode()
    assert {server_name(data[:end]) for end in range(len(data))} == {None}


@given(st.binary(max_size=200))
def test_any_first_bytes_are_looked_at(data: bytes) -> None:
    """Whatever a client begins with, looking for a name raises nothing, and ends where too much came."""
    server_name(data)
    for begin in (b"\x16\x03\x01\x40\x00", b"\x16\x03\x01\0\x80\x01\0\0\x7c", hello_for("a.example")[:60]):
        server_name(begin + data)
        assert server_name((begin + data).ljust(LONGEST, b"\0")) is not None
