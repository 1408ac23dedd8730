"""What `kubectl auth can-i` and `auth whoami` ask: reviews, which are answered and never stored.

authorization.k8s.io/v1 and authentication.k8s.io/v1 of the Kubernetes API reference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from edgesim.config.api_errors import ApiError
from edgesim.kube.rbac import EVERYTHING, Attributes, NonResource, Policy, Rule
from edgesim.kube.users import User

Json = dict[str, Any]
_AUTHORIZATION: Final = "authorization.k8s.io"


def review(plural: str, body: Json, namespace: str, user: User, policy: Policy) -> Json:
    """Answer a review: the object that was sent, with its status.

    `plural` is that of the path, `namespace` too, which only a LocalSubjectAccessReview has.

    Raises:
        ApiError: NotFound for what is no review; BadRequest or Invalid for one that asks nothing.
    """
    kind, answer = _REVIEWS.get(plural, ("", None))
    if answer is None:
        raise ApiError("NotFound", "the server could not find the requested resource")
    group = "authentication.k8s.io" if kind == "SelfSubjectReview" else _AUTHORIZATION
    spec = body.get("spec") or {}
    if not isinstance(spec, dict):
        raise _unreadable(kind, "spec", "v1." + kind + "Spec")
    asked = _Asked(kind, spec, namespace)
    found = {"apiVersion": f"{group}/v1", "kind": kind, "metadata": {"creationTimestamp": None}}
    return {**found, **({"spec": spec} if kind != "SelfSubjectReview" else {}), "status": answer(asked, user, policy)}


class _Asked:
    """A review's spec, read with what it must have."""

    def __init__(self, kind: str, spec: Json, namespace: str) -> None:
        self.kind = kind
        self.spec = spec
        self.namespace = namespace

    def text(self, within: Mapping[str, Any], name: str) -> str:
        """Return a text, empty where there is none. Raises ApiError BadRequest."""
        value = within.get(name) or ""
        if not isinstance(value, str):
            raise _unreadable(self.kind, f"spec.{name}", "string")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of texts. Raises ApiError BadRequest."""
        values = self.spec.get(name) or []
        if not isinstance(values, list) or not all(isinstance(each, str) for each in values):
            raise _unreadable(self.kind, f"spec.{name}", "[]string")
        return tuple(values)

    def part(self, name: str) -> Json | None:
        """Return an object, None where there is none. Raises ApiError BadRequest."""
        value = self.spec.get(name)
        if value is not None and not isinstance(value, dict):
            raise _unreadable(self.kind, f"spec.{name}", f"v1.{name[:1].upper()}{name[1:]}")
        return value

    def wanted(self) -> Attributes | NonResource:
        """Return what is asked about. Raises ApiError."""
        resource, path = self.part("resourceAttributes"), self.part("nonResourceAttributes")
        if (resource is None) == (path is None):
            why = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
            raise _invalid(self.kind, "spec.resourceAttributes", f"Invalid value: null: {why}")
        if path is not None:
            return NonResource(self.text(path, "verb"), self.text(path, "path"))
        assert resource is not None
        names = ("verb", "group", "resource", "subresource", "namespace", "name")
        return Attributes(*(self.text(resource, name) for name in names))


def _unreadable(kind: str, field: str, wanted: str) -> ApiError:
    why = f"json: cannot unmarshal into Go struct field {kind}.{field} of type {wanted}"
    return ApiError("BadRequest", f'{kind} in version "v1" cannot be handled as a {kind}: {why}')


def _invalid(kind: str, field: str, why: str) -> ApiError:
    cause = {"reason": "FieldValueInvalid", "message": why, "field": field}
    details = {"group": _AUTHORIZATION, "kind": kind, "causes": [cause]}
    return ApiError("Invalid", f'{kind}.{_AUTHORIZATION} "" is invalid: {field}: {why}', details)


def _own(asked: _Asked, user: User, policy: Policy) -> Json:
    return _access(policy, user, asked.wanted())


def _another(asked: _Asked, _user: User, policy: Policy) -> Json:
    name, groups = asked.text(asked.spec, "user"), asked.texts("groups")
    if not name and not groups:
        raise _invalid(asked.kind, "spec.user", 'Invalid value: "": at least one of user or group must be specified')
    return _access(policy, User(name, groups), asked.wanted())


def _local(asked: _Asked, user: User, policy: Policy) -> Json:
    wanted = asked.wanted()
    if not isinstance(wanted, Attributes) or wanted.namespace != asked.namespace:
        why = f'Invalid value: "": must match metadata.namespace {asked.namespace!r}'
        raise _invalid(asked.kind, "spec.resourceAttributes.namespace", why.replace("'", '"'))
    return _another(asked, user, policy)


def _access(policy: Policy, user: User, wanted: Attributes | NonResource) -> Json:
    reason = policy.reason(user, wanted)
    return {"allowed": reason is not None, **({"reason": reason} if reason else {})}


def _rules(asked: _Asked, user: User, policy: Policy) -> Json:
    namespace = asked.text(asked.spec, "namespace")
    if not namespace:
        raise ApiError("BadRequest", "no namespace on request")
    rules = policy.rules(user, namespace) if policy.on else EVERYTHING
    return {
        "resourceRules": [*_of_resources(rules)],
        "nonResourceRules": [{"verbs": [*rule.verbs], "nonResourceURLs": [*rule.urls]} for rule in rules if rule.urls],
        "incomplete": False,
    }


def _of_resources(rules: tuple[Rule, ...]) -> Iterator[Json]:
    for rule in rules:
        if rule.resources:
            found = {"verbs": rule.verbs, "apiGroups": rule.groups, "resources": rule.resources}
            found |= {"resourceNames": rule.names} if rule.names else {}
            yield {name: [*words] for name, words in found.items()}


def _who(_asked: _Asked, user: User, _policy: Policy) -> Json:
    return {"userInfo": user.info()}


_REVIEWS: Final[Mapping[str, tuple[str, Callable[[_Asked, User, Policy], Json]]]] = {
    "selfsubjectaccessreviews": ("SelfSubjectAccessReview", _own),
    "selfsubjectrulesreviews": ("SelfSubjectRulesReview", _rules),
    "subjectaccessreviews": ("SubjectAccessReview", _another),
    "localsubjectaccessreviews": ("LocalSubjectAccessReview", _local),
    "selfsubjectreviews": ("SelfSubjectReview", _who),
}
