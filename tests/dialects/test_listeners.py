from __future__ import annotations

import pytest

from edgesim.model import DEFAULT_LISTENERS, Listener, is_served
from tests.dialects.certificates import secret
from tests.dialects.scenes import Outcome, gateway, run, virtual_host

ANSWER = "routes: [{directResponseAction: {status: 200}}]\n"


def host(name: str, domain: str, namespace: str = "default", labels: str = "", *, tls: bool = False) -> str:
    """Write a VirtualService of one domain."""
    text = virtual_host(f"domains: [{domain}]\n{ANSWER}", name)
    metadata = f"{{name: {name}, namespace: {namespace}, labels: {{{labels}}}}}"
    text = text.replace(f"metadata: {{name: {name}}}", f"metadata: {metadata}")
    return (
        text.replace("spec:\n", "spec:\n  sslConfig: {secretRef: {name: cert, namespace: default}}\n") if tls else text
    )


def listeners(outcome: Outcome) -> dict[str, Listener]:
    return {each.name: each for each in outcome.translation.model.listeners}


def on(outcome: Outcome, listener: str) -> set[str]:
    """Return the names of the virtual hosts that a listener serves."""
    return {each.name for each in outcome.hosts if is_served(each, listeners(outcome)[listener])}


HOSTS = (
    host("echo", "e.example", "teams", "team: echo, tier: '2'"),
    host("foxtrot", "f.example", "teams", "team: foxtrot"),
    host("golf", "g.example", "golf", "team: golf, tier: '7'"),
)


def chosen(selection: str, *more: str) -> set[str]:
    """Return what a second Gateway takes with a selection; the first takes everything."""
    second = gateway(f"bindPort: 9090\nhttpGateway: {{{selection}}}\n", "second")
    outcome = run(*HOSTS, gateway("httpGateway: {}\n"), second, *more)
    assert outcome.problems == []
    return {name.partition("_")[2] for name in on(outcome, "listener-::-9090")}


def test_without_gateways_there_are_those_of_an_installation() -> None:
    """8080 for plain hosts and 8443 for those with TLS, each taking all of its sort."""
    outcome = run(host("a", "a.example"), host("b", "b.example", tls=True), secret("cert"))
    assert outcome.problems == []
    assert outcome.translation.model.listeners == DEFAULT_LISTENERS
    assert on(outcome, "listener-::-8080") == {"default_a"}
    assert on(outcome, "listener-::-8443") == {"default_b"}


def test_a_gateway_stands_in_for_the_default_of_its_sort() -> None:
    """With a plain one on another port nothing listens on 8080, and the default for TLS stays."""
    outcome = run(gateway("bindPort: 9090\nbindAddress: 127.0.0.1\nhttpGateway: {}\n"))
    assert outcome.problems == []
    assert list(listeners(outcome)) == ["listener-127.0.0.1-9090", "listener-::-8443"]
    listener = listeners(outcome)["listener-127.0.0.1-9090"]
    assert (listener.port, listener.address, listener.tls) == (9090, "127.0.0.1", False)
    assert [(step.kind, step.name) for step in listener.origin] == [("Gateway", "gateway-proxy")]


def test_a_default_gives_way_to_a_gateway_on_its_port() -> None:
    """A TLS gateway on 8080 leaves no place for the default plain one."""
    outcome = run(gateway("ssl: true\nbindPort: 8080\nhttpGateway: {}\n"))
    assert outcome.problems == []
    assert [(each.name, each.tls) for each in outcome.translation.model.listeners] == [("listener-::-8080", True)]


@pytest.mark.parametrize(
    ("selection", "wanted"),
    [
        ("", {"echo", "foxtrot", "golf"}),
        ("virtualServiceNamespaces: ['*']", {"echo", "foxtrot", "golf"}),
        ("virtualServiceNamespaces: [golf]", {"golf"}),
        ("virtualServiceSelector: {team: echo}", {"echo"}),
        ("virtualServiceSelector: {team: echo, tier: '3'}", set()),
        ("virtualServiceSelector: {team: echo}, virtualServiceNamespaces: [golf]", set()),
        ("virtualServices: [{name: foxtrot, namespace: teams}]", {"foxtrot"}),
        ("virtualServices: [{name: foxtrot, namespace: teams}], virtualServiceNamespaces: [golf]", {"foxtrot"}),
        ("virtualServices: [{name: foxtrot, namespace: teams}], virtualServiceSelector: {team: echo}", {"echo"}),
        ("virtualServiceExpressions: {expressions: [{key: tier, operator: Exists}]}", {"echo", "golf"}),
        ("virtualServiceExpressions: {expressions: [{key: tier, operator: GreaterThan, values: ['2']}]}", {"golf"}),
        (
            "virtualServiceExpressions: {expressions: [{key: team, operator: NotIn, values: [echo]}]}",
            {"foxtrot", "golf"},
        ),
        (
            (
                "virtualServiceExpressions: {expressions: [{key: team, operator: In, values: [golf]}]}, "
                "virtualServiceSelector: {team: echo}"
            ),
            {"golf"},
        ),
        (
            "virtualServiceExpressions: {expressions: [{key: tier, operator: Exists}]}, virtualServiceNamespaces: [teams]",
            {"echo"},
        ),
    ],
)
def test_a_gateway_selects(selection: str, wanted: set[str]) -> None:
    """Expressions before labels before references before all; namespaces restrict all but references."""
    assert chosen(selection) == wanted


def test_a_virtual_service_may_be_on_several_gateways() -> None:
    """It is one virtual host, and both listeners serve it."""
    assert chosen("virtualServices: [{name: echo, namespace: teams}]") == {"echo"}


def test_a_virtual_service_on_no_gateway_is_noted() -> None:
    """It is not served, and only its owner needs to know."""
    outcome = run(*HOSTS, gateway("httpGateway: {virtualServiceNamespaces: [golf]}\n"))
    assert outcome.codes == ["ES0609", "ES0609"]
    assert outcome.problems[0].message == "virtual service [teams.echo] is selected by no Gateway: it is not served"
    assert [each.name for each in outcome.hosts] == ["golf_golf"]


def test_ssl_decides_before_the_selection() -> None:
    """A reference to a virtual service of the other sort is noted, and selects nothing."""
    naming = "httpGateway: {virtualServices: [{name: echo, namespace: teams}]}\n"
    outcome = run(*HOSTS, gateway(f"ssl: true\n{naming}"))
    problem = outcome.only()
    assert (problem.code, problem.field) == ("ES0611", "spec.httpGateway.virtualServices[0]")
    assert on(outcome, "listener-::-8443") == set()
    assert len(on(outcome, "listener-::-8080")) == 3


def test_a_missing_virtual_service_is_an_error_on_the_gateway() -> None:
    """In Gloo's words, with the one that was meant."""
    outcome = run(*HOSTS, gateway("httpGateway: {virtualServices: [{name: ecko, namespace: teams}]}\n"))
    problem = outcome.problems[0]
    assert (problem.code, problem.message) == ("ES0523", "invalid virtual service ref {ecko teams}")
    assert str(problem.resource) == "Gateway gloo-system/gateway-proxy"
    assert problem.hint == "did you mean `echo`?"


def test_an_invalid_expression_selects_nothing() -> None:
    """Kubernetes' rules for requirements hold."""
    expressions = "virtualServiceExpressions: {expressions: [{key: team, operator: Exists, values: [a]}]}"
    outcome = run(*HOSTS, gateway(f"httpGateway: {{{expressions}}}\n"))
    assert outcome.codes == ["ES0526", "ES0609", "ES0609", "ES0609"]
    assert outcome.problems[0].message.endswith(": the virtual service selector expression is invalid")


def test_two_gateways_of_one_address_are_errors_on_both() -> None:
    """The first keeps the listener; addresses that mean any are one."""
    two = gateway("bindAddress: 0.0.0.0\nbindPort: 8080\nhttpGateway: {}\n", "two")
    outcome = run(gateway("httpGateway: {}\n"), two, gateway("bindPort: 8081\nhttpGateway: {}\n", "three"))
    assert [(each.code, each.resource and each.resource.name, each.message) for each in outcome.problems] == [
        (
            "ES0524",
            name,
            f"bind-address {address}:8080 is not unique in a proxy. gateways: gloo-system.gateway-proxy,gloo-system.two",
        )
        for name, address in (("gateway-proxy", "::"), ("two", "0.0.0.0"))
    ]
    assert list(listeners(outcome)) == ["listener-::-8080", "listener-::-8081", "listener-::-8443"]


def test_gateways_elsewhere_count_only_if_settings_say_so() -> None:
    """By default those of the namespace of the installation are read; the others have no effect and are noted."""
    elsewhere = gateway("bindPort: 9090\nhttpGateway: {}\n", "mine", "teams")
    outcome = run(elsewhere)
    assert outcome.only().code == "ES0610"
    assert list(listeners(outcome)) == ["listener-::-8080", "listener-::-8443"]
    settings = (
        "apiVersion: gloo.solo.io/v1\nkind: Settings\nmetadata: {name: default, namespace: gloo-system}\n"
        "spec: {gateway: {readGatewaysFromAllNamespaces: true}}\n"
    )
    outcome = run(elsewhere, settings)
    assert outcome.problems == []
    assert list(listeners(outcome)) == ["listener-::-9090", "listener-::-8443"]


def test_domains_conflict_per_gateway() -> None:
    """Two virtual services of one domain are fine where no gateway has both."""
    hosts = [host("a", "one.example", labels="on: a"), host("b", "one.example", labels="on: b")]
    apart = [
        gateway("httpGateway: {virtualServiceSelector: {on: a}}\n"),
        gateway("bindPort: 9090\nhttpGateway: {virtualServiceSelector: {on: b}}\n", "second"),
    ]
    outcome = run(*hosts, *apart)
    assert outcome.problems == []
    assert [each.domains for each in outcome.hosts] == [("one.example",), ("one.example",)]
    outcome = run(*hosts, *apart, gateway("bindPort: 9091\nhttpGateway: {}\n", "third"))
    assert sorted((each.code, each.resource and each.resource.name) for each in outcome.problems) == [
        ("ES0200", "a"),
        ("ES0200", "b"),
        ("ES0522", "third"),
    ]


def test_a_gateway_hears_of_conflicts_among_its_virtual_services() -> None:
    """All the domains in one message, as Gloo has it; those who name none are EMPTY_DOMAIN."""
    hosts = [
        host("a", "one.example"),
        host("b", "one.example"),
        virtual_host(ANSWER, "c"),
        virtual_host(ANSWER, "d"),
        host("e", "'*'"),
    ]
    outcome = run(gateway("httpGateway: {}\n"), *hosts)
    (problem,) = [each for each in outcome.problems if each.code == "ES0522"]
    assert problem.message == (
        "domain conflict: the following domains are present in more than one of the virtual services associated with "
        "this gateway: [EMPTY_DOMAIN one.example]"
    )
    texts = {each.resource.name: each.message for each in outcome.problems if each.resource and each.code == "ES0200"}
    assert texts["a"] == (
        "domain conflict: the [one.example] domain is present in other virtual services that belong to the same Gateway "
        "as this one: [default.b]"
    )
    assert texts["c"] == (
        "domain conflict: other virtual services that belong to the same Gateway as this one don't specify a domain "
        "(and thus default to '*'): [default.d]"
    )
    assert texts["e"] == (
        "VirtualHost Error: DomainsNotUniqueError. Reason: domain * is shared by the following virtual hosts: "
        "[default.c default.d default.e]"
    )


def test_a_star_and_nothing_conflict_in_the_virtual_hosts_only() -> None:
    """Gloo compares the texts, so the gateway hears nothing of it."""
    outcome = run(gateway("httpGateway: {}\n"), virtual_host(ANSWER, "a"), host("b", "'*'"))
    assert outcome.codes == ["ES0200", "ES0200"]
    assert all("DomainsNotUniqueError" in each.message for each in outcome.problems)


def test_gateways_suffer_from_missing_certificates() -> None:
    """The problem is the virtual service's, and its gateways suffer: Gloo reports it of the listener."""
    outcome = run(host("a", "a.example", tls=True), gateway("ssl: true\nhttpGateway: {}\n"))
    problem = outcome.only()
    assert (problem.code, str(problem.resource)) == ("ES0500", "VirtualService default/a")
    assert [str(each) for each in problem.affects] == ["Gateway gloo-system/gateway-proxy"]
