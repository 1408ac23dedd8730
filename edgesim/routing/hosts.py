"""Choosing the virtual host by Host: exact, then suffix wildcards, then prefix wildcards, then `*`.

Envoy's order (config.route.v3.VirtualHost.domains): longest wildcard first, at least one character
for the star, case-insensitive, the port part of the text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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

    def replacing(self, changes: Iterable[tuple[Sequence[str], T, T]]) -> Hosts[T]:
        """Return the same domains with other targets: changes name domains, the target before, and the one now.

        A domain that two hosts name stays with the one it belongs to. Targets are known by identity.
        """
        changes = list(changes)
        targets = {id(old): new for _, old, new in changes}
        names = {domain.lower().encode() for domains, *_ in changes for domain in domains}
        made: Hosts[T] = Hosts(())
        made.exact = _replacing(self.exact, names, targets)
        names = {bare for name in names if b"*" in name for bare in (name[1:], name[:-1])}
        made.suffixes = tuple((length, _replacing(texts, names, targets)) for length, texts in self.suffixes)
        made.prefixes = tuple((length, _replacing(texts, names, targets)) for length, texts in self.prefixes)
        made.default = None if self.default is None else targets.get(id(self.default), self.default)
        return made


def _replacing(texts: dict[bytes, T], names: Iterable[bytes], targets: Mapping[int, T]) -> dict[bytes, T]:
    owned = ((name, id(texts[name])) for name in names if name in texts)
    ours = {name: targets[owner] for name, owner in owned if owner in targets}
    return texts | ours if ours else texts


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
