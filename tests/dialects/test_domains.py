from __future__ import annotations

import pytest

from edgesim.model import Severity
from tests.dialects.certificates import secret
from tests.dialects.scenes import run, virtual_host

ROUTES = "routes: [{directResponseAction: {status: 200}}]\n"


def host(domains: str | None, name: str) -> str:
    return virtual_host((f"domains: {domains}\n" if domains is not None else "") + ROUTES, name)


def test_a_virtual_host_is_named_as_gloo_names_it() -> None:
    """`namespace.name`, with every dot an underscore."""
    text = host("[a.example]", "x").replace("{name: x}", "{name: a.b, namespace: gloo-system}")
    (found,) = run(text).hosts
    assert (found.name, found.domains) == ("gloo-system_a_b", ("a.example",))


def test_no_domains_mean_any() -> None:
    """An absent and an empty list are `*`."""
    assert run(host(None, "a")).hosts[0].domains == ("*",)
    assert run(host("[]", "a")).hosts[0].domains == ("*",)


def test_domains_are_kept_in_lower_case() -> None:
    """Envoy compares without case, so the model holds one form."""
    assert run(host("[A.Example, '*.b.example']", "a")).hosts[0].domains == ("a.example", "*.b.example")


def test_an_empty_domain_is_an_error_and_means_any() -> None:
    """`domains: ['']` is reported as Gloo does, and would be served as `*`."""
    outcome = run(host("['']", "a"))
    assert outcome.only().message == (
        "VirtualHost Error: EmptyDomainError. Reason: virtual host default.a has an empty domain"
    )
    assert outcome.hosts[0].domains == ("*",)


def test_a_conflict_is_an_error_on_each() -> None:
    """Every VirtualService that asks for the domain is told who else does; the first would keep it."""
    outcome = run(host("[a.example]", "a"), host("[b.example, a.example]", "b"), host("[a.example]", "c"))
    assert [(each.code, str(each.resource), each.field) for each in outcome.problems] == [
        ("ES0200", "VirtualService default/a", "spec.virtualHost.domains[0]"),
        ("ES0200", "VirtualService default/b", "spec.virtualHost.domains[1]"),
        ("ES0200", "VirtualService default/c", "spec.virtualHost.domains[0]"),
    ]
    assert "[default.b default.c]" in outcome.problems[0].message
    assert all(each.severity is Severity.ERROR for each in outcome.problems)
    assert [(each.name, each.domains) for each in outcome.hosts] == [
        ("default_a", ("a.example",)),
        ("default_b", ("b.example",)),
    ]


def test_two_without_domains_conflict() -> None:
    """Both default to `*`, and the message says so."""
    outcome = run(host(None, "a"), host(None, "b"))
    assert outcome.codes == ["ES0200", "ES0200"]
    assert "don't specify a domain" in outcome.problems[0].message


def test_without_domains_and_star_conflict() -> None:
    """One without domains and one with `*` want the same."""
    assert run(host(None, "a"), host("['*']", "b")).codes == ["ES0200", "ES0200"]


def test_a_domain_twice_in_one_virtual_service_is_an_error() -> None:
    """The second mention is the one to take out; it is served once."""
    outcome = run(host("[a.example, A.example]", "a"))
    assert outcome.only().field == "spec.virtualHost.domains[1]"
    assert outcome.hosts[0].domains == ("a.example",)


@pytest.mark.parametrize("domain", ["a.*.b", "*a*", "**"])
def test_a_star_in_the_middle_is_noted(domain: str) -> None:
    """Envoy takes such a domain for text, so no host matches it."""
    assert run(host(f"['{domain}']", "a")).codes == ["ES0605"]


def test_a_missing_virtual_host_is_a_warning() -> None:
    """It is served as any domain without a route, and no second one may be."""
    text = "apiVersion: gateway.solo.io/v1\nkind: VirtualService\nmetadata: {name: %s}\nspec: {}\n"
    outcome = run(text % "a")
    assert outcome.only().message == "virtual service [default.a] does not specify a virtual host"
    assert [(each.domains, each.routes) for each in outcome.hosts] == [(("*",), ())]
    assert run(text % "a", text % "b").codes == ["ES0203", "ES0203", "ES0200", "ES0200"]


def test_tls_and_plain_hosts_do_not_conflict() -> None:
    """The same domain may be on a plain and a TLS VirtualService: they share no listener."""
    ssl = "spec:\n  sslConfig: {secretRef: {name: cert, namespace: default}}\n"
    tls = host("[a.example]", "tls").replace("spec:\n", ssl)
    outcome = run(tls, host("[a.example]", "plain"), secret("cert"))
    assert outcome.problems == []
    assert [(each.name, each.domains) for each in outcome.hosts] == [
        ("default_tls", ("a.example",)),
        ("default_plain", ("a.example",)),
    ]
