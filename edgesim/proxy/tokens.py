"""Tokens checked before a route is chosen, because their claims choose it.

The headers that claims are copied to are taken from every request first. A route that switches tokens
off is found with the request as it then is; any other is found again with the claims in it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from edgesim.model import RequestHead, VirtualHost
from edgesim.model.policies import JwtProvider
from edgesim.policies.jwt import JwtRules, Keys, TokenCache, Verdict, apply_to_fields, apply_to_head, check, compile_jwt
from edgesim.policies.jwt_keys import KeysError, parse_keys
from edgesim.proxy.messages import Request
from edgesim.routing import Decision, Split, Target, find_host, lookup
from edgesim.telemetry import spawn

if TYPE_CHECKING:
    from edgesim.proxy.exchange import Exchange
    from edgesim.proxy.serving import Snapshot
    from edgesim.proxy.worker import Worker

_AFTER_FAILURE = 1.0
"""Seconds before keys that could not be fetched are asked for again."""
_FETCH_TIMEOUT = 5.0
_LARGEST_KEYS = 1 << 20


class Tokens:
    """What a worker remembers of tokens and of keys it fetched."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.cache = TokenCache()
        self.fetched: dict[str, tuple[Keys, float]] = {}
        self.waiting: dict[str, list[Exchange]] = {}


def admit(exchange: Exchange, snapshot: Snapshot) -> bool:
    """Check a request's token; the exchange goes on with the request that returns, if it does."""
    request, worker = exchange.request, exchange.downstream.worker
    scheme = exchange.downstream.scheme
    host = find_host(snapshot.tables[scheme].hosts, request.head.authority)
    rules = None if host is None else snapshot.tokens.get(host.virtual_host.name)
    if rules is None or host is None:
        return True
    plain = _passed(request, Verdict(drops=rules.drops))
    if _is_off(lookup(snapshot.tables[scheme], plain.head), plain.head):
        exchange.request = plain
        return True
    now = worker.wall_clock()
    providers = host.virtual_host.policies.jwt.providers if host.virtual_host.policies.jwt is not None else ()
    verdict = check(rules, request.head, now, _fresh(worker, providers, now), worker.tokens.cache, scheme)
    if verdict.needs:
        _wait_for_keys(exchange, next(p for p in providers if p.name == verdict.needs))
        return False
    if verdict.status:
        exchange.reply(verdict.status, verdict.body, list(verdict.fields))
        return False
    exchange.request = _passed(request, verdict)
    return True


def _passed(request: Request, verdict: Verdict) -> Request:
    fields = apply_to_fields(verdict, request.fields)
    passed = Request(apply_to_head(verdict, request.head, fields), fields)
    passed.keep_alive = request.keep_alive
    passed.upgrade = request.upgrade
    passed.bodiless = request.bodiless
    return passed


def _is_off(target: Target | None, head: RequestHead) -> bool:
    if target is None:
        return False
    if isinstance(target, Split):
        target = target.arms[0]
    decision = target if isinstance(target, Decision) else target(head)
    jwt = decision.route.policies.jwt
    return jwt is not None and jwt.disabled


def _fresh(worker: Worker, providers: tuple[JwtProvider, ...], now: float) -> dict[str, Keys]:
    """Return the fetched keys by provider that are not too old."""
    fetched = worker.tokens.fetched
    return {
        p.name: fetched[p.remote_url][0]
        for p in providers
        if p.remote_url in fetched and fetched[p.remote_url][1] > now
    }


def _wait_for_keys(exchange: Exchange, provider: JwtProvider) -> None:
    worker = exchange.downstream.worker
    waiting = worker.tokens.waiting.setdefault(provider.remote_url, [])
    waiting.append(exchange)
    if len(waiting) == 1:
        _ = spawn(_fetch_for_all(worker, provider), name=f"keys {provider.remote_url}")


async def _fetch_for_all(worker: Worker, provider: JwtProvider) -> None:
    """Fetch keys once for every request that waits for them; failing is an empty set of keys."""
    keys = await _fetch(worker, provider)
    until = worker.wall_clock() + (provider.cache if keys else _AFTER_FAILURE)
    worker.tokens.fetched[provider.remote_url] = (keys, until)
    for exchange in worker.tokens.waiting.pop(provider.remote_url, []):
        if not exchange.done:
            exchange.begin()
            exchange.flush()


async def _fetch(worker: Worker, provider: JwtProvider) -> Keys:
    import aiohttp  # noqa: PLC0415  # only workers that fetch keys carry it
    from yarl import URL  # noqa: PLC0415  # as above

    url = URL(provider.remote_url)
    cluster = worker.snapshot.clusters.get(provider.remote_cluster)
    endpoint = cluster.pick(()) if cluster is not None else None
    at = url if endpoint is None else url.with_host(endpoint.address).with_port(endpoint.port)
    context = cluster.tls if cluster is not None and cluster.tls is not None else True
    try:
        timeout = aiohttp.ClientTimeout(total=_FETCH_TIMEOUT)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(at, headers={"host": url.authority}, ssl=context, server_hostname=url.host) as answer,
        ):
            answer.raise_for_status()
            return parse_keys((await answer.content.read(_LARGEST_KEYS)).decode())
    except (aiohttp.ClientError, TimeoutError, KeysError, UnicodeDecodeError, OSError):
        return ()


def rules_of(hosts: Iterable[VirtualHost]) -> dict[str, JwtRules]:
    """Return the rules of the virtual hosts that have any, by name. Raises KeysError for keys that are none."""
    found = {host.name: compile_jwt(host.policies.jwt) for host in hosts if host.policies.jwt is not None}
    return {name: rules for name, rules in found.items() if rules is not None}
