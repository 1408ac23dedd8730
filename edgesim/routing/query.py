"""Query parameters as Envoy's matcher reads them: not decoded, the first occurrence of a key counts."""

from __future__ import annotations

Parameters = dict[bytes, bytes]


def parameters(query: bytes) -> Parameters:
    """Return the parameters of a query without its `?`; a key without `=` has an empty value."""
    found: Parameters = {}
    for piece in query.split(b"&"):
        key, _, value = piece.partition(b"=")
        found.setdefault(key, value)
    return found


def first_of(query: bytes, name: bytes) -> tuple[bytes, ...]:
    """Return the one value of a parameter, or nothing: where only one is asked for, the others need no dictionary."""
    for piece in query.split(b"&"):
        key, _, value = piece.partition(b"=")
        if key == name:
            return (value,)
    return ()
