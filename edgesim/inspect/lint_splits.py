"""What is odd about weights, regexes and bodies, as they are written: also in tables nobody delegates to."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any

from edgesim.dialects import Resource
from edgesim.http1.replies import BODILESS
from edgesim.inspect.findings import Finding, below, step_at, value_at
from edgesim.model import OriginStep, PathKind, PathMatcher, ResourceKey
from edgesim.routing.implication import plain_path

NO_OTHER, NO_WEIGHT, NOT_100, PLAIN_REGEX = "ES0652", "ES0653", "ES0654", "ES0657"
BODY_OF_NONE = "ES0663"

_ROUTES = {"VirtualService": ("spec", "virtualHost", "routes"), "RouteTable": ("spec", "routes")}
_REFUSED = ("//", "/./", "/../", "%", "#")
"""What Gloo has against a plain path, or may have; a regex may hold it."""


def odd_splits(resources: Iterable[Resource], zeros: Collection[ResourceKey]) -> Iterator[Finding]:
    """Find lists of weights that are not what they seem; `zeros` are told of a sum of 0 already."""
    for resource in resources:
        if resource.kind.kind == "UpstreamGroup":
            yield from _split(step_at(resource, "spec", "destinations"), resource, zeros)
        for step in _routes(resource):
            yield from _split(below(step, "routeAction", "multi", "destinations"), resource, zeros)


def _routes(resource: Resource) -> Iterator[OriginStep]:
    path = _ROUTES.get(resource.kind.kind)
    if path is not None:
        for index in range(len(value_at(resource.manifest, path) or ())):
            yield step_at(resource, *path, index)


def _split(step: OriginStep, resource: Resource, zeros: Collection[ResourceKey]) -> Iterator[Finding]:
    given: list[dict[str, Any]] = value_at(resource.manifest, step.path) or []
    weights = [each.get("weight") for each in given]
    total = sum(weight or 0 for weight in weights)
    if not weights:
        return
    if total == 0:
        if resource.key not in zeros:
            text = "no destination has a weight above 0: a route that sends here is refused"
            yield Finding(NO_OTHER, step, text, "give one of them a `weight`")
        return
    missing = [index for index, weight in enumerate(weights) if weight is None]
    for index in missing:
        hint = f"did you mean `weight: {100 - total}`?" if len(missing) == 1 and total < 100 else ""
        yield Finding(NO_WEIGHT, below(step, index), "no weight is written: it counts as 0, and gets nothing", hint)
    if total != 100 and not missing:
        shares = ", ".join(f"{100 * (weight or 0) / total:.4g}%" for weight in weights)
        yield Finding(NOT_100, step, f"the weights add up to {total}, not to 100: the shares are {shares}")


def plain_regexes(resources: Iterable[Resource]) -> Iterator[Finding]:
    """Find path regexes that say no more than a prefix or an exact path."""
    for resource in resources:
        for step in _routes(resource):
            route = value_at(resource.manifest, step.path)
            if (route.get("options") or {}).get("prefixRewrite") is not None:
                continue  # it would swap another part of the path
            for index, matcher in enumerate(route.get("matchers") or ()):
                found = _plain(matcher.get("regex"))
                if found is not None:
                    text = f"the regex {matcher['regex']} matches what `{found.kind.value}: {found.value}` does"
                    hint = f"write `{found.kind.value}: {found.value}`: it is faster, and cannot surprise"
                    yield Finding(PLAIN_REGEX, below(step, "matchers", index, "regex"), text, hint)


def _plain(regex: str | None) -> PathMatcher | None:
    path = plain_path(PathMatcher(PathKind.REGEX, regex or ""))
    refused = any(part in path.value for part in _REFUSED) or path.value.endswith(("/.", "/.."))
    return None if path.kind is PathKind.REGEX or refused or not path.value.startswith("/") else path


def bodies_of_none(resources: Iterable[Resource]) -> Iterator[Finding]:
    """Find direct responses with a body, of a status whose answers have none (RFC 9110, sections 15.3.5 and 15.4.5)."""
    for resource in resources:
        for step in _routes(resource):
            answer = value_at(resource.manifest, (*step.path, "directResponseAction")) or {}
            if answer.get("status") in BODILESS and answer.get("body"):
                text = f"an answer of status {answer['status']} has no body: edgesim sends none"
                hint = "take it out: Envoy sends it, and clients take it for the beginning of the next answer"
                yield Finding(BODY_OF_NONE, below(step, "directResponseAction", "body"), text, hint)
