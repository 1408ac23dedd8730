"""The server name in a ClientHello (RFC 8446, section 4.1.2; RFC 6066, section 3), read before TLS begins.

OpenSSL reads the same bytes afterwards and refuses what is malformed; here that is a hello without a name.
"""

from __future__ import annotations

LONGEST = 1 << 14
"""Bytes of a hello that are read, as Envoy's TLS inspector."""
_RECORD = 5
_HANDSHAKE, _CLIENT_HELLO, _TLS = 22, 1, 3
_BEFORE_SESSION = 2 + 32
_SERVER_NAME = b"\0\0"


class _NoHelloError(Exception):
    """These bytes are no ClientHello."""


def server_name(data: bytes) -> bytes | None:
    """Return the server name in the first bytes of a connection: empty for none or no TLS, None while more must come."""
    try:
        hello = _message(data)
    except _NoHelloError:
        return b""
    if hello is None:
        return None if len(data) < LONGEST else b""
    return _name(_extensions(hello))


def more_wanted(data: bytes) -> int:
    """Return how many bytes to wait for before looking again."""
    whole = _RECORD + int.from_bytes(data[3:5], "big") if len(data) >= _RECORD else _RECORD
    return min(max(len(data) + 1, whole), LONGEST)


def _message(data: bytes) -> bytes | None:
    """Return the hello out of the records it comes in, None while it is not whole."""
    message = b""
    at = 0
    while at < len(data):
        record = data[at : at + _RECORD]
        if record[0] != _HANDSHAKE or (len(record) > 1 and record[1] != _TLS):
            raise _NoHelloError
        length = int.from_bytes(record[3:], "big")
        message += data[at + _RECORD : at + _RECORD + length]
        if message and message[0] != _CLIENT_HELLO:
            raise _NoHelloError
        whole = 4 + int.from_bytes(message[1:4], "big")
        if len(message) >= max(whole, 4):
            return message[4:whole]
        if len(record) == _RECORD and not length:
            raise _NoHelloError
        at += _RECORD + length
    return None


def _extensions(hello: bytes) -> bytes:
    _session, rest = _taken(hello[_BEFORE_SESSION:], 1)
    _ciphers, rest = _taken(rest, 2)
    _compressions, rest = _taken(rest, 1)
    return _taken(rest, 2)[0]


def _name(extensions: bytes) -> bytes:
    while extensions:
        kind, extensions = extensions[:2], extensions[2:]
        value, extensions = _taken(extensions, 2)
        if kind == _SERVER_NAME:
            names = _taken(value, 2)[0]
            return _taken(names[1:], 2)[0] if names[:1] == b"\0" else b""
    return b""


def _taken(data: bytes, size: int) -> tuple[bytes, bytes]:
    """Split off a vector whose length is said in so many bytes."""
    end = size + int.from_bytes(data[:size], "big")
    return data[size:end], data[end:]
