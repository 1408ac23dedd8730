"""The memory of heads: one that was seen before behaves exactly as a new one."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from edgesim.model import (
    Cluster,
    ClusterType,
    Destination,
    Endpoint,
    ForwardAction,
    HeaderMutations,
    HeaderValue,
    RequestHead,
    Route,
    WeightedCluster,
)
from edgesim.proxy.messages import Memory, Request
from tests.proxy.scenes import (
    DATED,
    GET,
    Client,
    Gateway,
    Peer,
    cluster,
    direct,
    forwarding,
    gateway,
    model,
    prefix,
    to,
    upstream,
    with_options,
)

OTHER = DATED.replace(b"\r\n\r\nok", b"\r\n\r\nno")


def parsed() -> Request:
    return Request(RequestHead(b"GET", b"any", b"/"), [])


@given(st.lists(st.integers(0, 3000), max_size=40))
def test_a_memory_gives_back_what_was_kept_or_nothing(keys: list[int]) -> None:
    """Whatever was kept in between, the same bytes never give another message."""
    memory: Memory[Request] = Memory()
    kept: dict[bytes, Request] = {}
    for key in keys:
        data = b"%d" % key
        found = memory.recall(data)
        assert found is None or found is kept[data]
        kept[data] = parsed()
        memory.keep(data, kept[data])


def test_a_memory_is_bounded_and_forgets() -> None:
    """It holds so many heads at most, none that is large, and nothing once cleared."""
    memory: Memory[Request] = Memory()
    for number in range(5000):
        memory.keep(b"%d" % number, parsed())
    assert len(memory._kept) <= 1024
    assert memory.recall(b"4999") is not None
    memory.keep(b"x" * 10_000, parsed())
    assert memory.recall(b"x" * 10_000) is None
    memory.clear()
    assert memory.recall(b"4999") is None


def test_asking_rests_where_nothing_repeats() -> None:
    """After many misses in a row nothing is asked for a while, then it is tried again."""
    memory: Memory[Request] = Memory()
    memory.keep(b"x", parsed())
    asked = 0
    while not memory.rest:
        memory.recall(b"%d" % asked)
        asked += 1
    assert memory.recall(b"x") is None
    while memory.rest:
        memory.recall(b"x")
    assert memory.recall(b"x") is not None


async def ask(gw: Gateway, *requests: bytes) -> list[tuple[int, bytes]]:
    client = await gw.client()
    return [((reply := await client.ask(request)).status, reply.body) for request in requests]


async def test_a_reload_changes_what_a_remembered_head_gets() -> None:
    """The same bytes follow each new configuration: another cluster, another endpoint, another answer, none."""
    async with upstream(DATED) as one, upstream(OTHER) as two, gateway() as gw:
        client = await gw.client()
        for served, expected in (
            (model([to()], [cluster(one.endpoint)]), (200, b"ok")),
            (model([to()], [cluster(two.endpoint)]), (200, b"no")),
            (model([to("b")], [cluster(one.endpoint, name="b"), cluster(two.endpoint)]), (200, b"ok")),
            (model([direct(body="local")]), (200, b"local")),
            (model([]), (404, b"")),
            (model([to()], [cluster()]), (503, b"no healthy upstream")),
        ):
            gw.serve(served)
            for _ in range(5):
                reply = await client.ask()
                assert (reply.status, reply.body) == expected


async def test_lines_that_were_seen_do_not_make_a_large_target_small() -> None:
    """The limit of a head holds for a target that comes with lines which are known, too."""
    async with gateway(with_options(model([direct(body="local")]), max_headers_bytes=2000)) as gw:
        targets = ["/", "/a", "/b", "/" + "c" * 1000, "/" + "c" * 2000, "/"]
        found = [await ask(gw, f"GET {target} HTTP/1.1\r\nhost: any\r\n\r\n".encode()) for target in targets]
    assert [status for ((status, _),) in found] == [200, 200, 200, 200, 431, 200]


async def test_a_remembered_head_is_split_by_weight_and_over_endpoints() -> None:
    """Every request draws and takes its turn anew."""
    async with upstream(DATED) as one, upstream(DATED) as two, upstream(OTHER) as three:
        arms = (WeightedCluster(Destination("a"), 50), WeightedCluster(Destination("b"), 50))
        routes = [Route((prefix(),), ForwardAction(weighted=arms))]
        clusters = [cluster(one.endpoint, two.endpoint, name="a"), cluster(three.endpoint, name="b")]
        async with gateway(model(routes, clusters)) as gw:
            answers = await ask(gw, *[GET] * 400)
        a = sum(answer == (200, b"ok") for answer in answers)
        assert 134 <= a <= 266  # 6.6 deviations
        assert abs(len(one.heads) - len(two.heads)) <= 1
        assert len(three.heads) == 400 - a


async def test_mutations_of_an_arm_stay_with_it() -> None:
    """What one arm adds to a remembered request or answer never shows on the other's."""
    async with upstream(DATED) as one, upstream(DATED) as two:
        arms = tuple(
            WeightedCluster(
                Destination(name),
                1,
                HeaderMutations((HeaderValue("arm", name),), (), (HeaderValue("from", name),)),
            )
            for name in ("a", "b")
        )
        routes = [Route((prefix(),), ForwardAction(weighted=arms))]
        clusters = [cluster(one.endpoint, name="a"), cluster(two.endpoint, name="b")]
        async with gateway(model(routes, clusters)) as gw:
            client = await gw.client()
            seen = {(await client.ask()).headers["from"] for _ in range(100)}
        assert seen == {"a", "b"}
        for name, up in (("a", one), ("b", two)):
            assert all(b"\r\narm: " + name.encode() in head for head in up.heads)


async def test_head_and_get_share_answers_without_mixing() -> None:
    """An answer remembered for GET is not one for HEAD, which has no body."""
    head = GET.replace(b"GET", b"HEAD")

    async def script(peer: Peer) -> None:
        while asked := await peer.head():
            peer.send(DATED[:-2] if asked.startswith(b"HEAD") else DATED)

    async with forwarding(script) as (gw, up):
        answers = await ask(gw, GET, GET, head, GET, head, GET)
    assert answers == [(200, b"ok"), (200, b"ok"), (200, b""), (200, b"ok"), (200, b""), (200, b"ok")]
    assert up.connections <= 3


async def test_a_remembered_close_closes() -> None:
    """`connection: close` ends the connection each time, and does not reach the upstream."""
    async with upstream(DATED) as up, gateway(model([to()], [cluster(up.endpoint)])) as gw:
        for _ in range(4):
            client = await gw.client()
            reply = await client.ask(b"GET / HTTP/1.1\r\nhost: any\r\nconnection: close\r\n\r\n")
            assert reply.headers["connection"] == "close"
            assert await client.ended()
        assert up.connections == 1
        assert not any(b"connection:" in head for head in up.heads)


async def test_request_ids_are_new_each_time() -> None:
    """A remembered head gets an id of its own; a client's own id is kept."""
    async with upstream(DATED) as up, gateway(model([to()], [cluster(up.endpoint)])) as gw:
        await ask(gw, *[GET] * 50, *[GET.replace(b"\r\n\r\n", b"\r\nx-request-id: mine\r\n\r\n")] * 3)
        ids = [line for head in up.heads for line in head.split(b"\r\n") if line.startswith(b"x-request-id")]
    assert len(ids) == 53
    assert len(set(ids[:50])) == 50
    assert ids[50:] == [b"x-request-id: mine"] * 3


async def test_a_cluster_header_does_not_make_memory_grow() -> None:
    """A head whose cluster is named by the request is served again and again without leaving anything behind."""
    async with upstream(DATED) as up:
        routes = [Route((prefix(),), ForwardAction(cluster_header="x-to"))]
        async with gateway(model(routes, [cluster(up.endpoint)])) as gw:
            named = GET.replace(b"\r\n\r\n", b"\r\nx-to: echo\r\n\r\n")
            unknown = GET.replace(b"\r\n\r\n", b"\r\nx-to: none\r\n\r\n")
            answers = await ask(gw, *[named, unknown] * 100)
            assert answers == [(200, b"ok"), (503, b"")] * 100
            requests = list(gw.listener.requests._kept.values())
            answers_kept = [kept.parts for kept in gw.worker.responses._kept.values()]
            assert all(len(parts or {}) <= 1 for parts in [*(kept.parts for kept in requests), *answers_kept])
            assert len(gw.listener.snapshot.plans) <= 1


async def test_an_endpoint_set_that_changes_is_followed_at_once() -> None:
    """Assignments come, change and go, and each next request follows them."""
    served = model([to()], [Cluster("echo", ClusterType.EDS)])
    async with upstream(DATED) as one, upstream(OTHER) as two, gateway(served) as gw:
        client = await gw.client()

        async def answer(*endpoints: Endpoint | None) -> bytes:
            given = tuple(endpoint for endpoint in endpoints if endpoint is not None)
            gw.serve(served, {"echo": given} if given or not endpoints else {})
            return (await client.ask()).body

        assert await answer() == b"no healthy upstream"
        assert await answer(one.endpoint) == b"ok"
        assert await answer(two.endpoint) == b"no"
        assert await answer(None) == b"no healthy upstream"
        assert await answer(one.endpoint) == b"ok"


async def test_a_changed_pool_does_not_lose_requests_under_way() -> None:
    """Reload after reload with a thousand requests under way: each gets a right answer."""
    async with upstream(DATED) as one, upstream(OTHER) as two:
        both = {b"ok": one, b"no": two}
        served = {body: model([to(timeout=5.0)], [cluster(up.endpoint)]) for body, up in both.items()}
        async with gateway(served[b"ok"]) as gw:
            clients = [await gw.client() for _ in range(20)]
            stop = False

            async def load(client: Client) -> int:
                count = 0
                while not stop:
                    client.send(GET * 10)
                    for _ in range(10):
                        reply = await client.reply()
                        assert reply.status == 200
                        assert reply.body in both
                        count += 1
                return count

            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(load(client)) for client in clients]
                for number in range(60):
                    await asyncio.sleep(0.01)  # reloads fall between requests
                    body = (b"ok", b"no")[number % 2]
                    gw.serve(served[body])
                    assert (await (await gw.client()).ask()).body == body
                stop = True
            assert sum(task.result() for task in tasks) > 1000
