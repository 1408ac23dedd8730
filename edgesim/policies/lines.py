"""Header values as Envoy's filters read them."""

from __future__ import annotations

import re

from edgesim.model import RequestHead

MILLION = 1_000_000
"""The denominator of fractions in the model (reference, section 13.2)."""

_NUMBER = re.compile(rb"\s*\+?([0-9]{1,20})\s*")
_LARGEST = 2**64


def line(head: RequestHead, name: bytes) -> bytes:
    """Return a header as one line: repeated ones are joined by commas, empty if there is none.

    That is how Envoy keeps the headers it knows, so `Origin` sent twice is no origin that is allowed.
    """
    if head.repeated and name in head.repeated:
        return b",".join(head.repeated[name])
    return head.headers.get(name, b"")


def first(head: RequestHead, name: bytes) -> bytes | None:
    """Return a header's first line, None if there is none: how Envoy reads headers it does not know."""
    if head.repeated and name in head.repeated:
        return head.repeated[name][0]
    return head.headers.get(name)


def number(text: bytes) -> int | None:
    """Return an unsigned 64-bit number as absl::SimpleAtoi reads it: blanks and a plus sign are allowed."""
    found = _NUMBER.fullmatch(text)
    return int(found[1]) if found and int(found[1]) < _LARGEST else None
