"""A container that makes one request: `curl` or `wget`, read from its command line (Helm's test hooks).

Source: the manual pages of curl and GNU wget, and BusyBox's wget.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

LONGEST: Final = 300.0
"""Seconds that a try may take, whatever the command says."""
HOOK: Final = "helm.sh/hook"
SHELLS: Final = frozenset({"sh", "bash", "ash"})
_CHAINED: Final = re.compile(r"[|;&<>`$\n]")
"""What makes a script more than one plain command."""
_STDOUT: Final = frozenset({"-", "/dev/stdout"})
_SECONDS: Final = re.compile(r"(\d+\.?\d*|\.\d+)")


@dataclass(frozen=True, slots=True)
class Fetch:
    """One request, and what its command makes of the answer.

    `fails` says that an answer of 400 or more is a failure (`curl -f`; wget always). `seconds` bounds each try,
    None: no bound. `output` tells whether the body is printed, `head` the answer's head. `retries_all` tries
    again also where nobody listens. `saved_as` is the file that wget says it saves.
    """

    tool: str
    url: str
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    body: str | None = None
    fails: bool = False
    silent: bool = False
    shows_errors: bool = True
    output: bool = True
    head: bool = False
    follow: bool = False
    seconds: float | None = None
    retries: int = 0
    retries_all: bool = False
    pause: float = 1.0
    write_out: str = ""
    saved_as: str = ""


@dataclass(slots=True)
class _Options:
    """What a command line said so far."""

    urls: list[str] = field(default_factory=list)
    values: dict[str, list[str]] = field(default_factory=dict)

    def has(self, *names: str) -> bool:
        return any(name in self.values for name in names)

    def last(self, *names: str) -> str | None:
        said = [value for name in names for value in self.values.get(name, ())]
        return said[-1] if said else None


_CURL: Final[Mapping[str, bool]] = {
    "f": False, "fail": False, "fail-with-body": False, "s": False, "silent": False, "S": False, "show-error": False,
    "k": False, "insecure": False, "L": False, "location": False, "i": False, "include": False, "I": False,
    "head": False, "v": False, "verbose": False, "retry-connrefused": False, "retry-all-errors": False,
    "http1.1": False, "no-progress-meter": False, "4": False, "N": False, "no-buffer": False,
    "o": True, "output": True, "H": True, "header": True, "X": True, "request": True, "d": True, "data": True,
    "data-raw": True, "data-binary": True, "m": True, "max-time": True, "connect-timeout": True, "retry": True,
    "retry-delay": True, "retry-max-time": True, "A": True, "user-agent": True, "w": True, "write-out": True,
    "url": True,
}  # fmt: skip
"""Options of curl, and whether each has a value."""
_WGET: Final[Mapping[str, bool]] = {
    "q": False, "quiet": False, "spider": False, "no-check-certificate": False, "S": False, "server-response": False,
    "nv": False, "no-verbose": False, "content-on-error": False, "4": False, "retry-connrefused": False,
    "O": True, "output-document": True, "T": True, "timeout": True, "t": True, "tries": True, "header": True,
    "post-data": True, "method": True, "body-data": True, "U": True, "user-agent": True, "waitretry": True,
}  # fmt: skip
"""Options of wget, and whether each has a value."""


def fetch_of(pod: Mapping[str, Any], expand: Callable[[str], str]) -> Fetch | None:
    """Return the request the container of a Pod makes, for one that is to end; None for any other program.

    `expand` puts the container's environment into `$(NAME)`.
    """
    spec = pod.get("spec") or {}
    containers = spec.get("containers") or [{}]
    ends = spec.get("restartPolicy") in {"Never", "OnFailure"} or HOOK in (
        (pod.get("metadata") or {}).get("annotations") or {}
    )
    if not ends or len(containers) != 1:
        return None
    container = containers[0]
    words = [expand(str(word)) for word in [*(container.get("command") or ()), *(container.get("args") or ())]]
    return parse_fetch(words if container.get("command") else _from_entry_point(_image_name(container), words))


def _from_entry_point(image: str, words: list[str]) -> list[str]:
    """Return what runs where only arguments are given: curlimages/curl begins them with `curl`, but for a program's name."""
    program = bool(words) and _base(words[0]) in {image, *SHELLS}
    return words if program or not words or image not in {"curl", "wget"} else [image, *words]


def _image_name(container: Mapping[str, Any]) -> str:
    bare = str(container.get("image") or "").partition("@")[0]
    return bare.rpartition("/")[2].partition(":")[0]


def parse_fetch(words: Sequence[str]) -> Fetch | None:
    """Read a command line; None where it is no single `curl` or `wget` of one URL with options known here."""
    if words and _base(words[0]) in SHELLS:
        return _from_shell(words[1:])
    if not words:
        return None
    known = {"curl": _CURL, "wget": _WGET}.get(_base(words[0]))
    options = _options(words[1:], known) if known is not None else None
    if options is None or len(options.urls) != 1:
        return None
    return _curl(options) if known is _CURL else _wget(options)


def _from_shell(words: Sequence[str]) -> Fetch | None:
    """Read what `sh -c` runs: one command; `-e` and the like before it change nothing."""
    flags = [word for word in words[:-1] if re.fullmatch(r"-[a-z]+|-o|pipefail", word)]
    if not words or len(flags) != len(words) - 1 or not any("c" in flag for flag in flags):
        return None
    script = words[-1].replace("\\\n", " ").strip().removeprefix("set -e\n").strip()
    try:
        split = shlex.split(script, comments=True)
    except ValueError:
        return None
    unquoted = re.sub(r"'[^']*'|\"[^\"`$]*\"", "", script)
    if _CHAINED.search(unquoted) or not split or _base(split[0]) in SHELLS:
        return None
    return parse_fetch(split[1:] if split[0] == "exec" else split)


def _base(word: str) -> str:
    return word.rpartition("/")[2]


def _options(words: Sequence[str], known: Mapping[str, bool]) -> _Options | None:
    """Sort a command line into options and URLs; None where an option is not known."""
    found = _Options()
    rest = iter(words)
    for word in rest:
        if not word.startswith("-") or word == "-":
            found.urls.append(word)
            continue
        for name, value in _named(word, known):
            takes = known.get(name)
            if takes is None:
                return None
            given = value if value is not None or not takes else next(rest, None)
            if takes and given is None:
                return None
            if name == "url":
                found.urls.append(given or "")
            found.values.setdefault(name, []).append(given or "")
    return found


def _named(word: str, known: Mapping[str, bool]) -> Iterator[tuple[str, str | None]]:
    """Take a word apart: `--name=value`, `--name`, `-nv`, `-fsS`, `-O-`, `-m5`."""
    if word.startswith("--"):
        name, equals, value = word[2:].partition("=")
        yield name, value if equals else None
        return
    if word[1:] in known:
        yield word[1:], None
        return
    letters = word[1:]
    for index, letter in enumerate(letters):
        if known.get(letter):
            yield letter, letters[index + 1 :] or None
            return
        yield letter, None


def _curl(options: _Options) -> Fetch:
    data = [value for name in ("d", "data", "data-raw", "data-binary") for value in options.values.get(name, ())]
    head = options.has("I", "head")
    method = options.last("X", "request") or ("HEAD" if head else "POST" if data else "GET")
    return Fetch(
        "curl",
        _url(options.urls[0]),
        method,
        _headers(options, ("H", "header"), ("A", "user-agent"), "curl/8.14.1", form=bool(data)),
        "&".join(data) if data else None,
        fails=options.has("f", "fail", "fail-with-body"),
        silent=options.has("s", "silent"),
        shows_errors=not options.has("s", "silent") or options.has("S", "show-error"),
        output=(options.last("o", "output") or "-") in {"-", "/dev/stdout"},
        head=head or options.has("i", "include"),
        follow=options.has("L", "location"),
        seconds=_seconds(options.last("m", "max-time") or options.last("connect-timeout")),
        retries=_count(options.last("retry"), 0),
        retries_all=options.has("retry-connrefused", "retry-all-errors"),
        pause=_seconds(options.last("retry-delay")) or 1.0,
        write_out=options.last("w", "write-out") or "",
    )


def _wget(options: _Options) -> Fetch:
    data = options.last("post-data", "body-data")
    spider = options.has("spider")
    method = options.last("method") or ("HEAD" if spider else "POST" if data is not None else "GET")
    quiet = options.has("q", "quiet")
    url, document = _url(options.urls[0]), options.last("O", "output-document")
    return Fetch(
        "wget",
        url,
        method,
        _headers(options, ("header",), ("U", "user-agent"), "Wget", form=data is not None),
        data,
        fails=True,
        silent=quiet,
        shows_errors=True,  # as BusyBox's does, quiet or not
        output=not spider and document in _STDOUT,
        follow=True,
        seconds=_seconds(options.last("T", "timeout")),
        retries=max(0, _count(options.last("t", "tries"), 1) - 1),
        saved_as="" if spider or document in _STDOUT else document or _name_in(url),
    )


def _name_in(url: str) -> str:
    """Return the name under which wget saves a page."""
    return url.partition("://")[2].partition("/")[2].partition("?")[0].rpartition("/")[2] or "index.html"


def _headers(
    options: _Options, names: Sequence[str], agents: Sequence[str], agent: str, *, form: bool
) -> tuple[tuple[str, str], ...]:
    given = [value.partition(":") for name in names for value in options.values.get(name, ())]
    found = [(name.strip(), value.strip()) for name, colon, value in given if colon and name.strip()]
    said = {name.lower() for name, _ in found}
    if "user-agent" not in said:
        found.append(("User-Agent", options.last(*agents) or agent))
    if form and "content-type" not in said:
        found.append(("Content-Type", "application/x-www-form-urlencoded"))
    return tuple(found)


def _url(text: str) -> str:
    return text if "://" in text else f"http://{text}"


def _seconds(text: str | None) -> float | None:
    found = _SECONDS.match(text or "")
    return min(float(found[1]), LONGEST) if found is not None and float(found[1]) > 0 else None


def _count(text: str | None, otherwise: int) -> int:
    return min(int(text), 100) if text is not None and text.isascii() and text.isdigit() else otherwise
