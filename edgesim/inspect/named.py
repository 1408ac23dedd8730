"""Destinations by the names people give them: of upstreams, and of the shares of a split.

An upstream is named by its cluster (`echo_gloo-system`), by `NAMESPACE/NAME`, or by its name where no
other namespace has one of it. A share is named by an upstream, by its subset (`version=v2`, several
pairs with commas between them), by the subset's only value (`v2`), or by both: `echo:v2`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from edgesim.model import Cluster, Subset

Shares = Sequence[tuple[str, Subset, Fraction]]
"""Cluster, subset and share of each destination."""


class Names:
    """The names of clusters; made once for a model."""

    def __init__(self, clusters: Mapping[str, Cluster]) -> None:
        """Take the model's clusters."""
        self._full = {name: _full(cluster) for name, cluster in clusters.items()}
        self.namesakes: dict[str, set[str]] = {}
        for full in self._full.values():
            if full:
                self.namesakes.setdefault(full.rpartition("/")[2], set()).add(full)

    def of(self, cluster: str) -> tuple[str, ...]:
        """Return every name of a cluster."""
        full = self._full.get(cluster, "")
        return (full, cluster, full.rpartition("/")[2]) if full else (cluster,)

    def shown(self, cluster: str) -> str:
        """Return the name to show for a cluster."""
        return self._full.get(cluster) or cluster

    def ambiguous(self, name: str) -> str:
        """Return the upstreams a bare name may mean, empty where it means one."""
        found = self.namesakes.get(name, set())
        return " or ".join(sorted(found)) if len(found) > 1 else ""

    def known(self) -> list[str]:
        """Return the names that may be given, for hints."""
        return sorted({name for cluster in self._full for name in self.of(cluster)})


def _full(cluster: Cluster) -> str:
    if not cluster.origin:
        return ""
    step = cluster.origin[0]
    return f"{step.namespace}/{step.name}"


@dataclass(frozen=True, slots=True)
class SplitMismatch:
    """Why shares are not those expected: of a name that is none also the names there are."""

    reason: str
    name: str = ""
    known: tuple[str, ...] = ()


def compare_split(expected: Iterable[tuple[str, Fraction]], actual: Shares, names: Names) -> SplitMismatch | None:
    """Compare shares exactly: every destination that gets requests belongs to one name, and every name has its share."""
    owners: dict[int, str] = {}
    for name, share in expected:
        several = names.ambiguous(name.partition(":")[0])
        if several:
            return SplitMismatch(f"`{name}` is not clear: write {several}")
        senses = _senses(name, actual, names)
        if len(senses) > 1:
            return SplitMismatch(f"`{name}` may mean {' or '.join(sorted(senses))}: write {_full_names(actual, names)}")
        arms = next(iter(senses.values()), frozenset())
        if not arms and share:
            return SplitMismatch(f"no destination is named `{name}`", name, _all_names(actual, names))
        for arm in arms:
            if arm in owners:
                both = f"`{owners[arm]}` and `{name}`"
                return SplitMismatch(f"both {both} name {arm_name(actual[arm], names)}: name each destination once")
            owners[arm] = name
        found = sum((actual[arm][2] for arm in arms), Fraction(0))
        if found != share:
            return SplitMismatch("")
    left = [arm_name(arm, names) for index, arm in enumerate(actual) if index not in owners]
    return SplitMismatch(f"nothing is expected for {' and '.join(left)}") if left else None


def _senses(name: str, actual: Shares, names: Names) -> dict[str, frozenset[int]]:
    """Return the destinations a name means, by each sense it has; two senses of the same destinations are one."""
    found: dict[str, set[int]] = {}
    for index, (cluster, subset, _share) in enumerate(actual):
        for sense, words in _words(cluster, subset, names):
            if name in words:
                found.setdefault(sense, set()).add(index)
    distinct: dict[frozenset[int], str] = {}
    for sense, arms in found.items():
        distinct.setdefault(frozenset(arms), sense)
    return {sense: arms for arms, sense in distinct.items()}


def _words(cluster: str, subset: Subset, names: Names) -> Iterable[tuple[str, set[str]]]:
    upstream = set(names.of(cluster))
    cut = subset_names(subset)
    yield "an upstream", upstream
    yield "a subset", cut
    yield "both", {f"{one}:{other}" for one in upstream for other in cut}


def subset_names(subset: Subset) -> set[str]:
    """Return the names of a subset: its pairs, and of a single pair its value."""
    if not subset:
        return set()
    return {subset_text(subset), *([subset[0][1]] if len(subset) == 1 else [])}


def subset_text(subset: Subset) -> str:
    """Write a subset as `key=value` pairs."""
    return ",".join(f"{key}={value}" for key, value in subset)


def arm_name(arm: tuple[str, Subset, Fraction], names: Names) -> str:
    """Return the full name of a destination."""
    cluster, subset, _share = arm
    return names.shown(cluster) + (f":{subset_text(subset)}" if subset else "")


def _all_names(actual: Shares, names: Names) -> tuple[str, ...]:
    return tuple(sorted({word for arm in actual for _sense, words in _words(arm[0], arm[1], names) for word in words}))


def _full_names(actual: Shares, names: Names) -> str:
    return " or ".join(f"`{arm_name(arm, names)}`" for arm in actual)


def percent(share: Fraction) -> str:
    """Write a share as a percentage, and as a fraction where that is not exact."""
    value = share * 100
    written = f"{float(value):.12g}"
    return f"{written}%" if Fraction(written) == value else f"{share} ({float(value):.6g}%)"
