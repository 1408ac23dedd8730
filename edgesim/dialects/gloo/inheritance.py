"""What a route takes over from others: options, and conditions of its parent route (reference 5.4 to 5.6)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Generic, TypeVar

import msgspec

from edgesim.dialects.gloo.guesses import Name, dotted
from edgesim.dialects.gloo.scope import Place, Reporter, guess
from edgesim.dialects.gloo.shelves import Index
from edgesim.dialects.resource import FieldPath, Resource
from edgesim.dialects.schema.gateway import Matcher
from edgesim.dialects.schema.options import DelegateOptionsRefs, SharedOptions

Options_ = TypeVar("Options_", bound=SharedOptions)


@dataclass(frozen=True, slots=True)
class Options(Generic[Options_]):
    """Options, and where those fields were written, by their YAML names, that were not written in the route itself."""

    value: Options_ | None
    places: Mapping[str, Place] = field(default_factory=dict)

    def moved(self, path: FieldPath) -> dict[FieldPath, Place]:
        """Return the places of options that stand at `path`, for a Reporter."""
        return {(*path, name): place for name, place in self.places.items()}


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    yaml: str
    group: str
    """The field's own name, or that of the first of its oneof."""


@cache
def _fields(schema: type[SharedOptions]) -> tuple[_Field, ...]:
    groups = {name: group[0] for group in schema.ONE_OF for name in group}
    return tuple(
        _Field(each.name, each.encode_name, groups.get(each.encode_name, each.encode_name))
        for each in msgspec.structs.fields(schema)
    )


def _written(options: SharedOptions | None) -> list[_Field]:
    """Return the fields that are set: messages and wrappers whatever they hold, lists and maps if there is something."""
    if options is None:
        return []
    return [each for each in _fields(type(options)) if _is_set(each.name, getattr(options, each.name))]


def _is_set(name: str, value: Any) -> bool:
    return value is not None and value != () and not (name == "envoy_metadata" and not value)


def fill(own: Options[Options_], other: Options_ | None, place: Callable[[str], Place]) -> Options[Options_]:
    """Add the other's fields that are not set: shallow, a oneof counting as one field."""
    if other is None:
        return own
    taken = {each.group for each in _written(own.value)}
    added = [each for each in _written(other) if each.group not in taken]
    if not added:
        return own
    places = {**own.places, **{each.yaml: place(each.yaml) for each in added}}
    if own.value is None:
        return Options(other, places)
    changes = {each.name: getattr(other, each.name) for each in added}
    return Options(msgspec.structs.replace(own.value, **changes), places)


def placed(options: Options[Options_], resource: Resource, path: FieldPath) -> Options[Options_]:
    """Return options that know the places of all their fields: those at `path` too."""
    own = {each.yaml: Place(resource, (*path, each.yaml)) for each in _written(options.value)}
    return Options(options.value, {**own, **options.places})


def with_refs(
    own: Options_ | None,
    refs: DelegateOptionsRefs | None,
    path: FieldPath,
    known: Index,
    word: str,
    reporter: Reporter,
) -> Options[Options_]:
    """Add the options that are referred to: what is inline wins, then the first reference.

    `path` is that of `optionsConfigRefs`; `word` is Gloo's for the kind. A reference has no default namespace.
    """
    found = Options(own)
    for index, ref in enumerate(refs.delegate_options if refs is not None else ()):
        name: Name = (ref.namespace, ref.name)
        resource = known.get(name)
        if resource is None:
            text = f"list did not find {word} {dotted(name)}"
            reporter.report("ES0258", (*path, "delegateOptions", index), text, guess(name, known))
            continue
        given: Options_ | None = resource.typed.spec.options
        found = fill(found, given, _inside(resource))
    return found


def _inside(resource: Resource) -> Callable[[str], Place]:
    return lambda name: Place(resource, ("spec", "options", name))


ANY_PATH = Matcher(prefix="/")
_PATHS = (("prefix", "prefix"), ("exact", "exact"), ("regex", "regex"), ("connect_matcher", "connectMatcher"))


def path_of(matcher: Matcher) -> tuple[str, str]:
    """Return the YAML name and the text of a matcher's path; both are empty where it has none."""
    for name, yaml in _PATHS:
        value = getattr(matcher, name)
        if value is not None:
            return yaml, value if isinstance(value, str) else ""
    return "", ""


def with_path(matchers: Sequence[Matcher], parent: Matcher) -> tuple[Matcher, ...]:
    """Put the parent's path in place of every matcher's own (`inheritablePathMatchers`)."""
    path = {name: getattr(parent, name) for name, _ in _PATHS}
    sensitive = parent.case_sensitive
    return tuple(msgspec.structs.replace(each, **path, case_sensitive=sensitive) for each in matchers or (Matcher(),))


def with_conditions(matchers: Sequence[Matcher], parent: Matcher) -> tuple[Matcher, ...]:
    """Put the parent's headers, query parameters and methods before each matcher's own (`inheritableMatchers`)."""
    return tuple(
        msgspec.structs.replace(
            each,
            headers=(*parent.headers, *each.headers),
            query_parameters=(*parent.query_parameters, *each.query_parameters),
            methods=(*parent.methods, *each.methods),
        )
        for each in matchers
    )


@dataclass(frozen=True, slots=True)
class Misfit:
    """Why a matcher does not fit its parent's: the field, what Gloo says, what would mend it."""

    field: str
    message: str
    hint: str


def misfit(child: Matcher, parent: Matcher) -> Misfit | None:
    """Find the first condition of the parent that a child's matcher does not repeat."""
    yaml, text = path_of(child)
    if not text.startswith(parent.prefix or ""):
        said = f"required prefix: {parent.prefix}, prefix: {text}"
        hint = f"begin it with `{parent.prefix}`, or set `inheritablePathMatchers: true`"
        return Misfit(yaml, f"{said}: {_MUST} begin with the prefix of their parent route's matcher", hint)
    if child.case_sensitive is not parent.case_sensitive:
        wanted, found = _switch(parent.case_sensitive), _switch(child.case_sensitive)
        said = f"required caseSensitive: {wanted}, caseSensitive: {found}"
        text = f"{said}: {_MUST} have the same case sensitivity of their parent route's matcher"
        return Misfit("caseSensitive", text, "left out and `true` are not the same here")
    return _missing(child, parent)


_MUST = "invalid route: route table matchers must"
_INHERIT = "repeat it, or set `inheritableMatchers: true`"


def _missing(child: Matcher, parent: Matcher) -> Misfit | None:
    """Find a header, query parameter or method of the parent that the child lacks."""
    if any(each not in child.headers for each in parent.headers):
        said = f"required headers: {_messages(parent.headers)}, headers: {_messages(child.headers)}"
        return Misfit("headers", _superset(said, "headers"), _INHERIT)
    if any(each not in child.query_parameters for each in parent.query_parameters):
        wanted, found = _messages(parent.query_parameters), _messages(child.query_parameters)
        said = f"required query params: {wanted}, query params: {found}"
        return Misfit("queryParameters", _superset(said, "query params"), _INHERIT)
    if not set(parent.methods) <= set(child.methods):
        said = f"required methods: [{' '.join(parent.methods)}], methods: [{' '.join(child.methods)}]"
        return Misfit("methods", _superset(said, "methods"), _INHERIT)
    return None


def _superset(said: str, what: str) -> str:
    return f"{said}: {_MUST} have all {what} that were specified on their parent route's matcher"


def _switch(value: bool | None) -> str:  # noqa: FBT001 - as the schema has it
    return {None: "unset", True: "true", False: "false"}[value]


def _messages(items: Sequence[msgspec.Struct]) -> str:
    """Write messages as Go does, without the fields that are not set."""
    return f"[{' '.join(_message(item) for item in items)}]"


def _message(item: msgspec.Struct) -> str:
    given = ((each.encode_name, getattr(item, each.name)) for each in msgspec.structs.fields(item))
    return " ".join(f"{name}:{msgspec.json.encode(value).decode()}" for name, value in given if value)
