"""What a translation can see, and where it reports."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from edgesim.dialects.fields import show_path
from edgesim.dialects.nearest import did_you_mean, nearest
from edgesim.dialects.resource import FieldPath, Resource
from edgesim.dialects.schema.kubernetes import Service
from edgesim.dialects.schema.settings import Settings, SettingsSpec
from edgesim.dialects.schema.tls import SslParameters
from edgesim.dialects.schema.upstream import KubeSpec, Upstream, UpstreamGroup
from edgesim.model import DEFAULT_LISTENER, ListenerOptions, Origin, OriginStep, Problem, ResourceKey, Severity
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


Lookup = tuple[str, ...]
"""One thing that a reading asked for: a kind and a resource's namespace and name, or a kind and a word of its own."""


class Lookups:
    """What has been asked for since somebody began to listen, and what files held (or why they were not read)."""

    __slots__ = ("files", "seen")

    def __init__(self) -> None:
        """Begin with nothing."""
        self.seen: set[Lookup] = set()
        self.files: dict[str, bytes | str] = {}

    def recording(self, read_file: ReadFile) -> ReadFile:
        """Return a reader of files that takes down what was read."""

        def recorded(path: str) -> bytes:
            self.seen.add((FILE, path))
            try:
                found = read_file(path)
            except (OSError, ValueError) as error:
                self.files[path] = str(error)
                raise
            self.files[path] = found
            return found

        return recorded


FILE = "file"
"""The kind of a Lookup that is the path of a file."""

ANY_NAME = "*"
"""In a Lookup: which names there are at all."""


class Index(dict[Name, Resource]):
    """The resources of one kind. Whatever is asked of it is recorded: a reading depends on it."""

    __slots__ = ("_kind", "_lookups")

    def __init__(self, kind: str, lookups: Lookups) -> None:
        """Begin empty."""
        super().__init__()
        self._kind = kind
        self._lookups = lookups

    def __contains__(self, name: object) -> bool:
        """Tell whether a resource exists, and record that somebody asked."""
        return self.get(cast(Name, name)) is not None

    def __getitem__(self, name: Name) -> Resource:
        """Return a resource, and record that somebody asked. Raises KeyError."""
        self._lookups.seen.add((self._kind, *name))
        return super().__getitem__(name)

    def get(self, name: Name, default: Any = None) -> Any:
        """Return a resource or the default, and record that somebody asked."""
        self._lookups.seen.add((self._kind, *name))
        return super().get(name, default)

    def __iter__(self) -> Iterator[Name]:
        """Iterate over the names, and record that somebody asked for all."""
        self._lookups.seen.add((self._kind, ANY_NAME))
        return super().__iter__()


def dotted(name: Name) -> str:
    """Write a reference as Gloo's messages do: `namespace.name`."""
    return f"{name[0]}.{name[1]}"


def guess(name: Name, known: Iterable[Name]) -> str:
    """Guess the resource that was meant: the same name elsewhere, or a like name."""
    known = list(known)
    for other in known:
        if other[1] == name[1]:
            return f"did you mean `{name[1]}` in the namespace `{other[0]}`?"
    here = nearest(name[1], [other[1] for other in known if other[0] == name[0]])
    if here is not None:
        return f"did you mean `{here}`?"
    return did_you_mean(dotted(name), [dotted(other) for other in known])


@dataclass(slots=True)
class Scope:
    """What a translation can see, and where it reports.

    Resources are found by kind and name. What Settings and Gateways say follows, and at the end stands what
    fills while resources are read: whatever is added there `memo.Memo` has to replay.
    """

    lookups: Lookups
    upstreams: Index
    groups: Index
    services: Index
    secrets: Index
    tables: Index
    route_options: Index
    host_options: Index
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


INDEXED = ("Upstream", "UpstreamGroup", "Service", "Secret", "RouteTable", "RouteOption", "VirtualHostOption")
"""The kinds of which a scope has an index."""


def scope_of(resources: Iterable[Resource], read_file: ReadFile = no_files) -> Scope:
    """Index the resources that others refer to, and read Settings."""
    lookups = Lookups()
    indexes = {kind: Index(kind, lookups) for kind in INDEXED}

    scope = Scope(
        lookups=lookups,
        upstreams=indexes["Upstream"],
        groups=indexes["UpstreamGroup"],
        services=indexes["Service"],
        secrets=indexes["Secret"],
        tables=indexes["RouteTable"],
        route_options=indexes["RouteOption"],
        host_options=indexes["VirtualHostOption"],
        read_file=lookups.recording(read_file),
    )
    for resource in resources:
        kind = resource.kind.kind
        if kind in indexes:
            indexes[kind][resource.namespace, resource.name] = resource
        elif kind == "Settings" and resource.name == "default":
            _apply_settings(cast(Settings, resource.typed).spec, scope)
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


@dataclass(frozen=True, slots=True)
class Place:
    """A field of a resource."""

    resource: Resource
    path: FieldPath

    @property
    def step(self) -> OriginStep:
        """Return this place as plain data."""
        of = self.resource
        return OriginStep(of.kind.kind, of.namespace, of.name, of.source.file, self.path)


@dataclass(slots=True)
class Reporter:
    """Reports the problems of one resource. `errors` counts, so that a reader sees whether its part is sound.

    Fields that are `moved` were written elsewhere, by a parent route or in a RouteOption: what is wrong with
    one is a problem of the resource that wrote it. `affects` suffer from whatever is wrong here. `above` is
    the way that leads to the resource, for origins.
    """

    scope: Scope
    resource: Resource
    errors: int = 0
    affects: tuple[ResourceKey, ...] = ()
    above: Origin = ()
    moved: Mapping[FieldPath, Place] = field(default_factory=dict)

    def report(self, code: str, path: FieldPath, message: str, hint: str = "") -> None:
        """Attach a problem to a field of the resource."""
        place = self.place_of(path)
        key = place.resource.key
        if key != self.resource.key and code == WITHOUT_EFFECT:
            return  # an inherited option need not act on every route
        suffering = dict.fromkeys((self.resource.key, *self.affects))
        suffering.pop(key, None)
        found = problem(
            code,
            message,
            resource=key,
            field=show_path(place.path),
            position=place.resource.source.locate(place.path),
            hint=hint,
            affects=tuple(suffering),
        )
        self.errors += found.severity is Severity.ERROR
        self.scope.problems.append(found)

    def place_of(self, path: FieldPath) -> Place:
        """Return where a field was written."""
        for end in range(len(path), 0, -1) if self.moved else ():
            place = self.moved.get(path[:end])
            if place is not None:
                return Place(place.resource, (*place.path, *path[end:]))
        return Place(self.resource, path)

    def origin(self, path: FieldPath) -> Origin:
        """Return the origin of a piece of the model that a field of the resource declares."""
        return (*self.above, Place(self.resource, path).step)


WITHOUT_EFFECT = "ES0604"
"""The note on an option that does not act where it is written."""


def each_of(resources: Iterable[Resource], kind: str) -> Iterator[Resource]:
    """Iterate over the resources of one kind."""
    return (resource for resource in resources if resource.kind.kind == kind)
