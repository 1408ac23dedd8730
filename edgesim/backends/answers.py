"""What a pod's program answers: http-echo's text, or a JSON echo of the request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, NamedTuple

import msgspec

TEXT: Final = b"Content-Type: text/plain; charset=utf-8\r\n"
JSON: Final = b"Content-Type: application/json\r\n"


class Request(NamedTuple):
    """A whole request, its body counted and thrown away."""

    method: bytes
    target: bytes
    headers: Sequence[tuple[bytes, bytes]]
    body_size: int
    version: str
    keep_alive: bool
    began: float = 0.0
    """When it was read, on the monotonic clock, where that is logged."""


class Answer(NamedTuple):
    """A status, header lines (each ended by CRLF) and a body."""

    status: int
    fields: bytes
    body: bytes


@dataclass(frozen=True, slots=True)
class TextEcho:
    """hashicorp/http-echo: always the same text, and a health page."""

    echo: Answer
    health: Answer

    def answer(self, request: Request) -> Answer:
        """Answer as http-echo does: `/health` says ok, every other path the text."""
        if request.target.startswith(b"/health") and request.target.partition(b"?")[0] == b"/health":
            return self.health
        return self.echo


def text_echo(text: str, status: int, version: str) -> TextEcho:
    """Make http-echo of a version with its `-text` and `-status-code`."""
    fields = b"X-App-Name: http-echo\r\nX-App-Version: " + version.encode() + b"\r\n" + TEXT
    return TextEcho(Answer(status, fields, text.encode() + b"\n"), Answer(200, fields, b'{"status":"ok"}\n'))


@dataclass(frozen=True, slots=True)
class JsonEcho:
    """Any other image: who answers, and what was asked."""

    pod: str
    namespace: str
    labels: Mapping[str, str]

    def answer(self, request: Request) -> Answer:
        """Answer with the pod and the request as JSON; repeated headers are joined as RFC 9110 5.2 says."""
        path, _, query = request.target.partition(b"?")
        seen: dict[str, str] = {}
        for raw, value in request.headers:
            name = raw.decode("latin-1").lower()
            text = value.decode("latin-1")
            seen[name] = f"{seen[name]}, {text}" if name in seen else text
        told = {
            "pod": self.pod,
            "namespace": self.namespace,
            "labels": self.labels,
            "method": request.method.decode("latin-1"),
            "path": path.decode("latin-1"),
            "query": query.decode("latin-1"),
            "headers": seen,
            "body_size": request.body_size,
        }
        return Answer(200, JSON, msgspec.json.encode(told) + b"\n")


def scripted_error(status: int) -> Answer:
    """Make the answer an `edgesim.io/error-rate` asks for."""
    return Answer(status, TEXT, b"scripted error\n")


def reason(status: int) -> str:
    """Return the reason phrase of a status code, or nothing for one that has none."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
