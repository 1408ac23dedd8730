"""What a path of the Kubernetes API names: a kind, perhaps a namespace, a name and a subresource.

The shapes are those of "API concepts, Resource URIs" in Kubernetes' reference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from edgesim.config.api_errors import ApiError
from edgesim.dialects import KINDS, Kind
from edgesim.dialects.kinds import GATEWAY, GLOO
from edgesim.model import ResourceKey

_BY_PLURAL = {(kind.group, kind.version, kind.plural): kind for kind in KINDS}
CUSTOM_GROUPS: Final = frozenset({GATEWAY, GLOO})
"""The groups a cluster knows by CustomResourceDefinitions."""
_OF_NAMESPACES = frozenset({"status", "finalize"})


@dataclass(frozen=True, slots=True)
class Target:
    """What a request is about; `namespace` is empty for all of them, and for kinds that have none."""

    kind: Kind
    namespace: str = ""
    name: str = ""
    subresource: str = ""

    @property
    def key(self) -> ResourceKey:
        """Return the key of the one object the path names."""
        return ResourceKey(self.kind.kind, self.namespace, self.name)

    @property
    def qualified(self) -> str:
        """Return `plural.group`, as Kubernetes' messages have it."""
        return f"{self.kind.plural}.{self.kind.group}" if self.kind.group else self.kind.plural

    def details(self, name: str = "") -> dict[str, Any]:
        """Return Kubernetes' StatusDetails."""
        name = name or self.name
        named = {"name": name} if name else {}
        return {**named, **({"group": self.kind.group} if self.kind.group else {}), "kind": self.kind.plural}


def find_target(path: str) -> Target | None:
    """Return what a path (percent-decoded) names; None for a path that is no resource's."""
    parts = path.strip("/").split("/")
    if parts[:2] == ["api", "v1"]:
        return _target("", "v1", parts[2:])
    if parts[0] == "apis" and len(parts) > 3:
        return _target(parts[1], parts[2], parts[3:])
    return None


def _target(group: str, version: str, rest: list[str]) -> Target | None:
    if not rest or "" in rest:
        return None
    inside = len(rest) > 2 and rest[0] == "namespaces" and not (group == "" and rest[2] in _OF_NAMESPACES)
    namespace, rest = (rest[1], rest[2:]) if inside else ("", rest)
    kind = _BY_PLURAL.get((group, version, rest[0]))
    if kind is None or len(rest) > 3 or (inside and not kind.namespaced):
        return None
    name, subresource = (*rest[1:], "", "")[:2]
    if name and kind.namespaced and not inside:
        return None
    return Target(kind, namespace, name, subresource)


@dataclass(frozen=True, slots=True)
class ReviewTarget:
    """A kind that is asked by creating it, and never stored."""

    group: str
    plural: str
    namespace: str = ""


def find_review(path: str) -> ReviewTarget | None:
    """Return which review a path names, None for no review's."""
    match path.strip("/").split("/"):
        case ["apis", "authentication.k8s.io" | "authorization.k8s.io" as group, "v1", plural]:
            return ReviewTarget(group, plural)
        case [
            "apis",
            "authorization.k8s.io" as group,
            "v1",
            "namespaces",
            namespace,
            "localsubjectaccessreviews" as plural,
        ]:
            return ReviewTarget(group, plural, namespace)
        case _:
            return None


def not_found(target: Target, name: str = "") -> ApiError:
    """Return what to raise where the object is not there."""
    name = name or target.name
    return ApiError("NotFound", f'{target.qualified} "{name}" not found', target.details(name))


def no_resource() -> ApiError:
    """Return what to raise for a path that names no resource."""
    return ApiError("NotFound", "the server could not find the requested resource", {})


def no_method() -> ApiError:
    """Return what to raise for a method the resource does not know."""
    return ApiError("MethodNotAllowed", "the server does not allow this method on the requested resource")
