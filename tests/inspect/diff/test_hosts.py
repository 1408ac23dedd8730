"""Classes of hosts, compared with choosing virtual hosts for random hosts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edgesim.inspect.diff.hosts import ANY, ANY_OTHER, host_classes
from edgesim.model import VirtualHost
from edgesim.routing.hosts import Hosts, find_host

DOMAINS = ("a.b", "x.a.b", "b", "*", "*.b", "*.a.b", "*b", "a.*", "a*", "x.*", "A.b")
domains = st.lists(st.sampled_from(DOMAINS), max_size=6, unique=True)
names = st.lists(st.sampled_from(["a", "b", "x", "any", "q"]), min_size=1, max_size=4).map(".".join)


def _hosts(named: list[str]) -> list[VirtualHost]:
    return [VirtualHost(each, (each,)) for each in named]


def _chosen(hosts: list[VirtualHost], authority: str) -> VirtualHost | None:
    return find_host(Hosts((domain, host) for host in hosts for domain in host.domains), authority.encode())


@given(domains, domains, st.lists(names, max_size=20))
def test_every_host_is_of_a_class(old: list[str], new: list[str], asked: list[str]) -> None:
    """What both sides make of any host is what they make of the example of one class; examples are chosen as said."""
    before, after = _hosts(old), _hosts(new)
    classes = [*host_classes(before, after)]
    for each in classes:
        assert (_chosen(before, each.example), _chosen(after, each.example)) == (each.before, each.after)
    pairs = {(each.before, each.after) for each in classes}
    assert {(_chosen(before, each), _chosen(after, each)) for each in asked} <= pairs


def test_names_of_classes() -> None:
    """A class is named by its narrower domain; what no domain takes, and a star, is any (other) host."""
    assert [each.name for each in host_classes(_hosts(["*"]), _hosts(["*"]))] == [ANY]
    found = {each.name for each in host_classes(_hosts(["a.b", "*.b", "*"]), _hosts(["*.a.b"]))}
    assert found == {"a.b", "*.b", "*.a.b", ANY_OTHER}
