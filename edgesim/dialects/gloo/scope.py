"""What a translation can see, and where it reports."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import cast

from edgesim.dialects.fields import show_path
from edgesim.dialects.nearest import did_you_mean, nearest
from edgesim.dialects.resource import FieldPath, Resource
from edgesim.dialects.schema.kubernetes import Service
from edgesim.dialects.schema.settings import Settings, SettingsSpec
from edgesim.dialects.schema.tls import SslParameters
from edgesim.dialects.schema.upstream import KubeSpec, Upstream, UpstreamGroup
from edgesim.model import DEFAULT_LISTENER, ListenerOptions, Origin, OriginStep, Problem, Severity
from edgesim.model.codes import problem

DEFAULT_REGEX_LIMIT = 1024
"""Gloo's Helm default of `gloo.regexMaxProgramSize` (section 10)."""

DEFAULT_MAX_RETRIES = 3
"""Envoy's default of `circuitBreakers.maxRetries`."""

ReadFile = Callable[[str], bytes]
"""Returns what a file holds; raises OSError (or ValueError for an impossible name)."""


def no_files(_path: str) -> bytes:
    """Read no file. Raises OSError always."""
    raise OSError(errno.EPERM, "files are not read here")


DEFAULT_MAX_BODY = 4096
"""Envoy's limit on the body of a direct response, in bytes."""


@dataclass(frozen=True, slots=True)
class Listeners:
    """What gateways say of the two listeners."""

    plain: ListenerOptions = DEFAULT_LISTENER
    tls: ListenerOptions = DEFAULT_LISTENER


Name = tuple[str, str]
"""Namespace and name of a resource of a known kind."""


def dotted(name: Name) -> str:
    """Write a reference as Gloo's messages do: `namespace.name`."""
    return f"{name[0]}.{name[1]}"


def guess(name: Name, known: dict[Name, Resource]) -> str:
    """Guess the resource that was meant: the same name elsewhere, or a like name."""
    for other in known:
        if other[1] == name[1]:
            return f"did you mean `{name[1]}` in the namespace `{other[0]}`?"
    here = nearest(name[1], [other[1] for other in known if other[0] == name[0]])
    if here is not None:
        return f"did you mean `{here}`?"
    return did_you_mean(dotted(name), [dotted(other) for other in known])


@dataclass(slots=True)
class Scope:
    """Every resource of a translation, by kind; `kube_destinations` fills while routes are read."""

    upstreams: dict[Name, Resource] = field(default_factory=dict)
    groups: dict[Name, Resource] = field(default_factory=dict)
    services: dict[Name, Resource] = field(default_factory=dict)
    secrets: dict[Name, Resource] = field(default_factory=dict)
    read_file: ReadFile = no_files
    regex_limit: int = DEFAULT_REGEX_LIMIT
    listeners: Listeners = Listeners()
    max_body: int = DEFAULT_MAX_BODY
    max_retries: int = DEFAULT_MAX_RETRIES
    warn_missing_secret: bool = True
    one_way_tls: bool = False
    upstream_parameters: SslParameters | None = None
    kube_destinations: dict[tuple[str, str, int], Resource] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    @property
    def buffers(self) -> bool:
        """Tell whether a listener has the buffer filter."""
        return any(each.buffer_bytes is not None for each in (self.listeners.plain, self.listeners.tls))

    def subset_keys(self, upstream: Name) -> list[frozenset[str]] | None:
        """Return the key sets by which an upstream cuts subsets, or None without a subsetSpec."""
        typed = self.upstreams[upstream].typed
        assert isinstance(typed, Upstream)
        kube: KubeSpec | None = typed.spec.kube
        if kube is None or kube.subset_spec is None:
            return None
        return [frozenset(selector.keys) for selector in kube.subset_spec.selectors]

    def group(self, name: Name) -> UpstreamGroup | None:
        """Return an UpstreamGroup, if there is one of that name."""
        resource = self.groups.get(name)
        return None if resource is None else cast(UpstreamGroup, resource.typed)

    def service(self, name: Name) -> Service | None:
        """Return a Service, if there is one of that name."""
        resource = self.services.get(name)
        return None if resource is None else cast(Service, resource.typed)


def scope_of(resources: Iterable[Resource], read_file: ReadFile = no_files) -> Scope:
    """Index the resources that others refer to, and read Settings."""
    scope = Scope(read_file=read_file)
    tables: Mapping[str, dict[Name, Resource]] = {
        "Upstream": scope.upstreams,
        "UpstreamGroup": scope.groups,
        "Service": scope.services,
        "Secret": scope.secrets,
    }
    for resource in resources:
        kind = resource.kind.kind
        if kind in tables:
            tables[kind][resource.namespace, resource.name] = resource
        elif isinstance(resource.typed, Settings) and resource.name == "default":
            _apply_settings(resource.typed.spec, scope)
    return scope


def _apply_settings(spec: SettingsSpec, scope: Scope) -> None:
    """Take what Settings say; what they leave out keeps the default of Gloo's Helm chart."""
    gloo, gateway = spec.gloo, spec.gateway
    if gloo is not None and gloo.regex_max_program_size is not None:
        scope.regex_limit = gloo.regex_max_program_size
    if gloo is not None and gloo.circuit_breakers is not None and gloo.circuit_breakers.max_retries is not None:
        scope.max_retries = gloo.circuit_breakers.max_retries
    if gateway is not None and gateway.validation is not None:
        scope.warn_missing_secret = gateway.validation.warn_missing_tls_secret is not False
    if gateway is not None and gateway.virtual_service_options is not None:
        scope.one_way_tls = gateway.virtual_service_options.one_way_tls is True
    if spec.upstream_options is not None:
        scope.upstream_parameters = spec.upstream_options.ssl_parameters


@dataclass(slots=True)
class Reporter:
    """Reports the problems of one resource. `errors` counts, so that a reader sees whether its part is sound."""

    scope: Scope
    resource: Resource
    errors: int = 0

    def report(self, code: str, path: FieldPath, message: str, hint: str = "") -> None:
        """Attach a problem to a field of the resource."""
        found = problem(
            code,
            message,
            resource=self.resource.key,
            field=show_path(path),
            position=self.resource.source.locate(path),
            hint=hint,
        )
        self.errors += found.severity is Severity.ERROR
        self.scope.problems.append(found)

    def origin(self, path: FieldPath) -> Origin:
        """Return the origin of a piece of the model that a field of the resource declares."""
        of = self.resource
        return (OriginStep(of.kind.kind, of.namespace, of.name, of.source.file, path),)


def each_of(resources: Iterable[Resource], kind: str) -> Iterator[Resource]:
    """Iterate over the resources of one kind."""
    return (resource for resource in resources if resource.kind.kind == kind)
