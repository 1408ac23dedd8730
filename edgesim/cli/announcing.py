"""What `up` says while it serves: where, what is wrong, and when it is over."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from edgesim.cli.console import err, out
from edgesim.cli.engine import DataPlane
from edgesim.cli.problems import print_problems
from edgesim.cli.settings import KUBE_PORT, UpSettings
from edgesim.config.serving import Policy
from edgesim.control import Instance
from edgesim.model import Problem, Severity
from edgesim.proxy import Bound


@dataclass(slots=True)
class Reporter:
    """Prints what is wrong when it comes up, and says when it is over."""

    seen: set[Problem] = field(default_factory=set)
    frozen: bool = False

    def report(self, instance: Instance) -> None:
        """Print the problems that were not there before."""
        problems, frozen = instance.problems, instance.served.frozen
        print_problems(problem for problem in problems if problem not in self.seen)
        if frozen and not self.frozen:
            err(_HELD[instance.served.policy])
        elif self.frozen and not frozen:
            err(_released(problems))
        self.seen, self.frozen = set(problems), frozen


_HELD: Mapping[Policy, str] = {
    Policy.FREEZE: "what was served stays served until this is mended",
    Policy.ISOLATE: "what has an error stays as it was served until this is mended; everything else is served",
}


def _released(problems: Iterable[Problem]) -> str:
    """Say that nothing is held up any more; there may be problems all the same, which are served as they are."""
    grave = [problem for problem in problems if problem.severity is not Severity.NOTE]
    if any(problem.replaced for problem in grave):
        return "everything is served; what is broken answers by itself (replaceInvalidRoutes)"
    return "everything is served" if grave else "the configuration is sound again, and served"


@dataclass(slots=True)
class Announcer:
    """Prints where listeners are that open later."""

    supervisor: DataPlane
    known: tuple[Bound, ...]
    quiet: bool

    def announce(self, _instance: Instance) -> None:
        """Print the addresses of listeners that were not there before."""
        before, self.known = self.known, self.supervisor.bound
        for bound in self.known:
            if bound not in before and not self.quiet:
                out(_line(bound))


def url(host: str, port: int, scheme: str = "http") -> str:
    """Return the URL of a place; an IPv6 address is put in brackets."""
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def _url_of(bound: Bound) -> str:
    return url(bound.host, bound.port, "https" if bound.tls else "http")


def listeners(supervisor: DataPlane) -> list[dict[str, str]]:
    """Return the listeners with their URLs, as machines are told."""
    return [{"name": bound.name, "url": _url_of(bound)} for bound in supervisor.bound]


def _line(bound: Bound) -> str:
    return f"{'tls' if bound.tls else 'proxy'} {_url_of(bound)}"


@dataclass(frozen=True, slots=True)
class KubeAddress:
    """Where the Kubernetes API is, and the kubeconfig that leads there."""

    url: str
    kubeconfig: str


def announce(
    settings: UpSettings, supervisor: DataPlane, admin: str, token: str | None, kube: KubeAddress | None = None
) -> None:
    """Print every listener's address; the first is the one that scripts look for, on `--port` if it is there."""
    usual = url(supervisor.host, supervisor.port)
    plain = [bound for bound in supervisor.bound if not bound.tls]
    first = next((bound for bound in plain if _url_of(bound) == usual), next(iter(plain), None))
    proxy = usual if first is None else _url_of(first)
    if settings.as_json:
        _announce_to_machines(supervisor, proxy, admin, token, kube)
        return
    out(f"proxy {proxy}")
    out(f"admin {admin}")
    for bound in supervisor.bound:
        if bound != first:
            out(_line(bound))
    if token is not None and settings.admin_token is None:
        out(f"admin token {token}")
    if kube is not None:
        _announce_kube(settings, kube)
    if settings.hints is not None:
        out(settings.hints(proxy, admin, kube=kube is not None))


def _announce_kube(settings: UpSettings, kube: KubeAddress) -> None:
    """Print the address and a line to paste; where the usual port was busy, say so."""
    usual = settings.kube is not None and settings.kube.port is None
    moved = usual and not kube.url.endswith(f":{KUBE_PORT}")
    out(f"kube {kube.url}" + (f" ({KUBE_PORT} is in use)" if moved else ""))
    out(f"export KUBECONFIG={shlex.quote(kube.kubeconfig)}")


def _announce_to_machines(
    supervisor: DataPlane, proxy: str, admin: str, token: str | None, kube: KubeAddress | None
) -> None:
    tls = next((_url_of(bound) for bound in supervisor.bound if bound.tls), None)
    named = {"proxy": proxy, "admin": admin, "token": token, "tls": tls}
    if kube is not None:
        named |= {"kube": kube.url, "kubeconfig": kube.kubeconfig}
    known = {name: value for name, value in named.items() if value}
    out(json.dumps(known | {"listeners": listeners(supervisor)}))
