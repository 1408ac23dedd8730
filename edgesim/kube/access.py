"""Whom a request is from and whether they may: what the server asks before it does anything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web

from edgesim.config.api_errors import ApiError
from edgesim.config.store import Entry, Store
from edgesim.control.guard import admit
from edgesim.kube.escalation import check_grant
from edgesim.kube.rbac import Attributes, Declared, NonResource, Policy, compile_policy
from edgesim.kube.users import User, Users, account_of, authenticate, impersonated

_KINDS: Final = ("Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding")
_AUTHENTICATION: Final = "authentication.k8s.io"


@dataclass(slots=True)
class Access:
    """Who may do what with a store. `always` has RBAC on without a binding, too."""

    store: Store
    users: Users = field(default_factory=Users)
    always: bool = False
    _version: int = -1
    _entries: tuple[tuple[Entry, ...], ...] = ()
    _policy: Policy = field(default_factory=Policy)

    def policy(self) -> Policy:
        """Return the policy the store declares now; it is compiled when one of its objects was written."""
        if self._version != self.store.version:
            self._version = self.store.version
            entries = tuple(tuple(self.store.entries(kind)) for kind in _KINDS)
            if entries != self._entries or not self._entries:
                self._entries = entries
                self._policy = compile_policy(_declared(entries), always=self.always)
        return self._policy

    def user_of(self, request: web.Request) -> User:
        """Return whom a request is from, impersonation included.

        Raises:
            ApiError: Unauthorized; Forbidden for a foreign Host or page, and for impersonation without the right.
        """
        trusted = not request.secure
        if trusted:
            admit(request, None)
        user = authenticate(request.headers, self.users, trusted=trusted)
        other = impersonated(request.headers)
        if other is None:
            return user
        for wanted in impersonation(other, asked=request.headers.getall("Impersonate-Group", ())):
            self.require(user, wanted)
        return other

    def allows(self, user: User, wanted: Attributes | NonResource) -> bool:
        """Tell whether a user may do something."""
        return self.policy().allows(user, wanted)

    def require(self, user: User, wanted: Attributes | NonResource) -> None:
        """Raise ApiError Forbidden, in Kubernetes' words, unless a user may do something."""
        if not self.allows(user, wanted):
            raise forbidden(user, wanted)

    def check_grant(self, user: User, manifest: dict[str, Any], before: dict[str, Any] | None) -> None:
        """Refuse a role or binding that grants what its writer has not. Raises ApiError Forbidden, NotFound."""
        check_grant(self.policy(), user, manifest, before)


def _declared(entries: tuple[tuple[Entry, ...], ...]) -> Declared:
    return Declared(*(tuple(map(_placed, each)) for each in entries))


def _placed(entry: Entry) -> dict[str, Any]:
    """Return a manifest that names its namespace, which the one that was written may leave to the request."""
    resource = entry.resource
    metadata = {**resource.manifest.get("metadata", {}), "name": resource.name, "namespace": resource.namespace}
    return {**resource.manifest, "metadata": metadata}


def impersonation(other: User, asked: tuple[str, ...] | list[str] = ()) -> Iterator[Attributes]:
    """Yield what one must be allowed to act as another: the user, each group that was asked for, uid and extras."""
    account = account_of(other.name)
    if account is None:
        yield Attributes("impersonate", "", "users", name=other.name)
    else:
        yield Attributes("impersonate", "", "serviceaccounts", namespace=account[0], name=account[1])
    for group in asked:
        yield Attributes("impersonate", "", "groups", name=group)
    if other.uid:
        yield Attributes("impersonate", _AUTHENTICATION, "uids", name=other.uid)
    for key, values in other.extra:
        for value in values:
            yield Attributes("impersonate", _AUTHENTICATION, "userextras", key, name=value)


def forbidden(user: User, wanted: Attributes | NonResource) -> ApiError:
    """Return the refusal as Kubernetes words it (apiserver/pkg/endpoints/handlers/responsewriters)."""
    if isinstance(wanted, NonResource):
        said = f'User "{user.name}" cannot {wanted.verb} path "{wanted.path}"'
        return ApiError("Forbidden", f"forbidden: {said}", {})
    return refused(wanted, f"{_cannot(user, wanted)} {_scope(wanted)}")


def refused(wanted: Attributes, why: str) -> ApiError:
    """Return that something is forbidden, for a reason."""
    qualified = f"{wanted.resource}.{wanted.group}" if wanted.group else wanted.resource
    which = f'{qualified} "{wanted.name}"' if wanted.name else qualified
    details = {"name": wanted.name, "group": wanted.group, "kind": wanted.resource}
    found = {key: value for key, value in details.items() if value}
    return ApiError("Forbidden", f"{which} is forbidden: {why}", found)


def _cannot(user: User, wanted: Attributes) -> str:
    resource = f"{wanted.resource}/{wanted.subresource}" if wanted.subresource else wanted.resource
    return f'User "{user.name}" cannot {wanted.verb} resource "{resource}" in API group "{wanted.group}"'


def _scope(wanted: Attributes) -> str:
    return f'in the namespace "{wanted.namespace}"' if wanted.namespace else "at the cluster scope"
