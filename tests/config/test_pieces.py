from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from edgesim.config.encoding import StoredResource
from edgesim.config.pieces import Differing, differing, parts_of
from edgesim.config.revisions import BATCH, RESOURCE, Revision, Snapshot
from edgesim.config.state import State
from edgesim.model import ResourceKey, VirtualHost
from tests.config.test_isolation import host, model

START = datetime(2026, 1, 1, tzinfo=UTC)


def resource(name: str, version: int) -> StoredResource:
    return StoredResource("Service", "v1", "default", name, {"spec": {"version": version}}, "all.yaml", 1, "all.yaml")


def many_routes(name: str, count: int, version: int) -> VirtualHost:
    one = host(name)
    return replace(one, routes=(*[one.routes[0]] * (count - 1), replace(one.routes[0], number=version)))


HOSTS = st.dictionaries(st.sampled_from("abc"), st.sampled_from([(1, 1), (1, 2), (BATCH + 1, 1), (2 * BATCH + 1, 2)]))
RESOURCES = st.dictionaries(st.sampled_from("xyz"), st.integers(1, 2))


def revision(state: State) -> Revision | None:
    found = state.revision(state.number)
    return None if found is None else replace(found, number=0)


def history(state: State) -> list[tuple[int, list[str]]]:
    return [(info.changed, sorted(f"{each.verb} {each.resource}" for each in info.changes)) for info in state.history()]


@given(st.lists(st.tuples(HOSTS, RESOURCES, st.booleans()), max_size=5))
@settings(max_examples=30)
def test_differences_lead_where_everything_leads(
    steps: list[tuple[dict[str, tuple[int, int]], dict[str, int], bool]],
) -> None:
    """Recording only the resources that changed keeps the same revisions as recording all of them."""
    by_difference, whole = State(""), State("")
    hosts: dict[tuple[str, int, int], VirtualHost] = {}
    recorded: dict[str, int] | None = None
    for wanted, resources, current in steps:
        made = (hosts.setdefault((name, *of), many_routes(name, *of)) for name, of in wanted.items())
        every = tuple(resource(*each) for each in resources.items())
        served = Snapshot(START, model(*made), (), every, current=current)
        changed = served
        if recorded is not None:
            new = tuple(each for each in every if recorded.get(each.name) != resources[each.name])
            gone = tuple(ResourceKey("Service", "default", name) for name in recorded.keys() - resources.keys())
            changed = replace(served, resources=new, gone=gone)
        assert by_difference.record(changed) == whole.record(served)
        assert revision(by_difference) == revision(whole)
        recorded = resources if current else recorded
    assert history(by_difference) == history(whole)
    by_difference.verify()
    by_difference.close()
    whole.close()


def test_what_stayed_is_not_looked_into() -> None:
    """Of a model whose tuples are the identical ones nothing differs, and of one changed host only that one."""
    before = Snapshot(START, model(host("a"), host("b")), (), (), current=True, gone=())
    assert differing({}, parts_of(before), before) == Differing()
    other = host("b", version=2)
    changed = replace(before.model, virtual_hosts=(before.model.virtual_hosts[0], other))
    after = replace(before, model=changed, resources=(resource("x", 1),))
    found = differing({}, parts_of(before), after)
    assert found == Differing({("host", "b"): other, (RESOURCE, "Service default/x"): resource("x", 1)})
