"""Clusters that answer by themselves, as the one that stands in for broken destinations does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edgesim.model import (
    FALLBACK_CLUSTER,
    Cluster,
    ClusterType,
    Destination,
    DirectResponseAction,
    ForwardAction,
    HeaderMutations,
    HeaderValue,
    Policies,
    Route,
    WeightedCluster,
)
from edgesim.model.policies import Cors, LocalRateLimit, RetryPolicy
from edgesim.proxy.access_log import AccessLog, compile_format
from edgesim.telemetry.histogram import TOTAL
from edgesim.telemetry.tally import StatKey
from tests.proxy.scenes import GET, OK, cluster, counted, gateway, model, prefix, to, until, upstream

TEXT = "Gloo Gateway has invalid configuration."
FALLBACK = Cluster(FALLBACK_CLUSTER, ClusterType.DIRECT_RESPONSE, response=DirectResponseAction(404, TEXT))
BROKEN = to(FALLBACK_CLUSTER)
BROKEN_SUBSET = Route((prefix(),), ForwardAction(Destination(FALLBACK_CLUSTER, (("version", "v2"),))))
MARK = HeaderMutations(response_add=(HeaderValue("x-mark", "yes", append=False),))


@pytest.mark.parametrize("route", [BROKEN, BROKEN_SUBSET])
async def test_its_response_is_the_answer(route: Route) -> None:
    """Whatever subset is asked for, and also to a request with a body; the connection goes on."""
    async with gateway(model([route], [FALLBACK])) as gw:
        client = await gw.client()
        for _ in range(2):
            reply = await client.ask(GET)
            assert (reply.status, reply.body.decode(), reply.headers["content-type"]) == (404, TEXT, "text/plain")
        reply = await client.ask(b"POST / HTTP/1.1\r\nhost: any\r\ncontent-length: 2\r\n\r\nok")
        assert (reply.status, reply.body.decode()) == (404, TEXT)
        assert (await client.ask(GET.replace(b"GET", b"HEAD"))).status == 404


async def test_only_the_broken_arm_of_a_split_answers() -> None:
    """The other arms go on to their upstreams in their shares."""
    arms = (WeightedCluster(Destination("echo"), 50), WeightedCluster(Destination(FALLBACK_CLUSTER), 50))
    async with upstream(OK) as up:
        route = Route((prefix(),), ForwardAction(weighted=arms))
        async with gateway(model([route], [cluster(up.endpoint), FALLBACK])) as gw:
            client = await gw.client()
            seen = [(reply.status, reply.body) for reply in [await client.ask(GET) for _ in range(60)]]
    assert set(seen) == {(200, b"ok"), (404, TEXT.encode())}
    assert 10 < seen.count((200, b"ok")) < 50


async def test_the_options_of_the_route_stay_active() -> None:
    """Headers are added, CORS is answered, a rate is limited; retries make no difference."""
    policies = Policies(
        cors=Cors(allow_origin=("http://a.test",)),
        local_rate_limit=LocalRateLimit(2, 1, 3600.0),
        retries=RetryPolicy(("5xx",), 3),
    )
    broken = replace(FALLBACK, response=DirectResponseAction(503, "broken"))
    async with gateway(model([replace(BROKEN, headers=MARK, policies=policies)], [broken])) as gw:
        client = await gw.client()
        for _ in range(2):
            reply = await client.ask(GET.replace(b"\r\n\r\n", b"\r\norigin: http://a.test\r\n\r\n"))
            assert (reply.status, reply.headers["x-mark"]) == (503, "yes")
            assert reply.headers["access-control-allow-origin"] == "http://a.test"
        assert (await client.ask(GET)).status == 429


async def test_it_is_counted_and_logged(tmp_path: Path) -> None:
    """By its cluster's name, without an endpoint and without a flag."""
    file = tmp_path / "access.log"
    text = "%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %UPSTREAM_CLUSTER% %UPSTREAM_HOST%"
    async with gateway(model([BROKEN], [FALLBACK])) as gw:
        gw.worker.log = AccessLog(compile_format(text), str(file))
        await (await gw.client()).ask(GET)
        assert counted(gw.worker)[StatKey("any", "0", FALLBACK_CLUSTER, (), "")][TOTAL] == 1
        gw.worker.log.flush()
        await until(file.read_text, "nothing is logged")
        gw.worker.log.close()
        gw.worker.log = None
    assert file.read_text() == f"404 - direct_response {FALLBACK_CLUSTER} -\n"


async def test_a_cluster_that_is_mended_is_forwarded_to() -> None:
    """A later version may have endpoints under the same name, and the other way round."""
    async with upstream(OK) as up, gateway(model([BROKEN], [FALLBACK])) as gw:
        client = await gw.client()
        for _ in range(2):
            assert (await client.ask(GET)).status == 404
            gw.serve(model([BROKEN], [cluster(up.endpoint, name=FALLBACK_CLUSTER)]))
            assert (await client.ask(GET)).status == 200
            gw.serve(model([BROKEN], [FALLBACK]))
