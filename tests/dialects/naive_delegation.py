"""Delegation as plainly as it can be said: an independent reference for the property tests.

Routes are plain dicts as in the manifests, expanded recursively. Nothing is shared with the translation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cmp_to_key
from typing import Any

Tables = Mapping[tuple[str, str], dict[str, Any]]
Flat = tuple[str, list[dict[str, Any]], dict[str, Any]]
"""The header a route goes by, its matchers, its options."""

_PATHS = ("prefix", "exact", "regex")


def expand(
    routes: Sequence[dict[str, Any]],
    namespace: str,
    tables: Tables,
    parent: dict[str, Any] | None = None,
    seen: tuple[tuple[str, str], ...] = (),
) -> list[Flat]:
    """Return the flat list of routes; `parent` is the route above with what it inherited itself."""
    found: list[Flat] = []
    for route in routes:
        merged = _merged(route, parent)
        if merged is None:
            continue
        if "delegateAction" not in merged:
            found.append((merged["routeAction"]["clusterHeader"], merged["matchers"], merged["options"]))
            continue
        if not _may_delegate(merged):
            continue
        weights: dict[int, list[tuple[str, str]]] = {}
        for key in _targets(merged["delegateAction"], namespace, tables):
            weights.setdefault(tables[key]["spec"].get("weight", 0), []).append(key)
        for weight in sorted(weights):
            group: list[Flat] = []
            for key in weights[weight]:
                if key not in seen:
                    group += expand(tables[key]["spec"]["routes"], key[0], tables, merged, (*seen, key))
            if len(weights[weight]) > 1:
                group.sort(key=cmp_to_key(_compare))
            found += group
    return found


def _merged(route: dict[str, Any], parent: dict[str, Any] | None) -> dict[str, Any] | None:
    merged = {
        **route,
        "matchers": [dict(each) for each in route.get("matchers", [])],
        "options": {**route.get("options", {})},
    }
    for switch in ("inheritableMatchers", "inheritablePathMatchers"):
        merged.setdefault(switch, False if parent is None else parent[switch])
    if parent is None:
        merged["matchers"] = merged["matchers"] or [{"prefix": "/"}]
        return merged
    (above,) = parent["matchers"]
    if merged["inheritablePathMatchers"]:
        merged["matchers"] = [_with_path(each, above) for each in merged["matchers"] or [{}]]
    merged["matchers"] = merged["matchers"] or [{"prefix": "/"}]
    if merged["inheritableMatchers"]:
        for each in merged["matchers"]:
            for name in ("headers", "queryParameters", "methods"):
                joined = [*above.get(name, []), *each.get(name, [])]
                if joined:
                    each[name] = joined
    if not all(_fits(each, above) for each in merged["matchers"]):
        return None
    merged["options"] = {**parent["options"], **merged["options"]}
    return merged


def _with_path(matcher: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in matcher.items() if name not in {*_PATHS, "caseSensitive"}}
    return {**kept, **{name: above[name] for name in ("prefix", "caseSensitive") if name in above}}


def _fits(matcher: dict[str, Any], above: dict[str, Any]) -> bool:
    text = next((matcher[name] for name in _PATHS if name in matcher), "")
    return (
        text.startswith(above["prefix"])
        and matcher.get("caseSensitive") == above.get("caseSensitive")
        and all(
            each in matcher.get(name, [])
            for name in ("headers", "queryParameters", "methods")
            for each in above.get(name, [])
        )
    )


def _may_delegate(route: dict[str, Any]) -> bool:
    return len(route["matchers"]) == 1 and bool(route["matchers"][0].get("prefix"))


def _targets(action: dict[str, Any], namespace: str, tables: Tables) -> list[tuple[str, str]]:
    if "ref" in action:
        key = (action["ref"]["namespace"], action["ref"]["name"])
        return [key] if key in tables else []
    namespaces = action["selector"].get("namespaces") or [namespace]
    wanted = action["selector"].get("labels", {}).items()
    return [
        key
        for key in sorted(tables, key=lambda key: (key[1], key[0]))
        if ("*" in namespaces or key[0] in namespaces)
        and all(tables[key]["metadata"].get("labels", {}).get(name) == value for name, value in wanted)
    ]


def _compare(one: Flat, other: Flat) -> int:
    """Order two routes: each by its smallest matcher."""
    return _compare_matchers(_smallest(one[1]), _smallest(other[1]))


def _smallest(matchers: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return min(matchers, key=cmp_to_key(_compare_matchers))


def _compare_matchers(one: dict[str, Any], other: dict[str, Any]) -> int:
    methods = len(other.get("methods", [])) - len(one.get("methods", []))
    if methods:
        return methods
    ranks = [
        next((rank for rank, name in enumerate(("exact", "regex", "prefix")) if name in each), -1)
        for each in (one, other)
    ]
    if ranks[0] != ranks[1]:
        return ranks[0] - ranks[1]
    texts = [next((each[name] for name in _PATHS if name in each), "").encode() for each in (one, other)]
    return (texts[0] < texts[1]) - (texts[0] > texts[1])
