"""The `console` blocks of a page as commands with the output they promise, and a shell to run them in.

A line that begins with `$ ` is a command, one with `> ` goes on with it, the others are its output; a line of
`...` stands for any lines. A `yaml` block that begins with `# NAME.yaml` is a file the reader saves. The ports a
page names are those of the defaults; here they are any free ones.
"""

from __future__ import annotations

import math
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests import warm
from tests.kube.real import binaries
from tests.running import DEADLINE, ROOT, SERVING, Gateway, forking, free_port, start, wait_until

EDGESIM, PYTHON = ".venv/bin/edgesim", ".venv/bin/python"
PROXY_PORT, ADMIN_PORT, TLS_PORT, KUBE_PORT = "8080", "9901", "8443", "8001"
SEED = "20261124"
"""Draws repeat from run to run, so that no page fails by bad luck; what they give may change with the code."""
Z = 4.8916
"""Standard normal quantile of the two-sided interval that one draw of a million misses."""

_BLOCK = re.compile(r"^```(console|yaml)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SAVED = re.compile(r"# (\S+\.yaml)\n")
_COUNTED = re.compile(r"^ *(\d+) (.+)$")
_MASKS = (
    (re.compile(r"\b([a-z0-9-]+)-[a-z0-9]{6,10}-[a-z0-9]{5}\b"), r"\1-<pod>"),
    (re.compile(r"(?<= )\d+[smhd](\d+[smhd])?$"), "<age>"),
    (re.compile(r"^date: .*"), "date: <date>"),
    (re.compile(r"^export KUBECONFIG=.*"), "export KUBECONFIG=<file>"),
    (re.compile(r"^x-envoy-upstream-service-time: \d+"), "x-envoy-upstream-service-time: <ms>"),
    (re.compile(r"\b127\.\d+\.\d+\.\d+:5678\b"), "<pod>"),  # another instance may have the first addresses
    (re.compile(r'\d+ \d+(?= "-" "lab")'), "<ms> <ms>"),  # DURATION and the service time of an access log
    (re.compile(r"^(echo_gloo-system +\S+) [ \d.]+$"), r"\1 <counts>"),
    # What a load measured: how often and how long.
    (re.compile(r"^(\S+ \S+ +(\d{3}|[a-z]+) +\S+ +)[\d,]+ +[\d.]+%( +[\d.,]+){6}$"), r"\1<counts>"),
    (re.compile(r"^((latency|service time), from the \w+( \w+)?)( +[\d.,]+){6}$"), r"\1 <ms>"),
    (re.compile(r"^[\d,]+ connections opened( +[\d.,]+){6}$"), "<connections>"),
    (re.compile(r"(?<=\()\d+(?= late, )"), "<late>"),
    (re.compile(r"[\d.,]+ KiB/s"), "<KiB/s>"),
    (re.compile(r"(?<=, )\d+\.\d s(?= measured)"), "<seconds>"),
    (re.compile(r"^(PASS|FAIL|NEED-MORE-DATA) .*"), r"\1"),
    (re.compile(r"(?<=: it is )[\d.]+ ms"), "<ms>"),
    (re.compile(r"(?<=\S) {2,}"), "  "),  # columns are as wide as what is in them
    (re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"), "<time>"),
    (re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "<uuid>"),
)


@dataclass(frozen=True, slots=True)
class Step:
    """A command of a page, the line it stands on, and the output it promises."""

    line: int
    command: str
    output: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Saved:
    """A file that a page shows."""

    name: str
    text: str


def steps(markdown: str) -> Iterator[Step | Saved]:
    """Return what a reader does, in order: the commands of console blocks, the files to save."""
    for block in _BLOCK.finditer(markdown):
        saved = _SAVED.match(block[2])
        if block[1] == "console":
            yield from _commands(block[2], markdown.count("\n", 0, block.start()) + 2)
        elif saved:
            yield Saved(saved[1], block[2])


def _commands(block: str, first: int) -> Iterator[Step]:
    starts: list[tuple[int, list[str], list[str]]] = []
    for number, line in enumerate(block.splitlines(), first):
        if line.startswith("$ "):
            starts.append((number, [line[2:]], []))
        elif line.startswith("> ") and not starts[-1][2]:
            starts[-1][1].append(line[2:])
        else:
            starts[-1][2].append(line)
    return (Step(number, "\n".join(command), tuple(output)) for number, command, output in starts)


@dataclass(slots=True)
class Shell:
    """Runs commands in a folder; `edgesim up` and `edgesim demo` stay until the shell is closed."""

    folder: Path
    gateway: Gateway | None = None
    tls_port: str = ""
    kube_port: str = ""
    codes: list[int] = field(default_factory=list)

    def save(self, saved: Saved) -> None:
        """Save a file."""
        (self.folder / saved.name).write_text(saved.text)

    def run(self, step: Step) -> list[str]:
        """Run a command and return its lines, standard error after standard output."""
        words = step.command.split()
        if words[0] == EDGESIM and words[1] in {"up", "demo"}:
            return self._start(words[1], shlex.split(step.command)[2:])
        done = subprocess.run(
            ["bash", "-c", self._translated(step.command)],
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            cwd=self.folder,
            env=self._environment(),
            check=False,
        )
        self.codes.append(done.returncode)
        return self._as_written(done.stdout + done.stderr)

    def close(self) -> None:
        """End what runs; it must end with 0."""
        if self.gateway is not None:
            assert self.gateway.stop() == 0, self.gateway.errors
            self.gateway = None

    def _start(self, command: str, arguments: Sequence[str]) -> list[str]:
        self.close()
        self.tls_port = str(free_port())
        fixed = ("--seed", SEED, *(("--tls-port", self.tls_port) if command == "up" else ()))
        if "--kube" in arguments:
            self.kube_port = str(free_port())
            fixed = (*fixed, "--kube-port", self.kube_port)
        self.gateway = start(*fixed, *arguments, command=command, cwd=self.folder)
        return self._as_written(
            "\n".join((f"proxy {self.gateway.proxy}", f"admin {self.gateway.admin}", *self._kube()))
        )

    def _kube(self) -> list[str]:
        """Return what was printed of the Kubernetes API, if there is one."""
        if self.gateway is None or not self.kube_port:
            return []
        lines = self.gateway.lines
        wait_until(lambda: any(line.startswith("export KUBECONFIG=") for line in lines), "no kubeconfig was named")
        return [line.rstrip() for line in lines if line.startswith(("kube ", "export KUBECONFIG="))]

    def _ports(self) -> dict[str, str]:
        """Return the port a page names for each port there is."""
        if self.gateway is None:
            return {}
        addresses = {
            self.gateway.proxy: PROXY_PORT,
            self.gateway.admin: ADMIN_PORT,
            self.tls_port: TLS_PORT,
            self.kube_port: KUBE_PORT,
        }
        return {address.rpartition(":")[2]: port for address, port in addresses.items() if address}

    def _translated(self, command: str) -> str:
        python = shlex.quote(sys.executable)  # which may itself be .venv/bin/python: one pass
        forked = f"{python} -I -S {shlex.quote(warm.__file__)} {shlex.quote(forking())}"
        real_names = {
            EDGESIM: forked,
            PYTHON: python,
            **{f"{EDGESIM} {word}": f"{python} -m edgesim {word}" for word in SERVING},
        }
        longest_first = sorted(real_names, key=len, reverse=True)
        command = re.sub("|".join(map(re.escape, longest_first)), lambda found: real_names[found[0]], command)
        for real, written in self._ports().items():
            command = re.sub(rf"(?<=:){written}\b", real, command)
        return command

    def _as_written(self, text: str) -> list[str]:
        for real, written in self._ports().items():
            text = re.sub(rf"(?<=:){real}\b", written, text)
        return text.replace("\r", "").splitlines()

    def _environment(self) -> dict[str, str]:
        (self.folder / ".curlrc").write_text("silent\nshow-error\n")  # as on a terminal: no progress meter
        admin = {} if self.gateway is None else {"EDGESIM_ADMIN": self.gateway.admin}
        fixed = {"NO_COLOR": "1", "COLUMNS": "100", "LC_ALL": "C", "CURL_HOME": str(self.folder)}
        return {**os.environ, **fixed, "PYTHONPATH": str(ROOT), **admin, **self._for_clients()}

    def _for_clients(self) -> dict[str, str]:
        """Return what `eval "$(edgesim env)"` would have set, and where kubectl and Helm are."""
        if self.gateway is None or not self.kube_port:
            return {}
        *_, line = self._kube()
        path = f"{binaries.path_with_both()}:{os.environ['PATH']}"
        config = shlex.split(line)[1].partition("=")[2]
        return {"KUBECONFIG": config, "GATEWAY": self.gateway.proxy, "PATH": path, "HOME": str(self.folder)}


def same(promised: Sequence[str], printed: Sequence[str]) -> bool:
    """Tell whether an output is what a page promises, but for names, ages, dates and the luck of a draw."""
    if _counts(promised) and _counts(printed):
        return _same_split(_counts(promised), _counts(printed))
    wanted, found = ([_masked(line) for line in lines] for lines in (promised, printed))
    while wanted and not wanted[-1]:
        wanted.pop()
    while found and not found[-1]:
        found.pop()
    pattern = "".join(r"(?:.*\n)*?" if line == "..." else re.escape(line) + "\n" for line in wanted)
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in found)) is not None


def _masked(line: str) -> str:
    for pattern, mask in _MASKS:
        line = pattern.sub(mask, line)
    return line.rstrip()


def _counts(lines: Sequence[str]) -> dict[str, int]:
    """Return what `uniq -c` counted; nothing for any other output."""
    found = [_COUNTED.match(line) for line in lines]
    return {match[2]: int(match[1]) for match in found if match} if all(found) else {}


def _same_split(promised: dict[str, int], printed: dict[str, int]) -> bool:
    """Compare two samples of one split: as many in all, each share as near as all but one of a million are."""
    total = sum(promised.values())
    if promised.keys() != printed.keys() or total != sum(printed.values()):
        return False
    return all(
        abs(count - printed[name]) <= Z * math.sqrt(2 * count * (1 - count / total)) + 1
        for name, count in promised.items()
    )
