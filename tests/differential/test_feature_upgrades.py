"""Requests to switch protocols, beside Envoy: agreed with, refused by the upstream, tried again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from edgesim.model import HeaderMutations, HeaderValue, Policies
from edgesim.model.policies import RetryPolicy
from tests.differential.features import Both, Case, both

_AGAIN = Policies(retries=RetryPolicy(("5xx",), base_interval=0.001))
_ADDED = HeaderMutations(response_add=(HeaderValue("x-added", "by the route"),))
_ASK = (("connection", "upgrade"), ("upgrade", "websocket"), ("sec-websocket-version", "13"))
_TYPED = (
    *_ASK,
    (
        "x-answer",
        "content-type: text/html|x-up: one|content-encoding: br|content-language: en|etag: e|content-range: x|last-modified: y|server: z",
    ),
)
_COUNTED = Policies(include_attempt_count_in_response=True)


def _asks(connection: str, upgrade: str, answer: str, *more: tuple[str, str]) -> tuple[tuple[str, str], ...]:
    return (("connection", connection), ("upgrade", upgrade), ("x-answer", answer), *more)


CASES = [
    Case("upgrade", "101", sends=(*_ASK, ("x-answer", "upgrade: websocket|x-up: one"))),
    *(
        Case(f"upgrade-{status}", status, sends=_TYPED)
        for status in ("200", "204", "302", "304", "400", "426", "503", "600")
    ),
    Case("upgrade-half", "half", sends=_ASK),
    Case("upgrade-close", "close", sends=_ASK),
    Case("upgrade-reset", "reset", sends=_ASK),
    Case("upgrade-garbage", "garbage", sends=_ASK),
    Case("upgrade-retried", "503;200", _AGAIN, sends=_ASK),
    Case("upgrade-retried-close", "close;101", _AGAIN, sends=(*_ASK, ("x-answer", "upgrade: websocket"))),
    Case("upgrade-retried-in-vain", "503", _AGAIN, sends=_ASK),
    Case("upgrade-other", sends=(("connection", "Upgrade"), ("upgrade", "other"))),
    Case("upgrade-attempts-503", "503", host_policies=_COUNTED, sends=_ASK),
    *(
        Case(f"upgrade-attempts-{status}", status, host_policies=_COUNTED, sends=_ASK)
        for status in ("101", "200", "302", "403")
    ),
    Case("upgrade-spelt", "more", sends=_asks("Keep-Alive, Upgrade", "WebSocket", "upgrade: WEBsocket")),
    Case(
        "upgrade-lines",
        "more",
        sends=(("connection", "keep-alive"), *_asks("Upgrade", "websocket", "upgrade: websocket|connection: x")),
    ),
    Case(
        "upgrade-names",
        "more",
        sends=_asks("Upgrade, x-mine", "websocket", "upgrade: websocket|connection: x-up|x-up: 1", ("x-mine", "1")),
    ),
    Case(
        "upgrade-names-200",
        "200",
        sends=_asks("Upgrade, x-mine", "websocket", "x-up: 1", ("x-mine", "1")),
    ),
    Case(
        "upgrade-hops",
        "more",
        sends=_asks(
            "Upgrade", "websocket", "upgrade: websocket|keep-alive: 1", ("keep-alive", "1"), ("te", "trailers")
        ),
    ),
    Case("upgrade-to-what", "more", sends=_ASK),
    Case("upgrade-to-h2c", "more", sends=_asks("Upgrade", "websocket", "upgrade: h2c")),
    Case("upgrade-to-other", "more", sends=_asks("Upgrade", "websocket", "upgrade: other")),
    Case("upgrade-unasked", "more", sends=(("x-answer", "upgrade: websocket"),)),
    Case("upgrade-added", "200", headers=_ADDED, sends=_ASK),
    Case("upgrade-added-101", "101", headers=_ADDED, sends=(*_ASK, ("x-answer", "upgrade: websocket"))),
    Case("upgrade-added-503", "503", headers=_ADDED, sends=_ASK),
]


@pytest.fixture(scope="module")
def proxies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    """Both proxies, with a virtual host for each case."""
    with both(CASES, tmp_path_factory.mktemp("upgrades")) as made:
        yield made


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_upgrades_are_envoys(proxies: Both, case: Case) -> None:
    """Both sides see of a request to switch what they see with Envoy, whatever the upstream makes of it."""
    proxies.agree(case)
