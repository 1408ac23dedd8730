"""How requests and answers of a route are treated: made once for all routes that say the same.

A table may hold a hundred thousand routes and a handful of policies. What costs something to compile is
found here by what it is made from; a route's own `Plan` adds what is its alone.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, TypeVar

from edgesim.http1.fields import Field, Fields
from edgesim.http1.mutations import are_fixed, request_steps, response_steps
from edgesim.model import Endpoint, ForwardAction, HostRewriteKind, ListenerOptions, Policies, RequestHead
from edgesim.policies.cors import compile_cors
from edgesim.policies.formatter import Formatter, compile_header
from edgesim.policies.hashing import compile_hash
from edgesim.policies.retries import compile_retries
from edgesim.proxy.filters import chain
from edgesim.proxy.own_process import own_process
from edgesim.routing import Decision, header_levels, host_rewrite
from edgesim.telemetry.sources import NEVER

if TYPE_CHECKING:
    from edgesim.proxy.filters import Filter

T = TypeVar("T")
DEFAULT_TIMEOUT = 15.0
"""Envoy's route timeout in seconds."""


class Rules:
    """What the policies of an arm, its route and its virtual host come to on a listener.

    `plain` says that nothing of the request changes on its way, `simple` that forwarding it takes one try
    and looks at nothing; `tail` holds the lines then added, `repeatable` that the same request always
    becomes the same bytes towards the upstream. `filters` are those the route uses, so that one it does not
    use costs nothing.
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
        usual = usual and self.fault is None and not self.faults_by_header  # a delay is not the upstream's time
        self.simple = usual and self.plain and self.retries.is_simple and not self.hash_steps
        self.tail = b"".join(b"\r\n%b: %b" % field for field in self.request_fields)
        self.filters: tuple[Filter, ...] = chain(self)

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
        self.auto_host = rewrite is not None and rewrite.kind is HostRewriteKind.AUTO
        self.forwarded_host = decision.route.policies.append_x_forwarded_host and rewrite is not None
        self.rewrites_path = decision.rewrite is not None
        self.rewrites = self.host is not None or self.auto_host or self.rewrites_path
        varies = self.auto_host or self.attempt_count or self.options.use_remote_address or _is_named(decision)
        self.repeatable = not varies and not self.varying_request

    def rewritten(self, head: RequestHead, fields: Fields, endpoint: Endpoint) -> Fields:
        """Return the fields with the Host the route asks for, and the original path where it is rewritten."""
        host = endpoint.hostname.encode() if self.auto_host else self.host(head) if self.host is not None else None
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


class AllRules:
    """The rules of one listener, each made when it is first needed and shared by all routes that say the same."""

    __slots__ = ("_by_identity", "_by_value", "_options")

    def __init__(self, options: ListenerOptions) -> None:
        """Begin with none."""
        self._options = options
        self._by_value: dict[Hashable, Rules] = {}
        # Equal policies usually are one object, and comparing objects is a tenth of comparing what is in them.
        # What they are found by is kept, so that no identity is used again.
        self._by_identity: dict[tuple[int, ...], tuple[Rules, Hashable]] = {}

    def of(self, decision: Decision) -> Rules:
        """Return the rules for a decision."""
        key = key_of(decision)
        identities = tuple(map(id, key))
        found = self._by_identity.get(identities)
        if found is not None:
            return found[0]
        rules = self._by_value.get(key)
        if rules is None:
            if len(self._by_value) >= _MOST_IDENTITIES:
                self._by_value.clear()
            rules = self._by_value[key] = Rules(decision, self._options)
        if len(self._by_identity) >= _MOST_IDENTITIES:
            self._by_identity.clear()
        self._by_identity[identities] = rules, key
        return rules


_MOST_IDENTITIES = 4096


def key_of(decision: Decision) -> tuple[Hashable, ...]:
    """Return all that rules are made from."""
    route, host, arm, action = decision.route, decision.virtual_host, decision.arm, decision.action
    arms = (None, None) if arm is None else (arm.policies, arm.headers)
    levels = (*arms, route.policies, route.headers, host.policies, host.headers)
    if not isinstance(action, ForwardAction):
        return (*levels, type(action), None, None, None)
    return (*levels, action.timeout, action.host_rewrite, bool(action.cluster_header), decision.rewrite is None)


def _compiled(text: str) -> bytes | Formatter:
    return compile_header(text, own_process())


def _is_named(decision: Decision) -> bool:
    """Tell whether the request names the cluster: such a plan is not kept, so nothing may be remembered under it."""
    return isinstance(decision.action, ForwardAction) and bool(decision.action.cluster_header)


def _first_given(route: float | None, listener: float) -> float:
    return listener if route is None else route


def _appended(fields: Fields, name: bytes, value: bytes) -> Fields:
    before = [old for key, old in fields if key == name]
    return [*(field for field in fields if field[0] != name), (name, b",".join([*before, value]))]


def _set(fields: Fields, name: bytes, value: bytes) -> Fields:
    return [*(field for field in fields if field[0] != name), (name, value)]


def _request_fields(timeout: float) -> tuple[Field, ...]:
    return () if timeout == NEVER else ((b"x-envoy-expected-rq-timeout-ms", b"%d" % round(timeout * 1000)),)
