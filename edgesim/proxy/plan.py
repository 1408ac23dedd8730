"""What serving derives from a decision, once for all of its kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgesim.model import DirectResponseAction, ListenerOptions, Policies
from edgesim.policies.local_rate_limit import Bucket, Limit, compile_limit
from edgesim.routing import Decision

if TYPE_CHECKING:
    from edgesim.proxy.clusters import ClusterRuntime
    from edgesim.proxy.shared_rules import Shared

Buckets = dict[tuple[str, int] | None, Bucket]
"""Tokens by what they belong to: a virtual host and the identity of an arm or a route, 0 for all of the host; None for
the listener. Two hosts may share a route, which has tokens in each, as in Envoy."""


class Plan:
    """How to serve requests for which a decision of one kind was made.

    There may be thousands, so what others share is in `rules`, but for what every request asks.
    `response` is the answer where nothing is forwarded, by the route's action or by its cluster.
    """

    __slots__ = (
        "bucket",
        "cluster",
        "filters",
        "limit",
        "redistributes",
        "response",
        "retries",
        "rewrite",
        "rules",
        "simple",
        "subset",
        "timeout",
    )

    def __init__(self, decision: Decision, cluster: ClusterRuntime | None, shared: Shared, buckets: Buckets) -> None:
        """Prepare for a decision; `cluster` is None when nothing is forwarded or the cluster is unknown.

        `buckets` holds the tokens of each level of the listener that limits a rate.
        """
        self.rewrite = decision.rewrite
        rules, self.filters = shared
        self.rules = rules
        self.retries = rules.retries
        self.simple = rules.simple
        self.timeout = rules.timeout
        self.subset = decision.destination.subset if decision.destination is not None else ()
        self.response = _response(decision, cluster)
        self.cluster = cluster if self.response is None else None
        self.redistributes = decision.arm is not None and self.cluster is not None and rules.redistributes
        self.limit: Limit | None = None
        self.bucket: Bucket | None = None
        if rules.limits_rate:
            self._read_limit(decision, rules.options, buckets)

    def _read_limit(self, decision: Decision, options: ListenerOptions, buckets: Buckets) -> None:
        """Find the most specific rate limit; all that share the level share its tokens."""
        arm, route, host = decision.arm, decision.route, decision.virtual_host
        levels: list[tuple[tuple[str, int] | None, Policies | ListenerOptions]]
        levels = [((host.name, id(route)), route.policies), ((host.name, 0), host.policies), (None, options)]
        if arm is not None:
            levels.insert(0, ((host.name, id(arm)), arm.policies))
        key, given = next((found for found in levels if found[1].local_rate_limit is not None), (None, options))
        if given.local_rate_limit is not None:
            self.limit = compile_limit(given.local_rate_limit)
            self.bucket = buckets.setdefault(key, Bucket(self.limit, 0.0))


def _response(decision: Decision, cluster: ClusterRuntime | None) -> DirectResponseAction | None:
    """Return the answer that is known without an upstream."""
    if isinstance(decision.action, DirectResponseAction):
        return decision.action
    return None if cluster is None else cluster.cluster.response
