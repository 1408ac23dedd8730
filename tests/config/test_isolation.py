from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.config.isolation import clusters_of
from edgesim.config.serving import NOTHING, Candidate, Policy, Served, serve
from edgesim.config.waiting import held_back
from edgesim.model import (
    FALLBACK_CLUSTER,
    Cluster,
    ClusterType,
    ConnectionSettings,
    Destination,
    ForwardAction,
    Listener,
    Model,
    Origin,
    OriginStep,
    PathKind,
    PathMatcher,
    Policies,
    Position,
    Problem,
    ResourceKey,
    Route,
    RouteMatch,
    Severity,
    VirtualHost,
    is_served,
)
from edgesim.model.codes import DOMAIN_CONFLICT
from edgesim.model.policies import Mirror


def origin(kind: str, name: str, file: str = "all.yaml") -> Origin:
    return (OriginStep(kind, "default", name, file),)


def key(kind: str, name: str) -> ResourceKey:
    return ResourceKey(kind, "default", name)


def host(name: str, *domains: str, cluster: str = "", version: int = 1, file: str = "all.yaml") -> VirtualHost:
    action = ForwardAction(destination=Destination(cluster or name))
    route = Route((RouteMatch(PathMatcher(PathKind.PREFIX, f"/{version}")),), action)
    return VirtualHost(name, domains or (f"{name}.example",), (route,), origin=origin("VirtualService", name, file))


def cluster(name: str) -> Cluster:
    return Cluster(name, ClusterType.STATIC, origin=origin("Upstream", name))


def listener(name: str, *hosts: str, port: int = 8080) -> Listener:
    named = frozenset(hosts) if hosts else None
    return Listener(f"listener-::-{port}", port, virtual_hosts=named, origin=origin("Gateway", name))


def model(*hosts: VirtualHost, listeners: tuple[Listener, ...] = (listener("gateway"),)) -> Model:
    names = dict.fromkeys(name for each in hosts for name in clusters_of(each, ()))
    return Model(hosts, tuple(cluster(name) for name in names), listeners)


def error(resource: ResourceKey | None, *affects: ResourceKey, severity: Severity = Severity.ERROR) -> Problem:
    return Problem("ES0200", severity, "an error", resource, affects=affects, position=Position("all.yaml", 1, 1))


def after(*steps: tuple[Model, tuple[Problem, ...]]) -> Served:
    served = NOTHING
    for version, (newest, problems) in enumerate(steps, 1):
        served = serve(served, Candidate(newest, version, problems), policy=Policy.ISOLATE)
    return served


ECHO, FOXTROT = key("VirtualService", "echo"), key("VirtualService", "foxtrot")
GATEWAY = key("Gateway", "gateway")


def test_an_error_keeps_one_virtual_host() -> None:
    """The host with an error is its last good version; the other one, and the model's clusters, are the newest."""
    good = model(host("echo"), host("foxtrot"))
    bad = model(host("echo", version=2, cluster="new"), host("foxtrot", version=2))
    served = after((good, ()), (bad, (error(ECHO),)))
    assert served.model.virtual_hosts == (host("echo"), host("foxtrot", version=2))
    assert {each.name for each in served.model.clusters} == {"echo", "foxtrot", "new"}
    assert (served.frozen, served.good, served.blocking) == (True, True, (error(ECHO),))


def test_the_sufferer_is_held_as_the_causer_is() -> None:
    """An error of a RouteTable holds the virtual hosts that delegate to it."""
    table = error(key("RouteTable", "routes"), ECHO)
    served = after((model(host("echo")), ()), (model(host("echo", version=2)), (table,)))
    assert served.model.virtual_hosts == (host("echo"),)


def test_one_that_never_was_good_is_left_out() -> None:
    """A newcomer with an error gets nothing, and starts as soon as it is mended."""
    newest = model(host("echo"), host("foxtrot"))
    served = after((newest, (error(ECHO),)))
    assert (served.model.virtual_hosts, served.good) == ((host("foxtrot"),), True)
    assert after((newest, (error(ECHO),)), (newest, ())).model is newest


def test_warnings_are_served() -> None:
    """A warning holds nothing back; nor does an error whose route is replaced."""
    newest = model(host("echo", version=2))
    for problem in (error(ECHO, severity=Severity.WARNING), replace(error(ECHO), replaced=True)):
        assert after((model(host("echo")), ()), (newest, (problem,))).model is newest


def test_a_conflict_keeps_those_served_before() -> None:
    """Two VirtualServices ask for one domain: the one served before stays, the newcomer gets nothing."""
    before = model(host("echo", "a"))
    newest = model(host("foxtrot", "a"), host("golf", "g"))
    conflict = (error(ECHO, GATEWAY), error(FOXTROT, GATEWAY))
    served = after((before, ()), (newest, conflict))
    assert set(served.model.virtual_hosts) == {host("echo", "a"), host("golf", "g")}
    assert served.model.listeners == newest.listeners


def test_a_conflict_does_not_hold_the_gateway() -> None:
    """The Gateway has a problem of its own then, which keeps nobody else off its listener."""
    conflict = replace(error(GATEWAY), code=DOMAIN_CONFLICT)
    before = model(host("echo"), listeners=(listener("gateway", "echo"),))
    newest = model(host("echo"), host("foxtrot"), listeners=(listener("gateway", "echo", "foxtrot"),))
    assert after((before, ()), (newest, (conflict,))).model.listeners == newest.listeners


def test_a_held_host_gives_way_and_comes_back() -> None:
    """A sound host has every domain it asks for; the held one is whole again when it is free."""
    bad = (error(ECHO),)
    taken = (model(host("echo", "b", version=2), host("foxtrot", "a")), bad)
    shared = after((model(host("echo", "a", "c")), ()), taken)
    assert {each.name: each.domains for each in shared.model.virtual_hosts} == {"echo": ("c",), "foxtrot": ("a",)}
    freed = after((model(host("echo", "a", "c")), ()), taken, (model(host("foxtrot", "f")), bad))
    assert {each.name: each.domains for each in freed.model.virtual_hosts} == {"echo": ("a", "c"), "foxtrot": ("f",)}


def test_a_gateway_with_an_error_keeps_its_listener() -> None:
    """The listener of a Gateway with an error is the last good one; one that never was is not there."""
    good, bad = (
        listener("gateway"),
        replace(listener("gateway"), options=replace(Listener("", 0).options, max_headers=1)),
    )
    other = listener("other", port=8081)
    served = after(
        (model(listeners=(good,)), ()),
        (model(listeners=(bad, other)), (error(GATEWAY), error(key("Gateway", "other")))),
    )
    assert served.model.listeners == (good,)


def test_a_default_listener_outlives_the_bad_gateway_for_it() -> None:
    """A first Gateway with an error does not take the default listener of its port away."""
    default = Listener("listener-::-8080", 8080)
    served = after((model(listeners=(default,)), ()), (model(listeners=()), (error(GATEWAY),)))
    assert served.model.listeners == (default,)


@pytest.mark.parametrize("was", [Listener("listener-::-8080", 8080), listener("gateway", "echo", "foxtrot")])
def test_a_bad_gateway_takes_no_virtual_host_away(was: Listener) -> None:
    """On a listener that stays because of it, so do those that no other Gateway takes, until they are deleted."""
    default = Listener("listener-::-8080", 8080)
    newest = model(listeners=() if not was.origin else (default,))
    homeless = replace(error(ECHO, severity=Severity.NOTE), code="ES0609")
    served = after((model(host("echo"), host("foxtrot"), listeners=(was,)), ()), (newest, (error(GATEWAY), homeless)))
    assert served.model.virtual_hosts == (host("echo"),)
    assert [(one.name, one.origin) for one in served.model.listeners] == [(was.name, was.origin)]
    assert error(GATEWAY) in {each.resource: each.blockers for each in held_back(served, newest)}[ECHO]


def test_a_held_host_stays_on_its_listener() -> None:
    """A host that the newest translation leaves out is still served where it was."""
    before = model(host("echo"), host("foxtrot"), listeners=(listener("gateway", "echo", "foxtrot"),))
    newest = model(host("foxtrot"), host("golf"), listeners=(listener("gateway", "foxtrot", "golf"),))
    served = after((before, ()), (newest, (error(ECHO),)))
    assert served.model.listeners[0].virtual_hosts == frozenset({"echo", "foxtrot", "golf"})


def test_a_file_that_cannot_be_read_takes_nothing_away() -> None:
    """After a restart nothing of an unreadable file is there: what was served of it stays, what others deleted goes."""
    before = model(host("echo", file="bad.yaml"), host("foxtrot", file="good.yaml"))
    unread = Problem("ES0001", Severity.ERROR, "no YAML", position=Position("bad.yaml", 3, 1))
    served = after((before, ()), (model(), (unread,)))
    assert [each.name for each in served.model.virtual_hosts] == ["echo"]


def test_clusters_held_hosts_need_stay() -> None:
    """Gone clusters stay for held hosts: destinations, mirrors, and what replaced a destination."""
    mirrored = replace(host("echo", cluster=FALLBACK_CLUSTER), policies=Policies(mirror=Mirror("shadow")))
    served = after((model(mirrored, host("foxtrot")), ()), (model(), (error(ECHO),)))
    assert {each.name for each in served.model.clusters} == {"shadow", FALLBACK_CLUSTER}


def test_a_broken_upstream_keeps_its_cluster() -> None:
    """An Upstream with an error stays on its last good version, also where the translation leaves it out."""
    before = model(host("echo"))
    changed = replace(before, clusters=(replace(cluster("echo"), connection=ConnectionSettings(connect_timeout=1)),))
    for newest in (changed, replace(before, clusters=())):
        served = after((before, ()), (newest, (error(key("Upstream", "echo")),)))
        assert served.model.clusters == before.clusters


def test_unread_documents_are_not_good_to_begin_with() -> None:
    """What is served while documents cannot be read counts as good only where something good was before."""
    candidate = Candidate(model(), 1, (error(None),), unread=True)
    assert not serve(NOTHING, candidate, policy=Policy.ISOLATE).good
    assert serve(after((model(), ())), candidate, policy=Policy.ISOLATE).good


# --- any history ----------------------------------------------------------------------------------

NAMES = ("a", "b", "c")


@dataclass(frozen=True)
class Step:
    """One configuration: the domains, version and soundness of each host that is there."""

    hosts: dict[str, tuple[tuple[str, ...], int, bool]]
    named: bool

    @property
    def problems(self) -> tuple[Problem, ...]:
        return tuple(error(key("VirtualService", name)) for name, (_, _, sound) in self.hosts.items() if not sound)

    @property
    def model(self) -> Model:
        hosts = [
            host(name, *domains, version=version, cluster=f"{name}{version}")
            for name, (domains, version, _) in self.hosts.items()
        ]
        return model(*hosts, listeners=(listener("gateway", *(self.hosts if self.named else ())),))


def sound_domains(step: Step) -> bool:
    """Sound hosts share no domain: where two ask for one, both have an error."""
    listed = [domain for domains, _, sound in step.hosts.values() if sound for domain in domains]
    return len(listed) == len(set(listed))


states = st.tuples(
    st.lists(st.sampled_from(("x", "y", "z")), min_size=1, max_size=2, unique=True).map(tuple),
    st.integers(1, 3),
    st.booleans(),
)
steps = st.builds(Step, st.dictionaries(st.sampled_from(NAMES), states, max_size=3), st.booleans()).filter(
    sound_domains
)


@given(st.lists(steps, min_size=1, max_size=6))
def test_any_history(history: list[Step]) -> None:
    """Sound hosts are always the newest, broken ones their last good version less what others have, or absent."""
    served, good = NOTHING, dict[str, VirtualHost]()
    for number, step in enumerate(history, 1):
        newest = step.model
        served = serve(served, Candidate(newest, number, step.problems), policy=Policy.ISOLATE)
        by_name = {each.name: each for each in newest.virtual_hosts}
        good = {name: one for name, one in good.items() if name in by_name}
        good |= {name: one for name, one in by_name.items() if step.hosts[name][2]}
        shown = {each.name: each for each in served.model.virtual_hosts}
        assert shown.keys() <= good.keys()
        for name, one in good.items():
            if step.hosts[name][2]:
                assert shown[name] is by_name[name]
            elif name in shown:
                assert replace(shown[name], domains=one.domains) == one
                assert set(shown[name].domains) <= set(one.domains)
            else:
                assert any(set(one.domains) & set(other.domains) for other in shown.values())
        assert_consistent(served.model)


def assert_consistent(served: Model) -> None:
    clusters = {each.name for each in served.clusters}
    for one in served.virtual_hosts:
        assert set(clusters_of(one, ())) <= clusters
    for each in served.listeners:
        on = [one for one in served.virtual_hosts if is_served(one, each)]
        assert (each.virtual_hosts or frozenset()) <= {one.name for one in on}
        domains = [domain for one in on for domain in one.domains]
        assert len(domains) == len(set(domains))


# --- who waits for whom ---------------------------------------------------------------------------


def test_under_freeze_all_wait_for_all() -> None:
    """One team's mistake holds up the others' changes; what has not changed waits for nothing."""
    before = model(host("echo"), host("foxtrot"), host("golf"))
    newest = model(host("echo", version=2), host("foxtrot", version=2), host("golf"))
    served = serve(serve(NOTHING, Candidate(before, 1)), Candidate(newest, 2, (error(ECHO),)))
    assert [(each.resource, each.blockers) for each in held_back(served, newest)] == [
        (ECHO, (error(ECHO),)),
        (FOXTROT, (error(ECHO),)),
    ]


def test_under_isolate_only_its_own_problems_count() -> None:
    """A virtual host that is held waits for the problems that reach it."""
    before, newest = model(host("echo"), host("foxtrot")), model(host("echo", version=2), host("foxtrot", version=2))
    served = after((before, ()), (newest, (error(ECHO), error(key("Upstream", "u")))))
    assert [(each.resource, each.blockers) for each in held_back(served, newest)] == [(ECHO, (error(ECHO),))]


def test_a_table_waits_for_itself() -> None:
    """A route reached by delegation is its table's: the team of the table finds its name."""
    step = OriginStep("RouteTable", "default", "routes", "all.yaml")
    old = host("echo")
    delegated = replace(old.routes[0], origin=(*old.origin, step), number=2)
    before, newest = model(old), model(replace(old, routes=(*old.routes, delegated)))
    served = serve(serve(NOTHING, Candidate(before, 1)), Candidate(newest, 2, (error(key("Upstream", "u")),)))
    assert [each.resource for each in held_back(served, newest)] == [step.resource]


@pytest.mark.parametrize("policy", Policy)
def test_a_newcomer_in_a_conflict_waits(policy: Policy) -> None:
    """Of a newcomer whose domains are all somebody else's nothing is in the newest model: it waits all the same."""
    before = model(host("echo"))
    served = serve(NOTHING, Candidate(before, 1), policy=policy)
    served = serve(served, Candidate(before, 2, (error(FOXTROT, GATEWAY), error(ECHO, GATEWAY))), policy=policy)
    assert (served.model, served.frozen) == (before, True)
    assert [each.resource for each in held_back(served, before)] == [FOXTROT]


def test_a_gateway_that_never_was_waits() -> None:
    """A Gateway with an error and no listener yet is named; one that a conflict of others reaches is not."""
    second, before = key("Gateway", "second"), model(host("echo"))
    served = after((before, ()), (before, (error(second), error(ECHO, GATEWAY))))
    assert [each.resource for each in held_back(served, before)] == [second]


def test_nothing_waits_for_nothing() -> None:
    """Without problems, or where the newest is served, nobody waits."""
    served = after((model(host("echo")), ()))
    assert held_back(served, model(host("echo", version=2))) == ()
