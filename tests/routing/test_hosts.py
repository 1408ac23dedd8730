"""The virtual host by Host header."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.routing.hosts import Hosts, find_host

labels = st.sampled_from(["a", "b", "ab", "A"])
names = st.lists(labels, min_size=1, max_size=3).map(".".join)
domains = st.one_of(
    names, names.map(lambda n: "*." + n), names.map(lambda n: "*-" + n), names.map(lambda n: n + ".*"), st.just("*")
)
authorities = st.one_of(
    names, names.map(lambda n: n + ":80"), names.map(lambda n: "a-" + n), names.map(lambda n: "." + n)
)


def naive(given_domains: list[str], authority: str) -> str | None:
    """Try every domain: exact, then the longest suffix, then the longest prefix, then `*`."""
    text = authority.lower()
    lowered = list(dict.fromkeys(domain.lower() for domain in given_domains))
    if text in lowered:
        return text
    suffixes = [d for d in lowered if d.startswith("*") and d != "*" and len(text) >= len(d) and text.endswith(d[1:])]
    if suffixes:
        return max(suffixes, key=len)
    prefixes = [d for d in lowered if d.endswith("*") and d != "*" and len(text) >= len(d) and text.startswith(d[:-1])]
    if prefixes:
        return max(prefixes, key=len)
    return "*" if "*" in lowered else None


@given(st.lists(domains, max_size=8), authorities)
def test_hosts_agree_with_trying_every_domain(given_domains: list[str], authority: str) -> None:
    """The domain found is the one Envoy's order of kinds and lengths puts first."""
    hosts = Hosts((domain, domain.lower()) for domain in given_domains)
    assert find_host(hosts, authority.encode()) == naive(given_domains, authority)


@pytest.mark.parametrize("domain", ["a.com", "*", "*.com", "a.*"])
def test_the_first_of_equal_domains_stays(domain: str) -> None:
    """A domain given twice keeps its first owner, whatever its kind."""
    assert find_host(Hosts([(domain, 1), (domain.upper(), 2)]), b"a.com") == 1
