"""What is taken down of an instance: revisions, what blocked them, and the pieces they are made of. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from edgesim.config.encoding import DamagedError, StoredResource, pack, pack_resource, unpack, unpack_resource
from edgesim.model import Cluster, Listener, Model, Problem, ResourceKey, VirtualHost

Key = tuple[str, str]
RESOURCE: Final = "resource"
ORDER: Final = "order"
_KINDS: Final[Mapping[str, type[Any]]] = {
    "host": VirtualHost, "whole": VirtualHost, "cluster": Cluster, "listener": Listener
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ResourceChange:
    """What became of one resource from one revision to the next."""

    verb: str
    resource: ResourceKey


@dataclass(frozen=True, slots=True)
class Blockage:
    """A time in which something newer was held back: by which problems, and which resources waited.

    `until` is None while it lasts. Times are RFC 3339 texts in UTC.
    """

    since: str
    problems: tuple[Problem, ...]
    waiting: tuple[ResourceKey, ...] = ()
    until: str | None = None


@dataclass(frozen=True, slots=True)
class RevisionInfo:
    """One line of the history. `changed` is how many resources changed, `changes` the first of them."""

    number: int
    time: str
    changed: int = 0
    changes: tuple[ResourceChange, ...] = ()
    blockages: tuple[Blockage, ...] = ()


@dataclass(frozen=True, slots=True)
class Revision:
    """What was served at one time, and the resources of that moment."""

    number: int
    time: str
    model: Model
    whole: tuple[VirtualHost, ...]
    resources: tuple[StoredResource, ...]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is to be recorded: what is served, what is declared, and what waits for which problems.

    `current` says that nothing is held back by a freeze: the resources are those the model came of.
    """

    time: datetime
    model: Model
    whole: tuple[VirtualHost, ...]
    resources: Sequence[StoredResource]
    current: bool
    problems: tuple[Problem, ...] = ()
    waiting: tuple[ResourceKey, ...] = ()


def pieces_of(snapshot: Snapshot) -> dict[Key, Any]:
    """Return every piece of a revision. The order of each kind is a piece itself."""
    model = snapshot.model
    found: dict[Key, Any] = {}
    named: Mapping[str, Iterable[Any]] = {
        "host": model.virtual_hosts, "whole": snapshot.whole, "cluster": model.clusters, "listener": model.listeners
    }  # fmt: skip
    for kind, pieces in named.items():
        names = tuple(each.name for each in pieces)
        found |= {(kind, name): piece for name, piece in zip(names, pieces, strict=True)}
        found[ORDER, kind] = names
    found |= {(RESOURCE, str(each.key)): each for each in snapshot.resources}
    return found


def is_same(key: Key, present: Mapping[Key, Any], piece: Any) -> bool:
    """Tell whether a piece is as it was; where a resource was written, and by whom, does not count."""
    if key not in present:
        return False
    old = present[key]
    if old is piece:
        return True
    if key[0] == RESOURCE:
        return old.manifest is piece.manifest or bool(old.manifest == piece.manifest)
    return bool(old == piece)


def pack_piece(kind: str, piece: Any) -> bytes:
    """Write a piece of any kind."""
    if kind == ORDER:
        return msgspec.msgpack.encode(piece)
    return pack_resource(piece) if kind == RESOURCE else pack(piece)


def unpack_piece(kind: str, data: bytes) -> Any:
    """Read a piece of a kind. Raises DamagedError, KeyError for no such kind."""
    if kind == ORDER:
        return _names(data)
    return unpack_resource(data) if kind == RESOURCE else unpack(data, _KINDS[kind])


def revision_of(number: int, time: str, pieces: Mapping[Key, Any]) -> Revision:
    """Put the pieces of a revision together. Raises KeyError where one is missing."""

    def ordered(kind: str) -> tuple[Any, ...]:
        return tuple(pieces[kind, name] for name in pieces[ORDER, kind])

    model = Model(ordered("host"), ordered("cluster"), ordered("listener"))
    resources = tuple(piece for (kind, _), piece in pieces.items() if kind == RESOURCE)
    return Revision(number, time, model, ordered("whole"), resources)


def _names(data: bytes) -> tuple[str, ...]:
    try:
        return msgspec.msgpack.decode(data, type=tuple[str, ...])
    except msgspec.MsgspecError as error:
        raise DamagedError(f"no names: {error}") from None
