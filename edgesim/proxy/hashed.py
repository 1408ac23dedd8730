"""By what a request's endpoint is chosen: the hash of what is forwarded, as in Envoy.

Envoy changes path, host and headers before it picks; a sticky split, chosen before that, hashes what came. Where a route
changes nothing that is hashed, what came is what is forwarded, and nothing is written for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from edgesim.balancing.hashing import HASHED
from edgesim.http1.fields import NOT_FORWARDED, repeated
from edgesim.model import RequestHead
from edgesim.model.policies import HashKind, HashPolicy
from edgesim.policies.hashing import hash_request
from edgesim.proxy.heads import fields_before_pick

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
