"""The pieces a revision is made of, and which of them differ from the one before. Pure.

Of 30,000 pieces one or two differ from one revision to the next, so what is the identical object as before is
never looked into, and where a whole tuple is, none of it is touched.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import compress
from operator import is_not
from typing import Any

from edgesim.config.applied import same_but_for_apply
from edgesim.config.revisions import BATCH, ORDER, RESOURCE, ROUTES, Key, Snapshot, batch_key
from edgesim.model import Cluster, Listener, VirtualHost

Named = VirtualHost | Cluster | Listener
Parts = Mapping[str, tuple[Named, ...]]
"""What a model is made of, by the kind of its pieces."""


@dataclass(frozen=True, slots=True)
class Differing:
    """The pieces that are not the identical objects of before, and the keys of those that are no more."""

    pieces: dict[Key, Any] = field(default_factory=dict)
    gone: tuple[Key, ...] = ()


def parts_of(snapshot: Snapshot) -> Parts:
    """Return what the model of a snapshot is made of."""
    model = snapshot.model
    return {
        "host": model.virtual_hosts, "whole": snapshot.whole, "cluster": model.clusters, "listener": model.listeners
    }  # fmt: skip


def differing(present: Mapping[Key, Any], before: Parts, snapshot: Snapshot) -> Differing:
    """Return what differs from the pieces at `present`, whose model was made of `before` where that is known."""
    steps = [_of_kind(kind, present, before.get(kind), pieces) for kind, pieces in parts_of(snapshot).items()]
    if snapshot.current:  # what waits behind a freeze is in no revision: the resources stay those it came of
        steps.append(
            ({(RESOURCE, each.label): each for each in snapshot.resources}, _resources_gone(present, snapshot))
        )
    found = {key: piece for pieces, _ in steps for key, piece in pieces.items()}
    gone = dict.fromkeys(key for _, keys in steps for key in keys)  # in an order that is the same each time
    return Differing(
        {key: piece for key, piece in found.items() if present.get(key) is not piece},
        tuple(key for key in gone if key not in found and key in present),
    )


def _of_kind(
    kind: str, present: Mapping[Key, Any], old: tuple[Named, ...] | None, new: tuple[Named, ...]
) -> tuple[dict[Key, Any], Iterable[Key]]:
    """Return the pieces of a kind that may differ, and the keys of those that may be no more."""
    if old is new:
        return {}, ()
    places = None if old is None else _same_names(old, new)
    if old is None or places is None:
        order = {(ORDER, kind): tuple(each.name for each in new)}
        return _pieces_of(kind, new) | order, [key for key in present if _is_of(key, kind)]
    pairs = [(old[place], new[place]) for place in places]
    found = {key: piece for pair in pairs for key, piece in _replaced(kind, *pair).items()}
    return found, _pieces_of(kind, (one for one, other in pairs if not _is_alike(one, other)))


def _same_names(old: tuple[Named, ...], new: tuple[Named, ...]) -> list[int] | None:
    """Return the places where pieces differ; None where not all of them go by the names they had."""
    if len(old) != len(new):
        return None
    places = [place for place, (one, other) in enumerate(zip(old, new, strict=True)) if one is not other]
    return places if all(old[place].name == new[place].name for place in places) else None


def _pieces_of(kind: str, pieces: Iterable[Named]) -> dict[Key, Any]:
    """Return pieces by their keys; many routes of a virtual host are pieces of their own, in batches."""
    found: dict[Key, Any] = {}
    for piece in pieces:
        if isinstance(piece, VirtualHost) and len(piece.routes) > BATCH:
            found[kind, piece.name] = replace(piece, routes=())
            found |= _batches(kind, piece)
        else:
            found[kind, piece.name] = piece
    return found


def _replaced(kind: str, old: Named, new: Named) -> dict[Key, Any]:
    """Return the pieces of one that took another's place; of many routes the batches in which some are others."""
    if not (isinstance(old, VirtualHost) and isinstance(new, VirtualHost) and _is_alike(old, new)):
        return _pieces_of(kind, [new])
    other = compress(range(len(new.routes)), map(is_not, old.routes, new.routes))
    starts = dict.fromkeys(place // BATCH * BATCH for place in other)
    head = {(kind, new.name): replace(new, routes=())}
    return head | {batch_key(kind, new.name, start): new.routes[start : start + BATCH] for start in starts}


def _is_alike(old: Named, new: Named) -> bool:
    """Tell whether these are virtual hosts whose many routes make equally many batches."""
    if not (isinstance(old, VirtualHost) and isinstance(new, VirtualHost)):
        return False
    return len(old.routes) == len(new.routes) > BATCH


def _batches(kind: str, host: VirtualHost) -> dict[Key, Any]:
    starts = range(0, len(host.routes), BATCH)
    return {batch_key(kind, host.name, start): host.routes[start : start + BATCH] for start in starts}


def _is_of(key: Key, kind: str) -> bool:
    """Tell whether a piece is of a kind, or routes of one."""
    return key[0] == kind or (key[0] == ROUTES and key[1].startswith(f"{kind} "))


def _resources_gone(present: Mapping[Key, Any], snapshot: Snapshot) -> Iterable[Key]:
    if snapshot.gone is None:
        return (key for key in present if key[0] == RESOURCE)
    return ((RESOURCE, str(key)) for key in snapshot.gone)


def is_same(key: Key, present: Mapping[Key, Any], piece: Any) -> bool:
    """Tell whether a piece is as it was; where a resource was written, by whom, and if by `apply`, does not count."""
    if key not in present:
        return False
    old = present[key]
    if key[0] == RESOURCE:
        return same_but_for_apply(old.manifest, piece.manifest)
    return bool(old == piece)


def is_reordered(key: Key, present: Mapping[Key, Any], piece: Any) -> bool:
    """Tell whether a piece is the order of what it was the order of: an object that went and came is the last."""
    return key[0] == ORDER and key in present and sorted(present[key]) == sorted(piece)
