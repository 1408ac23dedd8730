"""The form a client wants an answer in: what its Accept header says.

Kubernetes, "API concepts": alternate representations, receiving resources as Tables. Whoever asks for protobuf asks for
JSON too, and gets that.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from aiohttp import web

from edgesim.config.api_errors import ApiError

Shape = Literal["Object", "Table", "PartialObjectMetadata"]
Part = Literal["None", "Metadata", "Object"]

_SHAPES: Final[dict[str, Shape]] = {
    "Table": "Table",
    "PartialObjectMetadata": "PartialObjectMetadata",
    "PartialObjectMetadataList": "PartialObjectMetadata",
}
_PARTS: Final[tuple[Part, ...]] = ("None", "Metadata", "Object")
_JSON: Final = frozenset({"application/json", "application/*", "*/*"})
_YAML: Final = "application/yaml"
_NOT_ACCEPTABLE: Final = "only the following media types are accepted: application/json, application/yaml"


@dataclass(frozen=True, slots=True)
class Form:
    """How an answer is written: its shape, in a Table what goes with each row, as JSON or YAML."""

    shape: Shape = "Object"
    include: Part = "Metadata"
    yaml: bool = False
    pretty: bool = False

    @property
    def content_type(self) -> str:
        """Return the media type."""
        return _YAML if self.yaml else "application/json"


def form_of(request: web.Request) -> Form:
    """Return the form a request asks for. Raises ApiError NotAcceptable, BadRequest."""
    accept = ",".join(request.headers.getall("Accept", ())) or "*/*"
    include = request.query.get("includeObject", "") or "Metadata"
    part = next((each for each in _PARTS if each == include), None)
    if part is None:
        raise ApiError(
            "BadRequest", f'Unsupported value: "{include[:100]}": supported values: "None", "Metadata", "Object"'
        )
    pretty = request.query.get("pretty", "") in {"true", "1"}
    for media, parameters in _by_preference(accept):
        if media not in _JSON and media != _YAML:
            continue
        wanted = parameters.get("as", "")
        if not wanted:
            return Form("Object", part, media == _YAML, pretty)
        if wanted in _SHAPES and parameters.get("g") == "meta.k8s.io" and parameters.get("v") in {"v1", "v1beta1"}:
            return Form(_SHAPES[wanted], part, media == _YAML, pretty)
    raise ApiError("NotAcceptable", _NOT_ACCEPTABLE)


def _by_preference(accept: str) -> list[tuple[str, dict[str, str]]]:
    ranges = [*_ranges(accept)]
    ranges.sort(key=lambda each: -_quality(each[1].get("q", "")))
    return ranges


def _ranges(accept: str) -> Iterator[tuple[str, dict[str, str]]]:
    for each in accept.split(","):
        media, *rest = (part.strip() for part in each.split(";"))
        pairs = (part.partition("=") for part in rest)
        yield media.lower(), {name.strip().lower(): value.strip() for name, _, value in pairs}


def _quality(text: str) -> float:
    try:
        return min(1.0, max(0.0, float(text)))
    except ValueError:
        return 1.0
