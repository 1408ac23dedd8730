"""Objects as the API answers them: whole, as rows of a Table, or their metadata only; in JSON or YAML."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

import msgspec
import yaml
from aiohttp import web

from edgesim.config.store import Entry, published
from edgesim.control.changes import API_WRITER
from edgesim.dialects import Kind
from edgesim.dialects.defaults import defaulted
from edgesim.kube.beside import beside
from edgesim.kube.file_applied import with_last_applied
from edgesim.kube.forms import Form
from edgesim.kube.tables import as_table

Manifest = dict[str, Any]

_ALWAYS: Final[dict[str, Callable[[], Manifest]]] = {
    "Namespace": lambda: {"phase": "Active"},
    "Service": lambda: {"loadBalancer": {}},
    "PersistentVolume": lambda: {"phase": "Pending"},
    "PersistentVolumeClaim": lambda: {"phase": "Pending"},
}


_WITHOUT_GENERATION: Final = frozenset({"", "rbac.authorization.k8s.io"})
"""The groups whose objects do not count how often what they ask for was changed."""


def shown(entry: Entry) -> Manifest:
    """Return an object as the API shows it; one without a status has no such field.

    What a client wrote was stored with its defaults; what a file declares, or a controller, gets them here.
    """
    found = with_last_applied(entry, published(entry))
    if entry.writer != API_WRITER:
        found = defaulted(entry.resource.kind, found)
    if entry.resource.kind.group in _WITHOUT_GENERATION:
        found["metadata"].pop("generation", None)
    if not found.get("status"):
        always = _ALWAYS.get(entry.resource.kind.kind)
        if always is None:
            found.pop("status", None)
        else:
            found["status"] = always()
    return found


def in_form(found: Manifest, kind: Kind, form: Form, now: datetime) -> Manifest:
    """Return one shown object in the form a client wants."""
    if form.shape == "Table":
        return as_table(kind, [found], now, include_object=form.include)
    return metadata_only(found) if form.shape == "PartialObjectMetadata" else found


def list_in_form(found: Sequence[Manifest], kind: Kind, form: Form, now: datetime, version: int) -> Manifest:
    """Return a list of shown objects in the form a client wants; `version` is the store's."""
    metadata = {"resourceVersion": str(version)}
    if form.shape == "Table":
        return {**as_table(kind, found, now, include_object=form.include), "metadata": metadata}
    if form.shape == "PartialObjectMetadata":
        items = [metadata_only(each) for each in found]
        return {
            "kind": "PartialObjectMetadataList",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": metadata,
            "items": items,
        }
    return {"kind": f"{kind.kind}List", "apiVersion": kind.api_version, "metadata": metadata, "items": [*found]}


def metadata_only(found: Manifest) -> Manifest:
    """Return an object as PartialObjectMetadata."""
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": found["metadata"]}


def answer(
    value: Manifest, form: Form | None = None, *, status: int = 200, warnings: Iterable[str] = ()
) -> web.Response:
    """Answer with a value, and with warnings that the client prints."""
    form = form or Form()
    response = web.Response(body=encode(value, form), status=status, content_type=form.content_type)
    for each in dict.fromkeys(warnings):
        response.headers.add("Warning", warning(each))
    return response


async def answer_beside(
    value: Manifest, form: Form, *, status: int = 200, warnings: Iterable[str] = ()
) -> web.Response:
    """Answer so, a large value written beside the event loop: YAML of thousands of routes takes seconds."""
    return await beside(lambda: answer(value, form, status=status, warnings=warnings), value)


def encode(value: Manifest, form: Form) -> bytes:
    """Write a value."""
    if form.yaml:
        text: str = yaml.dump(value, Dumper=_dumper(), sort_keys=False, allow_unicode=True)
        return text.encode()
    if form.pretty:
        return json.dumps(value, indent=2).encode() + b"\n"
    return msgspec.json.encode(value) + b"\n"


def warning(text: str) -> str:
    """Return the value of a Warning header (RFC 7234, section 5.5), as an API server sends it: one line of text."""
    line = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    quoted = line.encode("ascii", "replace").decode().replace("\\", "\\\\").replace('"', '\\"')
    return f'299 - "{quoted}"'


@lru_cache(maxsize=1)
def _dumper() -> type[yaml.CSafeDumper]:
    """Return a writer that makes no anchors: objects share what is equal."""

    class Plain(yaml.CSafeDumper):
        def ignore_aliases(self, _data: Any) -> bool:
            return True

    return Plain
