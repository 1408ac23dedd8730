"""How listeners with TLS are asked again."""

from __future__ import annotations

import pytest

from edgesim.model import DEFAULT_LISTENERS, Model, VirtualHost
from edgesim.model.listener import TLS_LISTENER, Certificate, DownstreamTls
from edgesim.verify import Handshake
from edgesim.verify.handshakes import handshakes


def model(domain: str, *sni: str) -> Model:
    """A virtual host with TLS, and one without."""
    tls = DownstreamTls(Certificate("chain", "key"), sni)
    return Model((VirtualHost("plain", ("*",)), VirtualHost("safe", (domain,), tls=tls)), ())


@pytest.mark.parametrize(
    ("domain", "sni", "name"),
    [
        ("a.example", ("b.example", "c.example"), "b.example"),
        ("a.example", ("*.b.example",), "a.b.example"),
        ("a.example:8443", (), "a.example"),
        ("*", (), "any.example"),
    ],
)
def test_a_listener_with_tls_has_a_name_that_it_takes(domain: str, sni: tuple[str, ...], name: str) -> None:
    """It is one of the context's server names, or of the domains where it takes any; plain listeners need none."""
    assert len(DEFAULT_LISTENERS) == 2
    assert handshakes(model(domain, *sni)) == {TLS_LISTENER.name: Handshake(name, 8443)}
