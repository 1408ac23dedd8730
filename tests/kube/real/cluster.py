"""A running `edgesim up --kube`, and the real clients against it, each with a home of its own for what they cache."""

from __future__ import annotations

import itertools
import os
import queue
import re
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.kube.real import binaries
from tests.running import DEADLINE, ROOT, Finished, Gateway, running, wait_until

CHART = ROOT / "configs" / "charts" / "canary-app"
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Cluster:
    """An instance with a Kubernetes API, as a client sees it."""

    gateway: Gateway
    home: Path
    kubeconfig: Path

    @property
    def server(self) -> str:
        """The URL of the API."""
        config = yaml.safe_load(self.kubeconfig.read_text())
        return str(config["clusters"][0]["cluster"]["server"])

    def kubectl(
        self, *arguments: str | Path, stdin: str | None = None, version: str = "1.33", config: Path | None = None
    ) -> Finished:
        """Run kubectl to its end."""
        return self._run(binaries.kubectl(version), arguments, stdin, config)

    def helm(self, *arguments: str | Path, version: str = "4") -> Finished:
        """Run Helm to its end."""
        return self._run(binaries.helm(version), arguments, None, None)

    def says(self, *arguments: str | Path, stdin: str | None = None, version: str = "1.33") -> str:
        """Run kubectl, which must succeed without a word on standard error, and return what it printed."""
        done = self.kubectl(*arguments, stdin=stdin, version=version)
        assert (done.code, done.err) == (0, ""), (arguments, done)
        return done.out.strip()

    def refuses(self, *arguments: str | Path, stdin: str | None = None, version: str = "1.33") -> str:
        """Run kubectl, which must fail with 1, and return what it said on standard error."""
        done = self.kubectl(*arguments, stdin=stdin, version=version)
        assert done.code == 1, (arguments, done)
        return done.err.strip()

    def helms(self, *arguments: str | Path, version: str = "4") -> str:
        """Run Helm, which must succeed, and return what it printed."""
        done = self.helm(*arguments, version=version)
        assert done.code == 0, (arguments, done)
        return done.out.strip()

    def user(self, name: str) -> Path:
        """Return the kubeconfig of a user made by `edgesim kubeconfig --as`."""
        made = self.gateway.run("kubeconfig", "--as", name)
        assert made.code == 0, made
        return Path(made.out.strip())

    def curl(self, path: str = "/", host: str = "shop", **headers: str) -> tuple[int, str]:
        """Ask through the proxy; returns status and body."""
        return self.gateway.get(path, {"host": host, **headers})

    def namespace(self) -> str:
        """Make a namespace that no other test has."""
        name = f"team-{next(_numbers)}"
        assert self.says("create", "namespace", name) == f"namespace/{name} created"
        return name

    @contextmanager
    def following(self, *arguments: str, version: str = "1.33") -> Iterator[Following]:
        """Run kubectl for the length of a block."""
        process = subprocess.Popen(
            [binaries.kubectl(version), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            cwd=ROOT,
            env=self._environment(None),
        )
        followed = Following(process)
        pump = threading.Thread(target=followed.pump, daemon=True)
        pump.start()
        try:
            yield followed
        finally:
            process.kill()
            process.wait(DEADLINE)
            pump.join(DEADLINE)

    def _run(self, program: Path, arguments: Sequence[str | Path], stdin: str | None, config: Path | None) -> Finished:
        done = subprocess.run(
            [program, *arguments],
            input=stdin or "",
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            cwd=ROOT,
            env=self._environment(config),
            check=False,
        )
        return Finished(done.returncode, done.stdout, done.stderr)

    def _environment(self, config: Path | None) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("KUBE", "HELM"))}
        return {**kept, "HOME": str(self.home), "KUBECONFIG": str(config or self.kubeconfig), "NO_COLOR": "1"}


@dataclass(slots=True)
class Following:
    """A kubectl that goes on: what it printed so far."""

    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)
    _news: queue.Queue[str] = field(default_factory=queue.Queue)

    def pump(self) -> None:
        """Take lines until there are no more."""
        assert self.process.stdout is not None
        with self.process.stdout as stream:
            for line in stream:
                self.lines.append(line.rstrip())
                self._news.put(line.rstrip())

    def line(self, pattern: str) -> str:
        """Wait for the next line that has a pattern in it."""
        end = time.monotonic() + DEADLINE
        while True:
            try:
                line = self._news.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"no line with {pattern!r}: {self.lines}") from None
            if re.search(pattern, line):
                return line

    def code(self) -> int:
        """Wait for its end."""
        return self.process.wait(DEADLINE)


@contextmanager
def cluster(home: Path, *arguments: str | Path) -> Iterator[Cluster]:
    """Run an instance with a Kubernetes API for the length of a block."""
    binaries.kubectl()  # skip before anything is started
    with running("--kube", "--kube-port", "0", *arguments) as gateway:
        printed = gateway.run("kubeconfig")
        assert (printed.code, printed.out.count("\n")) == (0, 1), printed
        yield Cluster(gateway, home, Path(printed.out.strip()))


def rows(table: str) -> list[dict[str, str]]:
    """Read what `kubectl get` printed, by the names of its columns."""
    head, *lines = table.splitlines()
    starts = [found.start() for found in re.finditer(r"\S+( \S+)*", head)]
    names = [head[at:].split("  ")[0].strip() for at in starts]
    bounds = list(itertools.pairwise([*starts, None]))
    return [{name: line[start:end].strip() for name, (start, end) in zip(names, bounds, strict=True)} for line in lines]


def eventually(condition: Any, message: str) -> None:
    """Wait for a condition that asks a client: no oftener than it can answer."""
    wait_until(condition, message)


def documents(*manifests: Any) -> str:
    """Return manifests as one file for kubectl."""
    return yaml.safe_dump_all(manifests)
