"""How requests and answers of a route are treated; `shared_rules` makes it once for all routes that say the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from edgesim.http1.fields import Field, Fields
from edgesim.http1.mutations import are_fixed, request_steps, response_steps
from edgesim.model import Endpoint, ForwardAction, HostRewrite, HostRewriteKind, ListenerOptions, Policies, RequestHead
from edgesim.model.policies import OnEmpty
from edgesim.policies.cors import compile_cors
from edgesim.policies.formatter import Formatter, compile_header
from edgesim.policies.hashing import compile_hash
from edgesim.policies.retries import compile_retries
from edgesim.proxy.hashed import changes_by_itself
from edgesim.proxy.own_process import own_process
from edgesim.routing import Decision, header_levels, host_rewrite
from edgesim.telemetry.sources import NEVER

T = TypeVar("T")
DEFAULT_TIMEOUT = 15.0
"""Envoy's route timeout in seconds."""


class Rules:
    """What the policies of an arm, its route and its virtual host come to on a listener.

    `plain` says that nothing of the request changes on its way, `simple` that forwarding it takes one try
    and looks at nothing; `tail` holds the lines then added, `repeatable` that the same request always
    becomes the same bytes towards the upstream.
    """

    def __init__(self, decision: Decision, options: ListenerOptions) -> None:
        """Prepare for a decision and all others of the same `key_of`."""
        self.options = options
        self._read_levels(decision)
        self._read_headers(decision)
        self._read_rewrites(decision)
        self.timeout = self.retries.timeout or NEVER
        self.request_fields = () if options.suppress_envoy_headers else _request_fields(self.timeout)
        self.plain = self.repeatable and not self.rewrites and not self.request_steps
        usual = self.mirror is None and self.max_stream_duration == NEVER and options.generate_request_id
        usual = usual and not self.falls_back
        usual = usual and self.fault is None and not self.faults_by_header  # a delay is not the upstream's time
        self.simple = usual and self.plain and self.retries.is_simple and not self.hash_steps
        self.tail = b"".join(b"\r\n%b: %b" % field for field in self.request_fields)

    def _read_levels(self, decision: Decision) -> None:
        route, host = decision.route.policies, decision.virtual_host.policies
        self._levels = [route, host] if decision.arm is None else [decision.arm.policies, route, host]
        action = decision.action
        self.max_stream_duration = _first_given(route.max_stream_duration, self.options.max_stream_duration) or NEVER
        timeout = DEFAULT_TIMEOUT if not isinstance(action, ForwardAction) or action.timeout is None else action.timeout
        if route.max_stream_duration is not None:
            timeout = 0.0  # a route with a longest duration has no other timeout, as in Envoy
        self.retries = compile_retries(route.retries or host.retries, timeout)
        self.fault = route.fault
        self.faults_by_header = route.faults_by_header
        self.cors = compile_cors(route.cors, host.cors) if isinstance(action, ForwardAction) else None
        self.limits_rate = self.first(lambda level: level.local_rate_limit) is not None or (
            self.options.local_rate_limit is not None
        )
        self.mirror = route.mirror if route.mirror is not None and route.mirror.millionths else None
        self.hash_steps = compile_hash(route.hash_policies)
        self.idle_timeout = _first_given(route.idle_timeout, self.options.stream_idle_timeout)
        self.upgrades = {"websocket": self.options.websocket} | dict(route.upgrades)
        on_empty = self.first(lambda level: level.on_empty)
        self.redistributes, self.falls_back = on_empty is OnEmpty.REDISTRIBUTE, on_empty is OnEmpty.FALLBACK
        self.attempt_count = host.include_attempt_count
        self.attempt_count_in_response = host.include_attempt_count_in_response

    def first(self, get: Callable[[Policies], T | None]) -> T | None:
        """Return what the most specific level says."""
        return next((found for level in self._levels if (found := get(level)) is not None), None)

    def _read_headers(self, decision: Decision) -> None:
        levels = header_levels(decision, most_specific_wins=self.options.most_specific_mutations_win)
        self.request_steps = request_steps(levels, _compiled)
        self.varying_request = not are_fixed(self.request_steps)
        self.response_steps = response_steps(levels, _compiled)
        self.fixed_response = are_fixed(self.response_steps)
        self.fixed_answer = self.fixed_response and not self.attempt_count_in_response and not _is_named(decision)
        self.plain_answer = self.fixed_answer and not self.response_steps and not self.options.suppress_envoy_headers
        self.answer_tail = b"server: %b\r\nx-envoy-upstream-service-time: " % self.options.server_name.encode()

    def _read_rewrites(self, decision: Decision) -> None:
        action = decision.action
        rewrite = action.host_rewrite if isinstance(action, ForwardAction) else None
        self.host: Callable[[RequestHead], bytes | None] | None = host_rewrite(rewrite)
        self.host_header = _host_header(rewrite)
        self.auto_host = rewrite is not None and rewrite.kind is HostRewriteKind.AUTO
        self.forwarded_host = decision.route.policies.append_x_forwarded_host and rewrite is not None
        self.rewrites_path = decision.rewrite is not None
        self.rewrites = self.host is not None or self.auto_host or self.rewrites_path
        self.hashes_made = changes_by_itself(decision.route.policies.hash_policies)
        changed = self.rewrites or bool(self.request_steps) or self.hashes_made
        self.hashes_forwarded = bool(self.hash_steps) and changed
        varies = self.auto_host or self.attempt_count or self.options.use_remote_address or _is_named(decision)
        self.repeatable = not varies and not self.varying_request

    def _new_host(self, head: RequestHead, fields: Fields, endpoint: Endpoint) -> bytes | None:
        """Return the Host the route asks for, None for the client's; a header is read as routes changed it."""
        if self.auto_host:
            return endpoint.hostname.encode()
        if self.host_header:
            return next((value for name, value in fields if name == self.host_header), None)
        return self.host(head) if self.host is not None else None

    def rewritten(self, head: RequestHead, fields: Fields, endpoint: Endpoint) -> Fields:
        """Return the fields with the Host the route asks for, and the original path where it is rewritten."""
        host = self._new_host(head, fields, endpoint)
        quiet = self.options.suppress_envoy_headers
        if host:
            fields = [field if field[0] != b"host" else (b"host", host) for field in fields]
            if self.forwarded_host:
                fields = _appended(fields, b"x-forwarded-host", head.authority)
            if not quiet:
                fields = _set(fields, b"x-envoy-original-host", head.authority)
        if not self.rewrites_path or quiet:
            return fields
        original = head.path if head.query is None else head.path + b"?" + head.query
        return _set(fields, b"x-envoy-original-path", original)


def _compiled(text: str) -> bytes | Formatter:
    return compile_header(text, own_process())


def _is_named(decision: Decision) -> bool:
    """Tell whether the request names the cluster: such a plan is not kept, so nothing may be remembered under it."""
    return isinstance(decision.action, ForwardAction) and bool(decision.action.cluster_header)


def _first_given(route: float | None, listener: float) -> float:
    return listener if route is None else route


def _host_header(rewrite: HostRewrite | None) -> bytes:
    """Return the header that holds the new Host, where it is among the fields: a new request id is not yet."""
    if rewrite is None or rewrite.kind is not HostRewriteKind.HEADER:
        return b""
    name = rewrite.value.lower().encode()
    return b"" if name.startswith(b":") or name in {b"host", b"x-request-id"} else name


def _appended(fields: Fields, name: bytes, value: bytes) -> Fields:
    before = [old for key, old in fields if key == name]
    return [*(field for field in fields if field[0] != name), (name, b",".join([*before, value]))]


def _set(fields: Fields, name: bytes, value: bytes) -> Fields:
    return [*(field for field in fields if field[0] != name), (name, value)]


def _request_fields(timeout: float) -> tuple[Field, ...]:
    return () if timeout == NEVER else ((b"x-envoy-expected-rq-timeout-ms", b"%d" % round(timeout * 1000)),)
