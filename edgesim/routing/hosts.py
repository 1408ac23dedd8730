"""Choosing the virtual host by Host: exact, then suffix wildcards, then prefix wildcards, then `*`.

Envoy's order (config.route.v3.VirtualHost.domains): longest wildcard first, at least one character
for the star, case-insensitive, the port part of the text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Generic, TypeVar

T = TypeVar("T")


class Hosts(Generic[T]):
    """Domains by kind; `suffixes` and `prefixes` are grouped by length, longest first."""

    __slots__ = ("default", "exact", "prefixes", "suffixes")

    def __init__(self, domains: Iterable[tuple[str, T]]) -> None:
        """Take (domain, target) pairs; of a domain given twice the first stays."""
        self.exact: dict[bytes, T] = {}
        self.default: T | None = None
        suffixes: dict[bytes, T] = {}
        prefixes: dict[bytes, T] = {}
        for domain, target in domains:
            text = domain.lower().encode()
            if text == b"*":
                self.default = target if self.default is None else self.default
            elif text.startswith(b"*"):
                suffixes.setdefault(text[1:], target)
            elif text.endswith(b"*"):
                prefixes.setdefault(text[:-1], target)
            else:
                self.exact.setdefault(text, target)
        self.suffixes = _by_length(suffixes)
        self.prefixes = _by_length(prefixes)


def _by_length(texts: Mapping[bytes, T]) -> tuple[tuple[int, dict[bytes, T]], ...]:
    lengths = sorted({len(text) for text in texts}, reverse=True)
    return tuple((n, {text: target for text, target in texts.items() if len(text) == n}) for n in lengths)


def find_host(hosts: Hosts[T], authority: bytes) -> T | None:
    """Return the target for a Host header's value, or None."""
    if not hosts.exact and not hosts.suffixes and not hosts.prefixes:
        return hosts.default
    name = authority.lower()
    found = hosts.exact.get(name)
    if found is not None:
        return found
    for length, texts in hosts.suffixes:
        if length < len(name) and (found := texts.get(name[-length:])) is not None:
            return found
    for length, texts in hosts.prefixes:
        if length < len(name) and (found := texts.get(name[:length])) is not None:
            return found
    return hosts.default
