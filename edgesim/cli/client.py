"""The client of the admin API: one request, one answer, and failures in one line."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

DEFAULT_ADMIN = "http://127.0.0.1:9901"
TIMEOUT = 60.0
"""Seconds. An apply returns when new pods listen, so this is patience, not latency."""


class UnreachableError(Exception):
    """Nothing that speaks the admin API answers at the address."""

    @property
    def line(self) -> str:
        """What a command says of it."""
        return f"ES0702 {self}; start one with `edgesim up`, or name it with --admin"


class RefusedError(Exception):
    """The admin API answered with a Status; `reason` and `code` are Kubernetes'."""

    def __init__(self, status: Mapping[str, Any]) -> None:
        """Take the Status object."""
        super().__init__(str(status.get("message", "")))
        self.reason = str(status.get("reason", ""))
        self.code = int(status.get("code", 0))
        self.details: Mapping[str, Any] = status.get("details") or {}

    @property
    def line(self) -> str:
        """What a command says of it, as kubectl does."""
        return f"Error from server ({self.reason or self.code}): {self}"


@dataclass(frozen=True, slots=True)
class Client:
    """The admin API at a URL; `token` is needed where it is bound off loopback."""

    url: str
    token: str = field(default="", repr=False)

    def get(self, path: str) -> Any:
        """GET a path and return its JSON. Raises UnreachableError, RefusedError."""
        return self.request("GET", path)

    def request(self, method: str, path: str, body: str = "", headers: Mapping[str, str] | None = None) -> Any:
        """Send a request and return its JSON. Raises UnreachableError, RefusedError."""
        sent = {"Accept": "application/json", **(headers or {})}
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        connection = self._connection()
        try:
            connection.request(method, path, body.encode("utf-8", "surrogateescape") if body else None, sent)
            response = connection.getresponse()
            return self._answer(response.status, response.read())
        except (OSError, http.client.HTTPException) as error:
            raise UnreachableError(f"no edgesim answers at {self.url}: {_cause(error)}") from None
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        try:
            parts = urlsplit(self.url if "://" in self.url else f"http://{self.url}")
            if parts.scheme != "http" or not parts.hostname:
                raise UnreachableError(f"{self.url!r} is no admin URL; write it like {DEFAULT_ADMIN}")
            return http.client.HTTPConnection(parts.hostname, parts.port or 80, timeout=TIMEOUT)
        except ValueError:
            raise UnreachableError(f"{self.url!r} is no admin URL; write it like {DEFAULT_ADMIN}") from None

    def _answer(self, status: int, body: bytes) -> Any:
        try:
            data = json.loads(body)
        except ValueError:
            raise UnreachableError(f"what answers at {self.url} is no edgesim (HTTP {status})") from None
        if status >= 400:
            raise RefusedError(data if isinstance(data, dict) else {"message": str(data), "code": status})
        return data


def _cause(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {TIMEOUT:g} s"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error) or type(error).__name__
