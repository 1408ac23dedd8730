"""The client of the admin API: one request, one answer, and failures in one line."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

import msgspec

from edgesim.admin.endpoints import Endpoint
from edgesim.config.api_errors import error_of
from edgesim.model import EdgesimError
from edgesim.model.codes import failure

T = TypeVar("T")
Query = Sequence[tuple[str, str]]
DEFAULT_ADMIN = "http://127.0.0.1:9901"
TIMEOUT = 60.0
"""Seconds. An apply returns when new pods listen, so this is patience, not latency."""


@dataclass(frozen=True, slots=True)
class Client:
    """The admin API at a URL; `token` is needed where it is bound off loopback."""

    url: str
    token: str = field(default="", repr=False)

    def ask(
        self,
        endpoint: Endpoint[T],
        query: Query = (),
        body: str = "",
        headers: Mapping[str, str] | None = None,
        **parts: str,
    ) -> T:
        """Ask an endpoint; `parts` are those of its path. Raises EdgesimError ES0702, ApiError."""
        path = endpoint.path.format_map(parts) + (f"?{urlencode(query)}" if query else "")
        return msgspec.convert(self.request(endpoint.method, path, body, headers), endpoint.answer)

    def request(self, method: str, path: str, body: str = "", headers: Mapping[str, str] | None = None) -> Any:
        """Send a request and return its JSON. Raises EdgesimError ES0702, ApiError."""
        sent = {"Accept": "application/json", **(headers or {})}
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        connection = self._connection()
        try:
            connection.request(method, path, body.encode("utf-8", "surrogateescape") if body else None, sent)
            response = connection.getresponse()
            return self._answer(response.status, response.read())
        except (OSError, http.client.HTTPException) as error:
            raise _unreachable(f"no edgesim answers at {self.url}: {_cause(error)}") from None
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        try:
            parts = urlsplit(self.url if "://" in self.url else f"http://{self.url}")
            if parts.scheme != "http" or not parts.hostname:
                raise _unreachable(f"{self.url!r} is no admin URL; write it like {DEFAULT_ADMIN}")
            return http.client.HTTPConnection(parts.hostname, parts.port or 80, timeout=TIMEOUT)
        except ValueError:
            raise _unreachable(f"{self.url!r} is no admin URL; write it like {DEFAULT_ADMIN}") from None

    def _answer(self, status: int, body: bytes) -> Any:
        try:
            data = json.loads(body)
        except ValueError:
            raise _unreachable(f"what answers at {self.url} is no edgesim (HTTP {status})") from None
        if status >= 400:
            raise error_of(data if isinstance(data, dict) else {"message": str(data)}, status)
        return data


def _unreachable(why: str) -> EdgesimError:
    return failure("ES0702", why, "start one with `edgesim up`, or name it with --admin")


def _cause(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {TIMEOUT:g} s"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error) or type(error).__name__
