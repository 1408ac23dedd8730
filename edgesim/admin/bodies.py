"""Reading requests: which resource a path means, and what a body says."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import msgspec
from aiohttp import web

from edgesim.admin.wire import File, Files
from edgesim.config.api_errors import ApiError
from edgesim.config.read import read_text
from edgesim.dialects import KINDS, Document, Kind
from edgesim.model import Problem, ResourceKey

MAX_BODY = 64 * 1024 * 1024
"""Bytes of one request's body: enough for a folder of 25,000 route tables."""

SOURCE_HEADER = "X-Edgesim-Source"
"""Names the file a body was read from, percent-encoded, so that problems can name it too."""

MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
YAML_TYPES = frozenset({"application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml"})
MANIFEST_TYPES = YAML_TYPES | {"application/json"}

_BY_PATH = {(kind.group, kind.version, kind.plural): kind for kind in KINDS}


@dataclass(frozen=True, slots=True)
class Target:
    """The kind a path names, with the namespace and name where it gives them."""

    kind: Kind
    namespace: str | None
    name: str

    @property
    def key(self) -> ResourceKey:
        """Return the key of the one object the path names."""
        return ResourceKey(self.kind.kind, self.namespace or "", self.name)

    @property
    def qualified(self) -> str:
        """Return `plural.group`, as Kubernetes' messages have it."""
        return f"{self.kind.plural}.{self.kind.group}" if self.kind.group else self.kind.plural

    def details(self) -> dict[str, Any]:
        """Return Kubernetes' StatusDetails."""
        named = {"name": self.name} if self.name else {}
        return {**named, **({"group": self.kind.group} if self.kind.group else {}), "kind": self.kind.plural}


def target_of(request: web.Request) -> Target:
    """Return what a resource path names. Raises ApiError NotFound for a kind that does not exist."""
    parts = request.match_info
    kind = _BY_PATH.get((parts.get("group", ""), parts.get("version", "v1"), parts["plural"]))
    namespace = parts.get("namespace")
    name = parts.get("name", "")
    if kind is None or (namespace is not None and not kind.namespaced):
        raise ApiError("NotFound", "the server could not find the requested resource")
    if kind.namespaced and namespace is None and (name or request.method == "POST"):
        raise ApiError(
            "NotFound", f"{kind.kind} is namespaced: the path needs namespaces/NAMESPACE before {kind.plural}"
        )
    return Target(kind, namespace, name)


async def body_text(request: web.Request) -> str:
    """Return a body as text. Raises ApiError when it is too large or not UTF-8."""
    try:
        return (await request.read()).decode()
    except web.HTTPRequestEntityTooLarge:
        raise ApiError("RequestEntityTooLarge", f"a body may have at most {MAX_BODY} bytes") from None
    except UnicodeDecodeError as error:
        raise ApiError("BadRequest", f"the body is not UTF-8: {error.reason} at byte {error.start}") from None


@dataclass(frozen=True, slots=True)
class JsonPatch:
    """The operations of a JSON patch, and the name problems are to show for it."""

    operations: list[Any]
    file: str


Patch = Document | JsonPatch
"""A JSON patch, or the document of a merge patch."""


async def body_patch(request: web.Request) -> Patch:
    """Return the patch of a body, of the type its content type says. Raises ApiError."""
    if request.content_type != JSON_PATCH:
        return await body_document(request, frozenset({MERGE_PATCH, JSON_PATCH}))
    try:
        operations = json.loads(await body_text(request))
    except (ValueError, RecursionError) as error:
        raise ApiError("BadRequest", f"the body is no JSON: {error}") from None
    if not isinstance(operations, list):
        raise ApiError("BadRequest", "a JSON patch is a list of operations")
    return JsonPatch(operations, source_name(request))


async def body_document(request: web.Request, types: frozenset[str] = MANIFEST_TYPES) -> Document:
    """Return the one document of a body, YAML or JSON. Raises ApiError."""
    if request.content_type not in types and "Content-Type" in request.headers:
        raise ApiError("UnsupportedMediaType", f"{request.content_type} is not one of: {', '.join(sorted(types))}")
    read = read_text(await body_text(request), source_name(request))
    if read.problems:
        raise ApiError("BadRequest", sentences(read.problems))
    if len(read.documents) != 1:
        raise ApiError("BadRequest", f"expected one object, got {len(read.documents)}")
    return read.documents[0]


async def body_files(request: web.Request) -> list[File]:
    """Read a body: one file as YAML, or several as JSON `{"files": [{"name", "text"}]}`. Raises ApiError."""
    text = await body_text(request)
    if request.content_type in YAML_TYPES:
        return [File(source_name(request), text)]
    if request.content_type != "application/json":
        raise ApiError("UnsupportedMediaType", "send application/yaml, or application/json with a list of files")
    try:
        return list(msgspec.json.decode(text, type=Files).files)
    except (msgspec.MsgspecError, RecursionError):
        message = 'expected {"files": [{"name": "vs.yaml", "text": "..."}]}'
        raise ApiError("BadRequest", message) from None


def source_name(request: web.Request) -> str:
    """Return the name problems are to show for a body."""
    return unquote(request.headers.get(SOURCE_HEADER, "").strip()) or "(request)"


def sentences(problems: tuple[Problem, ...]) -> str:
    """Join problems into one message, each with its line and field."""
    return "; ".join(
        (f"line {problem.position.line}: " if problem.position else "")
        + (f"{problem.field}: " if problem.field else "")
        + problem.message
        + (f" ({problem.hint})" if problem.hint else "")
        for problem in problems
    )


def invalid(target: Target, problems: tuple[Problem, ...]) -> ApiError:
    """Return what to raise for an object that does not read well as its kind."""
    causes = [{"reason": "FieldValueInvalid", "message": found.message, "field": found.field} for found in problems]
    message = f'{target.kind.kind}.{target.kind.group or "core"} "{target.name}" is invalid: {sentences(problems)}'
    return ApiError("Invalid", message, {**target.details(), "causes": causes}, problems)


def expected_version(manifest: dict[str, Any], target: Target) -> int | None:
    """Return the resourceVersion a body insists on, None for none. Raises ApiError."""
    metadata = manifest.get("metadata")
    version = metadata.get("resourceVersion") if isinstance(metadata, dict) else None
    if version is None or version in ("", "0"):
        return None
    if not isinstance(version, str) or not version.isascii() or not version.isdigit() or len(version) > 18:
        raise ApiError("BadRequest", f"metadata.resourceVersion: {version!r} is no version", target.details())
    return int(version)
