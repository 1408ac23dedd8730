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


@pytest.mark.parametrize(
    ("authority", "found"),
    [
        ("a.com", "a.com"),
        ("A.COM", "a.com"),
        ("x.a.com", "*.a.com"),
        (".a.com", "*.com"),
        ("b.com", "*.com"),
        ("xy.a.com", "*.a.com"),
        ("www.org", "www.*"),
        ("www.a.org", "www.a.*"),
        ("www.", "*"),
        ("", "*"),
        ("a.com:80", "*"),
    ],
)
def test_the_longest_wildcard_comes_first(authority: str, found: str) -> None:
    """Exact before suffixes before prefixes before `*`, and a star stands for one character at least."""
    domains = ["*", "www.*", "www.a.*", "*.com", "*.a.com", "A.com"]
    assert find_host(Hosts((domain, domain.lower()) for domain in domains), authority.encode()) == found


@pytest.mark.parametrize("domain", ["a", "*.a", "a.*"])
def test_without_a_star_other_hosts_have_no_target(domain: str) -> None:
    """Each kind of domain is looked up where it is the only one, and nothing stands in for it."""
    assert find_host(Hosts([(domain, 1)]), domain.replace("*", "x").encode()) == 1
    assert find_host(Hosts([(domain, 1)]), b"b") is None
    assert find_host(Hosts([(domain, 1), ("*", 2)]), b"b") == 2
    assert find_host(Hosts[int]([]), b"b") is None
    assert find_host(Hosts([("*", 2)]), b"b") == 2


def test_wildcards_are_grouped_by_length() -> None:
    """Longest first, each length once."""
    hosts = Hosts((domain, domain) for domain in ("*.a", "*.bcd", "*.c", "x.*", "xy.*", "a"))
    assert hosts.suffixes == ((4, {b".bcd": "*.bcd"}), (2, {b".a": "*.a", b".c": "*.c"}))
    assert hosts.prefixes == ((3, {b"xy.": "xy.*"}), (2, {b"x.": "x.*"}))
    assert (hosts.exact, hosts.default) == ({b"a": "a"}, None)


@given(st.lists(st.lists(domains, max_size=4), max_size=6), st.data())
def test_replaced_targets_are_those_of_hosts_made_anew(owned: list[list[str]], data: st.DataObject) -> None:
    """Every domain leads to the new target of its owner, also where two hosts name the same; nothing else changes."""
    before = [object() for _ in owned]
    changed = data.draw(st.sets(st.integers(0, max(len(owned) - 1, 0)), max_size=len(owned)))
    now = [object() if number in changed else target for number, target in enumerate(before)]

    def made(targets: list[object]) -> Hosts[object]:
        return Hosts((domain, target) for given, target in zip(owned, targets, strict=True) for domain in given)

    found = made(before).replacing((owned[number], before[number], now[number]) for number in changed)
    wanted = made(now)
    assert (found.exact, found.default) == (wanted.exact, wanted.default)
    assert (found.suffixes, found.prefixes) == (wanted.suffixes, wanted.prefixes)


def test_domains_of_hosts_that_did_not_change_are_the_same_objects() -> None:
    """Only the dictionaries in which a target was replaced are made anew, and the set before stays as it was."""
    targets = {domain: [domain] for domain in ("a", "*.b", "*.cd", "e.*")}
    before = Hosts(targets.items())
    after = before.replacing([(["*.b"], targets["*.b"], ["new"])])
    assert after.exact is before.exact
    assert after.prefixes[0][1] is before.prefixes[0][1]
    assert [texts is old for (_, texts), (_, old) in zip(after.suffixes, before.suffixes, strict=True)] == [True, False]
    assert (find_host(after, b"x.b"), find_host(before, b"x.b")) == (["new"], ["*.b"])
    assert after.default is before.default is None
