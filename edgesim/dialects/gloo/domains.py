"""Domains, and who has which (reference section 2.1)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from edgesim.dialects.gloo.gateways import Gate
from edgesim.dialects.gloo.guesses import dotted
from edgesim.dialects.gloo.scope import Reporter
from edgesim.dialects.resource import FieldPath
from edgesim.dialects.schema.gateway import VirtualHost

_PATH = ("spec", "virtualHost")
_ANY = "*"


@dataclass(frozen=True, slots=True, eq=False)
class Claimant:
    """A VirtualService and the domains it asks for."""

    reporter: Reporter
    host: VirtualHost | None

    @property
    def written(self) -> tuple[str, ...]:
        """Return the domains as they are written; none are one empty text."""
        given = self.host.domains if self.host is not None else ()
        return tuple(given) or ("",)

    @property
    def domains(self) -> tuple[str, ...]:
        """Return the domains as Envoy sees them: lower case, none and an empty one meaning `*`."""
        return tuple((domain or _ANY).lower() for domain in self.written)

    @property
    def name(self) -> str:
        """Return `namespace.name`."""
        return dotted((self.reporter.resource.namespace, self.reporter.resource.name))


@dataclass(frozen=True, slots=True)
class Placed:
    """A listener and the VirtualServices on it, in order."""

    gate: Gate
    claimants: tuple[Claimant, ...]


def place(claimants: Sequence[Claimant], gates: Iterable[Gate]) -> list[Placed]:
    """Find who is on which listener, and note each VirtualService that is on none."""
    placed = [Placed(gate, tuple(each for each in claimants if gate.takes(each.reporter.resource))) for gate in gates]
    somewhere = {id(claimant) for each in placed for claimant in each.claimants}
    for claimant in claimants:
        if id(claimant) not in somewhere:
            text = f"virtual service [{claimant.name}] is selected by no Gateway: it is not served"
            claimant.reporter.report("ES0609", ("metadata", "name"), text)
    return placed


def share_domains(claimants: Sequence[Claimant], placed: Sequence[Placed]) -> list[tuple[str, ...]]:
    """Give each domain of a listener to one VirtualService, and report each that asks for another's.

    Gloo freezes the whole listener in a conflict; here the first in order has the domain, so that the
    rest can be served if somebody asks for that. Who is on no listener gets nothing.
    """
    lost: dict[int, set[str]] = {}
    for claimant in claimants:
        _check_own(claimant)
    for each in placed:
        _report_conflicts(each)
        claimed: set[str] = set()
        for claimant in each.claimants:
            lost.setdefault(id(claimant), set()).update(claimed.intersection(claimant.domains))
            claimed.update(claimant.domains)
    return [
        tuple(domain for domain in dict.fromkeys(claimant.domains) if domain not in lost[id(claimant)])
        if id(claimant) in lost
        else ()
        for claimant in claimants
    ]


def _check_own(claimant: Claimant) -> None:
    """Check the domains of one VirtualService by themselves."""
    seen: set[str] = set()
    for index, domain in enumerate(claimant.host.domains if claimant.host is not None else ()):
        path = (*_PATH, "domains", index)
        if not domain:
            text = f"VirtualHost Error: EmptyDomainError. Reason: virtual host {claimant.name} has an empty domain"
            claimant.reporter.report("ES0201", path, text, "leave `domains` out to mean any domain")
        elif domain.lower() in seen:
            text = f"domain conflict: the [{domain}] domain is listed twice in this virtual service"
            claimant.reporter.report("ES0200", path, text)
        elif _ANY in domain[1:-1] or (len(domain) > 1 and domain[0] == domain[-1] == _ANY):
            text = f"the domain {domain} never matches: a `*` counts only at one end"
            claimant.reporter.report("ES0605", path, text)
        seen.add(domain.lower())


def _report_conflicts(placed: Placed) -> None:
    """Report the domains that several VirtualServices of a listener ask for, to each of them and to the Gateway."""
    written: list[str] = []
    for domain, sharing in _by_domain(placed.claimants).items():
        asked = [[each for each in sharing if spelling in _asked(each)] for spelling in ("", domain)]
        for same in asked if domain == _ANY else [sharing]:
            if len(same) > 1:
                written.append("EMPTY_DOMAIN" if same is asked[0] and domain == _ANY else domain)
                for claimant in same:
                    _report_same(domain, claimant, same)
        if domain == _ANY:
            _report_any([each for same in asked if len(same) == 1 for each in same], sharing)
    written += [domain for each in placed.claimants for domain in _repeated(each)]
    reporter = placed.gate.reporter
    if written and reporter is not None:
        listed = " ".join(sorted(set(written)))
        text = (
            "domain conflict: the following domains are present in more than one of the virtual services associated "
            f"with this gateway: [{listed}]"
        )
        reporter.report("ES0522", ("spec",), text)


def _by_domain(claimants: Iterable[Claimant]) -> dict[str, list[Claimant]]:
    """Return who shares a domain with somebody."""
    by_domain: dict[str, list[Claimant]] = {}
    for claimant in claimants:
        for domain in set(claimant.domains):
            by_domain.setdefault(domain, []).append(claimant)
    return {domain: sharing for domain, sharing in by_domain.items() if len(sharing) > 1}


def _asked(claimant: Claimant) -> set[str]:
    """Return the domains as Gloo compares them, but for case: Envoy refuses two that differ in that only."""
    return {domain.lower() for domain in claimant.written}


def _repeated(claimant: Claimant) -> Iterable[str]:
    seen: set[str] = set()
    for domain in claimant.written:
        if domain.lower() in seen:
            yield domain
        seen.add(domain.lower())


def _report_same(domain: str, claimant: Claimant, sharing: Sequence[Claimant]) -> None:
    """Report a domain that others have too, in the words of Gloo's first look."""
    others = " ".join(other.name for other in sharing if other is not claimant)
    if domain == _ANY and "" in _asked(claimant):
        text = (
            "domain conflict: other virtual services that belong to the same Gateway as this one don't specify a "
            f"domain (and thus default to '*'): [{others}]"
        )
    else:
        text = (
            f"domain conflict: the [{domain}] domain is present in other virtual services that belong to the same "
            f"Gateway as this one: [{others}]"
        )
    claimant.reporter.report("ES0200", _place_of(domain, claimant), text)


def _report_any(alone: Sequence[Claimant], sharing: Sequence[Claimant]) -> None:
    """Report that some say `*` and others mean it by saying nothing, which Gloo finds only in the virtual hosts."""
    names = " ".join(each.name for each in sharing)
    for claimant in dict.fromkeys(alone):
        text = (
            f"VirtualHost Error: DomainsNotUniqueError. Reason: domain {_ANY} is shared by the following virtual "
            f"hosts: [{names}]"
        )
        claimant.reporter.report("ES0200", _place_of(_ANY, claimant), text)


def _place_of(domain: str, claimant: Claimant) -> FieldPath:
    """Return where a VirtualService says a domain, or where it says nothing."""
    if claimant.host is None:
        return ("spec",)
    at = next((i for i, own in enumerate(claimant.host.domains) if (own or _ANY).lower() == domain), None)
    return _PATH if at is None else (*_PATH, "domains", at)
