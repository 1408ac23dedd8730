"""An index over matchers that answers: which earlier one takes everything this one matches?

As in the route table, paths are found by their text and conditions by the most selective one, so
that 25,000 routes are asked about in a second or two, not all pairs of them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from edgesim.inspect.atoms import Atom
from edgesim.model import PathKind, ValueKind
from edgesim.routing.conditions import Condition, Name
from edgesim.routing.implication import implied_among, is_open_ended, is_single, pattern_text
from edgesim.routing.regexes import literal_prefix, which_match


@dataclass(slots=True)
class Node:
    """The atoms of one path: the first without conditions, the others by one of theirs."""

    always: Atom | None = None
    keyed: dict[Condition, list[Atom]] = field(default_factory=dict)

    def find(self, held: frozenset[Condition], best: Atom | None) -> Atom | None:
        """Return the first atom all of whose conditions are held, or `best` if that comes before."""
        if self.always is not None and (best is None or self.always.order < best.order):
            best = self.always
        if self.keyed:
            for condition in held:
                for atom in self.keyed.get(condition, ()):
                    if best is not None and atom.order >= best.order:
                        break
                    if atom.conditions <= held:
                        best = atom
        return best


class Closure:
    """Which of the conditions that occur in a table hold wherever given ones do."""

    def __init__(self, atoms: Iterable[Atom]) -> None:
        """Take everything that will be asked about."""
        self.counts = Counter(condition for atom in atoms for condition in atom.conditions)
        by_name: dict[Name, list[Condition]] = defaultdict(list)
        for condition in self.counts:
            by_name[condition.about].append(condition)
        self._others = {name: _Others(conditions) for name, conditions in by_name.items()}
        self._held: dict[frozenset[Condition], frozenset[Condition]] = {}

    def held(self, conditions: frozenset[Condition]) -> frozenset[Condition]:
        """Return every condition that holds where these do, themselves included."""
        found = self._held.get(conditions)
        if found is None:
            implied = (self._others[each.about].implied(each) for each in conditions)
            found = self._held[conditions] = conditions.union(*implied)
        return found

    def key(self, atom: Atom) -> Condition:
        """Return the most selective condition of an atom."""
        return min(atom.conditions, key=lambda each: (self.counts[each], each))


class _Others:
    """The conditions on one header or parameter that another one on it may imply."""

    def __init__(self, conditions: Sequence[Condition]) -> None:
        self._few = [each for each in conditions if each.kind is ValueKind.PRESENT or (each.invert and is_single(each))]
        self._regexes = [each for each in conditions if each.kind is ValueKind.REGEX and not each.invert]
        self._match: Callable[[bytes], list[int] | None] | None = None
        self._known: dict[Condition, frozenset[Condition]] = {}

    def implied(self, own: Condition) -> frozenset[Condition]:
        found = self._known.get(own)
        if found is None:
            found = self._known[own] = implied_among((own,), self._few) | frozenset(self._matched(own))
        return found

    def _matched(self, own: Condition) -> Iterator[Condition]:
        if not self._regexes or own.kind is not ValueKind.EXACT or own.invert:
            return
        if self._match is None:
            self._match = which_match([each.value for each in self._regexes])
        for index in self._match(own.value.encode()) or ():
            yield self._regexes[index]


class _Texts:
    """Nodes by the text of their path, to be found by every text that begins with it."""

    def __init__(self) -> None:
        self.nodes: dict[bytes, Node] = {}
        self._lengths: list[int] = []

    def put(self, text: bytes) -> Node:
        node = self.nodes.get(text)
        if node is None:
            node = self.nodes[text] = Node()
            if len(text) not in self._lengths:
                self._lengths.append(len(text))
        return node

    def beginning(self, text: bytes) -> Iterator[tuple[bytes, Node]]:
        for length in self._lengths:
            if length <= len(text) and (node := self.nodes.get(text[:length])) is not None:
                yield text[:length], node


class _Regexes:
    """Nodes by their regex, those with a common literal beginning asked in one go."""

    def __init__(self, patterns: Iterable[str]) -> None:
        """Take every pattern that will be put in."""
        self.nodes: dict[str, Node] = {}
        by_literal: dict[bytes, list[str]] = defaultdict(list)
        for pattern in dict.fromkeys(patterns):
            by_literal[literal_prefix(pattern)].append(pattern)
        self._by_literal = {literal: (patterns, which_match(patterns)) for literal, patterns in by_literal.items()}
        self._lengths = sorted({len(literal) for literal in by_literal})

    def matching(self, text: bytes, *, and_whatever_follows: bool) -> Iterator[Node]:
        for length in self._lengths:
            found = self._by_literal.get(text[:length]) if length <= len(text) else None
            for index in (found[1](text) or ()) if found is not None else ():
                pattern = found[0][index] if found is not None else ""
                node = self.nodes.get(pattern)
                if node is not None and (not and_whatever_follows or is_open_ended(pattern)):
                    yield node


class Covers:
    """The atoms of one virtual host, put in one by one, in the order of the routes."""

    def __init__(self, atoms: Sequence[Atom]) -> None:
        """Take everything that will be put in or asked about."""
        self._closure = Closure(atoms)
        self._prefixes = {True: _Texts(), False: _Texts()}
        self._exact: dict[bool, dict[bytes, Node]] = {True: {}, False: {}}
        self._regexes = _Regexes(atom.path.value for atom in atoms if atom.path.kind is PathKind.REGEX)

    def put(self, atom: Atom) -> None:
        """Put an atom in."""
        node = self._node(atom)
        if atom.conditions:
            node.keyed.setdefault(self._closure.key(atom), []).append(atom)
        elif node.always is None:
            node.always = atom

    def _node(self, atom: Atom) -> Node:
        path = atom.path
        if path.kind is PathKind.REGEX:
            return self._regexes.nodes.setdefault(path.value, Node())
        text = pattern_text(path)
        if path.kind is PathKind.PREFIX:
            return self._prefixes[path.case_sensitive].put(text)
        return self._exact[path.case_sensitive].setdefault(text, Node())

    def cover(self, atom: Atom) -> Atom | None:
        """Return the first atom that takes every request this one matches, if there is one."""
        held = self._closure.held(atom.conditions)
        best: Atom | None = None
        for node in self._nodes(atom):
            best = node.find(held, best)
        return best

    def _nodes(self, atom: Atom) -> Iterator[Node]:
        """Yield the nodes whose path takes every path of the atom (`routing.implication.path_implies`)."""
        path, text = atom.path, atom.text
        spelled = path.case_sensitive or path.kind is PathKind.REGEX
        for begun, node in self._prefixes[True].beginning(text):
            if spelled or begun.lower() == begun.upper():
                yield node
        folded = text.lower()
        for _begun, node in self._prefixes[False].beginning(folded):
            yield node
        if path.kind is PathKind.REGEX:
            own = self._regexes.nodes.get(path.value)
            yield from () if own is None else (own,)
            return
        spelled = spelled or folded == text.upper()
        if path.kind is PathKind.EXACT:
            exact = (self._exact[True].get(text) if spelled else None, self._exact[False].get(folded))
            yield from (node for node in exact if node is not None)
        if spelled:
            yield from self._regexes.matching(text, and_whatever_follows=path.kind is PathKind.PREFIX)
