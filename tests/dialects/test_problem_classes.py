"""Which class each problem has, who has it and who suffers (Gloo's classification, reference section 9.2)."""

from __future__ import annotations

from textwrap import indent
from typing import NamedTuple

import pytest

from edgesim.model import Problem
from edgesim.model.codes.code import settings, subset_upstream
from tests.dialects.scenes import TO_ECHO, UPSTREAM, gateway, route, routed, run, upstream, virtual_host

VS, RT, GW = "VirtualService default/echo", "RouteTable default/echo", "Gateway gloo-system/gateway-proxy"
ANSWER = "routes: [{directResponseAction: {status: 200}}]\n"
DELEGATE = "matchers: [{prefix: /echo}]\ndelegateAction: {ref: {name: echo, namespace: default}}\n"
STRICT = settings("gateway: {validation: {warnMissingTlsSecret: false}}")


class Found(NamedTuple):
    """A problem as the table has it: its class, who has it, and who suffers from it."""

    code: str
    severity: str
    owner: str = VS
    affects: tuple[str, ...] = ()


def error(code: str, owner: str = VS, *affects: str) -> Found:
    return Found(code, "error", owner, affects)


def warning(code: str, owner: str = VS, *affects: str) -> Found:
    return Found(code, "warning", owner, affects)


def shown(problem: Problem) -> Found:
    return Found(problem.code, problem.severity.value, str(problem.resource), tuple(map(str, problem.affects)))


def host(name: str, domains: str | None) -> str:
    return virtual_host((f"domains: {domains}\n" if domains is not None else "") + ANSWER, name)


def tls(name: str = "echo") -> str:
    return host(name, None).replace("spec:\n", "spec:\n  sslConfig: {secretRef: {name: none, namespace: default}}\n")


def table(text: str, name: str = "echo") -> str:
    """Write a RouteTable around one route."""
    lines = indent(text, "    ")
    head = f"apiVersion: gateway.solo.io/v1\nkind: RouteTable\nmetadata: {{name: {name}}}\n"
    return f"{head}spec:\n  routes:\n  - {lines[4:]}"


def below(text: str) -> tuple[str, ...]:
    """Delegate to a table of one route."""
    return (route(DELEGATE), table(text), UPSTREAM)


def group(destination: str) -> str:
    head = "apiVersion: gloo.solo.io/v1\nkind: UpstreamGroup\nmetadata: {name: both}\n"
    return f"{head}spec:\n  destinations: [{destination}, {{destination: {{upstream: {{name: echo}}}}, weight: 1}}]\n"


def option(text: str) -> tuple[str, ...]:
    return (routed(f"{TO_ECHO}options: {{{text}}}\n"),)


def select(text: str) -> tuple[str, ...]:
    return (route(f"delegateAction: {{{text}}}\n"),)


TO_GROUP = "routeAction: {upstreamGroup: {name: both, namespace: default}}\n"
MISSING = "routeAction: {single: {upstream: {name: ecko}}}\n"
SUBSET = "routeAction: {single: {upstream: {name: echo}, subset: {values: {vers: v1}}}}\n"
ECHO = "matchers: [{prefix: /echo}]\n"

TABLE: dict[str, tuple[tuple[str, ...], tuple[Found, ...]]] = {
    # domains
    "domain duplicate": (
        (host("echo", "[a.example]"), host("two", "[a.example]"), gateway("httpGateway: {}\n")),
        (error("ES0200"), error("ES0200", "VirtualService default/two"), error("ES0522", GW)),
    ),
    "no domain and *": (
        (host("echo", None), host("two", "['*']"), gateway("httpGateway: {}\n")),
        (error("ES0200"), error("ES0200", "VirtualService default/two")),
    ),
    "empty domain": ((host("echo", "['']"),), (error("ES0201"),)),
    "no virtual host": (
        (host("echo", None).partition("  virtualHost")[0] + "  displayName: a\n",),
        (warning("ES0203"),),
    ),
    # regexes
    "invalid regex of a path": ((routed("matchers: [{regex: '/(a'}]\n" + TO_ECHO),), (error("ES0208"),)),
    "invalid regexRewrite": (
        option("regexRewrite: {pattern: {regex: '(a'}, substitution: b}"),
        (error("ES0208"),),
    ),
    "invalid hostRewritePathRegex": (
        option("hostRewritePathRegex: {pattern: {regex: '(a'}, substitution: b}"),
        (error("ES0208"),),
    ),
    "invalid regex in a table": (below("matchers: [{regex: '/echo(a'}]\n" + TO_ECHO), (error("ES0208", RT, VS),)),
    # delegation
    "no action": ((route("matchers: [{prefix: /}]\n"),), (error("ES0204"),)),
    "no action in a table": (below(ECHO), (error("ES0204", RT, VS),)),
    "delegating matcher without prefix": (
        (route("matchers: [{exact: /a}]\n" + DELEGATE.partition("\n")[2]),),
        (error("ES0250"),),
    ),
    "delegating matcher in a table": (
        below("matchers: [{exact: /echo}]\ndelegateAction: {ref: {name: echo, namespace: default}}\n"),
        (error("ES0250", RT, VS),),
    ),
    "two delegating matchers": (
        (route("matchers: [{prefix: /a}, {prefix: /b}]\n" + DELEGATE.partition("\n")[2]),),
        (error("ES0251"),),
    ),
    "delegation cycle": (below(DELEGATE), (error("ES0259", RT, VS),)),
    "table missing": ((route(DELEGATE),), (warning("ES0252"),)),
    "table missing in a table": (
        below(ECHO + "delegateAction: {ref: {name: none, namespace: default}}\n"),
        (warning("ES0252", RT, VS),),
    ),
    "no target": (select(""), (warning("ES0253"),)),
    "nothing selected": (select("selector: {labels: {a: b}}"), (warning("ES0254"),)),
    "labels and expressions": (
        select("selector: {labels: {a: b}, expressions: [{key: a, operator: Exists}]}"),
        (warning("ES0255"),),
    ),
    "bad selector": (select("selector: {expressions: [{key: a, operator: In}]}"), (warning("ES0256"),)),
    "child matcher incompatible": (below("matchers: [{prefix: /other}]\n" + TO_ECHO), (warning("ES0257", RT, VS),)),
    "option reference missing": (
        (routed(TO_ECHO + "optionsConfigRefs: {delegateOptions: [{name: none, namespace: default}]}\n"),),
        (warning("ES0258"),),
    ),
    "option reference missing in a table": (
        below(ECHO + TO_ECHO + "optionsConfigRefs: {delegateOptions: [{name: none, namespace: default}]}\n"),
        (warning("ES0258", RT, VS),),
    ),
    # destinations
    "upstream missing": ((routed(MISSING),), (warning("ES0214"),)),
    "upstream missing in a table": (below(ECHO + MISSING), (warning("ES0214", RT, VS),)),
    "weighted upstream missing": (
        (routed("routeAction: {multi: {destinations: [{destination: {upstream: {name: ecko}}, weight: 1}]}}\n"),),
        (warning("ES0214"),),
    ),
    "kube service missing": (
        (route("routeAction: {single: {kube: {ref: {name: none, namespace: default}, port: 80}}}\n"),),
        (warning("ES0214"),),
    ),
    "upstream group missing": ((route(TO_GROUP),), (warning("ES0215"),)),
    "bad cluster header": ((route("routeAction: {clusterHeader: 'a:b'}\n"),), (warning("ES0217"),)),
    "subset without subsetSpec": ((routed(SUBSET),), (warning("ES0218"),)),
    "subset of other keys": ((route(SUBSET), subset_upstream("version")), (error("ES0219"),)),
    # route errors
    "no path specifier": ((routed("matchers: [{methods: [GET]}]\n" + TO_ECHO),), (error("ES0205"),)),
    "weights of 0": (
        (routed("routeAction: {multi: {destinations: [{destination: {upstream: {name: echo}}}]}}\n"),),
        (error("ES0213"),),
    ),
    "empty split": ((route("routeAction: {multi: {destinations: []}}\n"),), (error("ES0212"),)),
    "no destination type": ((route("routeAction: {single: {}}\n"),), (error("ES0210"),)),
    "empty routeAction": ((route("routeAction: {}\n"),), (error("ES0211"),)),
    "bad path": ((routed("matchers: [{prefix: /a//b}]\n" + TO_ECHO),), (error("ES0206"),)),
    "bad rewrite": (option("prefixRewrite: /a//b"), (error("ES0207"),)),
    "retry back-off": (option("retries: {retryOn: 5xx, retryBackOff: {baseInterval: 0s}}"), (error("ES0233"),)),
    "faults": (option("faults: {abort: {percentage: 1}}"), (error("ES0234"),)),
    "cors of a route": (option("cors: {}"), (error("ES0235"),)),
    "headers of a route": (
        option("headerManipulation: {responseHeadersToAdd: [{header: {key: ':a', value: b}}]}"),
        (error("ES0221"),),
    ),
    "shadowing": (option("shadowing: {percentage: 1}"), (error("ES0236"),)),
    "upgrades": (option("upgrades: [{websocket: {}}, {websocket: {}}]"), (error("ES0239"),)),
    "option in a table": (below(ECHO + TO_ECHO + "options: {cors: {}}\n"), (error("ES0235", RT, VS),)),
    # virtual host options
    "cors of a virtual host": ((virtual_host("options: {cors: {}}\n" + ANSWER),), (error("ES0235"),)),
    "headers of a virtual host": (
        (virtual_host("options: {headerManipulation: {requestHeadersToRemove: [host]}}\n" + ANSWER),),
        (error("ES0221"),),
    ),
    # TLS and gateways
    "TLS secret missing": ((tls(), gateway("ssl: true\nhttpGateway: {}\n")), (warning("ES0500", VS, GW),)),
    "TLS secret missing, strictly": (
        (tls(), gateway("ssl: true\nhttpGateway: {}\n"), STRICT),
        (error("ES0501", VS, GW),),
    ),
    "bind address duplicate": (
        (gateway("httpGateway: {}\n"), gateway("httpGateway: {}\n", "two")),
        (error("ES0524", GW), error("ES0524", "Gateway gloo-system/two")),
    ),
    "virtual service of a gateway missing": (
        (gateway("httpGateway: {virtualServices: [{name: echo, namespace: default}]}\n"),),
        (error("ES0523", GW),),
    ),
    "gateway without type": ((gateway("bindPort: 80\n"),), (error("ES0520", GW),)),
    # upstreams
    "upstream of a group missing": (
        (routed(TO_GROUP), group("{destination: {upstream: {name: ecko}}, weight: 1}")),
        (error("ES0306", "UpstreamGroup default/both"), warning("ES0214")),
    ),
    "empty destination of a group": (
        (UPSTREAM, group("{weight: 1}")),
        (error("ES0307", "UpstreamGroup default/both"),),
    ),
    "upstream misconfigured": (
        (route(TO_ECHO), upstream("static: {hosts: [{addr: 127.0.0.1}]}\n")),
        (error("ES0303", "Upstream default/echo"),),
    ),
}


@pytest.mark.parametrize("name", TABLE)
def test_every_problem_has_its_class_and_its_place(name: str) -> None:
    """It is the resource's that causes it, and names those that suffer from it."""
    texts, wanted = TABLE[name]
    outcome = run(*texts)
    assert tuple(map(shown, outcome.problems)) == wanted
    assert all(problem.position is not None for problem in outcome.problems)


def test_a_table_of_two_virtual_services_hurts_both() -> None:
    """It has the problem once, and each that delegates to it suffers."""
    hosts = [virtual_host(f"domains: [{name}.example]\nroutes:\n- {indent(DELEGATE, '  ')[2:]}", name) for name in "ab"]
    problem = run(*hosts, table(ECHO + MISSING)).only()
    assert shown(problem) == warning("ES0214", RT, "VirtualService default/a", "VirtualService default/b")


def test_a_table_nobody_uses_has_no_problem() -> None:
    """Gloo does not read it."""
    assert run(table("matchers: [{regex: '('}]\n" + MISSING)).problems == []
