"""A snapshot as it is sent: every resource packed once, whoever asks for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from edgesim.dialects.envoy import Kind, Part, Resources
from edgesim.envoy.discovery_messages import resource, response
from edgesim.envoy.protobufs import packed
from edgesim.envoy.scalars import UnencodableError
from edgesim.model import UpdateRefusedError

NOTHING = Resources({}, {}, {}, {}, {})


@dataclass(frozen=True, slots=True)
class Packed:
    """A resource as a part of a response, and a digest of it."""

    content: bytes
    digest: bytes


@dataclass(frozen=True, slots=True, eq=False)
class Served:
    """A snapshot, and its resources packed by kind and name. Two are the same only where they are one."""

    resources: Resources
    packed: Mapping[Kind, Mapping[str, Packed]]
    whole: dict[Kind, Offer] = field(default_factory=dict)
    """Offers of all there is of a kind, made when they are wanted first."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a stream is to have of a kind: a version that is the same for the same resources, and the response."""

    version: str
    message: bytes
    names: frozenset[str]


def serve(resources: Resources, before: Served | None = None) -> Served:
    """Pack a snapshot; what is as before is taken from there. Slow with many resources: call it off the event loop.

    Raises UpdateRefusedError for what Envoy's messages cannot hold.
    """
    return Served(resources, {kind: _pack(kind, resources.of(kind), before) for kind in Kind})


def _pack(kind: Kind, parts: Mapping[str, Part], before: Served | None) -> dict[str, Packed]:
    known = {} if before is None else before.resources.of(kind)
    ready = {} if before is None else before.packed[kind]
    return {
        name: ready[name] if name in ready and known[name] == part else _one(kind, name, part)
        for name, part in parts.items()
    }


def _one(kind: Kind, name: str, part: Part) -> Packed:
    try:
        content = packed({"@type": kind.type_url, **part})
    except UnencodableError as found:
        raise UpdateRefusedError(f"this cannot be told to Envoy: {found}", name) from None
    return Packed(resource(content), sha256(content).digest())


def offer_all(served: Served, kind: Kind) -> Offer:
    """Return the offer of all resources of a kind."""
    found = served.whole.get(kind)
    if found is None:
        found = served.whole[kind] = offer(kind, served.packed[kind])
    return found


def offer(kind: Kind, parts: Mapping[str, Packed]) -> Offer:
    """Return the offer of some resources; its version does not depend on their order."""
    version = _version(parts[name].digest for name in sorted(parts))
    message = response(kind.type_url, version, (each.content for each in parts.values()))
    return Offer(version, message, frozenset(parts))


def _version(digests: Iterable[bytes]) -> str:
    return sha256(b"".join(digests)).hexdigest()[:16]
