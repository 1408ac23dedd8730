"""Who may do what (rbac.authorization.k8s.io/v1), and who there is (core/v1 ServiceAccount).

Source: the Kubernetes API reference, v1.33.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, field

from edgesim.dialects.schema.common import FreeForm, Manifest, Metadata, Strict

PathName = Annotated[
    str,
    Meta(
        pattern=r"^(?!\.{1,2}\Z)[^/%]+\Z",
        min_length=1,
        max_length=253,
        description="a name without '/' and '%', that is neither '.' nor '..'",
    ),
]
"""A name that stands in a path as it is: `system:masters` is one, but no DNS name."""


class RbacMetadata(Metadata, frozen=True):
    """The metadata of an object whose name may hold colons."""

    name: PathName


class PolicyRule(Strict, frozen=True):
    """What may be done with which resources, or with which paths; `*` is all."""

    verbs: tuple[str, ...]
    api_groups: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    resource_names: tuple[str, ...] = ()
    non_resource_urls: tuple[str, ...] = field(default=(), name="nonResourceURLs")


class RoleRef(Strict, frozen=True):
    """The Role or ClusterRole a binding grants."""

    kind: Literal["Role", "ClusterRole"]
    name: str
    api_group: str = ""


class Subject(Strict, frozen=True):
    """A user, group or service account a binding grants to."""

    kind: Literal["User", "Group", "ServiceAccount"]
    name: str
    namespace: str = ""
    api_group: FreeForm = None


class Role(Manifest, frozen=True, kw_only=True):
    """What may be done in a namespace."""

    metadata: RbacMetadata
    rules: tuple[PolicyRule, ...] | None = None


class ClusterRole(Manifest, frozen=True, kw_only=True):
    """What may be done in all namespaces, or in that of the RoleBinding that names it."""

    metadata: RbacMetadata
    rules: tuple[PolicyRule, ...] | None = None
    aggregation_rule: FreeForm = None


class RoleBinding(Manifest, frozen=True, kw_only=True):
    """Who has a Role, or a ClusterRole in one namespace."""

    metadata: RbacMetadata
    role_ref: RoleRef
    subjects: tuple[Subject, ...] | None = None


class ClusterRoleBinding(Manifest, frozen=True, kw_only=True):
    """Who has a ClusterRole everywhere."""

    metadata: RbacMetadata
    role_ref: RoleRef
    subjects: tuple[Subject, ...] | None = None


class ServiceAccount(Manifest, frozen=True, kw_only=True):
    """core/v1 ServiceAccount: a name to bind roles to."""

    secrets: FreeForm = None
    image_pull_secrets: FreeForm = None
    automount_service_account_token: FreeForm = None
