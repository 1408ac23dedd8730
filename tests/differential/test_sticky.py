"""What a sticky split hashes, by edgesim and by real Envoy: what came, as the proxy mends it before it looks for a route."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from edgesim.model import (
    PLAIN_LISTENER,
    Cluster,
    ClusterType,
    Destination,
    ForwardAction,
    HeaderMutations,
    HeaderValue,
    ListenerOptions,
    Model,
    PathKind,
    PathMatcher,
    Policies,
    Route,
    RouteMatch,
    VirtualHost,
    WeightedCluster,
)
from edgesim.model.policies import HashKind, HashPolicy
from tests import envoy
from tests.differential.features import edgesims

pytestmark = pytest.mark.slow
USERS = 16
ARMS = 4
HASHED = (
    "x-key",
    "te",
    "x-forwarded-proto",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-request-id",
    "x-envoy-anything",
    "x-envoy-external-address",
    "x-envoy-internal",
    "x-envoy-original-path",
    "x-envoy-retry-on",
    "x-envoy-upstream-stream-duration-ms",
)
LISTENERS = {
    "as-it-is": ListenerOptions(),
    "edge": ListenerOptions(use_remote_address=True),
    "behind-a-proxy": ListenerOptions(use_remote_address=True, xff_trusted_hops=1),
    "internal": ListenerOptions(use_remote_address=True, internal_addresses=("127.0.0.0/8",)),
    "no-ids": ListenerOptions(generate_request_id=False),
    "ids-stay": ListenerOptions(use_remote_address=True, preserve_external_request_id=True),
}


def _route(hashed: str) -> Route:
    """A split whose arms tell the upstream which they are."""
    arms = tuple(
        WeightedCluster(Destination("up"), 1, headers=HeaderMutations(request_add=(HeaderValue("x-arm", f"{arm}"),)))
        for arm in range(ARMS)
    )
    policies = Policies(hash_policies=(HashPolicy(HashKind.HEADER, hashed),), sticky_weights=True)
    match = RouteMatch(PathMatcher(PathKind.PREFIX, f"/{hashed}"))
    return Route((match,), ForwardAction(weighted=arms), policies=policies)


def _arms(port: int, hashed: str, value: str) -> list[str]:
    """Return the arm of each user, who sends that header with a value of its own."""
    found = []
    for user in range(USERS):
        data = envoy.request("GET", f"/{hashed}", ((hashed, value.format(user=user)),))
        lines = envoy.send(port, data).body.decode().split("\r\n")
        found += [line for line in lines if line.startswith("x-arm")]
    assert len(found) == USERS
    return found


@pytest.mark.parametrize("options", LISTENERS.values(), ids=LISTENERS)
def test_a_sticky_split_hashes_what_envoy_hashes(tmp_path: Path, options: ListenerOptions) -> None:
    """Users are in the same arms, or anywhere in both: where nothing is left to hash, or each request has another id."""
    with ExitStack() as stack:
        up = stack.enter_context(envoy.mirror())
        clusters = (Cluster("up", ClusterType.STATIC, (up.endpoint,)),)
        hosts = (VirtualHost("any", ("*",), tuple(map(_route, HASHED))),)
        served = Model(hosts, clusters, (replace(PLAIN_LISTENER, options=options),))
        theirs = stack.enter_context(envoy.running(envoy.bootstrap(served), tmp_path))
        ours = stack.enter_context(edgesims({"any": served}, tmp_path, None, ""))["any"]
        for hashed in HASHED:
            for value in ("user-{user}", "10.0.0.{user}", "5"):
                (one, again), (other, once_more) = (
                    (_arms(port, hashed, value), _arms(port, hashed, value)) for port in (theirs, ours)
                )
                assert (one != again) == (other != once_more), (hashed, value)
                assert one == other or one != again, (hashed, value, one, other)
