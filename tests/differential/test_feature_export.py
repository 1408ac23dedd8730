"""What is exported to Envoy acts as it does here, where its form is a choice of ours: answers of clusters, claims, TLS."""

from __future__ import annotations

import json
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from edgesim.dialects.envoy import bootstrap
from edgesim.model import (
    Certificate,
    Cluster,
    ClusterType,
    Destination,
    DirectResponseAction,
    DownstreamTls,
    ForwardAction,
    HeaderMatcher,
    HeaderMutations,
    HeaderValue,
    Listener,
    ListenerOptions,
    Model,
    PathKind,
    PathMatcher,
    Policies,
    Route,
    RouteMatch,
    ValueKind,
    VirtualHost,
)
from edgesim.model.policies import ClaimHeader, Jwt, JwtProvider, JwtValidation
from tests import envoy
from tests.dialects.certificates import pair
from tests.differential.features import Both, Case, both, edgesims
from tests.differential.scripted import Scripted
from tests.policies.signing import jwk, pem, signed

pytestmark = pytest.mark.slow

SHOWN = HeaderMutations((HeaderValue("x-sent", "1"),), (), (HeaderValue("x-shown", "yes"),), ("date",))
QUIET = ListenerOptions(suppress_envoy_headers=True)
"""Without the time that the upstream took: here there is none, in Envoy it is its own listener."""
ANSWERS = (
    Case("answered", cluster="answering"),
    Case("answered-post", cluster="answering", method="POST", body=b"some body"),
    Case("answered-head", cluster="answering", method="HEAD"),
    Case("answered-and-changed", cluster="answering", headers=SHOWN),
    Case("answered-without-body", cluster="silent"),
)


def _answering(_up: Scripted, _shadow: Scripted, _refused: int) -> list[Cluster]:
    kind = ClusterType.DIRECT_RESPONSE
    return [
        Cluster("answering", kind, response=DirectResponseAction(404, "Gone, and will not come back." * 200)),
        Cluster("silent", kind, response=DirectResponseAction(503)),
    ]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    with both(ANSWERS, tmp_path_factory.mktemp("answers"), {"plain": QUIET}, more=_answering) as running:
        yield running


@pytest.mark.parametrize("case", ANSWERS, ids=lambda case: case.name)
def test_a_cluster_that_answers_answers_alike(answers: Both, case: Case) -> None:
    """What stands in for a broken destination gives the same answer, with the route's header changes, from both."""
    answers.agree(case)


def _to(path: str, *headers: HeaderMatcher) -> Route:
    match = RouteMatch(PathMatcher(PathKind.PREFIX, "/"), headers)
    return Route((match,), ForwardAction(Destination("up"), prefix_rewrite=path))


def _tokens(name: str, keys: str, validation: JwtValidation) -> VirtualHost:
    provider = JwtProvider("own", "iss", jwks=keys, claims_to_headers=(ClaimHeader("stage", "x-stage"),))
    canary = HeaderMatcher("x-stage", ValueKind.EXACT, "canary")
    routes = (_to("/canary", canary), _to("/stable"))
    return VirtualHost(name, (name,), routes, policies=Policies(jwt=Jwt((provider,), validation)))


TOKENS = (
    _tokens("pem.test", pem("r"), JwtValidation.REQUIRE_VALID),
    _tokens("jwk.test", json.dumps(jwk("r")), JwtValidation.ALLOW_MISSING),
    _tokens("loose.test", pem("r"), JwtValidation.ALLOW_MISSING_OR_FAILED),
)
LATER = int(time.time()) + 24 * 3600


@pytest.fixture(scope="module")
def token_ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, int]]:
    """Run both proxies in front of an upstream that shows what reached it."""
    folder: Path = tmp_path_factory.mktemp("claims")
    with ExitStack() as stack:
        up = stack.enter_context(envoy.mirror())
        served = Model(TOKENS, (Cluster("up", ClusterType.STATIC, (up.endpoint,)),))
        theirs = stack.enter_context(envoy.running(envoy.bootstrap(served), folder))
        yield theirs, stack.enter_context(edgesims({"any": served}, folder, None, ""))["any"]


@pytest.mark.parametrize("host", [each.name for each in TOKENS])
@pytest.mark.parametrize(
    "claims", [None, {"stage": "canary"}, {"stage": "stable"}, {}, {"iss": "other", "stage": "canary"}]
)
@pytest.mark.parametrize("forged", ["", "canary"])
def test_claims_choose_the_route_alike(
    token_ports: tuple[int, int], host: str, claims: dict[str, Any] | None, forged: str
) -> None:
    """A claim leads to the canary and a header that a client sent does not, with keys of every form, in both."""
    headers = [("x-stage", forged)] if forged else []
    if claims is not None:
        headers.append(("authorization", f"Bearer {signed({'exp': LATER, **claims})}"))
    theirs, ours = (_told(port, headers, host) for port in token_ports)
    assert ours == theirs
    assert ours[0] != 200 or (ours[1].startswith("get /canary") == (claims == {"stage": "canary"}))


def _told(port: int, headers: list[tuple[str, str]], host: str) -> tuple[int, str]:
    answer = envoy.send(port, envoy.request("GET", "/", headers, host))
    return answer.status, answer.body.decode().lower().partition("\r\n")[0]


# -- TLS -------------------------------------------------------------------------------------------------


def _secure(name: str, *sni: str) -> VirtualHost:
    made = pair(name)
    route = Route((RouteMatch(PathMatcher(PathKind.PREFIX, "/")),), DirectResponseAction(200, name))
    return VirtualHost(name, (name,), (route,), tls=DownstreamTls(Certificate(made.chain, made.key), sni))


@pytest.fixture(scope="module")
def tls_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Run Envoy with a certificate for each name, and one for any other."""
    hosts = (_secure("a.example", "a.example"), _secure("b.example", "*.b.example"), _secure("any.example"))
    listener = Listener("tls", 0, tls=True, address=envoy.LOOPBACK)
    model = Model(hosts, (), (listener,))
    with envoy.running(bootstrap(model, {}, admin=envoy.ANY_PORT), tmp_path_factory.mktemp("tls")) as port:
        yield port


@pytest.mark.parametrize(
    ("asked", "shown"), [("a.example", "a.example"), ("x.b.example", "b.example"), ("else.test", "any.example")]
)
def test_the_server_name_chooses_the_certificate(tls_port: int, asked: str, shown: str) -> None:
    """Envoy shows the certificate of the name that was asked for, and the Host chooses the virtual host whatever that is."""
    context = ssl.create_default_context(cadata=pair(shown).chain)
    context.check_hostname = False
    with (
        socket.create_connection((envoy.LOOPBACK, tls_port), timeout=envoy.DEADLINE) as plain,
        context.wrap_socket(plain, server_hostname=asked) as connection,
    ):
        connection.sendall(b"GET / HTTP/1.1\r\nhost: a.example\r\nconnection: close\r\n\r\n")
        received = b""
        while piece := connection.recv(65536):
            received += piece
    assert received.endswith(b"a.example")
