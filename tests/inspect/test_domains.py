"""The domain that is said to win is the one that wins."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edgesim.inspect.domains import try_hosts
from edgesim.model import VirtualHost
from edgesim.routing import Hosts, find_host

names = st.lists(st.sampled_from(["a", "b", "echo", "Echo", "example", "", "*"]), min_size=1, max_size=3).map(".".join)
# An empty domain means `*` in the YAML, so none is empty in the model; the Host may be.
written = names.filter(bool)
domains = st.one_of(written, names.map(lambda name: f"*{name}"), names.map(lambda name: f"{name}*"), st.just("*"))


@given(st.lists(domains, min_size=1, max_size=8, unique_by=str.lower), names)
def test_the_strongest_domain_is_the_one_that_routing_finds(given_domains: list[str], authority: str) -> None:
    """The first virtual host told is the one `find_host` gives, and none is told to take what none takes."""
    hosts = [VirtualHost(domain, (domain,)) for domain in given_domains]
    found = find_host(Hosts((host.name, host) for host in hosts), authority.encode())
    tried = try_hosts(hosts, authority.encode(), found)
    assert len(tried) == len(hosts)
    assert (tried[0].virtual_host if tried[0].domain else None) == (None if found is None else found.name)
