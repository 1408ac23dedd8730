"""What a route's policies come to, compiled."""

from __future__ import annotations

import socket
from dataclasses import replace

import pytest

from edgesim.http1.mutations import mutate
from edgesim.model import DEFAULT_LISTENER, ForwardAction, HeaderMutations, HeaderValue, VirtualHost
from edgesim.policies.record import Record
from edgesim.proxy.own_process import own_process
from edgesim.proxy.rules import Rules
from edgesim.routing import Decision
from tests.proxy.scenes import to


def test_headers_may_name_the_machine_and_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """`%HOSTNAME%` and `%ENVIRONMENT(X)%` have values in headers, as in Envoy."""
    monkeypatch.setenv("ZONE", "north")
    own_process.cache_clear()
    said = HeaderMutations(request_add=(HeaderValue("x-from", "%HOSTNAME% %ENVIRONMENT(ZONE)%"),))
    route = replace(to(), headers=said)
    host = VirtualHost("any", ("*",), (route,))
    assert isinstance(route.action, ForwardAction)
    decision = Decision(host, route, route.matches[0], route.action, route.action.destination)
    rules = Rules(decision, DEFAULT_LISTENER)
    assert (b"x-from", f"{socket.gethostname()} north".encode()) in mutate([], rules.request_steps, Record(0.0))
