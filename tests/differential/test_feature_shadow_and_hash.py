"""Shadow traffic, hash cookies and sticky weights, beside Envoy."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from edgesim.model import (
    BalancerKind,
    Cluster,
    ClusterType,
    Destination,
    Endpoint,
    ForwardAction,
    HostRewrite,
    HostRewriteKind,
    LoadBalancer,
    Policies,
    WeightedCluster,
)
from edgesim.model.policies import HashKind, HashPolicy, Mirror, RetryPolicy
from tests.differential.features import Both, Case, Side, both, exchange, wait_until
from tests.differential.scripted import Scripted

ALL = 1_000_000
RING = LoadBalancer(BalancerKind.RING_HASH)
KEYS = 500
BODY = b"a body for two"


def mirrored(**options: object) -> Policies:
    """Return policies with shadow traffic."""
    return Policies(mirror=Mirror(**{"cluster": "shadow", "millionths": ALL, **options}))  # type: ignore[arg-type]


SHADOWS = [
    Case("whole", policies=mirrored()),
    Case("never", policies=mirrored(millionths=0)),
    Case("post", policies=mirrored(), method="POST", body=BODY),
    Case("chunked", policies=mirrored(), method="POST", body=BODY, chunked=True),
    Case("head", policies=mirrored(), method="HEAD"),
    Case("no-suffix", policies=mirrored(append_suffix=False)),
    Case("literal", policies=mirrored(host="other.test")),
    Case("literal-without-suffix", policies=mirrored(host="other.test", append_suffix=False)),
    Case("forwarded", policies=mirrored(), sends=(("x-forwarded-for", "1.2.3.4"), ("x-envoy-internal", "true"))),
    Case("rewritten", policies=mirrored(), options={"prefix_rewrite": "/new", "host_rewrite": HostRewrite(HostRewriteKind.LITERAL, "b.test")}, path="/old"),
    Case("counted", policies=mirrored(), host_policies=Policies(include_attempt_count=True)),
    Case("retried", "503;200", Policies(mirror=Mirror("shadow", ALL), retries=RetryPolicy(("5xx",), base_interval=0.001))),
    Case("shadow-refuses", policies=mirrored(cluster="refused")),
    Case("shadow-refuses-post", policies=mirrored(cluster="refused"), method="POST", body=BODY * 5000),
    Case("shadow-unreachable", policies=mirrored(cluster="unreachable")),
    Case("shadow-unreachable-post", policies=mirrored(cluster="unreachable"), method="POST", body=BODY * 5000),
    Case("shadow-unknown", policies=mirrored(cluster="nowhere")),
    Case("shadow-empty", policies=mirrored(cluster="empty")),
    Case("main-fails", policies=mirrored(), do="close"),
    Case("main-refuses", policies=mirrored(), cluster="refused"),
]  # fmt: skip


PART = Case("part", policies=mirrored(millionths=ALL // 4))


def hashed(*policies: HashPolicy) -> Policies:
    """Return policies with hash policies."""
    return Policies(hash_policies=policies)


def cookie(name: str = "user", ttl: float | None = None, path: str = "", *, terminal: bool = False) -> HashPolicy:
    """Hash a cookie."""
    return HashPolicy(HashKind.COOKIE, name, ttl, path, terminal)


COOKIES = [
    Case("cookie-made", cluster="ring", policies=hashed(cookie(ttl=60.0, path="/shop"))),
    Case("cookie-nobody-needs", policies=hashed(cookie(ttl=60.0, path="/shop"))),
    Case("cookie-of-the-session", cluster="ring", policies=hashed(cookie(ttl=0.0))),
    Case("cookie-not-made", cluster="ring", policies=hashed(cookie())),
    Case("cookie-there", cluster="ring", policies=hashed(cookie(ttl=60.0)), sends=(("cookie", "a=b; user=me"),)),
    Case("cookie-two", cluster="ring", policies=hashed(cookie("one", 1.0), cookie("two", 2.0, "/"))),
    Case("cookie-behind-terminal", cluster="ring", policies=hashed(HashPolicy(HashKind.HEADER, "x-case", terminal=True), cookie(ttl=60.0))),
    Case("cookie-refused", policies=hashed(cookie(ttl=60.0)), cluster="ring-refused"),
    Case("cookie-upstream-sets", cluster="ring", policies=hashed(cookie(ttl=60.0)), sends=(("x-answer", "set-cookie: own=1"),)),
]  # fmt: skip


def split(*policies: HashPolicy) -> Case:
    """Three arms, chosen by what is hashed."""
    arms = [("arm-one", 70), ("arm-two", 20), ("arm-three", 10)]
    action = ForwardAction(weighted=tuple(WeightedCluster(Destination(name), weight) for name, weight in arms))
    return Case(
        "-".join(("sticky", *(each.kind.value for each in policies))),
        policies=Policies(hash_policies=policies, sticky_weights=True),
        action=action,
    )


STICKY = [
    split(HashPolicy(HashKind.HEADER, "x-user")),
    split(cookie()),
    split(HashPolicy(HashKind.HEADER, "x-user"), cookie()),
]


def _clusters(_up: Scripted, _shadow: Scripted, refused: int) -> list[Cluster]:
    """An arm is told by its port: one answers, two refuse in ways of their own."""
    endpoint = Endpoint("127.0.0.1", _up.port)
    return [
        Cluster("ring", ClusterType.STATIC, (endpoint,), balancer=RING),
        Cluster("ring-refused", ClusterType.STATIC, (Endpoint("127.0.0.1", refused),), balancer=RING),
        Cluster("arm-one", ClusterType.STATIC, (endpoint,)),
        Cluster("arm-two", ClusterType.STATIC, (Endpoint("127.0.0.1", refused),)),
        Cluster("arm-three", ClusterType.STATIC),
    ]


@pytest.fixture(scope="module")
def proxies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    """Both proxies, with a virtual host for each case."""
    with both([*SHADOWS, PART, *COOKIES, *STICKY], tmp_path_factory.mktemp("shadow"), more=_clusters) as made:
        yield made


@pytest.mark.slow
@pytest.mark.parametrize("case", SHADOWS, ids=lambda case: case.name)
def test_shadows_are_envoys(proxies: Both, case: Case) -> None:
    """The copy is Envoy's, and whatever becomes of it, the request is answered as ever."""
    proxies.agree(case)


@pytest.mark.slow
def test_a_part_is_mirrored(proxies: Both) -> None:
    """A fraction of the requests has a copy: about as many here as there."""
    shares = [_share(side) for side in (proxies.envoy, proxies.edgesim)]
    assert all(60 <= share <= 140 for share in shares), shares  # 5 standard deviations at 400 draws of a quarter


def _share(side: Side) -> int:
    side.shadow.seen.pop(PART.name, None)
    for _ in range(400):
        exchange(side.ports["plain"], PART.request())
    wait_until(lambda: False, 0.3)
    return len(side.shadow.seen.get(PART.name, ()))


@pytest.mark.slow
@pytest.mark.parametrize("case", COOKIES, ids=lambda case: case.name)
def test_hash_cookies_are_envoys(proxies: Both, case: Case) -> None:
    """A cookie is made when and as Envoy makes it."""
    proxies.agree(case)


@pytest.mark.slow
@pytest.mark.parametrize("case", STICKY, ids=lambda case: case.name)
def test_a_user_has_envoys_arm(proxies: Both, case: Case) -> None:
    """Each of 500 users goes to the arm where Envoy sends them."""
    arms = [[_arm(side, case, user) for user in range(KEYS)] for side in (proxies.envoy, proxies.edgesim)]
    assert arms[1] == arms[0]
    assert len({*arms[0]}) == 3


def _arm(side: Side, case: Case, user: int) -> bytes:
    told = b"\r\nx-user: user %d\r\ncookie: user=u%d\r\n\r\n" % (user, user)
    received, _ = exchange(side.ports["plain"], case.request().replace(b"\r\n\r\n", told, 1))
    return received.rpartition(b"\r\n\r\n")[2][:40]
