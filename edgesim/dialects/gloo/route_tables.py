"""Which RouteTables a delegating route takes in, and in which order their routes stand (reference 5.2 and 5.3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edgesim.dialects.gloo.guesses import Name, dotted
from edgesim.dialects.gloo.inheritance import path_of
from edgesim.dialects.gloo.memo import Memo
from edgesim.dialects.gloo.scope import Reporter, guess
from edgesim.dialects.gloo.shelves import ANY_NAME, LABELS, Index, labels_of
from edgesim.dialects.nearest import did_you_mean
from edgesim.dialects.resource import FieldPath
from edgesim.dialects.schema.gateway import DelegateAction, Matcher, RouteTableSelector
from edgesim.dialects.selectors import expression_fault, has_labels, satisfies

Labels = Mapping[str, str]


class Catalogue:
    """The RouteTables by namespace and label, sorted by name as the lists of Gloo's watches are."""

    def __init__(self, tables: Index) -> None:
        """Take the tables; nothing is indexed before somebody selects."""
        self._tables = tables
        self._labels: dict[Name, Labels] = {}
        self._by_namespace: dict[str, list[Name]] = {}
        self._by_label: dict[tuple[str, str], list[Name]] = {}

    def _fill(self) -> None:
        if self._labels or not self._tables:
            return
        names = sorted(dict.keys(self._tables), key=lambda name: (name[1], name[0]))
        self._labels = {name: labels_of(dict.__getitem__(self._tables, name)) for name in names}
        self._by_namespace[ANY_NAME] = names
        for name, labels in self._labels.items():
            self._by_namespace.setdefault(name[0], []).append(name)
            for label in labels.items():
                self._by_label.setdefault(label, []).append(name)

    def candidates(self, namespaces: Sequence[str], labels: Labels) -> Sequence[Name]:
        """Return few names among which all tables with these labels in these namespaces are."""
        self._fill()
        lists = [self._by_label.get(label, []) for label in labels.items()]
        if len(namespaces) == 1:
            lists.append(self._by_namespace.get(namespaces[0], []))
        return min(lists or [self._by_namespace.get(ANY_NAME, [])], key=len)

    def labels(self, name: Name) -> Labels:
        """Return the labels of a table."""
        return self._labels[name]

    def values(self, key: str) -> list[str]:
        """Return the values that a label has anywhere."""
        return list(dict.fromkeys(value for other, value in self._by_label if other == key))

    def keys(self) -> list[str]:
        """Return the keys of all labels."""
        return list(dict.fromkeys(key for key, _ in self._by_label))


def catalogue_of(tables: Index, memo: Memo) -> Catalogue:
    """Return the catalogue of the last translation, as long as no table came, went, or changed its labels."""
    found = memo.kept(LABELS, Catalogue)
    if found is None or (LABELS, ANY_NAME) in memo.changed:
        found = Catalogue(tables)
    memo.keep(LABELS, found)
    return found


def choose_tables(
    action: DelegateAction, path: FieldPath, reporter: Reporter, catalogue: Catalogue
) -> tuple[Name, ...]:
    """Find the tables a `delegateAction` at `path` names; with a warning, none."""
    if action.name or action.namespace:  # the old flat form wins over both others
        return _by_name((action.namespace, action.name), path, reporter)
    if action.selector is not None:
        return _by_selector(action.selector, (*path, "selector"), reporter, catalogue)
    if action.ref is not None:
        return _by_name((action.ref.namespace, action.ref.name), (*path, "ref"), reporter)
    text = (
        "cannot determine delegation target: you must specify a route table either via a resource reference or a "
        "selector"
    )
    reporter.report("ES0253", path, text, "add `ref` or `selector`")
    return ()


def _by_name(name: Name, path: FieldPath, reporter: Reporter) -> tuple[Name, ...]:
    tables = reporter.scope.tables
    if name in tables:
        return (name,)
    hint = guess(name, tables)
    if not name[0]:
        hint = f"a `namespace` is needed here, it has no default{'; ' if hint else ''}{hint}"
    reporter.report("ES0252", path, f"route table {dotted(name)} missing", hint)
    return ()


def _by_selector(
    selector: RouteTableSelector, path: FieldPath, reporter: Reporter, catalogue: Catalogue
) -> tuple[Name, ...]:
    if selector.labels and selector.expressions:
        text = "cannot use both labels and expressions within the same selector"
        reporter.report(
            "ES0255", path, text, "write the labels as expressions: `{key, operator: Equals, values: [...]}`"
        )
        return ()
    for index, expression in enumerate(selector.expressions):
        fault = expression_fault(expression)
        if fault is not None:
            text = f"{fault[1]}: the route table selector expression is invalid"
            reporter.report("ES0256", (*path, "expressions", index, *fault[0]), text)
            return ()
    namespaces = _namespaces(selector, reporter)
    found = _selected(selector, namespaces, catalogue)
    for namespace in namespaces if found else (*namespaces, ANY_NAME):
        reporter.scope.shelves.look((LABELS, namespace))
    if not found:
        hint = _selector_hint(selector, namespaces, catalogue)
        reporter.report("ES0254", path, "no route table matches the given selector", hint)
    return found


def _namespaces(selector: RouteTableSelector, reporter: Reporter) -> tuple[str, ...]:
    if ANY_NAME in selector.namespaces:
        return (ANY_NAME,)
    return selector.namespaces or (reporter.resource.namespace,)


def _selected(selector: RouteTableSelector, namespaces: Sequence[str], catalogue: Catalogue) -> tuple[Name, ...]:
    labels = selector.labels or {}
    everywhere = namespaces == (ANY_NAME,)
    return tuple(
        name
        for name in catalogue.candidates(namespaces, labels)
        if (everywhere or name[0] in namespaces)
        and has_labels(labels, catalogue.labels(name))
        and satisfies(selector.expressions, catalogue.labels(name))
    )


def _selector_hint(selector: RouteTableSelector, namespaces: Sequence[str], catalogue: Catalogue) -> str:
    elsewhere = _selected(selector, (ANY_NAME,), catalogue)
    if elsewhere and namespaces != (ANY_NAME,):
        listed = ", ".join(f"`{name}`" for name in dict.fromkeys(name[0] for name in elsewhere[:20]))
        return f"there are such tables in the namespaces {listed}: name them, or write `namespaces: ['*']`"
    for key, value in (selector.labels or {}).items():
        known = catalogue.values(key)
        if not known:
            return did_you_mean(key, catalogue.keys())
        if value not in known:
            return did_you_mean(value, known)
    return ""


_RANKS = {"": 0, "connectMatcher": 0, "exact": 1, "regex": 2, "prefix": 3}
_INVERTED = bytes(255 - byte for byte in range(256))
_NO_MATCHER = Matcher(prefix="/")


def sort_key(matchers: Sequence[Matcher]) -> bytes:
    """Return by what a route is sorted among tables of equal weight: its smallest matcher.

    More methods come first; then no path, exact, regex, prefix; then the path's bytes, descending.
    """
    return min(map(_key, matchers)) if matchers else _key(_NO_MATCHER)


def _key(matcher: Matcher) -> bytes:
    kind, text = path_of(matcher)
    methods = (0xFFFF - min(len(matcher.methods), 0xFFFF)).to_bytes(2, "big")
    # Inverted bytes ascend where the text descends; the end is larger than any of them, for a longer text comes first.
    return methods + bytes((_RANKS[kind],)) + text.encode().translate(_INVERTED) + b"\xff"
