"""What the Kubernetes API costs: `python -m bench.kube --help`.

The real kubectl applies a hundred and a thousand VirtualServices by one command, and lists them. A watch of every kind is
held open through windows of constant load (wrk, 64 connections), in turn with windows without one, while objects change
in both. And the memory of the whole of edgesim is read with the API and without it, after every kind was listed and every
schema asked for. The worker has core 0 to itself; its parent, the client and kubectl share core 1.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

from bench import report
from bench.wrk import Load, Measurement, measure
from edgesim.bench.machine import CLIENT_CORE, PROXY_CORE, can_pin, pin_children
from edgesim.bench.processes import Unavailable, get, running, wait

COUNTS = (100, 1000)
CANARY = Path(__file__).parent.parent / "configs" / "two-phased-canary"
CHANGES_PER_SECOND = 10
_CONNECTIONS = 64
_TIMEOUT = 300


@dataclass(slots=True)
class Results:
    """What was found: seconds by number of objects, windows of load without and with a watch, mebibytes."""

    apply: dict[int, list[float]] = field(default_factory=dict)
    again: dict[int, list[float]] = field(default_factory=dict)
    listing: dict[int, list[float]] = field(default_factory=dict)
    calm: list[Measurement] = field(default_factory=list)
    watched: list[Measurement] = field(default_factory=list)
    happenings: int = 0
    """Lines that the watches received."""
    memory_without: list[float] = field(default_factory=list)
    memory_with: list[float] = field(default_factory=list)

    def growth(self) -> list[float]:
        """Return the time of an object among the most against that of one among the fewest, of each round."""
        few, many = self.apply
        return [(b / many) / (a / few) for a, b in zip(self.apply[few], self.apply[many], strict=True)]

    def ratios(self) -> list[float]:
        """Return the throughput with a watch against that without, of each pair."""
        return [watched.rate / calm.rate for watched, calm in zip(self.watched, self.calm, strict=True)]

    def added(self) -> float:
        """Return the mebibytes the API adds."""
        return median(self.memory_with) - median(self.memory_without)


@dataclass(frozen=True, slots=True)
class Served:
    """A running instance: its parent process, ports on 127.0.0.1, and how kubectl gets there."""

    pid: int
    proxy: int
    kube: int
    environment: dict[str, str]

    def kubectl(self, *words: str) -> float:
        """Run kubectl; returns the seconds it took."""
        begin = time.perf_counter()
        command = [kubectl(), *words]
        done = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=_TIMEOUT, check=False
        )
        took = time.perf_counter() - begin
        assert done.returncode == 0, done.stderr
        return took

    def ask(self, path: str, method: str = "GET", body: str = "") -> bytes:
        """Return the answer of the API."""
        connection = http.client.HTTPConnection("127.0.0.1", self.kube, timeout=_TIMEOUT)
        connection.request(method, path, body or None, {"content-type": "application/merge-patch+json"})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        assert answer.status == 200, text
        return text


def kubectl() -> str:
    """Return where kubectl is: what `make clients` brought, or that of PATH. Raises Unavailable."""
    brought = Path(sys.prefix) / "clients" / "kubectl-1.33"
    found = str(brought) if brought.exists() else shutil.which("kubectl")
    if found is None:
        raise Unavailable("kubectl is not here", "make clients")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and write what was found."""
    parser = argparse.ArgumentParser(prog="python -m bench.kube", description="What the Kubernetes API costs.")
    parser.add_argument("--scale", type=float, default=1.0, help="of the numbers of objects (default 1: up to 1,000)")
    parser.add_argument("--rounds", type=int, default=5, help="of everything (default 5)")
    parser.add_argument("--seconds", type=int, default=8, help="length of a window of load (default 8)")
    parser.add_argument("--output", type=Path, default=report.RESULTS, help="folder for kube.json and kube.md")
    options = parser.parse_args(arguments)
    try:
        kubectl()
    except Unavailable as missing:
        print(f"bench/kube: {missing}; nothing to measure with")
        return 0
    if can_pin():
        os.sched_setaffinity(0, {CLIENT_CORE})
    results = Results()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number in range(options.rounds):
            _writes(results, folder / f"writes-{number}", options.scale)
            _memory(results, folder / f"memory-{number}")
            print(f"  round {number + 1} of {options.rounds}: {_applied(results)}", flush=True)
        if shutil.which("wrk") is not None:
            _watches(results, folder / "watches", options.rounds, options.seconds)
    raw = asdict(results) | {"growth": results.growth(), "ratios": results.ratios(), "added": results.added()}
    report.write("kube", "The Kubernetes API", [_METHOD, *_sections(results)], raw, options.output)
    return 0


@contextlib.contextmanager
def instance(folder: Path, *arguments: str) -> Iterator[Served]:
    """Serve, with state and a home folder of its own. Raises Unavailable if it does not start."""
    folder.mkdir(parents=True)
    log = folder / "up.log"
    own = {**os.environ, "HOME": str(folder), "XDG_STATE_HOME": str(folder), "XDG_RUNTIME_DIR": str(folder)}
    command = ["env", *(f"{name}={folder}" for name in ("HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR"))]
    command += [sys.executable, "-m", "edgesim", "up", "--port", "0", "--admin-port", "0", *arguments]
    with running(command, CLIENT_CORE, log) as process:
        last = "export KUBECONFIG=" if "--kube" in arguments else "admin "
        wait(lambda: re.search(rf"^{last}\S+\n", log.read_text(), re.MULTILINE) is not None, process, log)
        pin_children(process.pid, PROXY_CORE)
        config = re.search(r"^export KUBECONFIG=(\S+)$", log.read_text(), re.MULTILINE)
        known = {"KUBECONFIG": config[1]} if config else {}
        yield Served(process.pid, _found(log, "proxy"), _found(log, "kube"), own | known)


def _found(log: Path, word: str) -> int:
    """Return the port that was printed, or 0."""
    found = re.search(rf"^{word} http://[^\s:]+:(\d+)", log.read_text(), re.MULTILINE)
    return int(found[1]) if found else 0


def _writes(results: Results, folder: Path, scale: float) -> None:
    """Apply so many VirtualServices by one command, apply them again, and list them."""
    for count in (max(1, round(scale * each)) for each in COUNTS):
        with instance(folder / str(count), "--kube", "--kube-port", "0") as served:
            file = folder / f"{count}.yaml"
            file.write_text("---\n".join(_HOST.format(number=number) for number in range(count)))
            served.kubectl("get", "vs")  # what is cached of the API is no part of it
            begin = time.perf_counter()
            served.kubectl("apply", "-f", str(file))
            _until_served(served, f"h{count - 1}.example")
            results.apply.setdefault(count, []).append(time.perf_counter() - begin)
            results.again.setdefault(count, []).append(served.kubectl("apply", "-f", str(file)))
            results.listing.setdefault(count, []).append(served.kubectl("get", "vs", "-A"))


def _until_served(served: Served, host: str) -> None:
    end = time.perf_counter() + _TIMEOUT
    while (found := get(served.proxy, "/", {"Host": host})).strip() != "here":
        assert time.perf_counter() < end, f"{host} answers {found!r}"
        time.sleep(0.002)


def _memory(results: Results, folder: Path) -> None:
    """Read what all processes of an instance hold, without the API and with it."""
    with instance(folder / "without", *_canary()) as served:
        results.memory_without.append(_resident(served.pid) / 2**20)
    with instance(folder / "with", *_canary(), "--kube", "--kube-port", "0") as served:
        served.kubectl("get", ",".join(_kinds(served)), "-A")
        served.kubectl("explain", "vs.spec", "--recursive")
        served.kubectl("apply", "--dry-run=server", "-f", str(CANARY / "vs-5.yaml"))
        for path in json.loads(served.ask("/openapi/v3"))["paths"].values():
            served.ask(path["serverRelativeURL"])
        results.memory_with.append(_resident(served.pid) / 2**20)


def _canary() -> list[str]:
    return [str(CANARY / f"{name}.yaml") for name in ("echo", "echo-v2", "upstream", "vs-5")]


def _kinds(served: Served) -> list[str]:
    """Return every kind that can be listed, as `kubectl api-resources -o name`."""
    return [path.removeprefix("/apis/").rpartition("/")[2] for path in _lists(served)]


def _lists(served: Served) -> list[str]:
    """Return the path of the list of each kind."""
    groups = json.loads(served.ask("/apis"))["groups"]
    bases = ["/api/v1", *(f"/apis/{version['groupVersion']}" for group in groups for version in group["versions"])]
    rows = [(base, each) for base in bases for each in json.loads(served.ask(base))["resources"]]
    return [f"{base}/{each['name']}" for base, each in rows if "watch" in each["verbs"]]


def _resident(pid: int) -> int:
    """Return the bytes a process and its descendants hold."""
    own = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()
    children = [int(each) for task in Path(f"/proc/{pid}/task").iterdir() for each in _words(task / "children")]
    return own + sum(_resident(child) for child in children)


def _words(file: Path) -> list[str]:
    return file.read_text().split()


def _watches(results: Results, folder: Path, rounds: int, seconds: int) -> None:
    """Measure pairs of windows, without and with a watch of every kind; every other pair runs backwards."""
    with instance(folder, *_canary(), "--kube", "--kube-port", "0") as served:
        paths = folder / "paths"
        paths.write_text("/\n")
        load = Load(_CONNECTIONS, (), paths)
        measure(served.proxy, load, 2)
        for number in range(rounds):
            for with_watch in (False, True) if number % 2 == 0 else (True, False):
                _window(results, served, load, seconds, with_watch=with_watch)
            print(f"  pair {number + 1} of {rounds}: {results.ratios()[-1]:.3f}", flush=True)


def _window(results: Results, served: Served, load: Load, seconds: int, *, with_watch: bool) -> None:
    """Measure one window, in which objects change, under the eyes of somebody or of nobody."""
    with ThreadPoolExecutor(1) as pool, contextlib.ExitStack() as stack:
        watch = stack.enter_context(_everything(served)) if with_watch else []
        window = pool.submit(measure, served.proxy, load, seconds)
        number = 0
        while not window.done():
            label = json.dumps({"metadata": {"labels": {"change": f"c{number}"}}})
            served.ask("/apis/gateway.solo.io/v1/namespaces/gloo-system/virtualservices/echo", "PATCH", label)
            number += 1
            time.sleep(1 / CHANGES_PER_SECOND)
        (results.watched if with_watch else results.calm).append(window.result())
    results.happenings += len(watch)


@contextlib.contextmanager
def _everything(served: Served) -> Iterator[list[str]]:
    """Watch every kind; yields the list that what happens is added to."""
    happened: list[str] = []
    watches = [http.client.HTTPConnection("127.0.0.1", served.kube, timeout=_TIMEOUT) for _ in _lists(served)]
    threads = []
    for watch, path in zip(watches, _lists(served), strict=True):
        watch.request("GET", f"{path}?watch=true&resourceVersion=0")
        threads.append(threading.Thread(target=_follow, args=(watch.getresponse(), happened), daemon=True))
        threads[-1].start()
    try:
        yield happened
    finally:
        for watch in watches:
            if watch.sock is not None:
                watch.sock.shutdown(2)
        for thread, watch in zip(threads, watches, strict=True):
            thread.join(_TIMEOUT)
            watch.close()


def _follow(answer: http.client.HTTPResponse, happened: list[str]) -> None:
    with answer, contextlib.suppress(OSError, http.client.HTTPException, ValueError):
        while line := answer.readline():
            happened.append(json.loads(line)["type"])


_HOST = """\
apiVersion: gateway.solo.io/v1
kind: VirtualService
metadata:
  name: h{number}
  namespace: gloo-system
spec:
  virtualHost:
    domains:
    - h{number}.example
    routes:
    - matchers:
      - prefix: /
      directResponseAction:
        status: 200
        body: here
"""
_METHOD = f"""\
The real kubectl against `edgesim up --kube` (`bench/kube.py`): VirtualServices applied by one command to an empty instance,
until the last is served; applied again, unchanged; listed by `kubectl get vs -A`, its start included. Windows of constant
load ({_CONNECTIONS} connections) through the proxy, in turn without and with a watch of every kind, while an object changes
{CHANGES_PER_SECOND} times a second. The memory of all processes without the API, and with it when everything was asked for."""


def _applied(results: Results) -> str:
    return ", ".join(f"{count} in {took[-1]:.2f} s" for count, took in results.apply.items())


def _sections(results: Results) -> list[str]:
    writes = [
        (
            f"{count:,}",
            report.spread([1000 * took / count for took in results.apply[count]]),
            report.spread([1000 * took / count for took in results.again[count]]),
            report.spread(results.listing[count]),
        )
        for count in results.apply
    ]
    columns = ("VirtualServices", "applied, ms each", "again, ms each", "listed, s")
    costs = [
        ("an object among the most against one among the fewest", report.spread(results.growth())),
        ("throughput with a watch of everything against none", report.spread(results.ratios(), 3)),
        ("MiB without the API", report.spread(results.memory_without, 1)),
        ("MiB with it", report.spread(results.memory_with, 1)),
        ("MiB it adds", f"{results.added():.1f}"),
    ]
    return [report.table(columns, writes), report.table(("what", "median (lowest to highest)"), costs)]


if __name__ == "__main__":
    raise SystemExit(main())
