"""Tokens checked before a route is chosen, because their claims choose it.

The headers that claims are copied to are taken from every request first. Which route that leads to says
whether tokens are off, whether this is a preflight that CORS answers (it carries no token, and Gloo's CORS
filter comes first), and how a refusal looks. A request that passes is routed again with the claims in it.

What a head comes to is remembered with the head, as long as its tokens and keys hold.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from edgesim.model import RequestHead
from edgesim.model.policies import JwtProvider
from edgesim.policies import cors
from edgesim.policies.jwt import JwtRules, Keys, TokenCache, Verdict, apply_to_fields, apply_to_head, check
from edgesim.policies.jwt_keys import KeysError, parse_keys
from edgesim.proxy.fetch import FetchError, fetch
from edgesim.proxy.messages import Request
from edgesim.proxy.seen import find_target
from edgesim.routing import Decision, Split, Target, find_host
from edgesim.routing.rewrite import forwarded_scheme
from edgesim.telemetry import spawn

if TYPE_CHECKING:
    from edgesim.policies.cors import CorsRules
    from edgesim.proxy.exchange import Exchange
    from edgesim.proxy.plan import Plan
    from edgesim.proxy.serving import ListenerSnapshot
    from edgesim.proxy.worker import Worker

_FETCH_TIMEOUT = 5.0
"""Seconds, as Gloo tells Envoy."""
_LARGEST_KEYS = 1 << 20
_FOREVER = float("inf")
_PASSES = Verdict(until=_FOREVER)

Place = tuple[str, str]
"""Where keys are fetched from: a cluster and a URL."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """What a remembered request passes as in a snapshot, from `since` to `until`, unix seconds."""

    snapshot: ListenerSnapshot
    since: float
    until: float
    request: Request


class Tokens:
    """What a worker remembers of tokens and of keys it fetched, the latter until a moment of the wall clock."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.cache = TokenCache()
        self.fetched: dict[Place, tuple[Keys, float]] = {}
        self.waiting: dict[Place, list[Exchange]] = {}


def admit(exchange: Exchange, snapshot: ListenerSnapshot) -> bool:
    """Check a request's token; the exchange goes on with the request it has then, if this returns True."""
    request, worker = exchange.request, exchange.downstream.worker
    now = worker.wall_clock()
    known = request.admitted
    if known is not None and known.snapshot is snapshot and known.since <= now <= known.until:
        exchange.request = known.request
        return True
    table = snapshot.table
    host = find_host(table.hosts, request.head.authority)
    rules = None if host is None else snapshot.tokens.get(host.virtual_host.name)
    if rules is None or host is None:
        if not snapshot.claims.isdisjoint(request.head.headers):
            find_target(exchange, snapshot, request)
            _go_on(exchange, request, _PASSES, snapshot)
        return True
    plain = _passed(request, Verdict(drops=rules.drops))
    find_target(exchange, snapshot, plain)
    decision = None if plain.target is None else _decision(plain.target, plain.head)
    if decision is not None and _needs_no_token(decision, plain.head, snapshot):
        _go_on(exchange, plain, _PASSES, snapshot)
        return True
    jwt = host.virtual_host.policies.jwt
    return _judge(exchange, snapshot, rules, () if jwt is None else jwt.providers, plain, decision)


def _scheme(exchange: Exchange) -> bytes:
    """Return the scheme that a challenge names: what `x-forwarded-proto` says where a client may say so."""
    downstream = exchange.downstream
    remote = downstream.listener.snapshot.remote
    if remote.use_remote_address and not remote.trusted_hops:
        return downstream.scheme
    return forwarded_scheme(exchange.request.head, downstream.scheme)


def _judge(
    exchange: Exchange,
    snapshot: ListenerSnapshot,
    rules: JwtRules,
    providers: tuple[JwtProvider, ...],
    plain: Request,
    decision: Decision | None,
) -> bool:
    worker, request = exchange.downstream.worker, exchange.request
    now = worker.wall_clock()
    keys, until = _fetched(worker.tokens, providers, now)
    verdict = check(rules, request.head, now, keys, worker.tokens.cache, _scheme(exchange))
    if verdict.needs:
        _wait_for_keys(exchange, next(provider for provider in providers if provider.name == verdict.needs))
        return False
    if verdict.status and decision is not None:
        exchange.decision, exchange.plan = decision, _plan(decision, snapshot)
        _refuse(exchange, exchange.plan, plain.head, verdict)
        return False
    if verdict.status:  # Envoy's filter knows its rules by the route: without one nothing is asked, and 404 said
        exchange.request = plain
    else:
        _go_on(exchange, plain, verdict, snapshot, until)
    return True


def _go_on(
    exchange: Exchange, plain: Request, verdict: Verdict, snapshot: ListenerSnapshot, until: float = _FOREVER
) -> None:
    """Let an exchange go on with what passed, and remember it where the head itself is remembered.

    Headers of other virtual hosts' claims that a client sent are not forwarded, but routed by unless a token's claims
    are: so does Envoy's filter, which serves the whole listener and looks for the route again only then (measured on 1.40).
    """
    request = exchange.request
    exchange.request = passed = _passed(request, replace(verdict, drops=verdict.drops | snapshot.claims))
    if not verdict.adds and not snapshot.claims.isdisjoint(plain.head.headers):
        passed.snapshot, passed.target = snapshot, plain.target
    elif request.parts is not None:
        passed.parts = {}
        request.admitted = Admitted(snapshot, verdict.since, min(verdict.until, until), passed)


def _passed(request: Request, verdict: Verdict) -> Request:
    fields = apply_to_fields(verdict, request.fields)
    passed = Request(apply_to_head(verdict, request.head, fields), fields, chunked=request.chunked)
    passed.expects = request.expects
    passed.keep_alive = request.keep_alive
    passed.upgrade = request.upgrade
    passed.bodiless = request.bodiless
    passed.unchecked = request
    return passed


def _decision(target: Target, head: RequestHead) -> Decision:
    """Return a decision of the route a target belongs to; the arms of a split have the route in common."""
    if isinstance(target, Split):
        target = target.arms[0]
    return target if isinstance(target, Decision) else target(head)


def _plan(decision: Decision, snapshot: ListenerSnapshot) -> Plan:
    return snapshot.plans.get(decision.kind) or snapshot.plan(decision)


def _needs_no_token(decision: Decision, head: RequestHead, snapshot: ListenerSnapshot) -> bool:
    jwt = decision.route.policies.jwt
    if jwt is not None and jwt.disabled:
        return True
    rules, origin = _cors(_plan(decision, snapshot), head)
    return rules is not None and origin is not None and cors.preflight_fields(rules, head, origin) is not None


def _cors(plan: Plan, head: RequestHead) -> tuple[CorsRules | None, bytes | None]:
    """Return the CORS rules that hold on a route, and the request's origin where they allow it."""
    rules = plan.rules.cors
    return rules, None if rules is None else cors.allowed_origin(rules, head)


def _refuse(exchange: Exchange, plan: Plan, head: RequestHead, verdict: Verdict) -> None:
    """Answer what does not pass; a page of an allowed origin may read it."""
    rules, origin = _cors(plan, head)
    if rules is not None and origin is not None:
        exchange.answer_fields = cors.answer_fields(rules, origin)
    details = b"jwt_authn_access_denied{%b}" % verdict.body.replace(b" ", b"_")
    exchange.reply(verdict.status, verdict.body, list(verdict.fields), details=details)


# -- keys that are fetched -----------------------------------------------------------------------------


def _fetched(tokens: Tokens, providers: tuple[JwtProvider, ...], now: float) -> tuple[dict[str, Keys], float]:
    """Return the fetched keys by provider that are not too old, and until when they are all there."""
    if not tokens.fetched:
        return {}, _FOREVER
    found = {p.name: tokens.fetched.get(_place(p), ((), 0.0)) for p in providers if p.remote_url}
    fresh = {name: keys for name, (keys, until) in found.items() if until > now}
    return fresh, min((until for _, until in found.values() if until > now), default=_FOREVER)


def _place(provider: JwtProvider) -> Place:
    return provider.remote_cluster, provider.remote_url


def _wait_for_keys(exchange: Exchange, provider: JwtProvider) -> None:
    worker = exchange.downstream.worker
    waiting = worker.tokens.waiting.setdefault(_place(provider), [])
    waiting.append(exchange)
    if len(waiting) == 1:
        _ = spawn(_fetch_for_all(worker, provider), name=f"keys {provider.remote_url}")


async def _fetch_for_all(worker: Worker, provider: JwtProvider) -> None:
    """Fetch keys once for every request that waits for them.

    Failing is an empty set of keys, for those who waited only: whoever comes next asks again, as in Envoy.
    """
    tokens, place = worker.tokens, _place(provider)
    keys: Keys = ()
    try:
        body = await fetch(
            worker.snapshot.clusters.get(provider.remote_cluster), provider.remote_url, _FETCH_TIMEOUT, _LARGEST_KEYS
        )
        keys = parse_keys(body.decode())
    except (FetchError, KeysError, UnicodeDecodeError):
        pass
    finally:
        now = worker.wall_clock()
        tokens.fetched = {other: held for other, held in tokens.fetched.items() if held[1] > now}
        tokens.fetched[place] = (keys, now + provider.cache if keys else _FOREVER)
        loop = asyncio.get_running_loop()
        for exchange in tokens.waiting.pop(place, []):
            loop.call_soon(_resume, exchange)
        if not keys:
            loop.call_soon(_forget, tokens, place)


def _resume(exchange: Exchange) -> None:
    if not exchange.done:
        exchange.begin()
        exchange.flush()


def _forget(tokens: Tokens, place: Place) -> None:
    tokens.fetched.pop(place, None)
