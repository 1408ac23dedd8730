"""Who sends a request: users, the tokens they show, and the headers by which one acts as another.

Kubernetes, "Authenticating": bearer tokens, user impersonation.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote

from edgesim.config.api_errors import ApiError

MASTERS: Final = "system:masters"
"""Whoever is in this group may do everything."""
AUTHENTICATED: Final = "system:authenticated"
UNAUTHENTICATED: Final = "system:unauthenticated"
ANONYMOUS: Final = "system:anonymous"
_ACCOUNTS: Final = "system:serviceaccounts"
_ACCOUNT: Final = "system:serviceaccount:"
_EXTRA: Final = "impersonate-extra-"

Headers = Mapping[str, str]
"""Those of a request; a name may stand there several times, as in aiohttp's."""


@dataclass(frozen=True, slots=True)
class User:
    """Who a request is from: authentication.k8s.io/v1 UserInfo."""

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def info(self) -> dict[str, object]:
        """Return the UserInfo."""
        named = {"username": self.name, "uid": self.uid, "groups": [*self.groups]}
        extra = {key: [*values] for key, values in self.extra}
        return {key: value for key, value in {**named, "extra": extra}.items() if value}


ADMIN: Final = User("system:admin", (MASTERS, AUTHENTICATED))
"""Whom a request without credentials is from, on the port that only this machine reaches."""


@dataclass(slots=True)
class Users:
    """Who has a token. Tokens are kept as digests: looking one up tells nothing of another by its time."""

    _by_digest: dict[bytes, User] = field(default_factory=dict)

    def give(self, token: str, user: User) -> None:
        """Let a token stand for a user, from now on."""
        self._by_digest[_digest(token)] = user

    def holder(self, token: str) -> User | None:
        """Return whose token it is."""
        return self._by_digest.get(_digest(token))


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def named(name: str, groups: Iterable[str] = ()) -> User:
    """Return the user of a name, in the groups given and those a name brings along; service accounts are in two."""
    return User(name, tuple(dict.fromkeys((*groups, *_implied(name)))))


def _implied(name: str) -> tuple[str, ...]:
    if name == ANONYMOUS:
        return (UNAUTHENTICATED,)
    account = account_of(name)
    return (AUTHENTICATED,) if account is None else (_ACCOUNTS, f"{_ACCOUNTS}:{account[0]}", AUTHENTICATED)


def account_of(name: str) -> tuple[str, str] | None:
    """Return namespace and name of the service account that a user's name means, or None."""
    namespace, colon, account = name.removeprefix(_ACCOUNT).partition(":")
    valid = name.startswith(_ACCOUNT) and colon and namespace and account and ":" not in account
    return (namespace, account) if valid else None


def authenticate(headers: Headers, users: Users, *, trusted: bool = True) -> User:
    """Return who sends these headers, before impersonation.

    `trusted` is the port that only this machine reaches: without a token one is its administrator there.

    Raises:
        ApiError: Unauthorized, for a token nobody has, or for none where one is needed.
    """
    given = headers.get("Authorization", "").strip()
    scheme, _, token = given.partition(" ")
    if not given and trusted:
        return ADMIN
    user = users.holder(token.strip()) if scheme.lower() == "bearer" else None
    if user is None:
        raise ApiError("Unauthorized", "Unauthorized")
    return user


def impersonated(headers: Headers) -> User | None:
    """Return whom the headers act as; None where they name nobody.

    Raises:
        ApiError: BadRequest, for groups, a uid or extras without a user.
    """
    name, groups = headers.get("Impersonate-User", ""), _all(headers, "Impersonate-Group")
    uid, extra = headers.get("Impersonate-Uid", ""), _extras(headers)
    if not name:
        if groups or uid or extra:
            raise ApiError("BadRequest", "requested impersonation of groups, uid or extra without impersonating a user")
        return None
    return _acting_as(name, groups, uid, extra)


def _acting_as(name: str, groups: tuple[str, ...], uid: str, extra: tuple[tuple[str, tuple[str, ...]], ...]) -> User:
    """Groups that are given stand in place of a service account's own."""
    implied = _implied(name)
    if groups:
        implied = tuple(group for group in implied if group in {AUTHENTICATED, UNAUTHENTICATED})
    return User(name, tuple(dict.fromkeys((*groups, *implied))), uid, extra)


def _extras(headers: Headers) -> tuple[tuple[str, tuple[str, ...]], ...]:
    names = sorted({name.lower() for name in headers if name.lower().startswith(_EXTRA)})
    return tuple((unquote(name.removeprefix(_EXTRA)), _all(headers, name)) for name in names)


def _all(headers: Headers, name: str) -> tuple[str, ...]:
    return tuple(value for key, value in headers.items() if key.lower() == name.lower())
