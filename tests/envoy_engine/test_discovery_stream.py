"""What one Envoy is sent, and when: the protocol of a stream."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from hypothesis import given
from hypothesis import strategies as st

from edgesim.dialects.envoy import Kind, Part
from edgesim.envoy.discovery import Connection, Discovery, Refusal
from edgesim.envoy.discovery_messages import Request
from edgesim.envoy.discovery_stream import Stream
from edgesim.envoy.served import Served, serve
from tests.envoy_engine.ads import EMPTY, Peer, read, snapshot

A, B = snapshot("a"), snapshot("b")
REFUSED = snapshot("a", "bad")
ODD = snapshot("odd")
"""Its routes are refused."""


def peer(served: Served | None = None) -> Peer:
    """Return an Envoy whose stream begins."""
    made = Peer(Stream(served))
    made.begin()
    return made


def test_what_is_named_comes_first() -> None:
    """Listeners come when clusters are acknowledged, routes after listeners; nothing is due before there is a snapshot."""
    envoy = peer()
    assert envoy.run() == []
    envoy.stream.serve(A)
    assert envoy.run() == ["Cluster: a", "Listener: edge", "RouteConfiguration: edge-routes"]
    assert envoy.run() == []
    assert envoy.stream.settled


def test_clusters_stay_until_no_route_names_them() -> None:
    """An update brings its clusters beside those of before, which go when its routes are acknowledged."""
    envoy = peer(A)
    envoy.run()
    envoy.stream.serve(B)
    assert envoy.run() == ["Cluster: a b", "RouteConfiguration: edge-routes", "Cluster: b"]
    assert envoy.stream.settled


def test_what_is_the_same_is_not_sent() -> None:
    """Of a snapshot that changes the routes only, only routes are sent."""
    envoy = peer(snapshot("a", "b"))
    envoy.run()
    envoy.stream.serve(snapshot("a", "b", routes="a"))
    assert envoy.run() == ["RouteConfiguration: edge-routes"]
    assert envoy.stream.settled


def test_refused_clusters_leave_all_as_it_was() -> None:
    """An Envoy that refuses clusters is sent those it had, and no listeners or routes; the next snapshot is served."""
    envoy = peer(A)
    envoy.run()
    envoy.stream.serve(REFUSED)
    assert envoy.run() == ["Cluster: a bad", "Cluster: a"]
    assert [(each.kind, each.reason, each.served, each.before) for each in envoy.refused] == [
        (Kind.CLUSTER, "no bad", REFUSED, A)
    ]
    assert not envoy.stream.settled
    envoy.stream.serve(B)
    assert envoy.run() == ["Cluster: a b", "RouteConfiguration: edge-routes", "Cluster: b"]
    assert envoy.stream.settled


def test_refused_routes_are_taken_back_in_order() -> None:
    """An Envoy that refuses routes gets those of before, and loses the clusters of the refused ones afterwards."""
    envoy = peer(A)
    envoy.run()
    envoy.stream.serve(ODD)
    assert envoy.run() == [
        "Cluster: a odd",
        "RouteConfiguration: edge-routes",
        "RouteConfiguration: edge-routes",
        "Cluster: a",
    ]
    assert envoy.routed == {"a"}
    assert [each.kind for each in envoy.refused] == [Kind.ROUTES]


def test_what_is_refused_at_first_is_not_sent_again() -> None:
    """An Envoy that has nothing and refuses the first snapshot is sent the next one, be its clusters the same."""
    envoy = peer(REFUSED)
    assert envoy.run() == ["Cluster: a bad"]
    assert envoy.run() == []
    envoy.stream.serve(snapshot("a", "bad", routes="a"))
    assert envoy.run() == ["Cluster: a bad"]
    assert len(envoy.refused) == 2


def test_an_answer_to_an_older_response_says_nothing() -> None:
    """A request with the nonce of a response that another one followed is passed over."""
    envoy = peer(A)
    envoy.look()
    envoy.stream.serve(B)
    envoy.look()
    first, second = envoy.queue
    url = Kind.CLUSTER.type_url
    assert envoy.stream.hear(Request(url, (), "", first.nonce, error="no")) is None
    assert envoy.stream.watches[Kind.CLUSTER].has is None
    envoy.stream.hear(Request(url, (), second.version, second.nonce))
    assert envoy.stream.watches[Kind.CLUSTER].has_of is B


def test_a_new_snapshot_does_not_wait_for_an_answer() -> None:
    """Clusters that take long to be warm (and so to be acknowledged) do not hold up the next ones."""
    envoy = peer(A)
    envoy.look()
    envoy.stream.serve(B)
    envoy.look()
    assert [str(each) for each in envoy.queue] == ["Cluster: a", "Cluster: b"]


def test_who_asks_again_is_answered_again() -> None:
    """A request like the last one, when that was answered, waits for a response though nothing changed."""
    envoy = peer(A)
    envoy.run()
    envoy.ask(Kind.ROUTES, "edge-routes")
    assert envoy.run() == ["RouteConfiguration: edge-routes"]
    assert envoy.run() == []


def test_an_envoy_that_connects_again_is_sent_what_it_lacks() -> None:
    """On a new stream an Envoy says what it has: the same is not sent again, and another snapshot is."""
    envoy = peer(A)
    envoy.run()
    envoy.begin(Stream(snapshot("a")))
    assert envoy.run() == []
    assert envoy.stream.settled
    envoy.begin(Stream(B, A, A.packed[Kind.CLUSTER]))
    assert envoy.run() == ["Cluster: a b", "RouteConfiguration: edge-routes", "Cluster: b"]


def test_an_envoy_that_was_started_again_is_sent_all() -> None:
    """A new process says that it has nothing, whatever its node had."""
    envoy = peer(A)
    envoy.run()
    again = Peer(Stream(A, A, A.packed[Kind.CLUSTER]))
    again.begin()
    assert again.run() == ["Cluster: a", "Listener: edge", "RouteConfiguration: edge-routes"]


def test_names_that_are_not_there_are_waited_for() -> None:
    """Of several names those that are there are sent; the others when they come."""
    envoy = peer(snapshot("a"))
    envoy.run()
    envoy.ask(Kind.ROUTES, "edge-routes", "more-routes")
    assert envoy.run() == ["RouteConfiguration: edge-routes"]
    envoy.stream.serve(snapshot("a", listeners=("edge", "more")))
    assert envoy.run() == ["Listener: edge more", "RouteConfiguration: edge-routes more-routes"]
    assert envoy.stream.settled


def test_a_listener_that_goes_takes_its_routes_along() -> None:
    """Where no listener is left there are no routes to wait for."""
    envoy = peer(A)
    envoy.run()
    envoy.stream.serve(snapshot("a", listeners=()))
    assert envoy.run()[0] == "Listener: "
    assert envoy.stream.settled


def test_endpoints_and_secrets_wait_for_nothing() -> None:
    """A cluster is warm when it has endpoints and secrets, so that they come before it is acknowledged."""
    endpoints, secret = Part({"cluster_name": "a"}), Part({"name": "s"})
    stream = Stream(serve(replace(A.resources, endpoints={"a": endpoints}, secrets={"s": secret})))
    for kind, names in ((Kind.CLUSTER, ()), (Kind.ENDPOINTS, ("a",)), (Kind.SECRET, ("s",))):
        stream.hear(Request(kind.type_url, names))
    assert [str(read(each)) for each in stream.due()] == ["Cluster: a", "ClusterLoadAssignment: a", "Secret: s"]


def test_clusters_by_name() -> None:
    """Who names clusters gets those, who names a star all; a type nobody serves is never answered."""
    stream = Stream(snapshot("a", "b"))
    stream.hear(Request("type.googleapis.com/envoy.service.runtime.v3.Runtime", ("x",)))
    stream.hear(Request(Kind.CLUSTER.type_url, ("b", "c")))
    [some] = map(read, stream.due())
    stream.hear(Request(Kind.CLUSTER.type_url, ("*",), some.version, some.nonce))
    [every] = map(read, stream.due())
    assert (str(some), str(every)) == ("Cluster: b", "Cluster: a b")


def test_listeners_without_clusters() -> None:
    """Who asks for listeners only need not acknowledge clusters that it never asked for."""
    stream = Stream(A)
    stream.hear(Request(Kind.LISTENER.type_url))
    assert [str(read(each)) for each in stream.due()] == ["Listener: edge"]


def test_what_is_the_same_is_packed_once() -> None:
    """Resources that a snapshot has in common with the one before are not packed again."""
    before = snapshot("a", "b")
    after = snapshot("a", "c", before=before)
    assert after.packed[Kind.CLUSTER]["a"] is before.packed[Kind.CLUSTER]["a"]
    assert after.packed[Kind.ROUTES] != before.packed[Kind.ROUTES]


def test_nothing_is_a_snapshot() -> None:
    """Where nothing is configured Envoy is told so."""
    envoy = peer(serve(EMPTY))
    assert envoy.run() == ["Cluster: ", "Listener: "]
    assert envoy.stream.settled


# -- several nodes ---------------------------------------------------------------------------------------


@dataclass
class Through:
    """A stream whose refusals reach the server."""

    discovery: Discovery
    connection: Connection

    def hear(self, request: Request) -> None:
        self.discovery.hear(self.connection, request)

    def due(self) -> Iterator[bytes]:
        return self.discovery.due(self.connection)


def joined(discovery: Discovery, name: str, envoy: Peer | None = None) -> Peer:
    """Connect an Envoy, a new one or one that was connected before."""
    for old in [each for each in discovery.connections if each.name == name]:
        discovery.disconnect(old)
    through = Through(discovery, discovery.connect(name))
    made = envoy or Peer(through)
    made.begin(through)
    return made


def test_a_refusal_is_told_once() -> None:
    """Each node's refusal is told, and not again when it connects again; of another snapshot it is."""
    told: list[Refusal] = []
    discovery = Discovery(told.append)
    discovery.serve(REFUSED)
    one, two = joined(discovery, "one"), joined(discovery, "two")
    one.run(), two.run()
    one = joined(discovery, "one")
    assert one.run() == ["Cluster: a bad"]
    assert [each.node for each in told] == ["one", "two"]
    discovery.serve(snapshot("b", "bad"))
    one.run()
    assert [each.node for each in told] == ["one", "two", "one"]


def test_one_of_two_refuses() -> None:
    """The node that takes a snapshot has it, the other has what it had."""
    discovery = Discovery(lambda _: None)
    discovery.serve(A)
    one, two = joined(discovery, "one"), joined(discovery, "two")
    one.run(), two.run()
    discovery.serve(B)
    one.run()
    two.look()
    two.nonces[Kind.CLUSTER] = two.queue.pop(0).nonce
    two.ask(Kind.CLUSTER, error="not I")
    two.run()
    assert (discovery.taken("one"), discovery.taken("two")) == (True, False)
    assert (one.routed, two.routed) == ({"b"}, {"a"})


def test_a_new_node_gets_what_others_took() -> None:
    """A node that refuses the latest snapshot, and had none before, gets the last one that a node took."""
    discovery = Discovery(lambda _: None)
    discovery.serve(A)
    joined(discovery, "one").run()
    discovery.serve(REFUSED)
    two = joined(discovery, "two")
    assert two.run() == ["Cluster: a bad", "Cluster: a", "Listener: edge", "RouteConfiguration: edge-routes"]


CLUSTERS = st.lists(st.sampled_from(["a", "b", "c", "d", "bad", "odd"]), min_size=1, unique=True)
SNAPSHOTS = CLUSTERS.map(
    lambda names: snapshot(*names, routes=" ".join(each for each in names if each != "bad") or "none")
)
STEPS = st.lists(st.one_of(SNAPSHOTS, st.just("step"), st.just("look"), st.just("again"), st.just("new")), max_size=30)


@given(STEPS)
def test_routes_never_name_a_cluster_that_is_not_there(steps: list[Served | str]) -> None:
    """Whatever is served, refused and interrupted, an Envoy has the clusters of its routes, and at last what is good."""
    discovery = Discovery(lambda _: None)
    discovery.serve(A)
    envoy = joined(discovery, "one")
    for step in [*steps, *(["step"] * 60)]:
        if isinstance(step, Served):
            discovery.serve(step)
        elif step in {"again", "new"}:
            envoy = joined(discovery, "one", envoy if step == "again" else None)
        elif step == "look":
            envoy.look()
        else:
            envoy.step()
        assert envoy.routed - {"none"} <= envoy.clusters
    latest, base = discovery.latest, envoy.stream.connection.stream.base
    assert latest is not None
    if not {"bad", "odd"} & latest.resources.clusters.keys():
        assert base is latest
        assert discovery.taken("one")
    assert base is None or envoy.clusters == {*base.resources.clusters}
