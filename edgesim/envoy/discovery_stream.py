"""The protocol of one stream of aggregated discovery, without its I/O: requests come in, what is due comes out.

State of the world (Envoy's page "xDS REST and gRPC protocol"): a request wants resources of a type, and answers the
last response of that type, which it names by its nonce: it acknowledges that response, or refuses it and says why.

Everything is made before it is broken. An Envoy gets listeners when it has acknowledged the clusters that they and
their routes name (which it does when those are warm), routes after listeners, and keeps the clusters of before until
it has routes that name them no more. When it refuses a part of a snapshot it is sent all of what it had before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from edgesim.dialects.envoy import Kind
from edgesim.envoy.discovery_messages import Request, nonce
from edgesim.envoy.served import Offer, Packed, Served, offer, offer_all

_KINDS: Final = {kind.type_url: kind for kind in Kind}
_IN_ORDER: Final = (Kind.CLUSTER, Kind.ENDPOINTS, Kind.SECRET, Kind.LISTENER, Kind.ROUTES)
_AFTER: Final = {Kind.LISTENER: (Kind.CLUSTER,), Kind.ROUTES: (Kind.CLUSTER, Kind.LISTENER)}
_WHOLE: Final = frozenset((Kind.CLUSTER, Kind.LISTENER))
"""The kinds of which one may ask for all."""
_KEPT: Final = frozenset((Kind.CLUSTER, Kind.LISTENER, Kind.ROUTES))
"""The kinds of which an Envoy that connects again still has what it says: the others it may wait for anew."""
_ALL: Final = "*"


@dataclass(frozen=True, slots=True)
class Refused:
    """What an Envoy says against a part of what it was sent; `before` is what it has instead."""

    kind: Kind
    reason: str
    served: Served
    before: Served | None


@dataclass(slots=True)
class Watch:
    """What a stream wants of a kind, and what became of it."""

    names: frozenset[str]
    whole: bool
    claimed: str
    """The version that it had when the stream began."""
    wants: bool = True
    """Whether it waits for a response whatever it has."""
    nonce: str = ""
    sent: Offer | None = None
    sent_of: Served | None = None
    answered: bool = True
    has_of: Served | None = None
    """The snapshot of which it has everything of this kind."""
    has: Offer | None = None
    refused_of: Served | None = None
    """The snapshot of which it refused what was sent last."""


@dataclass(slots=True)
class Stream:
    """One Envoy's stream."""

    latest: Served | None = None
    base: Served | None = None
    """What it took as a whole the last time."""
    kept: Mapping[str, Packed] = field(default_factory=dict)
    """The clusters that its listeners and routes may name: of all it was sent since it had a snapshot as a whole."""
    refused: Served | None = None
    watches: dict[Kind, Watch] = field(default_factory=dict)
    _number: int = 0

    @property
    def target(self) -> Served | None:
        """What it should have: the latest snapshot, or where it refused that, what it had before."""
        return self.base if self.refused is self.latest else self.latest

    @property
    def settled(self) -> bool:
        """Whether it has exactly the latest snapshot, and has answered all it was sent."""
        latest, cluster = self.latest, self.watches.get(Kind.CLUSTER)
        if latest is None or self.base is not latest or not all(watch.answered for watch in self.watches.values()):
            return False
        sent = None if cluster is None else cluster.sent
        return sent is None or sent.version == offer_all(latest, Kind.CLUSTER).version

    def serve(self, served: Served) -> None:
        """Serve another snapshot from now on."""
        self.latest = served

    # -- what comes in ---------------------------------------------------------------------------

    def hear(self, request: Request) -> Refused | None:
        """Take a request; returns what it refuses, if it does. One that answers an older response says nothing."""
        kind = _KINDS.get(request.type_url)
        if kind is None:
            return None
        watch = self.watches.get(kind)
        if watch is None:
            self.watches[kind] = Watch(*_wanted(kind, request, was_whole=True), request.version)
            return None
        if request.nonce != watch.nonce:
            return None
        return self._answer(kind, watch, request)

    def _answer(self, kind: Kind, watch: Watch, request: Request) -> Refused | None:
        first, watch.answered = not watch.answered, True
        names, whole = _wanted(kind, request, was_whole=watch.whole)
        grown = (whole and not watch.whole) or not names <= watch.names
        if watch.sent is None or grown or (not first and names == watch.names):
            watch.wants = True  # asked again without an answer to give: it waits for them
        watch.names, watch.whole = names, whole
        if not first or watch.sent is None or watch.sent_of is None:
            return None
        if request.error is None:
            watch.has, watch.has_of = watch.sent, watch.sent_of
            self._complete()
            return None
        watch.refused_of = watch.sent_of
        return self._refuse(kind, watch.sent_of, request.error)

    def _refuse(self, kind: Kind, served: Served, reason: str) -> Refused:
        found = Refused(kind, reason, served, self.base)
        if served is self.latest and served is not self.base:
            self.refused = served
        return found

    def _complete(self) -> None:
        """Note when it has all of its target: then nothing names the clusters of before any more."""
        target = self.target
        if target is None or not all(map(self._has, _KEPT)):
            return
        routes = self.watches[Kind.ROUTES].names if Kind.ROUTES in self.watches else frozenset()
        if target.resources.routes.keys() <= routes:
            self.base, self.kept = target, target.packed[Kind.CLUSTER]

    def _has(self, kind: Kind) -> bool:
        """Tell whether it has all of a kind of its target, or never asked for it."""
        watch = self.watches.get(kind)
        return watch is None or (watch.has_of is not None and watch.has_of is self.target)

    # -- what goes out ---------------------------------------------------------------------------

    def due(self) -> Iterator[bytes]:
        """Yield the responses that are to be sent now, in order."""
        before: tuple[object, object] = (self, self)
        while before[0] is not self.base or before[1] is not self.kept:
            before = self.base, self.kept
            for kind in _IN_ORDER:
                watch = self.watches.get(kind)
                if watch is not None:
                    yield from self._due(kind, watch)

    def _due(self, kind: Kind, watch: Watch) -> Iterator[bytes]:
        source = self._source(kind, watch)
        if source is None:
            return
        found = self._offer(kind, watch, source)
        if found is None:
            watch.has_of = source  # which has nothing of what it asks for
            self._complete()
            return
        if watch.sent is None and kind in _KEPT and watch.claimed == found.version:
            watch.sent = watch.has = found  # of a stream before this one
            watch.wants = False
        if self._is_sent(watch, source, found):
            self._same(watch, source)
            return
        self._number += 1
        watch.nonce, watch.sent, watch.sent_of, watch.refused_of = str(self._number), found, source, None
        watch.answered = watch.wants = False
        if kind in _AFTER:
            self.kept = {**self.kept, **source.packed[Kind.CLUSTER]}
        yield found.message + nonce(watch.nonce)

    def _is_sent(self, watch: Watch, source: Served, found: Offer) -> bool:
        """Tell whether there is nothing to send: what another snapshot was refused for is tried once more."""
        again = watch.refused_of is not None and watch.refused_of is not source
        return watch.sent is not None and watch.sent.version == found.version and not watch.wants and not again

    def _same(self, watch: Watch, source: Served) -> None:
        """Note that what was sent is what another snapshot has, too."""
        watch.sent_of = source
        if watch.has is watch.sent:
            watch.has_of = source
            self._complete()

    def _source(self, kind: Kind, watch: Watch) -> Served | None:
        """Return the snapshot of which it is sent a kind now.

        While its target must wait for another kind, it is sent again what it was sent, where it asks for it.
        """
        if all(map(self._has, _AFTER.get(kind, ()))):
            return self.target
        return watch.sent_of if watch.wants else None

    def _offer(self, kind: Kind, watch: Watch, source: Served) -> Offer | None:
        parts = source.packed[kind]
        if kind is Kind.CLUSTER and not self.kept.keys() <= parts.keys():
            parts = {**self.kept, **parts}
        elif watch.whole:
            return offer_all(source, kind)
        if not watch.whole:
            parts = self._named(kind, watch.names, parts)
        return offer(kind, parts) if parts or watch.whole else None

    def _named(self, kind: Kind, names: frozenset[str], parts: Mapping[str, Packed]) -> dict[str, Packed]:
        """Return the resources of some names, those that only the snapshot before has included."""
        before = {} if self.base is None else self.base.packed[kind]
        known = {name: parts.get(name) or before.get(name) for name in sorted(names)}
        return {name: part for name, part in known.items() if part is not None}


def _wanted(kind: Kind, request: Request, *, was_whole: bool) -> tuple[frozenset[str], bool]:
    """Return the names that a request wants, and whether it wants all: by a star, or as long as it named none."""
    names = frozenset(request.names)
    whole = kind in _WHOLE and (_ALL in names or (not names and was_whole))
    return names - {_ALL}, whole
