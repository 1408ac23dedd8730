"""What can be broken: the upstreams that are served, their pods and endpoints, and what people call them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from edgesim.dialects import did_you_mean, find_kind
from edgesim.model import Cluster, ResourceKey, Update
from edgesim.model.clusters import endpoints_of

_POD: Final = "pod"
_ENDPOINT: Final = "endpoint"
_KINDS: Final = frozenset({"Pod", "Upstream", "Service"})


@dataclass(frozen=True, slots=True)
class Breakable:
    """Something that can be broken; `keys` are what the engine knows it by, none where no upstream sends there."""

    kind: str
    namespace: str
    name: str
    keys: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"

    def spellings(self) -> Iterator[str]:
        """Yield what people call it, the shortest first."""
        full = f"{self.namespace}/{self.name}" if self.namespace else self.name
        yield from dict.fromkeys((self.name, full, f"{self.kind}/{self.name}", f"{self.kind}/{full}"))


class NotBreakableError(LookupError):
    """A name that is nobody's, or several's; `found` tells the second from the first."""

    def __init__(self, why: str, *, found: bool = False) -> None:
        """Say why."""
        super().__init__(why)
        self.found = found


def breakables(update: Update, pods: Iterable[ResourceKey]) -> tuple[Breakable, ...]:
    """Return everything that can be broken; `pods` are all there are, those of no upstream included.

    An address at which an upstream finds a pod is that pod's, also where another upstream names the address itself.
    """
    at = _pods_at(update)
    keys: dict[tuple[str, str, str], dict[str, None]] = {(_POD, pod.namespace, pod.name): {} for pod in pods}
    for cluster in update.model.clusters:
        if (owner := _owner(cluster)) is not None:
            keys.setdefault(owner, {})[cluster.name] = None
        for endpoint in endpoints_of(cluster, update.assignments):
            address = f"{endpoint.address}:{endpoint.port}"
            keys.setdefault(at.get(address, (_ENDPOINT, "", address)), {})[address] = None
    return tuple(Breakable(*identity, tuple(found)) for identity, found in keys.items())


def _owner(cluster: Cluster) -> tuple[str, str, str] | None:
    """Return whose cluster it is; edgesim's own, which stand in for what is missing, are nobody's."""
    step = next((step for step in cluster.origin if step.kind in _KINDS), None)
    return None if step is None else (step.kind.lower(), step.namespace, step.name)


def _pods_at(update: Update) -> dict[str, tuple[str, str, str]]:
    """Return which pod is at an address."""
    return {
        f"{endpoint.address}:{endpoint.port}": (_POD, cluster.service.namespace, endpoint.pod)
        for cluster in update.model.clusters
        if cluster.service is not None
        for endpoint in endpoints_of(cluster, update.assignments)
        if endpoint.pod
    }


def find(word: str, things: Iterable[Breakable]) -> Breakable:
    """Return what a word names: `NAME`, `NAMESPACE/NAME` or either behind `pod/` or `upstream/`, or `ADDRESS:PORT`.

    Raises NotBreakableError with the nearest name.
    """
    wanted, listed = _spelt(word), [*things]
    address = wanted.removeprefix(f"{_ENDPOINT}/")
    found = [thing for thing in listed if wanted in thing.spellings() or address in thing.keys]
    if len(found) > 1:
        named = ", ".join(f"`{[*thing.spellings()][-1]}`" for thing in found)
        raise NotBreakableError(f"`{word}` may be {named}: say which", found=True)
    if not found:
        hint = _meant(wanted, listed)
        raise NotBreakableError(f"there is no pod and no upstream `{word}`" + (f"; {hint}" if hint else ""))
    if not found[0].keys:
        raise NotBreakableError(f"no upstream sends to {found[0]}, so that there is nothing to break", found=True)
    return found[0]


def _spelt(word: str) -> str:
    """Return a word with its kind as `spellings` has it: `po/echo` is `pod/echo`."""
    first, slash, rest = word.partition("/")
    kind = find_kind(first) if slash else None
    return f"{kind.singular}/{rest}" if kind is not None and kind.kind in _KINDS else word


def _meant(word: str, things: Iterable[Breakable]) -> str:
    """Return the hint for a name that is none: one that begins so (a pod's by its Deployment), else the nearest."""
    names = [name for thing in things for name in thing.spellings()]
    begun = [name for name in names if word and name.startswith(word)]
    return f"did you mean `{min(begun, key=len)}`?" if begun else did_you_mean(word, names)


def said_of(keys: Mapping[str, object], things: Iterable[Breakable]) -> Iterator[Breakable]:
    """Yield what is called by keys of the engine; those that are nobody's any more as endpoints."""
    left = dict.fromkeys(keys)
    for thing in things:
        if thing.keys and all(key in keys for key in thing.keys):
            yield thing
            for key in thing.keys:
                left.pop(key, None)
    for key in left:
        yield Breakable(_ENDPOINT, "", key, (key,))
