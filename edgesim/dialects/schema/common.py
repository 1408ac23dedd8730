"""What every schema shares: strict structs, the marker of unsimulated fields, scalar types."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from msgspec import Meta, Struct

_GO_DURATION = r"^[-+]?(0|([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))*)\Z"

NOT_SIMULATED = Meta(extra={"simulated": False})
"""Marks a field that is read and checked, but has no effect: using it gives a note."""

NotSimulated = Annotated[Any, NOT_SIMULATED]
"""A real field whose shape is not checked yet, and which has no effect."""

OnlyFalse = Annotated[bool | None, Meta(extra={"simulated": False, "default": False})]
"""A switch that has no effect here: nothing is said of it where it stands as edgesim behaves."""

FreeForm = Annotated[Any, Meta(extra={"free": True})]
"""Anything at all: what a cluster adds, or a free struct."""

Label = Annotated[str, Meta(extra={"label": True})]
"""Text for people: it is checked, and nothing could differ by it."""

NotServed = Annotated[Any, Meta(extra={"served": False})]
"""A kind of destination, matcher or source that is not simulated: what uses it is not served, with a warning."""

Duration = Annotated[str, Meta(pattern=_GO_DURATION, description="a duration such as '1.5s' or '500ms'")]
HiddenText = Annotated[str, Meta(extra={"hidden": True})]
"""Text that no problem repeats: a secret."""

UInt32 = Annotated[int, Meta(ge=0, le=2**32 - 1)]
Port = Annotated[int, Meta(ge=0, le=65535)]
DnsName = Annotated[
    str,
    Meta(
        pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\Z",
        min_length=1,
        max_length=253,
        description="a DNS name (lower case letters, digits, '-' and '.')",
    ),
]
DnsLabel = Annotated[
    str,
    Meta(
        pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?\Z",
        min_length=1,
        max_length=63,
        description="a DNS label (lower case letters, digits and '-', at most 63 characters)",
    ),
]

NamespaceName = Annotated[
    str,
    Meta(
        pattern=r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?)?\Z",
        max_length=63,
        description="a DNS label (lower case letters, digits and '-', at most 63 characters)",
    ),
]
"""A namespace; an empty one means `default`, as to kubectl."""

OneOf = tuple[tuple[str, ...], ...]
"""Groups of fields, by their YAML names, of which one at most may be set."""


class Strict(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """A mapping with known fields only. `ONE_OF` lists groups of which one field at most may be set."""

    ONE_OF: ClassVar[OneOf] = ()


class OwnerReference(Strict, frozen=True):
    """The object that this one goes with when it is deleted, by its uid."""

    api_version: str
    kind: str
    name: str
    uid: str
    controller: bool = False
    block_owner_deletion: bool = False


class Metadata(Strict, frozen=True):
    """Kubernetes' ObjectMeta; what only a cluster writes is accepted as it comes."""

    name: DnsName
    namespace: NamespaceName = "default"
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    generate_name: FreeForm = None
    managed_fields: FreeForm = None
    uid: FreeForm = None
    resource_version: FreeForm = None
    generation: FreeForm = None
    creation_timestamp: FreeForm = None
    deletion_timestamp: FreeForm = None
    deletion_grace_period_seconds: FreeForm = None
    owner_references: tuple[OwnerReference, ...] = ()
    finalizers: tuple[str, ...] = ()
    self_link: FreeForm = None
    cluster_name: FreeForm = None


class Ref(Strict, frozen=True):
    """Gloo's ResourceRef."""

    name: str = ""
    namespace: str = ""


class Manifest(Strict, frozen=True):
    """What every document has."""

    api_version: str
    kind: str
    metadata: Metadata
    status: FreeForm = None
