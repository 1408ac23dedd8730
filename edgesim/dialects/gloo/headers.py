"""Header manipulation (reference section 6.6)."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from edgesim.dialects.check import shorten
from edgesim.dialects.gloo.matchers import is_header_name
from edgesim.dialects.gloo.scope import Reporter
from edgesim.dialects.resource import FieldPath
from edgesim.dialects.schema import options
from edgesim.model import NO_MUTATIONS, HeaderMutations, HeaderValue
from edgesim.policies.formatter import FormatError, compile_header

Forbidden = Callable[[str], str]


def mutations_of(given: options.HeaderManipulation | None, path: FieldPath, reporter: Reporter) -> HeaderMutations:
    """Read one level's header changes; `append` missing means true."""
    if given is None:
        return NO_MUTATIONS
    read = _Reader((*path, "headerManipulation"), reporter)
    return HeaderMutations(
        request_add=read.added("requestHeadersToAdd", given.request_headers_to_add, _request_forbids),
        request_remove=read.removed("requestHeadersToRemove", given.request_headers_to_remove),
        response_add=read.added("responseHeadersToAdd", given.response_headers_to_add, _response_forbids),
        response_remove=read.removed("responseHeadersToRemove", given.response_headers_to_remove),
    )


def request_headers(
    added: Iterable[options.RequestHeaderToAdd], removed: Iterable[str], path: FieldPath, reporter: Reporter
) -> HeaderMutations:
    """Read the headers that are added to requests and taken off, as a health check has them."""
    read = _Reader(path, reporter)
    return HeaderMutations(
        request_add=read.added("requestHeadersToAdd", added, _request_forbids),
        request_remove=read.removed("requestHeadersToRemove", removed),
    )


def _request_forbids(key: str) -> str:
    if key.startswith(":") or key == "host":
        return f": -prefixed or host headers may not be modified. Received '{key}' header"
    return ""


def _response_forbids(key: str) -> str:
    if key.startswith(":"):
        return f":-prefixed headers cannot be set: '{key}'"
    return "cannot set Host header in response headers" if key == "host" else ""


class _Reader:
    """Reads lists of header changes."""

    def __init__(self, path: FieldPath, reporter: Reporter) -> None:
        self._path = path
        self._reporter = reporter

    def added(
        self,
        name: str,
        given: Iterable[options.RequestHeaderToAdd | options.ResponseHeaderToAdd],
        forbids: Forbidden,
    ) -> tuple[HeaderValue, ...]:
        """Read the headers to add."""
        found: list[HeaderValue] = []
        for i, item in enumerate(given):
            path = (*self._path, name, i)
            if item.header is None:
                # A header from a secret is not simulated; the schema's note says so.
                if getattr(item, "header_secret_ref", None) is None:
                    text = "header section of header value option cannot be nil"
                    self._reporter.report("ES0221", path, text)
                continue
            key = item.header.key.lower()
            if self._name((*path, "header", "key"), key, forbids(key)):
                self._check_format(item.header.value, (*path, "header", "value"))
                found.append(HeaderValue(key, item.header.value, item.append is not False))
        return tuple(found)

    def removed(self, name: str, given: Iterable[str]) -> tuple[str, ...]:
        """Read the names to remove; Envoy refuses pseudo-headers and Host."""
        keys = [(i, key.lower()) for i, key in enumerate(given)]
        return tuple(key for i, key in keys if self._name((*self._path, name, i), key, _request_forbids(key)))

    def _check_format(self, value: str, path: FieldPath) -> None:
        """Report a value that is no format string to Envoy, where `%REQ(x)%` is a command and `%%` a percent sign."""
        try:
            compile_header(value)
        except FormatError as refused:
            text = f"{refused.message} (character {refused.position + 1} of {shorten(value)!r})"
            self._reporter.report("ES0238", path, text, refused.hint)

    def _name(self, path: FieldPath, key: str, forbidden: str) -> bool:
        fault = forbidden or ("" if is_header_name(key) else f"{key!r} is not a header name")
        if fault:
            self._reporter.report("ES0221", path, fault)
        return not fault
