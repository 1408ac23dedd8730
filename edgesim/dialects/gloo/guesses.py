"""Which resource was meant by a name that none has."""

from __future__ import annotations

from collections.abc import Iterable

from edgesim.dialects.nearest import Spellings, nearest

Name = tuple[str, str]
"""Namespace and name of a resource of a known kind."""


def dotted(name: Name) -> str:
    """Write a reference as Gloo's messages do: `namespace.name`."""
    return f"{name[0]}.{name[1]}"


class Guesses:
    """Hints for names of one kind, each made once."""

    def __init__(self, known: Iterable[Name]) -> None:
        """Take the names there are."""
        self._known = [*known]
        self._hints: dict[Name, str] = {}
        self._elsewhere: dict[str, str] = {}
        for namespace, name in self._known:
            self._elsewhere.setdefault(name, namespace)
        self._here: dict[str, Spellings] = {}
        self._anywhere: Spellings | None = None

    def hint(self, name: Name) -> str:
        """Return the hint for a name: the same one elsewhere, or a like one; empty if there is none."""
        if name not in self._hints:
            self._hints[name] = self._hint(name)
        return self._hints[name]

    def _hint(self, name: Name) -> str:
        if name[1] in self._elsewhere:
            return f"did you mean `{name[1]}` in the namespace `{self._elsewhere[name[1]]}`?"
        near = self._in(name[0]).nearest(name[1])
        if near is not None:
            return f"did you mean `{near}`?"
        self._anywhere = self._anywhere or Spellings(map(dotted, self._known))
        namespace, _, found = (self._anywhere.nearest(dotted(name)) or "").partition(".")
        # Together they may be alike because of one half alone: a wrong name in the right namespace is not near.
        alike = nearest(name[1], [found]) and nearest(name[0], [namespace])
        return f"did you mean `{found}` in the namespace `{namespace}`?" if alike else ""

    def _in(self, namespace: str) -> Spellings:
        if namespace not in self._here:
            self._here[namespace] = Spellings(name for within, name in self._known if within == namespace)
        return self._here[namespace]
