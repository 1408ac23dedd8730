"""GET of a pod's `log`: its requests, a line each (core/v1 PodLogOptions)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from aiohttp import web

from edgesim.config.api_errors import ApiError
from edgesim.kube.answers import Manifest, shown
from edgesim.kube.context import context_of
from edgesim.kube.objects import existing
from edgesim.kube.options import flag, number
from edgesim.kube.paths import Target, no_method
from edgesim.kube.pod_logs import Line, PodLog


@dataclass(frozen=True, slots=True)
class LogOptions:
    """Which lines are wanted, and how."""

    follow: bool
    tail: int | None
    since: datetime | None
    timestamps: bool
    limit: int | None

    def written(self, line: Line) -> bytes:
        """Return a line as it is sent."""
        stamp = f"{line.time.strftime('%Y-%m-%dT%H:%M:%S.%f')}000Z " if self.timestamps else ""
        return f"{stamp}{line.text}\n".encode("utf-8", "replace")


async def serve_log(request: web.Request, target: Target) -> web.StreamResponse:
    """Answer with the lines that are kept and, where that is asked for, with those that come."""
    if request.method not in {"GET", "HEAD"}:
        raise no_method()
    context = context_of(request)
    options = _options(request, context.now())
    container = _container(target, shown(existing(context, target)), request.query.get("container", ""))
    if flag(request, "previous"):
        why = f'previous terminated container "{container}" in pod "{target.name}" not found'
        raise ApiError("BadRequest", why)
    log = context.logs(target.key)
    response = web.StreamResponse(headers={"Content-Type": "text/plain; charset=utf-8"})
    await response.prepare(request)
    if log is not None:
        await _send(response, log, options)
    return response


def _options(request: web.Request, now: datetime) -> LogOptions:
    seconds, time = number(request, "sinceSeconds"), request.query.get("sinceTime", "")
    if seconds is not None and time:
        raise ApiError(
            "BadRequest", "sinceTime: Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified"
        )
    tail = number(request, "tailLines") if request.query.get("tailLines") != "-1" else None
    since = _time(time) if time else None
    if seconds is not None:
        since = now - timedelta(seconds=min(seconds, 10**9))
    follow = flag(request, "follow") and request.method == "GET"
    return LogOptions(follow, tail, since, flag(request, "timestamps"), number(request, "limitBytes"))


def _time(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ApiError("BadRequest", "sinceTime: Invalid value: must be a time as RFC 3339 writes it") from None
    if found.tzinfo is None:
        raise ApiError("BadRequest", "sinceTime: Invalid value: must name its zone")
    return found


def _container(target: Target, pod: Manifest, wanted: str) -> str:
    """Return whose log is wanted. Raises ApiError."""
    names = [str(each.get("name")) for each in (pod.get("spec") or {}).get("containers") or []]
    if wanted and wanted not in names:
        raise ApiError("BadRequest", f"container {wanted[:100]} is not valid for pod {target.name}")
    return wanted or next(iter(names), "")


def chosen(lines: Iterable[Line], options: LogOptions) -> list[Line]:
    """Return those of the kept lines that are wanted."""
    found = [each for each in lines if options.since is None or each.time >= options.since]
    return found if options.tail is None else found[max(0, len(found) - options.tail) :]


async def _send(response: web.StreamResponse, log: PodLog, options: LogOptions) -> None:
    """Send what is kept, then what comes, to the limit or until either side ends."""
    coming = log.follow() if options.follow else None
    left = await _written(response, b"".join(map(options.written, chosen(log.lines(), options))), options.limit)
    if coming is None:
        return
    async for line in coming:
        if left == 0:
            return
        left = await _written(response, options.written(line), left)


async def _written(response: web.StreamResponse, data: bytes, left: int | None) -> int | None:
    """Send as much as the limit leaves; return what is left of it then."""
    piece = data if left is None else data[:left]
    if piece:
        await response.write(piece)
    return None if left is None else left - len(piece)
