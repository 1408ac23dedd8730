"""What is taken down of an instance: revisions, what blocked them, and the pieces they are made of. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import msgspec

from edgesim.config.encoding import DamagedError, StoredResource, pack, pack_resource, unpack, unpack_resource
from edgesim.model import Cluster, Listener, Model, Problem, ResourceKey, Route, VirtualHost

Key = tuple[str, str]
RESOURCE: Final = "resource"
ORDER: Final = "order"
ROUTES: Final = "routes"
BATCH: Final = 64
"""Routes in a piece. A table may have 100,000 of them, of which one changes at a time."""
_KINDS: Final[Mapping[str, type[Any]]] = {
    "host": VirtualHost, "whole": VirtualHost, ROUTES: tuple, "cluster": Cluster, "listener": Listener
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
    `standing` are those that are there also when nobody declares them. Where `gone` is not None, `resources`
    are only those that differ from what was recorded before, and these are there no more.
    """

    time: datetime
    model: Model
    whole: tuple[VirtualHost, ...]
    resources: Sequence[StoredResource]
    current: bool
    problems: tuple[Problem, ...] = ()
    waiting: tuple[ResourceKey, ...] = ()
    standing: frozenset[ResourceKey] = frozenset()
    gone: tuple[ResourceKey, ...] | None = None


def batch_key(kind: str, name: str, start: int) -> Key:
    """Return the key of the routes of a virtual host from one on."""
    return ROUTES, f"{kind} {name} {start}"


def resource_changes(
    present: Mapping[Key, Any], puts: Mapping[Key, Any], gone: Iterable[Key], standing: frozenset[ResourceKey]
) -> list[ResourceChange]:
    """Return what becomes of resources; a `standing` one is only ever configured: it was and stays there."""
    changes = [
        ResourceChange("configured" if key in present or piece.key in standing else "created", piece.key)
        for key, piece in puts.items()
        if key[0] == RESOURCE
    ]
    ended = (present[key].key for key in gone if key[0] == RESOURCE)
    return changes + [ResourceChange("configured" if key in standing else "deleted", key) for key in ended]


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
        return tuple(_whole(kind, pieces[kind, name], pieces) for name in pieces[ORDER, kind])

    model = Model(ordered("host"), ordered("cluster"), ordered("listener"))
    resources = tuple(pieces[key] for key in sorted(key for key in pieces if key[0] == RESOURCE))
    return Revision(number, time, model, ordered("whole"), resources)


def _whole(kind: str, piece: Any, pieces: Mapping[Key, Any]) -> Any:
    """Return a piece with the routes that were put apart; a batch that is missing is missed by their number."""
    if not isinstance(piece, VirtualHost) or batch_key(kind, piece.name, 0) not in pieces:
        return piece
    routes: list[Route] = []
    while (batch := pieces.get(batch_key(kind, piece.name, len(routes)))) is not None:
        routes += batch
    return replace(piece, routes=tuple(routes))


def _names(data: bytes) -> tuple[str, ...]:
    try:
        return msgspec.msgpack.decode(data, type=tuple[str, ...])
    except msgspec.MsgspecError as error:
        raise DamagedError(f"no names: {error}") from None
