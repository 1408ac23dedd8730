"""What is said on a stream of discovery: requests and responses (envoy.service.discovery.v3).

Both are read and written field by field: the node of a request names hundreds of extensions that nobody asks for, and
a response is the same for every Envoy but for its nonce.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from edgesim.policies.protobuf_wire import length_delimited, read_fields

_ANY_FIELD: Final = 2
_NONCE_FIELD: Final = 5


@dataclass(frozen=True, slots=True)
class Request:
    """A DiscoveryRequest: what a node wants of a type, and what it makes of the last response.

    `node` is empty where it was told before on the stream; `error` is None but for a refusal.
    """

    type_url: str
    names: tuple[str, ...] = ()
    version: str = ""
    nonce: str = ""
    node: str = ""
    error: str | None = None


def read_request(message: bytes) -> Request:
    """Read a DiscoveryRequest. Raises ValueError where it is none."""
    texts: dict[int, str] = {}
    names: list[str] = []
    for number, _, value in read_fields(message):
        if number == 3:
            names.append(_text(value))
        elif number in {1, 4, 5}:
            texts[number] = _text(value)
        elif number == 2:
            texts[2] = _first_text(value, 1)
        elif number == 6:
            texts[6] = _first_text(value, 2)
    return Request(texts.get(4, ""), tuple(names), texts.get(1, ""), texts.get(5, ""), texts.get(2, ""), texts.get(6))


def _text(value: int | bytes) -> str:
    if isinstance(value, int):
        raise ValueError("a number where a text should be")  # noqa: TRY004 - of what came from outside
    return value.decode()


def _first_text(message: int | bytes, wanted: int) -> str:
    """Return the text of a field of a message within: a node's id, a status's message."""
    if isinstance(message, int):
        raise ValueError("a number where a message should be")  # noqa: TRY004 - of what came from outside
    return next((_text(value) for number, _, value in read_fields(message) if number == wanted), "")


def resource(content: bytes) -> bytes:
    """Return a resource (an Any) as part of a response."""
    return length_delimited(_ANY_FIELD, content)


def response(type_url: str, version: str, resources: Iterable[bytes]) -> bytes:
    """Return a DiscoveryResponse that lacks its nonce; a nonce may be appended."""
    return b"".join(
        (length_delimited(1, version.encode()), *resources, length_delimited(4, type_url.encode())),
    )


def nonce(text: str) -> bytes:
    """Return the nonce of a response."""
    return length_delimited(_NONCE_FIELD, text.encode())
