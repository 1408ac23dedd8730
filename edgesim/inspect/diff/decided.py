"""One side of a change in words and plain data."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any

from edgesim.inspect.diff.entries import Entry
from edgesim.inspect.diff.outcomes import Outcome, Share, differing
from edgesim.inspect.diff.report import Decided, Difference, Place
from edgesim.inspect.named import percent, subset_text
from edgesim.inspect.steps import Where, own_name, steps
from edgesim.model import Cluster, VirtualHost


def decided(
    host: VirtualHost | None, entry: Entry | None, outcome: Outcome, clusters: Mapping[str, Cluster], where: Where
) -> Decided:
    """Describe what a class of requests comes to on one side."""
    name = "" if host is None else host.name
    if entry is None:
        reason = "no virtual host has this domain" if host is None else "no route matches"
        origin = () if host is None else steps(host.origin, where)
        return Decided(f"404: {reason}", name, origin=origin, answer={"status": "404"})
    route = entry.route
    ordered = sorted(outcome.shares, key=lambda each: (-each.share, each.cluster, each.subset))
    return Decided(
        _summary(ordered, outcome, clusters),
        name,
        route.number,
        own_name(route.name),
        steps(route.origin, where),
        tuple(_place(each, clusters) for each in ordered),
        {key: shown(value) for key, value in outcome.answer},
    )


def _place(share: Share, clusters: Mapping[str, Cluster]) -> Place:
    return Place(
        share.cluster,
        str(share.share),
        float(share.share * 100),
        _upstream(share.cluster, clusters),
        dict(share.subset),
        missing=share.target is None,
    )


def _upstream(cluster: str, clusters: Mapping[str, Cluster]) -> str:
    origin = clusters[cluster].origin if cluster in clusters else ()
    return f"{origin[0].namespace}/{origin[0].name}" if origin else ""


def _summary(shares: Iterable[Share], outcome: Outcome, clusters: Mapping[str, Cluster]) -> str:
    if outcome.shares:
        return ", ".join(_share(each, clusters) for each in shares)
    answer = dict(outcome.answer)
    if "cluster named by header" in answer:
        return f"the upstream that header {answer['cluster named by header']} names"
    if "body" in answer:
        return f"{answer['status']}: {shown(answer['body'])}" if answer["body"] else str(answer["status"])
    changed = ", ".join(f"{name} {shown(value)}" for name, value in answer.items() if name != "status")
    return f"redirect {answer['status']}" + (f" ({changed})" if changed else "")


def _share(share: Share, clusters: Mapping[str, Cluster]) -> str:
    name = _upstream(share.cluster, clusters) or share.cluster
    subset = f":{subset_text(share.subset)}" if share.subset else ""
    missing = " (503: it does not exist)" if share.target is None else ""
    return f"{percent(share.share)} {name}{subset}{missing}"


def differences(before: Outcome, after: Outcome) -> tuple[Difference, ...]:
    """Return what else differs, where both sides forward or both answer: pieces of what is sent, and options.

    Of upstreams, only those of both sides are compared.
    """
    if bool(before.shares) is not bool(after.shares):
        return ()
    common = {each.cluster for each in before.shares} & {each.cluster for each in after.shares}
    sides = [_of_common(outcome, common) for outcome in (before, after)]
    found = [*differing(before.sent, after.sent), *differing(*sides)]
    return tuple(Difference(name, shown(old), shown(new)) for name, old, new in found)


def _of_common(outcome: Outcome, common: Collection[str]) -> tuple[tuple[str, Any], ...]:
    """Return the options of an outcome, the settings of other upstreams left out."""
    options = dict(outcome.options)
    options["upstreams"] = frozenset(each for each in options.get("upstreams", ()) if each[0] in common)
    return tuple(options.items())


def shown(value: Any) -> str:
    """Write a value of the model for people, without what is as it is by default."""
    match value:
        case None:
            return ""
        case float():
            return f"{value:g}"
        case frozenset():
            return ", ".join(sorted(map(shown, value)))
        case tuple():
            return " ".join(filter(None, map(shown, value)))
    return _fields(value) if is_dataclass(value) else " ".join(str(value).split())


def _fields(value: Any) -> str:
    """Write the fields of a dataclass that are not as they are by default."""
    own = ((each, getattr(value, each.name)) for each in fields(value) if each.name not in _SECRET)
    return ", ".join(f"{each.name} {shown(part)}" for each, part in own if part != _usual(each))


_SECRET = frozenset(("key", "chain", "certificate", "root_ca", "jwks"))


def _usual(each: Any) -> Any:
    return None if each.default is MISSING else each.default
