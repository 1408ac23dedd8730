"""The options of a request: what its query and, for a deletion, its body ask for.

Kubernetes API: CreateOptions, UpdateOptions, PatchOptions, DeleteOptions, ListOptions (meta/v1).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from aiohttp import web

from edgesim.config.api_errors import ApiError
from edgesim.kube.field_selectors import only_name, parse_fields
from edgesim.kube.paths import Target
from edgesim.kube.selectors import parse_labels

Manifest = dict[str, Any]
FieldValidation = Literal["Strict", "Warn", "Ignore"]
Propagation = Literal["Background", "Foreground", "Orphan"]
Matches = Callable[[Manifest], bool]

_TRUE: Final = frozenset({"1", "t", "T", "true", "TRUE", "True", ""})
_FALSE: Final = frozenset({"0", "f", "F", "false", "FALSE", "False"})
_LONGEST_MANAGER: Final = 128
_LONGEST_NUMBER: Final = 18


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """How something is written; `manager` is who writes, and `force` takes fields from others."""

    manager: str
    dry_run: bool = False
    validation: FieldValidation = "Warn"
    force: bool | None = None


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    """How something is deleted, and what it must be for that: its uid and its version."""

    dry_run: bool = False
    propagation: Propagation = "Background"
    uid: str | None = None
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """Which objects of a kind are meant. None of a part means all."""

    labels: Callable[[Mapping[str, str]], bool] | None = None
    fields: Matches | None = None
    name: str = ""
    """The only name the field selector leaves, for authorization; empty for many."""

    @property
    def everything(self) -> bool:
        """Tell whether nothing is left out."""
        return self.labels is None and self.fields is None

    def __call__(self, found: Manifest) -> bool:
        """Tell whether a shown object is meant."""
        if self.labels is not None and not self.labels(found["metadata"].get("labels") or {}):
            return False
        return self.fields is None or self.fields(found)


def write_options(request: web.Request) -> WriteOptions:
    """Read the options of a create, update or patch. Raises ApiError."""
    query = request.query
    validation = query.get("fieldValidation", "") or "Warn"
    found = next((each for each in get_args(FieldValidation) if each == validation), None)
    if found is None:
        supported = ", ".join(f'"{each}"' for each in ("Ignore", "Strict", "Warn"))
        raise _bad_option("fieldValidation", f'Unsupported value: "{validation[:100]}": supported values: {supported}')
    force = _flag(query, "force") if "force" in query else None
    return WriteOptions(_manager(request), _dry_run(query.getall("dryRun", ())), found, force)


def _manager(request: web.Request) -> str:
    """Return who writes: as the client says, else the program its User-Agent begins with."""
    manager = request.query.get("fieldManager", "")
    if len(manager) > _LONGEST_MANAGER:
        raise _bad_option("fieldManager", f"Too long: may not be more than {_LONGEST_MANAGER} bytes")
    if any(not each.isprintable() for each in manager):
        raise _bad_option(
            "fieldManager", f"Invalid value: {_quoted(manager)}: should only contain printable characters"
        )
    agent = request.headers.get("User-Agent", "").partition("/")[0]
    return manager or "".join(each for each in agent if each.isprintable())[:_LONGEST_MANAGER] or "unknown"


def _bad_option(field: str, why: str) -> ApiError:
    return ApiError("BadRequest", f"{field}: {why}")


def _dry_run(values: Iterable[str]) -> bool:
    given = [each for each in values if each]
    for each in given:
        if each != "All":
            raise _bad_option("dryRun", f'Unsupported value: {_quoted(each)}: supported values: "All"')
    return bool(given)


def _flag(query: Mapping[str, str], name: str) -> bool:
    text = query.get(name)
    if text is None or text in _FALSE:
        return False
    if text in _TRUE:
        return True
    raise ApiError("BadRequest", f"{name}: Invalid value: {_quoted(text)}: must be true or false")


def _quoted(text: str) -> str:
    return '"' + text[:100].replace("\\", "\\\\").replace('"', '\\"') + '"'


def delete_options(request: web.Request, body: Manifest) -> DeleteOptions:
    """Read the options of a deletion: the body's, else the query's. Raises ApiError."""
    if body and body.get("kind", "DeleteOptions") != "DeleteOptions":
        raise ApiError("BadRequest", "expected a DeleteOptions object as the body of a deletion")
    query = request.query
    dry = body.get("dryRun") or query.getall("dryRun", [])
    if not isinstance(dry, list):
        raise _bad_option("dryRun", "Invalid value: must be a list")
    policy = body.get("propagationPolicy") or query.get("propagationPolicy") or ""
    orphan = body.get("orphanDependents")
    if orphan is None and "orphanDependents" in query:
        orphan = _flag(query, "orphanDependents")
    preconditions = body.get("preconditions") or {}
    if not isinstance(preconditions, dict):
        raise _bad_option("preconditions", "Invalid value: must be an object")
    uid = preconditions.get("uid")
    return DeleteOptions(
        _dry_run(map(str, dry)),
        _propagation(policy, orphan=orphan),
        None if uid is None else str(uid),
        version_of(preconditions.get("resourceVersion")),
    )


def _propagation(policy: Any, *, orphan: Any) -> Propagation:
    if policy and orphan is not None:
        raise _bad_option(
            "propagationPolicy", "Invalid value: orphanDependents and deletionPropagation cannot be both set"
        )
    if orphan is not None:
        return "Orphan" if orphan else "Background"
    found = next((each for each in get_args(Propagation) if each == (policy or "Background")), None)
    if found is None:
        supported = ", ".join(f'"{each}"' for each in (*get_args(Propagation), "nil"))
        raise _bad_option(
            "propagationPolicy", f"Unsupported value: {_quoted(str(policy))}: supported values: {supported}"
        )
    result: Propagation = found
    return result


def version_of(text: Any, field: str = "resourceVersion") -> int | None:
    """Return the version a client names, None for none. Raises ApiError BadRequest."""
    if text in (None, "", "0"):
        return None
    if not isinstance(text, str) or not (text.isascii() and text.isdigit()) or len(text) > _LONGEST_NUMBER:
        shown = str(text)[:100]
        message = f'{field}: Invalid value: "{shown}": strconv.ParseUint: parsing "{shown}": invalid syntax'
        raise ApiError("BadRequest", message)
    return int(text)


def flag(request: web.Request, name: str) -> bool:
    """Return a yes or no of the query. Raises ApiError BadRequest."""
    return _flag(request.query, name)


def number(request: web.Request, name: str) -> int | None:
    """Return a whole number of the query, from 0 on; None for none. Raises ApiError BadRequest."""
    text = request.query.get(name, "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > _LONGEST_NUMBER:
        raise ApiError("BadRequest", f"{name}: Invalid value: {_quoted(text)}: must be a whole number, 0 or more")
    return int(text)


def selection(request: web.Request, target: Target) -> Selection:
    """Read labelSelector and fieldSelector. Raises ApiError BadRequest."""
    labels, fields = request.query.get("labelSelector", ""), request.query.get("fieldSelector", "")
    try:
        return Selection(
            parse_labels(labels) if labels.strip() else None,
            parse_fields(fields, target.kind) if fields.strip() else None,
            only_name(fields),
        )
    except ValueError as error:
        raise ApiError("BadRequest", str(error)) from None
