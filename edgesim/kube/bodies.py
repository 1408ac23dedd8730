"""What the body of a request says: an object, options of a deletion, a patch; as JSON, YAML or protobuf."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from aiohttp import web

from edgesim.config.api_errors import ApiError
from edgesim.config.read import read_text
from edgesim.kube.beside import read_beside
from edgesim.kube.protobuf import decode_protobuf

Manifest = dict[str, Any]

MAX_BODY: Final = 3 * 1024 * 1024
"""Bytes of one body, as an API server takes them."""
WITHIN: Final = 60.0
"""Seconds within which a body has to be there: as long as an API server gives a request (--request-timeout)."""
MAX_YAML: Final = 512 * 1024
"""Bytes of one body that has to be parsed as YAML, which stops everything else. Official clients send JSON."""
MAX_DEPTH: Final = 100
"""Levels of nesting, far more than any manifest has."""

JSON: Final = "application/json"
YAML: Final = "application/yaml"
PROTOBUF: Final = "application/vnd.kubernetes.protobuf"
OBJECT_TYPES: Final = (JSON, YAML, PROTOBUF)


class BrokenBodyError(ApiError):
    """A body that ends in the middle, does not come, or cannot be unpacked: the connection is of no use any more."""


@dataclass(frozen=True, slots=True)
class Body:
    """An object a client sent; `text` is what it wrote, empty where that was no text."""

    manifest: Manifest
    text: str = ""


async def object_body(request: web.Request) -> Body:
    """Read a body that is one object. Raises ApiError."""
    media = media_of(request)
    if media not in OBJECT_TYPES:
        raise unsupported(OBJECT_TYPES)
    return await read_beside(await _bytes(request), _READERS[media])


def _read_yaml(data: bytes) -> Body:
    return Body(_mapping(read_yaml(data)), _text(data))


def _read_json(data: bytes) -> Body:
    return Body(_mapping(read_json(data)), _text(data))


def _read_protobuf(data: bytes) -> Body:
    try:
        return Body(decode_protobuf(data))
    except ValueError as error:
        raise ApiError("BadRequest", f"the object provided is unrecognized: {error}") from None


_READERS: Final[dict[str, Callable[[bytes], Body]]] = {
    JSON: _read_json,
    YAML: _read_yaml,
    PROTOBUF: _read_protobuf,
}


async def optional_body(request: web.Request) -> Manifest:
    """Read a body that may be missing, as that of a DELETE. Raises ApiError."""
    return (await object_body(request)).manifest if await _bytes(request) else {}


async def raw_body(request: web.Request) -> bytes:
    """Read a body as it is. Raises ApiError."""
    return await _bytes(request)


def media_of(request: web.Request) -> str:
    """Return the media type of a body; JSON where none is named."""
    return request.content_type if request.headers.get("Content-Type") else JSON


def unsupported(accepted: tuple[str, ...]) -> ApiError:
    """Return what to raise for a body of another type."""
    types = ", ".join(accepted)
    message = f"the body of the request was in an unknown format - accepted media types include: {types}"
    return ApiError("UnsupportedMediaType", message)


def read_json(data: bytes) -> Any:
    """Read JSON. Raises ApiError BadRequest."""
    try:
        value = msgspec.json.decode(data)
        _bound(value, MAX_DEPTH)
    except RecursionError:
        raise ApiError("BadRequest", "the object provided is nested too deeply") from None
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError) as error:
        message = f"the object provided is unrecognized (must be of type JSON): couldn't get version/kind; json parse error: {error}"
        raise ApiError("BadRequest", message) from None
    return value


def read_yaml(data: bytes) -> Any:
    """Read YAML, which JSON is too. Raises ApiError BadRequest."""
    if data.lstrip()[:1] == b"{":
        try:
            return read_json(data)
        except ApiError:
            pass  # flow style is no JSON
    if len(data) > MAX_YAML:
        message = f"Request entity too large: limit of YAML that is no JSON is {MAX_YAML}"
        raise ApiError("RequestEntityTooLarge", message)
    read = read_text(_text(data), "(request)")
    if read.problems or len(read.documents) != 1:
        said = read.problems[0].message if read.problems else f"expected one object, got {len(read.documents)}"
        raise ApiError("BadRequest", f"error decoding YAML: {said}")
    return read.documents[0].manifest


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise ApiError("BadRequest", "the body of the request is no UTF-8 text") from None


def _mapping(value: Any) -> Manifest:
    if not isinstance(value, dict):
        raise ApiError(
            "BadRequest", "the object provided is unrecognized (must be an object): couldn't get version/kind"
        )
    return value


async def _bytes(request: web.Request) -> bytes:
    try:
        async with asyncio.timeout(WITHIN):
            return await request.read()
    except TimeoutError:
        request.content.feed_eof()
        raise BrokenBodyError("Timeout", "Timeout: request did not complete within the allotted timeout") from None
    except web.HTTPRequestEntityTooLarge:
        message = f"Request entity too large: limit is {MAX_BODY}"
        raise ApiError("RequestEntityTooLarge", message) from None
    except (web.HTTPException, web.RequestPayloadError, ValueError) as error:
        request.content.feed_eof()  # aiohttp would read on after the answer, and log what it cannot
        raise BrokenBodyError("BadRequest", f"the body cannot be read: {type(error).__name__}") from None


def _bound(value: Any, depth: int) -> None:
    if depth < 0:
        raise RecursionError
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        if isinstance(item, dict | list):
            _bound(item, depth - 1)
