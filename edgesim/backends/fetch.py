"""Makes the one request of a `curl` or `wget` container for real, and says what the command would print."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple
from urllib.parse import urlsplit

import aiohttp

from edgesim.backends.cluster_names import NobodyThereError, Place
from edgesim.backends.fetch_command import LONGEST, Fetch

MOST_OUTPUT: Final = 64 << 10
"""Bytes of a body that are logged."""
TRANSIENT: Final = frozenset({408, 429, 500, 502, 503, 504})
_RESOLVE, _CONNECT, _STATUS, _TIMEOUT, _BAD_URL, _BROKEN = 6, 7, 22, 28, 3, 56

Resolve = Callable[[str, int], Place | None]
"""Returns where a name of the cluster leads, None for any other host; raises NobodyThereError."""


class _Failure(NamedTuple):
    """What went wrong, as curl numbers it."""

    code: int
    text: str
    again: bool


@dataclass(frozen=True, slots=True)
class Result:
    """The exit code of a command, and what it wrote."""

    code: int
    output: str


async def run_fetch(fetch: Fetch, resolve: Resolve) -> Result:
    """Make the request, as often as the command tries again; never raises but CancelledError."""
    said: list[str] = []
    pause = fetch.pause
    for left in range(fetch.retries, -1, -1):
        failure, text = await _try(fetch, resolve)
        if failure is None or not failure.again or not left:
            return _result(fetch, failure, "".join([*said, text]))
        if not fetch.silent:
            said.append(f"Warning: {failure.text}. Will retry in {pause:g} seconds. {left} retries left.\n")
        await asyncio.sleep(pause)
        pause = min(2 * pause, 600.0)
    raise AssertionError("the last try returns")


def _result(fetch: Fetch, failure: _Failure | None, text: str) -> Result:
    if failure is None or not failure.code:
        return Result(0, text)
    shown = (f"{text}\n" if text and not text.endswith("\n") else text) + (
        f"{_prefix(fetch, failure)}{failure.text}\n" if fetch.shows_errors else ""
    )
    return Result(failure.code if fetch.tool == "curl" else 1, shown)


def _prefix(fetch: Fetch, failure: _Failure) -> str:
    return f"curl: ({failure.code}) " if fetch.tool == "curl" else "wget: "


async def _try(fetch: Fetch, resolve: Resolve) -> tuple[_Failure | None, str]:
    try:
        async with asyncio.timeout(fetch.seconds or LONGEST):
            return await _ask(fetch, resolve)
    except (TimeoutError, NobodyThereError, aiohttp.ClientError, OSError, ValueError) as error:
        return _failure(fetch, error), ""


def _failure(fetch: Fetch, error: Exception) -> _Failure:
    """Say what went wrong as curl does."""
    match error:
        case TimeoutError():
            return _Failure(_TIMEOUT, "Operation timed out", again=True)
        case NobodyThereError():
            return _Failure(_CONNECT, f"Failed to connect: {error}", again=fetch.retries_all)
        case aiohttp.ClientConnectorDNSError():
            return _Failure(_RESOLVE, f"Could not resolve host: {error.host}", again=False)
        case aiohttp.ClientConnectorError():
            text = f"Failed to connect to {error.host} port {error.port}: {_reason(error)}"
            return _Failure(_CONNECT, text, again=fetch.retries_all)
        case aiohttp.InvalidURL() | aiohttp.NonHttpUrlClientError() | ValueError():
            return _Failure(_BAD_URL, f"URL using bad/illegal format or missing URL: {error}", again=False)
        case _:
            return _Failure(_BROKEN, f"{type(error).__name__}: {error}", again=False)


def _reason(error: aiohttp.ClientConnectorError) -> str:
    return error.os_error.strerror or str(error.os_error)


async def _ask(fetch: Fetch, resolve: Resolve) -> tuple[_Failure | None, str]:
    url = urlsplit(fetch.url)
    if not url.hostname:
        raise ValueError(fetch.url)
    place = resolve(url.hostname, url.port or (443 if url.scheme == "https" else 80))
    headers = dict(fetch.headers)
    user, at, host = url.netloc.rpartition("@")
    target = fetch.url
    if place is not None:
        # The name goes on in Host, as it would from a pod whose resolver knows the cluster.
        headers.setdefault("Host", host)
        target = url._replace(netloc=f"{user}{at}{place[0]}:{place[1]}").geturl()
    async with (
        aiohttp.ClientSession(auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()) as session,
        session.request(
            fetch.method,
            target,
            headers=headers,
            data=fetch.body.encode() if fetch.body is not None else None,
            allow_redirects=fetch.follow,
            ssl=_unchecked() if url.scheme == "https" else True,
            server_hostname=headers.get("Host", host).partition(":")[0] if url.scheme == "https" else None,
        ) as response,
    ):
        failure, text = await _read(fetch, response)
        return failure, text if failure or fetch.tool == "curl" else _narrated(fetch, url.netloc, place, text)


def _unchecked() -> ssl.SSLContext:
    """Return what connects to a gateway whose certificate nobody here signed."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def _read(fetch: Fetch, response: aiohttp.ClientResponse) -> tuple[_Failure | None, str]:
    body = await response.content.read(MOST_OUTPUT)
    bad = fetch.fails and response.status >= 400
    shown = "" if bad or not fetch.output else body.decode(errors="replace")
    if fetch.head and not bad:
        shown = f"{_head(response)}\n{shown}"
    shown += _written_out(fetch.write_out, response.status)
    again = response.status in TRANSIENT
    if bad:
        return _Failure(_STATUS, _refused(fetch, response), again=again), shown
    return (
        (_Failure(0, f"HTTP error {response.status}", again=True), shown) if again and fetch.retries else (None, shown)
    )


def _narrated(fetch: Fetch, netloc: str, place: Place | None, text: str) -> str:
    """Add what BusyBox's wget says beside the page, but for its progress bar."""
    if fetch.silent:
        return text
    address = f" ({place[0]}:{place[1]})" if place is not None else ""
    if fetch.output:
        before, after = "writing to stdout", "written to stdout"
    elif fetch.saved_as:
        before, after = f"saving to '{fetch.saved_as}'", f"'{fetch.saved_as}' saved"
    else:
        before, after = "", "remote file exists"
    page = f"{text}\n" if text and not text.endswith("\n") else text
    return "".join(f"{line}\n" for line in (f"Connecting to {netloc}{address}", before) if line) + f"{page}{after}\n"


def _refused(fetch: Fetch, response: aiohttp.ClientResponse) -> str:
    if fetch.tool == "curl":
        return f"The requested URL returned error: {response.status}"
    return f"server returned error: HTTP/1.1 {response.status} {response.reason}"


def _head(response: aiohttp.ClientResponse) -> str:
    lines = [
        f"HTTP/1.1 {response.status} {response.reason}",
        *(f"{name}: {value}" for name, value in response.headers.items()),
    ]
    return "".join(f"{line}\n" for line in lines)


def _written_out(template: str, status: int) -> str:
    """Fill curl's `-w`: the status and line ends; other variables stay empty."""
    return template.replace("%{http_code}", str(status)).replace("%{response_code}", str(status)).replace("\\n", "\n")
