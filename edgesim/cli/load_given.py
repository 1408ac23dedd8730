"""The options of `edgesim load` that say what is sent, made into a scenario."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from pathlib import Path

from edgesim.cli.console import err
from edgesim.load import curves, typed
from edgesim.load.replay import read_log, speed_of
from edgesim.load.scenario import Arrivals, Closed, Open, RequestClass, Scenario, Sessions, Stage, Think
from edgesim.load.span import length
from edgesim.load.variables import breaks_lines, names_of, read_rows, unknown
from edgesim.model.codes import failure

_RATE, _DURATION = 100.0, 10.0
"""What is sent where nothing is said: a load that does no harm."""
_OPEN_CONNECTIONS, _CLOSED_CONNECTIONS = 256, 10


@dataclass(frozen=True, slots=True)
class Given:
    """What was typed; None and empty where nothing was."""

    url: str = ""
    rate: str = ""
    poisson: bool = False
    closed: bool = False
    duration: str = ""
    count: int = 0
    connections: int | None = None
    per_connection: int | None = None
    think: str = ""
    method: str = ""
    headers: list[str] = field(default_factory=list)
    data: str = ""
    users: int | None = None
    requests_per_user: int | None = None
    by: str = ""
    timeout: str = ""
    warm_up: str = ""
    cool_down: str = ""
    seed: int | None = None
    insecure: bool = False
    ca_file: Path | None = None
    server_name: str = ""
    replay: Path | None = None
    speed: str = ""
    variables: Path | None = None


def scenario_of(given: Given, written: Scenario | None = None) -> Scenario:
    """Return what is to be sent: a scenario file's with what was typed in its place. Raises EdgesimError."""
    made = _replaying(given, written or _new(given))
    made = _mode(given, _target(given, made, from_file=written is not None))
    made = replace(made, requests=_requests(given, made), sessions=_sessions(given, made.sessions))
    if given.by:
        made = replace(made, destination=typed.destination_of(given.by))
    if given.variables is not None:
        made = replace(made, variables=read_rows(given.variables, made.variables.order))
    made = replace(
        made,
        per_connection=made.per_connection if given.per_connection is None else given.per_connection,
        count=given.count or made.count,
        timeout=_seconds("--timeout", given.timeout, made.timeout),
        warm_up=_seconds("--warm-up", given.warm_up, made.warm_up),
        cool_down=_seconds("--cool-down", given.cool_down, made.cool_down),
        seed=made.seed if given.seed is None else given.seed,
    )
    _check(made)
    _check_used(given, made)
    return made


def _new(given: Given) -> Scenario:
    if not given.url:
        raise failure("ES1200", "URL: name what to load, as `edgesim load http://localhost:8080/`", exit_code=2)
    target = typed.target_of(given.url)
    request = RequestClass(f"{given.method or 'GET'} {target.path}", path=target.path)
    return Scenario(target, (request,), Open(()))


def _replaying(given: Given, made: Scenario) -> Scenario:
    if given.replay is None:
        return made
    replay = read_log(given.replay, speed_of(given.speed) if given.speed else 1.0)
    for note in replay.notes:
        err(f"--replay {given.replay}: {note}")
    labels = {**made.labels, "replay": given.replay.name}
    return replace(made, mode=replay.mode, requests=replay.requests, labels=labels)


def _target(given: Given, made: Scenario, *, from_file: bool) -> Scenario:
    target = typed.target_of(given.url) if given.url and from_file else made.target
    target = replace(
        target,
        insecure=given.insecure or target.insecure,
        ca_file=str(given.ca_file) if given.ca_file else target.ca_file,
        server_name=given.server_name or target.server_name,
    )
    return replace(made, target=target)


def _mode(given: Given, made: Scenario) -> Scenario:
    connections = given.connections
    if given.closed or (isinstance(made.mode, Closed) and not given.rate):
        closed = made.mode if isinstance(made.mode, Closed) else Closed(_CLOSED_CONNECTIONS, _DURATION)
        loops = connections or closed.connections
        return replace(
            made, connections=loops, mode=Closed(loops, _seconds("--duration", given.duration, closed.seconds))
        )
    before = made.mode if isinstance(made.mode, Open) else Open(())
    arrivals = Arrivals.POISSON if given.poisson else before.arrivals
    stages = _stages(given, before, length(made) or _DURATION)
    mode = Open(stages, arrivals) if given.rate else Open(stages, arrivals, before.times, before.requests)
    return replace(made, mode=mode, connections=connections or made.connections or _OPEN_CONNECTIONS)


def _stages(given: Given, before: Open, lasts: float) -> tuple[Stage, ...]:
    if not given.rate and (before.stages or before.times):
        if not given.duration or len(before.stages) != 1:
            return before.stages
        return (Stage(_seconds("--duration", given.duration, 0), before.stages[0].start, before.stages[0].end),)
    seconds = typed.seconds_of("--duration", given.duration) if given.duration else None
    stages = curves.rate_of(given.rate or f"{_RATE:g}", seconds, lasts)
    if given.count and seconds is None and ":" not in given.rate:
        return _until_counted(stages, given.count)
    return stages


def _until_counted(stages: tuple[Stage, ...], count: int) -> tuple[Stage, ...]:
    """Let one constant rate go on until so many requests are sent: nobody has said how long."""
    if len(stages) != 1 or not stages[0].start == stages[0].end > 0:
        return stages
    return (replace(stages[0], seconds=count / stages[0].start),)


def _requests(given: Given, made: Scenario) -> tuple[RequestClass, ...]:
    headers = tuple(typed.header_of(each) for each in given.headers)
    method = typed.method_of(given.method) if given.method else ""
    body = _body(given.data) if given.data else b""
    if body and not method and all(each.method == "GET" for each in made.requests):
        method = "POST"  # as curl does
    return tuple(_changed(each, method, headers, body) for each in made.requests)


def _changed(request: RequestClass, method: str, headers: tuple[tuple[str, str], ...], body: bytes) -> RequestClass:
    typed_names = {name.lower() for name, _ in headers}
    kept = tuple(each for each in request.headers if each[0].lower() not in typed_names)
    name = f"{method} {request.path}" if method and request.name == f"{request.method} {request.path}" else request.name
    return replace(
        request, name=name, method=method or request.method, headers=kept + headers, body=body or request.body
    )


def _body(data: str) -> bytes:
    if not data.startswith("@"):
        return data.encode("utf-8", "surrogateescape")
    try:
        return Path(data[1:]).read_bytes()
    except OSError as reason:
        raise typed.wrong("-d", data, str(reason.strerror).lower()) from None


def _sessions(given: Given, before: Sessions) -> Sessions:
    low, _, high = given.think.partition("-")
    think = before.think
    if given.think:
        think = Think(typed.seconds_of("--think", low), typed.seconds_of("--think", high or low))
    users = before.users if given.users is None else given.users
    requests = before.requests if given.requests_per_user is None else given.requests_per_user
    return Sessions(users, requests, think)


def _seconds(option: str, text: str, otherwise: float) -> float:
    return typed.seconds_of(option, text) if text else otherwise


def _check(made: Scenario) -> None:
    if made.variables.names:
        _check_names(made)
    lasts = length(made)
    if lasts <= 0:
        raise failure("ES1200", "--duration: a load lasts longer than 0 s", exit_code=2)
    if made.warm_up + made.cool_down >= lasts:
        said = f"--warm-up and --cool-down leave nothing of {lasts:g} s to measure"
        raise failure("ES1200", said, exit_code=2)
    if made.timeout <= 0:
        raise failure("ES1200", "--timeout: longer than 0 s", exit_code=2)


def _check_used(given: Given, made: Scenario) -> None:
    """Find what was typed and would change nothing, so that nobody takes the figures for those of something else."""
    closed, https = isinstance(made.mode, Closed), made.target.scheme == "https"
    replayed = isinstance(made.mode, Open) and bool(made.mode.times)
    unused = (
        ("--rate", given.rate and given.closed, "a closed loop sends as fast as it is answered"),
        ("--poisson", given.poisson and closed, "a closed loop sends as fast as it is answered"),
        ("--poisson", given.poisson and replayed, "a log has times of its own"),
        ("--duration", _duration_unused(given, made), "the rate has times of its own; --count sends fewer"),
        ("--think", given.think and not closed, "an open loop waits for no answer; it is for --closed"),
        ("--requests-per-user", given.requests_per_user and not made.sessions.users, "it is for --users"),
        ("--speed", given.speed and given.replay is None, "it is for --replay"),
        ("--insecure", given.insecure and not https, "it is for https"),
        ("--cacert", given.ca_file and not https, "it is for https"),
        ("--server-name", given.server_name and not https, "it is for https"),
    )
    for option, typed_in_vain, why in unused:
        if typed_in_vain:
            raise failure("ES1200", f"{option}: {why}", exit_code=2)


def _duration_unused(given: Given, made: Scenario) -> bool:
    return bool(given.duration) and not math.isclose(length(made), typed.seconds_of("--duration", given.duration))


def _check_names(made: Scenario) -> None:
    """Find variables in what was typed that the file does not have."""
    for request in made.requests:
        for where, names in names_of(request):
            for name in names:
                if name not in made.variables.names:
                    raise failure(
                        "ES1212", f"there is no variable `{name}`", unknown(name, made.variables), exit_code=2
                    )
                if where[0] == "headers" and breaks_lines(name, made.variables):
                    said = f"-H {where[1]}: `{name}` holds line breaks in some row, and the value of a header has none"
                    raise failure("ES1200", said, exit_code=2)
