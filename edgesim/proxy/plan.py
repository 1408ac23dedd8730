"""What serving derives from a decision, once per snapshot: bytes ready to send, steps ready to run."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from edgesim.http1.fields import Field, Fields
from edgesim.http1.mutations import request_steps, response_steps
from edgesim.model import DirectResponseAction, Endpoint, ForwardAction, HostRewriteKind, RequestHead
from edgesim.routing import Decision, host_rewrite

if TYPE_CHECKING:
    from edgesim.proxy.clusters import ClusterRuntime

NEVER = float("inf")
DEFAULT_TIMEOUT = 15.0
"""Envoy's route timeout in seconds."""


class Plan:
    """How to serve requests for which one decision was made.

    `plain` says that nothing of the request changes on its way, `tail` holds the lines then added, and `repeatable` says that the same request always becomes the same bytes towards the upstream.
    """

    __slots__ = (
        "auto_host",
        "cluster",
        "decision",
        "host",
        "local_body",
        "local_status",
        "repeatable",
        "plain",
        "request_fields",
        "request_steps",
        "response_steps",
        "rewrites",
        "subset",
        "tail",
        "timeout",
    )

    def __init__(self, decision: Decision, cluster: ClusterRuntime | None) -> None:
        """Prepare for a decision; `cluster` is None when nothing is forwarded or the cluster is unknown."""
        action = decision.action
        levels = [decision.route.headers, decision.virtual_host.headers]
        if decision.arm is not None:
            levels.insert(0, decision.arm.headers)
        self.decision = decision
        self.cluster = cluster
        self.subset = decision.destination.subset if decision.destination is not None else ()
        self.request_steps = request_steps(levels)
        self.response_steps = response_steps(levels)
        self.local_status, self.local_body = _local(decision)
        rewrite = action.host_rewrite if isinstance(action, ForwardAction) else None
        self.host: Callable[[RequestHead], bytes | None] | None = host_rewrite(rewrite)
        self.auto_host = rewrite is not None and rewrite.kind is HostRewriteKind.AUTO
        self.rewrites = self.host is not None or self.auto_host or decision.rewrite is not None
        self.timeout = _timeout(decision)
        self.repeatable = not self.auto_host
        self.plain = not self.rewrites and not self.request_steps
        self.request_fields = _request_fields(self.timeout)
        self.tail = b"".join(b"\r\n%b: %b" % field for field in self.request_fields)

    def rewritten(self, head: RequestHead, fields: Fields, endpoint: Endpoint) -> Fields:
        """Return the fields with the Host the route asks for, and the original path where it is rewritten."""
        host = endpoint.hostname.encode() if self.auto_host else self.host(head) if self.host is not None else None
        if host:
            fields = [field if field[0] != b"host" else (b"host", host) for field in fields]
        if self.decision.rewrite is None:
            return fields
        original = head.path if head.query is None else head.path + b"?" + head.query
        return [*fields, (b"x-envoy-original-path", original)]


def _request_fields(timeout: float) -> tuple[Field, ...]:
    return () if timeout == NEVER else ((b"x-envoy-expected-rq-timeout-ms", b"%d" % round(timeout * 1000)),)


def _timeout(decision: Decision) -> float:
    timeout = decision.action.timeout if isinstance(decision.action, ForwardAction) else None
    if timeout is None:
        return DEFAULT_TIMEOUT
    return timeout or NEVER


def _local(decision: Decision) -> tuple[int, bytes]:
    """Return the answer where nothing is forwarded; an unknown cluster is an empty 503, as Envoy has it."""
    if isinstance(decision.action, DirectResponseAction):
        return decision.action.status, decision.action.body.encode()
    return 503, b""
