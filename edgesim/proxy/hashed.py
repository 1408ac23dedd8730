"""By what a request's endpoint is chosen: the hash of what is forwarded, as in Envoy.

Envoy changes path, host and headers before it picks; a sticky split, chosen before that, hashes what routes see: what
came, but for the headers that the proxy itself makes or takes away. Where nothing that is hashed is changed, what came is
what is forwarded, and nothing is written for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from edgesim.balancing.hashing import HASHED
from edgesim.http1.fields import NOT_FORWARDED, repeated
from edgesim.model import RequestHead
from edgesim.model.policies import HashKind, HashPolicy
from edgesim.policies.hashing import arm_draw, hash_request
from edgesim.proxy.heads import fields_before_pick
from edgesim.proxy.seen import as_seen

if TYPE_CHECKING:
    from edgesim.proxy.clusters import ClusterRuntime
    from edgesim.proxy.exchange import Exchange
    from edgesim.proxy.plan import Plan

_CHANGED = NOT_FORWARDED | {b"te", b"x-request-id"}
_CHANGED_FAMILIES = (b"x-forwarded-", b"x-envoy-")


def changes_by_itself(policies: Iterable[HashPolicy]) -> bool:
    """Tell whether a header is hashed that the proxy sets or removes on every route."""
    names = (policy.name.lower().encode() for policy in policies if policy.kind is HashKind.HEADER)
    return any(name in _CHANGED or name.startswith(_CHANGED_FAMILIES) for name in names)


def sticky_draw(exchange: Exchange, plan: Plan, draw: int) -> int:
    """Hash a request for a sticky split, of which this is an arm's plan; return the draw, the one given without a hash."""
    rules, downstream = plan.rules, exchange.downstream
    head = exchange.request.head
    if rules.hashes_made:
        head = as_seen(exchange, downstream.listener.snapshot, head)
    exchange.hashed = hash_request(rules.hash_steps, head, downstream.ends)
    return arm_draw(exchange.hashed, draw)


def hash_for_pick(exchange: Exchange, plan: Plan) -> None:
    """Hash a request if its cluster picks by a hash: a balancer that needs none makes no cookie, as in Envoy."""
    rules = plan.rules
    if not rules.hash_steps or not _hashes(plan.cluster):
        return
    head = _as_forwarded(exchange, plan) if rules.hashes_forwarded else exchange.request.head
    exchange.hashed = hash_request(rules.hash_steps, head, exchange.downstream.ends)


def _hashes(cluster: ClusterRuntime | None) -> bool:
    return cluster is not None and cluster.cluster.balancer.kind in HASHED


def _as_forwarded(exchange: Exchange, plan: Plan) -> RequestHead:
    """Return the head that an endpoint will get, whichever it is."""
    head, fields = exchange.request.head, fields_before_pick(exchange, plan)
    path = head.path if plan.rewrite is None else plan.rewrite(head.path)
    headers = dict(fields)
    return RequestHead(head.method, headers.get(b"host", head.authority), path, head.query, headers, repeated(fields))
