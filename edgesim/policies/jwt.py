"""Token rules of a virtual host, as Envoy's jwt_authn filter and Gloo Enterprise decide them.

Claims become headers before the route is chosen, so the headers that claims are copied to are removed from
every request first, whatever the outcome: only a signed token can say what they say. Measured on Envoy
1.40: a provider looks only where its own sources say; every token found there must be valid, or none counts;
the first provider whose tokens are valid wins; a token is removed from the header or query it came from
unless `keep_token`; what is refused is 401, an audience 403, with `www-authenticate`; of several providers'
errors one that knew the token's issuer is told.

A verified token is remembered until it expires or its provider's keys change, so that seeing it again costs
microseconds; only good tokens are, and a bounded number.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import unquote_to_bytes

from edgesim.model import RequestHead
from edgesim.model.policies import ClaimHeader, Jwt, JwtProvider, JwtSource, JwtValidation
from edgesim.policies.jwt_keys import Key, parse_keys
from edgesim.policies.jwt_tokens import (
    BAD_AUDIENCE,
    FETCH_FAILED,
    MISSING,
    UNKNOWN_ISSUER,
    TokenError,
    check_signature,
    check_times,
    claim_fields,
    parse_token,
    plain_audience,
)
from edgesim.policies.lines import line

Fields = list[tuple[bytes, bytes]]
Keys = tuple[Key, ...]

DEFAULT_SOURCES = (JwtSource(header="authorization", prefix="Bearer "), JwtSource(query="access_token"))

_LONGEST_KEPT = 4096
_LONGEST_IN_REALM = 256
_FOREVER = float("inf")
_TOKEN_BEGINS = re.compile(rb"[A-Za-z0-9_.-]")


@dataclass(frozen=True, slots=True, eq=False)
class Provider:
    """One provider, compiled; `keys` are its inline ones, None where they are fetched.

    Compared by identity: what is known of a token holds for one provider as configured at one time.
    """

    name: str
    issuer: str
    audiences: frozenset[str]
    headers: tuple[tuple[bytes, bytes], ...]
    queries: tuple[bytes, ...]
    keep_token: bool
    claims: tuple[ClaimHeader, ...]
    skew: float
    keys: Keys | None


@dataclass(frozen=True, slots=True)
class JwtRules:
    """A virtual host's rules, compiled. `drops` are the headers only a token may set."""

    providers: tuple[Provider, ...]
    validation: JwtValidation
    drops: frozenset[bytes]


@dataclass(frozen=True, slots=True)
class Verified:
    """What is remembered of a good token."""

    keys: Keys
    expires: float
    not_before: float
    fields: tuple[tuple[bytes, bytes, bool], ...]


class TokenCache:
    """Good tokens by provider and text, the oldest forgotten first."""

    __slots__ = ("_kept", "_most")

    def __init__(self, most: int = 1000) -> None:
        """Hold at most that many."""
        self._kept: dict[tuple[Provider, bytes], Verified] = {}
        self._most = most

    def __len__(self) -> int:
        return len(self._kept)

    def recall(self, provider: Provider, token: bytes, keys: Keys) -> Verified | None:
        """Return what is known of a token verified with these very keys."""
        found = self._kept.get((provider, token))
        return found if found is not None and found.keys is keys else None

    def keep(self, provider: Provider, token: bytes, verified: Verified) -> None:
        """Remember a good token."""
        if len(token) > _LONGEST_KEPT:
            return
        if len(self._kept) >= self._most:
            del self._kept[next(iter(self._kept))]
        self._kept[provider, token] = verified


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a request's tokens come to.

    `status` 0 lets it pass, with `drops` removed from its headers, then `adds` appended, and `query`
    instead of its own if `query_changed`. Otherwise it is answered with status, body and `fields`. Where
    `needs` names a provider, nothing is decided: fetch its keys and check again. What passes passes from
    `since` to `until` (unix seconds), as long as nothing but the time changes.
    """

    status: int = 0
    body: bytes = b""
    fields: tuple[tuple[bytes, bytes], ...] = ()
    drops: frozenset[bytes] = frozenset()
    adds: tuple[tuple[bytes, bytes], ...] = ()
    query_changed: bool = False
    query: bytes | None = None
    needs: str = ""
    since: float = 0.0
    until: float = 0.0


def compile_jwt(policy: Jwt) -> JwtRules | None:
    """Return a virtual host's rules, None where they are disabled. Raises KeysError for inline keys that are none."""
    if policy.disabled:
        return None
    providers = tuple(map(_provider, policy.providers))
    headers = frozenset(claim.header.lower().encode() for provider in providers for claim in provider.claims)
    return JwtRules(providers, policy.validation, headers)


def _provider(given: JwtProvider) -> Provider:
    sources = given.sources or DEFAULT_SOURCES
    return Provider(
        name=given.name,
        issuer=given.issuer,
        audiences=frozenset(map(plain_audience, given.audiences)),
        headers=tuple((s.header.lower().encode(), s.prefix.encode()) for s in sources if s.header),
        queries=tuple(s.query.encode() for s in sources if s.query),
        keep_token=given.keep_token,
        claims=given.claims_to_headers,
        skew=given.clock_skew,
        keys=parse_keys(given.jwks) if given.jwks else None,
    )


def check(
    rules: JwtRules,
    head: RequestHead,
    now: float,
    remote_keys: Mapping[str, Keys],
    cache: TokenCache,
    scheme: bytes = b"http",
) -> Verdict:
    """Decide about a request at `now`, unix seconds.

    `remote_keys` holds what was fetched, by provider; an empty tuple says that fetching failed.
    """
    error = MISSING
    for provider in rules.providers:
        tokens = _find(provider, head)
        if not tokens:
            continue
        keys = remote_keys.get(provider.name) if provider.keys is None else provider.keys
        try:
            verified = [_verify(provider, found.text, now, keys, cache) for found in tokens]
        except _KeysNeededError:
            return Verdict(needs=provider.name)
        except TokenError as refused:
            error = _more_telling(error, refused.text)
        else:
            passed = _passed(rules, provider, head, tokens, verified)
            # A provider before this one may take its token at another time.
            return passed if error == MISSING else replace(passed, until=0.0)
    if _is_let_through(rules.validation, error):
        return Verdict(drops=rules.drops, until=_FOREVER if error == MISSING else 0.0)
    return _refused(error, head, scheme)


def _is_let_through(validation: JwtValidation, error: str) -> bool:
    if validation is JwtValidation.ALLOW_MISSING_OR_FAILED:
        return True
    return validation is JwtValidation.ALLOW_MISSING and error == MISSING


def _more_telling(before: str, now: str) -> str:
    return now if before in {MISSING, UNKNOWN_ISSUER} and now != MISSING else before


def _refused(error: str, head: RequestHead, scheme: bytes) -> Verdict:
    target = head.path if head.query is None else head.path + b"?" + head.query
    realm = (b"%b://%b%b" % (scheme, head.authority, target[:_LONGEST_IN_REALM])).replace(b'"', b"%22")
    suffix = b"" if error == MISSING else b', error="invalid_token"'
    challenge = b'Bearer realm="%b"%b' % (realm, suffix)
    status = 403 if error == BAD_AUDIENCE else 401
    return Verdict(status, error.encode(), ((b"www-authenticate", challenge),))


# --- where tokens are --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Found:
    """A token's text and the header or query parameter that held it."""

    text: bytes
    header: bytes = b""
    query: bytes = b""


def _find(provider: Provider, head: RequestHead) -> list[_Found]:
    """Return all tokens where the provider looks; the query's come first, as Envoy takes the last found first."""
    found = [
        _Found(text, query=name)
        for name in provider.queries
        if head.query is not None and (text := _parameter(head.query, name)) is not None
    ]
    for name, prefix in provider.headers:
        for value in _values(head, name):
            place = value.find(prefix)
            if place >= 0:
                found.append(_Found(_token(value, place + len(prefix)) if prefix else value, header=name))
    return found


def _values(head: RequestHead, name: bytes) -> list[bytes]:
    if name not in head.headers:
        return []
    # Envoy keeps Authorization as one line, and other headers as they came.
    if name == b"authorization" or not head.repeated or name not in head.repeated:
        return [line(head, name)]
    return head.repeated[name]


def _token(value: bytes, after: int) -> bytes:
    begins = _TOKEN_BEGINS.search(value, after)
    return value if begins is None else value[begins.start() :].rstrip()


def _parameter(query: bytes, name: bytes) -> bytes | None:
    for pair in query.split(b"&"):
        key, _, value = pair.partition(b"=")
        if unquote_to_bytes(key) == name:
            return unquote_to_bytes(value)
    return None


# --- verification ------------------------------------------------------------------------------------


class _KeysNeededError(Exception):
    """All but the signature is fine, and the keys are not there."""


def _verify(provider: Provider, text: bytes, now: float, keys: Keys | None, cache: TokenCache) -> Verified:
    known = None if keys is None else cache.recall(provider, text, keys)
    if known is not None:
        check_times(known.expires, known.not_before, now, provider.skew)
        return known
    token = parse_token(text)
    if provider.issuer and token.claims.get("iss", "") != provider.issuer:
        raise TokenError(UNKNOWN_ISSUER)
    check_times(token.expires, token.not_before, now, provider.skew)
    if provider.audiences and provider.audiences.isdisjoint(token.audiences):
        raise TokenError(BAD_AUDIENCE)
    if keys is None:
        raise _KeysNeededError
    if not keys:
        raise TokenError(FETCH_FAILED)
    check_signature(token, keys)
    verified = Verified(keys, token.expires, token.not_before, claim_fields(token.claims, provider.claims))
    cache.keep(provider, text, verified)
    return verified


def _passed(
    rules: JwtRules, provider: Provider, head: RequestHead, tokens: list[_Found], verified: list[Verified]
) -> Verdict:
    adds: Fields = []
    for token in verified:
        for name, value, append in token.fields:
            if not append:
                adds = [field for field in adds if field[0] != name]
            adds.append((name, value))
    passed = Verdict(
        drops=rules.drops,
        adds=tuple(adds),
        since=max(token.not_before - provider.skew for token in verified),
        until=min(token.expires + provider.skew if token.expires else _FOREVER for token in verified),
    )
    if provider.keep_token:
        return passed
    passed = replace(passed, drops=rules.drops.union(found.header for found in tokens if found.header))
    names = {found.query for found in tokens if found.query}
    return replace(passed, query_changed=True, query=_without(head.query or b"", names)) if names else passed


def _without(query: bytes, names: set[bytes]) -> bytes | None:
    kept = [pair for pair in query.split(b"&") if unquote_to_bytes(pair.partition(b"=")[0]) not in names]
    return b"&".join(kept) or None


# --- what the rest of the request sees ---------------------------------------------------------------


def apply_to_fields(verdict: Verdict, fields: Fields) -> Fields:
    """Return the fields of a request that passed, as they are routed and forwarded."""
    return [*(field for field in fields if field[0] not in verdict.drops), *verdict.adds]


def apply_to_head(verdict: Verdict, head: RequestHead, fields: Fields) -> RequestHead:
    """Return the head of a request that passed, for the fields that `apply_to_fields` returned; `head` stays."""
    repeated: dict[bytes, list[bytes]] = {}
    for name, value in fields:
        repeated.setdefault(name, []).append(value)
    several = {name: values for name, values in repeated.items() if len(values) > 1}
    query = verdict.query if verdict.query_changed else head.query
    return RequestHead(head.method, head.authority, head.path, query, dict(fields), several or None)
