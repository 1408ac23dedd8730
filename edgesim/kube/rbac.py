"""Who may do what: Roles, ClusterRoles and their bindings, compiled and asked.

Kubernetes, "Using RBAC Authorization". Rights only add up; what no rule allows is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from edgesim.kube.users import AUTHENTICATED, MASTERS, User

GROUP: Final = "rbac.authorization.k8s.io"
Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Attributes:
    """What a request does to a resource; without a namespace it is at the cluster scope (or in all namespaces)."""

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class NonResource:
    """A request to a path that is no resource's."""

    verb: str
    path: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A PolicyRule: of resources, or of paths."""

    verbs: tuple[str, ...]
    groups: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()

    def allows(self, wanted: Attributes | NonResource) -> bool:
        """Tell whether this rule allows a request."""
        if not _any(self.verbs, wanted.verb):
            return False
        if isinstance(wanted, NonResource):
            return any(url == wanted.path or _below(url, wanted.path) for url in self.urls)
        named = not self.names or wanted.name in self.names
        return named and _any(self.groups, wanted.group) and _of_resource(self.resources, wanted)


def _any(allowed: tuple[str, ...], wanted: str) -> bool:
    return wanted in allowed or "*" in allowed


def _below(url: str, path: str) -> bool:
    return url.endswith("*") and path.startswith(url[:-1])


def _of_resource(allowed: tuple[str, ...], wanted: Attributes) -> bool:
    """A star is every resource with its subresources, `*/scale` one subresource of all."""
    if not wanted.subresource:
        return _any(allowed, wanted.resource)
    return _any(allowed, f"{wanted.resource}/{wanted.subresource}") or f"*/{wanted.subresource}" in allowed


@dataclass(frozen=True, slots=True)
class Grant:
    """The rules of a role somebody has, and the sentence that says why."""

    rules: tuple[Rule, ...]
    because: str

    def allows(self, wanted: Attributes | NonResource) -> bool:
        """Tell whether one of the rules allows a request."""
        return any(rule.allows(wanted) for rule in self.rules)


Subject = tuple[str, str]
"""`User` or `Group`, and a name; a service account is the user of its name."""

EVERYTHING: Final = (Rule(("*",), ("*",), ("*",)), Rule(("*",), urls=("*",)))
_FOR_MASTERS: Final = Grant(EVERYTHING, f"the group {MASTERS} may do everything")
_DISCOVERY: Final = (
    "/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/openapi", "/openapi/*", "/readyz", "/version", "/version/",
)  # fmt: skip
BASIC: Final = (
    Rule(("get",), urls=_DISCOVERY),
    Rule(("create",), ("authorization.k8s.io",), ("selfsubjectaccessreviews", "selfsubjectrulesreviews")),
    Rule(("create",), ("authentication.k8s.io",), ("selfsubjectreviews",)),
)
"""What everyone may who is known: ClusterRoles system:discovery and system:basic-user."""
_FOR_AUTHENTICATED: Final = Grant(BASIC, f"everyone in {AUTHENTICATED} may")
Granted = Mapping[Subject, Sequence[Grant]]


@dataclass(frozen=True, slots=True)
class Policy:
    """The rights of everyone. `on` is false while there is no binding: then everyone may do everything."""

    on: bool = False
    cluster: Granted = field(default_factory=dict)
    namespaced: Mapping[str, Granted] = field(default_factory=dict)
    roles: Mapping[tuple[str, str], tuple[Rule, ...]] = field(default_factory=dict)
    """The rules of each role by namespace and name; a ClusterRole's namespace is empty."""

    def reason(self, user: User, wanted: Attributes | NonResource) -> str | None:
        """Return why a user may do something, None where they may not."""
        if not self.on:
            return "RBAC is off: there is no binding"
        granted = self.grants(user, _namespace(wanted))
        return next((grant.because for grant in granted if grant.allows(wanted)), None)

    def allows(self, user: User, wanted: Attributes | NonResource) -> bool:
        """Tell whether a user may do something."""
        return self.reason(user, wanted) is not None

    def grants(self, user: User, namespace: str) -> Iterator[Grant]:
        """Yield the roles a user was granted that holds in a namespace; without one, at the cluster scope."""
        if MASTERS in user.groups:
            yield _FOR_MASTERS
        if AUTHENTICATED in user.groups:
            yield _FOR_AUTHENTICATED
        subjects = [("User", user.name), *(("Group", group) for group in user.groups)]
        for granted in (self.cluster, self.namespaced.get(namespace, {}) if namespace else {}):
            for subject in subjects:
                yield from granted.get(subject, ())

    def rules(self, user: User, namespace: str) -> tuple[Rule, ...]:
        """Return every rule a user has in a namespace, each once."""
        return tuple(dict.fromkeys(rule for grant in self.grants(user, namespace) for rule in grant.rules))


def _namespace(wanted: Attributes | NonResource) -> str:
    return wanted.namespace if isinstance(wanted, Attributes) else ""


# --- compiling ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Declared:
    """The manifests of the four kinds."""

    roles: tuple[Object, ...] = ()
    cluster_roles: tuple[Object, ...] = ()
    bindings: tuple[Object, ...] = ()
    cluster_bindings: tuple[Object, ...] = ()


def compile_policy(declared: Declared, *, always: bool = False) -> Policy:
    """Make a policy of what is declared; with `always` it is on without a binding, too."""
    roles = {(_of(each, "namespace"), _of(each, "name")): rules_of(each) for each in declared.roles}
    roles |= {
        ("", _of(each, "name")): _with_aggregated(each, declared.cluster_roles) for each in declared.cluster_roles
    }
    cluster: dict[Subject, list[Grant]] = {}
    for each in declared.cluster_bindings:
        _grant(cluster, each, roles)
    namespaced: dict[str, dict[Subject, list[Grant]]] = {}
    for each in declared.bindings:
        _grant(namespaced.setdefault(_of(each, "namespace"), {}), each, roles)
    return Policy(always or bool(declared.bindings or declared.cluster_bindings), cluster, namespaced, roles)


def _grant(
    granted: dict[Subject, list[Grant]], binding: Object, roles: Mapping[tuple[str, str], tuple[Rule, ...]]
) -> None:
    """Grant the rules of a binding's role to its subjects; a role that is not there grants nothing."""
    rules = roles.get(role_of(binding), ())
    for subject in _objects(binding.get("subjects")):
        who = _subject(subject, _of(binding, "namespace"))
        granted.setdefault(who, []).append(Grant(rules, _because(binding, subject)))


def role_of(binding: Object) -> tuple[str, str]:
    """Return namespace and name of the role a binding refers to; a ClusterRole's namespace is empty."""
    reference = _mapping(binding.get("roleRef"))
    namespace = _of(binding, "namespace") if reference.get("kind") == "Role" else ""
    return namespace, str(reference.get("name", ""))


def _subject(subject: Object, namespace: str) -> Subject:
    name = str(subject.get("name", ""))
    if subject.get("kind") == "ServiceAccount":
        return "User", f"system:serviceaccount:{subject.get('namespace') or namespace}:{name}"
    return str(subject.get("kind", "")), name


def _because(binding: Object, subject: Object) -> str:
    """Return Kubernetes' sentence (plugin/pkg/auth/authorizer/rbac, `clusterRoleBindingDescriber`)."""
    reference, namespace = _mapping(binding.get("roleRef")), _of(binding, "namespace")
    place = f"{_of(binding, 'name')}/{namespace}" if namespace else _of(binding, "name")
    kind = "RoleBinding" if namespace else "ClusterRoleBinding"
    home = f"/{subject.get('namespace') or namespace}" if subject.get("kind") == "ServiceAccount" else ""
    who = f'{subject.get("kind")} "{subject.get("name")}{home}"'
    return f'RBAC: allowed by {kind} "{place}" of {reference.get("kind")} "{reference.get("name")}" to {who}'


def rules_of(role: Object) -> tuple[Rule, ...]:
    """Return the rules of a Role or ClusterRole."""
    return tuple(
        Rule(
            _words(rule.get("verbs")),
            _words(rule.get("apiGroups")),
            _words(rule.get("resources")),
            _words(rule.get("resourceNames")),
            _words(rule.get("nonResourceURLs")),
        )
        for rule in _objects(role.get("rules"))
    )


def _with_aggregated(role: Object, cluster_roles: Iterable[Object]) -> tuple[Rule, ...]:
    """Return a ClusterRole's rules; where it aggregates, those of all that its selectors choose, in place of its own."""
    selectors = [*_objects(_mapping(role.get("aggregationRule")).get("clusterRoleSelectors"))]
    if not selectors:
        return rules_of(role)
    chosen = [each for each in cluster_roles if each is not role and any(_chooses(by, each) for by in selectors)]
    return tuple(dict.fromkeys(rule for each in chosen for rule in rules_of(each)))


def _chooses(selector: Object, role: Object) -> bool:
    labels = _mapping(_mapping(role.get("metadata")).get("labels"))
    wanted = _mapping(selector.get("matchLabels")).items()
    return all(labels.get(key) == value for key, value in wanted) and all(
        _holds(each, labels) for each in _objects(selector.get("matchExpressions"))
    )


def _holds(expression: Object, labels: Object) -> bool:
    value, values = labels.get(expression.get("key", "")), _words(expression.get("values"))
    match expression.get("operator"):
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case operator:
            return operator == "DoesNotExist" and value is None


def _of(manifest: Object, field_name: str) -> str:
    return str(_mapping(manifest.get("metadata")).get(field_name, ""))


def _mapping(value: Any) -> Object:
    return value if isinstance(value, dict) else {}


def _objects(value: Any) -> Iterator[Object]:
    return (each for each in value if isinstance(each, dict)) if isinstance(value, list) else iter(())


def _words(value: Any) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else ()
