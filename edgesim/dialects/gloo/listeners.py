"""Listeners name the virtual hosts that are on them, and Gateways suffer from what is wrong there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from edgesim.dialects.gloo.domains import Claimant, Placed
from edgesim.dialects.gloo.tls import TlsHost, check_server_names
from edgesim.model import Listener, Problem, ResourceKey, VirtualHost

_SSL = "spec.sslConfig"


def listeners_of(placed: Iterable[Placed], hosts: Mapping[Claimant, VirtualHost]) -> tuple[Listener, ...]:
    """Return the listeners with the names of their virtual hosts; one that takes all of its sort names none."""
    return tuple(_listener(each, hosts) for each in placed)


def _listener(placed: Placed, hosts: Mapping[Claimant, VirtualHost]) -> Listener:
    on_it = [(claimant, hosts[claimant]) for claimant in placed.claimants if claimant in hosts]
    if placed.gate.listener.tls:
        check_server_names([TlsHost(host.tls, claimant.reporter) for claimant, host in on_it if host.tls is not None])
    if placed.gate.chooses is None:
        return placed.gate.listener
    return replace(placed.gate.listener, virtual_hosts=frozenset(host.name for _claimant, host in on_it))


def with_gateways(problems: Sequence[Problem], placed: Iterable[Placed]) -> list[Problem]:
    """Let Gateways suffer from what is wrong with certificates: Gloo reports that of their listeners (section 2.3)."""
    above: dict[ResourceKey, list[ResourceKey]] = {}
    for each in placed:
        if each.gate.listener.tls and each.gate.reporter is not None:
            for claimant in each.claimants:
                above.setdefault(claimant.reporter.resource.key, []).append(each.gate.reporter.resource.key)
    return [_with_gateway(problem, above) for problem in problems] if above else list(problems)


def _with_gateway(problem: Problem, above: Mapping[ResourceKey, list[ResourceKey]]) -> Problem:
    if problem.resource is None or problem.resource not in above or not problem.field.startswith(_SSL):
        return problem
    return replace(problem, affects=(*problem.affects, *above[problem.resource]))
