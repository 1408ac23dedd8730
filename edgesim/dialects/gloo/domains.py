"""Domains, and who has which (reference section 2.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgesim.dialects.gloo.scope import Reporter, dotted
from edgesim.dialects.schema.gateway import VirtualHost

_PATH = ("spec", "virtualHost")


@dataclass(frozen=True, slots=True)
class Claimant:
    """A VirtualService and the domains it asks for; `tls` ones share no listener with the others."""

    reporter: Reporter
    host: VirtualHost | None
    tls: bool

    @property
    def domains(self) -> tuple[str, ...]:
        """Return the domains as Envoy sees them: lower case, none and an empty one meaning `*`."""
        given = self.host.domains if self.host is not None else ()
        return tuple((domain or "*").lower() for domain in given) or ("*",)

    @property
    def name(self) -> str:
        """Return `namespace.name`."""
        return dotted((self.reporter.resource.namespace, self.reporter.resource.name))


def share_domains(claimants: Sequence[Claimant]) -> list[tuple[str, ...]]:
    """Give each domain to one VirtualService, and report each that asks for another's.

    Gloo freezes the whole listener in a conflict; here the first in order has the domain, so that the
    rest can be served if somebody asks for that.
    """
    for claimant in claimants:
        _check_own(claimant)
    by_domain: dict[tuple[bool, str], list[Claimant]] = {}
    for claimant in claimants:
        for domain in dict.fromkeys(claimant.domains):
            by_domain.setdefault((claimant.tls, domain), []).append(claimant)
    for (_tls, domain), sharing in by_domain.items():
        if len(sharing) > 1:
            for claimant in sharing:
                _report_conflict(domain, claimant, sharing)
    taken: dict[bool, set[str]] = {False: set(), True: set()}
    given: list[tuple[str, ...]] = []
    for claimant in claimants:
        given.append(tuple(domain for domain in dict.fromkeys(claimant.domains) if domain not in taken[claimant.tls]))
        taken[claimant.tls].update(given[-1])
    return given


def _check_own(claimant: Claimant) -> None:
    """Check the domains of one VirtualService by themselves."""
    seen: set[str] = set()
    for index, domain in enumerate(claimant.host.domains if claimant.host is not None else ()):
        path = (*_PATH, "domains", index)
        if not domain:
            text = f"virtual host [{claimant.name}] has an empty domain"
            claimant.reporter.report("ES0201", path, text, "leave `domains` out to mean any domain")
        elif domain.lower() in seen:
            text = f"domain conflict: the [{domain}] domain is listed twice in this virtual service"
            claimant.reporter.report("ES0200", path, text)
        elif "*" in domain[1:-1] or (len(domain) > 1 and domain[0] == domain[-1] == "*"):
            text = f"the domain {domain} never matches: a `*` counts only at one end"
            claimant.reporter.report("ES0605", path, text)
        seen.add(domain.lower())


def _report_conflict(domain: str, claimant: Claimant, sharing: Sequence[Claimant]) -> None:
    others = " ".join(other.name for other in sharing if other is not claimant)
    listed = claimant.host.domains if claimant.host is not None else ()
    if not listed and not any(other.host is not None and other.host.domains for other in sharing):
        text = (
            "domain conflict: other virtual services that belong to the same Gateway as this one don't specify a "
            f"domain (and thus default to '*'): [{others}]"
        )
        claimant.reporter.report("ES0200", _PATH if claimant.host is not None else ("spec",), text)
        return
    text = (
        f"domain conflict: the [{domain}] domain is present in other virtual services that belong to the same "
        f"Gateway as this one: [{others}]"
    )
    at = next((i for i, own in enumerate(listed) if (own or "*").lower() == domain), None)
    claimant.reporter.report("ES0200", _PATH if at is None else (*_PATH, "domains", at), text)
