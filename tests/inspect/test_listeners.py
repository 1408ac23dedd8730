"""Which listener takes a request."""

from __future__ import annotations

import pytest

from edgesim.inspect import Question, RequestError, Tables, choose_listener, read_url, route_report
from edgesim.model import (
    Certificate,
    DirectResponseAction,
    DownstreamTls,
    Listener,
    ListenerOptions,
    Model,
    PathKind,
    PathMatcher,
    Position,
    Route,
    RouteMatch,
    VirtualHost,
)

MATCH = RouteMatch(PathMatcher(PathKind.PREFIX, "/"))
PLAIN = Listener("plain", 8080, virtual_hosts=frozenset({"one"}))
OTHER = Listener("other", 9090, virtual_hosts=frozenset({"two"}), options=ListenerOptions(strip_any_host_port=True))
TLS = Listener("tls", 8443, tls=True)


def host(name: str, *domains: str, tls: DownstreamTls | None = None) -> VirtualHost:
    return VirtualHost(name, domains, (Route((MATCH,), DirectResponseAction(200, name), number=1),), tls=tls)


MODEL = Model(
    (host("one", "*"), host("two", "echo.example"), host("secret", "*", tls=DownstreamTls(Certificate("", "")))),
    listeners=(OTHER, PLAIN, TLS),
)


@pytest.mark.parametrize(
    ("url", "name", "chosen"),
    [
        ("/", "", "plain"),
        ("http://echo.example/", "", "plain"),
        ("http://echo.example:9090/", "", "other"),
        ("http://echo.example:1234/", "", "plain"),
        ("http://echo.example:8443/", "", "plain"),
        ("https://echo.example/", "", "tls"),
        ("https://echo.example:9090/", "", "tls"),
        ("http://echo.example/", "other", "other"),
    ],
)
def test_scheme_then_port_then_the_usual_one(url: str, name: str, chosen: str) -> None:
    """The scheme says of which sort, the port which of them; otherwise it is Gloo's own port."""
    assert choose_listener(MODEL, read_url(url), name).name == chosen


def test_what_is_not_there_is_told() -> None:
    """A listener that is not there, or none of the sort, is an error that names those there are."""
    with pytest.raises(RequestError, match="there are: other, plain, tls"):
        choose_listener(MODEL, read_url("/"), "gone")
    with pytest.raises(RequestError, match="no https listener; there are: plain"):
        choose_listener(Model(listeners=(PLAIN,)), read_url("https://x/"))


@pytest.mark.parametrize(
    ("url", "answer"), [("http://a/", "one"), ("http://echo.example:9090/", "two"), ("https://a/", "secret")]
)
def test_each_listener_has_its_own_virtual_hosts_and_options(url: str, answer: str) -> None:
    """A request meets only what its listener serves; a listener may take the port off the Host."""
    report = route_report(Tables(MODEL), Question(url), lambda step: Position(step.file, 1, 1))
    assert report.reply is not None
    assert report.reply.body == answer
