"""What a Pod runs here: read from its manifest alone, by plain functions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from edgesim.backends.answers import JsonEcho, TextEcho, text_echo
from edgesim.backends.behaviour import (
    ADDRESS,
    READY_AFTER,
    STEADY,
    BadAnnotation,
    Behaviour,
    behaviour_of,
    parse_annotations,
)
from edgesim.backends.fetch_command import Fetch, fetch_of

HTTP_ECHO: Final = "hashicorp/http-echo"
HTTP_ECHO_VERSION: Final = "1.0.0"
HTTP_ECHO_PORT: Final = 5678
DEFAULT_PORT: Final = 8080
_REFERENCE: Final = re.compile(r"\$\$|\$\(([A-Za-z_][A-Za-z0-9_]*)\)")


@dataclass(frozen=True, slots=True)
class Program:
    """What to run: `answers`, or the user's own program at `external`.

    `ports` are the ports it wants to listen on. `any_port` says that it answers on whatever port a
    Service names: containers that declare none, and external programs, are not held to a number.
    `crash` says why nothing runs (in a cluster: CrashLoopBackOff). `fetch` is the one request it makes instead
    of serving. `ready_after` are the seconds it runs before it counts as ready.
    """

    ports: tuple[int, ...]
    answers: TextEcho | JsonEcho | None = None
    behaviour: Behaviour = STEADY
    external: tuple[str, int] | None = None
    any_port: bool = False
    crash: str = ""
    fetch: Fetch | None = None
    ready_after: float = 0.0


@dataclass(frozen=True, slots=True)
class BadField:
    """Something wrong inside a pod template: where below it, and what."""

    path: tuple[str | int, ...]
    code: str
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Read:
    """A program and what was wrong with its manifest."""

    program: Program
    bad: tuple[BadField, ...] = ()


def read_program(template: Mapping[str, Any], name: str, namespace: str) -> Read:
    """Read a Pod, or a pod template, into the program it runs under a name."""
    metadata = template.get("metadata") or {}
    values, told = parse_annotations(metadata.get("annotations") or {})
    read = _read(template, values, _facts(metadata, name, namespace))
    asked = values.get(READY_AFTER)
    after = max(_probe_delay(template), asked if isinstance(asked, float) else 0.0)
    program = replace(read.program, ready_after=after) if after else read.program
    return Read(program, (*(_annotation(one) for one in told), *read.bad))


def _read(template: Mapping[str, Any], values: Mapping[str, object], facts: Mapping[str, str]) -> Read:
    external = values.get(ADDRESS)
    if isinstance(external, tuple):
        return Read(Program((external[1],), external=external, any_port=True))
    behaviour = behaviour_of(values)
    containers = (template.get("spec") or {}).get("containers") or []
    for index, container in enumerate(containers):
        if is_http_echo(container.get("image") or ""):
            program, wrong = _http_echo(container, index, facts, behaviour)
            return Read(program, wrong)
    env = _environment(containers[0], facts) if containers else {}
    fetch = fetch_of(template, lambda text: _expand(text, env))
    if fetch is not None:
        return Read(Program((), fetch=fetch))
    metadata = template.get("metadata") or {}
    return Read(_json_echo(containers, metadata, facts["metadata.name"], facts["metadata.namespace"], behaviour))


def _probe_delay(template: Mapping[str, Any]) -> float:
    """Return the seconds before which no container's readiness would be asked for."""
    containers = (template.get("spec") or {}).get("containers") or []
    delays = [(container.get("readinessProbe") or {}).get("initialDelaySeconds") for container in containers]
    return float(max((each for each in delays if isinstance(each, int)), default=0))


def _annotation(bad: BadAnnotation) -> BadField:
    return BadField(("metadata", "annotations", bad.name), bad.code, bad.message, bad.hint)


def is_http_echo(image: str) -> bool:
    """Tell whether an image is hashicorp/http-echo: of any registry, with any tag or digest."""
    return "/".join(_untagged(image)[0].split("/")[-2:]) == HTTP_ECHO


def _untagged(image: str) -> tuple[str, str]:
    bare = image.partition("@")[0]
    head, slash, last = bare.rpartition("/")
    repository, _, tag = last.partition(":")
    return head + slash + repository, tag


def _json_echo(
    containers: Sequence[Mapping[str, Any]], metadata: Mapping[str, Any], name: str, namespace: str, script: Behaviour
) -> Program:
    declared = [
        port["containerPort"]
        for container in containers
        for port in container.get("ports") or []
        if port.get("protocol", "TCP") == "TCP" and isinstance(port.get("containerPort"), int)
    ]
    ports = tuple(dict.fromkeys(declared))
    answers = JsonEcho(name, namespace, dict(metadata.get("labels") or {}))
    return Program(ports or (DEFAULT_PORT,), answers, script, any_port=not ports)


# --- http-echo's own flags (its main.go, read by Go's flag package) -----------------------------------


def _http_echo(
    container: Mapping[str, Any], index: int, facts: Mapping[str, str], script: Behaviour
) -> tuple[Program, tuple[BadField, ...]]:
    env = _environment(container, facts)
    command = list(container.get("command") or [])
    arguments = [_expand(str(word), env) for word in [*command[1:], *(container.get("args") or [])]]
    where = ("spec", "containers", index, "args" if container.get("args") else "image")
    try:
        flags = parse_flags(arguments)
        port = _listen_port(flags.get("listen", f":{HTTP_ECHO_PORT}"))
        status = _status(flags.get("status-code", "200"))
        text = _text(flags.get("text") or env.get("ECHO_TEXT", ""))
    except ValueError as error:
        crash = Program((HTTP_ECHO_PORT,), behaviour=script, crash=str(error))
        return crash, (BadField(where, "ES0415", f"http-echo would not start: {error}"),)
    tag = _untagged(str(container.get("image")))[1].removeprefix("v")
    version = tag if re.fullmatch(r"\d+\.\d+(\.\d+)?", tag) else HTTP_ECHO_VERSION
    return Program((port,), text_echo(text, status, version), script), ()


def parse_flags(arguments: Sequence[str]) -> dict[str, str]:
    """Read flags as Go's `flag` package does: `-name=value`, `-name value`, one dash or two.

    Raises:
        ValueError: a flag http-echo does not have, a flag without its value, or a plain argument.
    """
    flags: dict[str, str] = {}
    words = iter(arguments)
    for word in words:
        bare = word.removeprefix("-").removeprefix("-")
        if bare == word or not bare:
            raise ValueError(f"too many arguments: {word!r}")
        name, equals, value = bare.partition("=")
        if name not in {"text", "listen", "status-code"}:
            raise ValueError(f"flag provided but not defined: -{name}")
        if not equals:
            following = next(words, None)
            if following is None:
                raise ValueError(f"flag needs an argument: -{name}")
            value = following
        flags[name] = value
    return flags


def _text(text: str) -> str:
    if not text:
        raise ValueError("it needs -text=..., or ECHO_TEXT in its environment")
    return text


def _listen_port(listen: str) -> int:
    port = listen.rpartition(":")[2]
    if ":" not in listen or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError(f"-listen {listen!r} is not an address such as :{HTTP_ECHO_PORT}")
    return int(port)


def _status(text: str) -> int:
    # Go's net/http refuses to write anything outside three digits, and 1xx is not a final answer.
    if not text.isascii() or not text.isdigit() or not 200 <= int(text) <= 999:
        raise ValueError(f"-status-code {text!r} is not a status code")
    return int(text)


# --- a container's environment, and $(NAME) in its arguments ------------------------------------------


def _facts(metadata: Mapping[str, Any], name: str, namespace: str) -> dict[str, str]:
    facts = {"metadata.name": name, "metadata.namespace": namespace, "spec.nodeName": "edgesim"}
    for part in ("labels", "annotations"):
        facts |= {f"metadata.{part}['{key}']": str(value) for key, value in (metadata.get(part) or {}).items()}
    return facts


def _environment(container: Mapping[str, Any], facts: Mapping[str, str]) -> dict[str, str]:
    env: dict[str, str] = {}
    for variable in container.get("env") or []:
        field = ((variable.get("valueFrom") or {}).get("fieldRef") or {}).get("fieldPath")
        value = facts.get(field, "") if field else _expand(str(variable.get("value") or ""), env)
        env[str(variable.get("name"))] = value
    return env


def _expand(text: str, env: Mapping[str, str]) -> str:
    """Expand `$(NAME)` as Kubernetes does: an unknown name stays, `$$` is a dollar."""
    return _REFERENCE.sub(lambda found: "$" if found[1] is None else env.get(found[1], found[0]), text)
