from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.dialects.gloo.fractions import millionths
from edgesim.model import Policies
from edgesim.model.policies import (
    Fault,
    Mirror,
)
from tests.dialects.options import ELSEWHERE, options, policies, refused


def test_faults_are_read_whole() -> None:
    """Delay and abort, their percentages in millionths."""
    text = "faults: {delay: {percentage: 12.5, fixedDelay: 1.5s}, abort: {percentage: 0.0001, httpStatus: 503}}"
    assert policies(text).fault == Fault(125_000, 1.5, 1, 503)


def test_a_fault_without_percentage_never_happens() -> None:
    """A missing percentage is 0."""
    assert policies("faults: {abort: {httpStatus: 503}}").fault == Fault(abort_status=503)
    assert policies("faults: {delay: {fixedDelay: 2s}}").fault == Fault(delay=2.0)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("delay: {fixedDelay: 500ms}", ".delay.fixedDelay"),
        ("delay: {fixedDelay: -2s}", ".delay.fixedDelay"),
        ("delay: {percentage: 10}", ".delay"),
        ("abort: {percentage: 10}", ".abort"),
        ("abort: {httpStatus: 199}", ".abort.httpStatus"),
        ("abort: {httpStatus: 600}", ".abort.httpStatus"),
        ("abort: {httpStatus: 503, percentage: 101}", ".abort.percentage"),
        ("delay: {fixedDelay: 1s, percentage: -1}", ".delay.percentage"),
    ],
)
def test_an_invalid_fault_is_an_error(text: str, field: str) -> None:
    """Whole seconds above 0, a status of 200 to 599, a percentage that is one."""
    assert refused(options(f"faults: {{{text}}}")) == ("ES0234", f"faults{field}")


@pytest.mark.parametrize("action", [*ELSEWHERE, "routeAction: {clusterHeader: x-cluster}"])
def test_faults_without_an_upstream_are_noted(action: str) -> None:
    """Even wrong ones: Gloo validates them only where they act."""
    outcome = options("faults: {abort: {percentage: 10}}", action)
    assert outcome.codes == ["ES0604"]
    assert outcome.routes[0].policies.fault is None


def test_other_options_act_without_an_upstream() -> None:
    """Where a header names the cluster, only faults are ignored."""
    found = options("idleTimeout: 1s", "routeAction: {clusterHeader: x-cluster}")
    assert found.problems == []
    assert found.routes[0].policies == Policies(idle_timeout=1.0)


def test_shadowing_is_read_whole() -> None:
    """Cluster, share, and what becomes of the Host."""
    ref = "upstream: {name: echo, namespace: default}"
    assert policies(f"shadowing: {{{ref}, percentage: 1.5}}").mirror == Mirror("echo_default", 15_000)
    text = f"shadowing: {{{ref}, disableShadowHostSuffixAppend: true, hostRewriteLiteral: shadow.example}}"
    assert policies(text).mirror == Mirror("echo_default", 0, append_suffix=False, host="shadow.example")


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("percentage: 10", ""),
        ("upstream: {name: echo, namespace: default}, percentage: 100.1", ".percentage"),
        ("upstream: {name: echo, namespace: default}, percentage: -0.1", ".percentage"),
    ],
)
def test_invalid_shadowing_is_an_error(text: str, field: str) -> None:
    """It needs an upstream and a percentage."""
    assert refused(options(f"shadowing: {{{text}}}")) == ("ES0236", f"shadowing{field}")


def test_a_missing_shadow_upstream_is_noted() -> None:
    """The namespace is not defaulted, and the hint says which one was meant."""
    outcome = options("shadowing: {upstream: {name: echo}, percentage: 10}")
    problem = outcome.only()
    assert (problem.code, problem.hint) == ("ES0607", "did you mean `echo` in the namespace `default`?")
    assert outcome.routes[0].policies.mirror == Mirror("echo", 100_000)


@pytest.mark.parametrize(
    ("percentage", "wanted"), [(0, 0), (100, 1_000_000), (0.00005, 0), (33.3, 333_000), (0.29, 2_900), (1.1, 11_000)]
)
def test_percentages_become_millionths(percentage: float, wanted: int) -> None:
    """In the arithmetic of 32-bit floats, cut off."""
    assert millionths(percentage) == wanted


@given(st.floats(0, 100))
def test_millionths_are_within_one_of_the_truth(percentage: float) -> None:
    """Whatever the percentage, the share is between none and all, and as near as 32 bits can be."""
    assert 0 <= millionths(percentage) <= 1_000_000
    assert abs(millionths(percentage) - percentage * 10_000) <= 1.1


BY_HEADER = "envoyMetadata: {edgesim.io: {faultsByHeader: true}}"


def test_requests_may_ask_for_faults_where_metadata_says_so() -> None:
    """A setting of the route's own, off unless asked for."""
    assert policies(BY_HEADER).faults_by_header
    assert not policies("envoyMetadata: {edgesim.io: {faultsByHeader: false}}").faults_by_header


def test_what_does_not_forward_takes_no_faults_by_header() -> None:
    """Asking for them is noted."""
    assert options(BY_HEADER, ELSEWHERE[0]).codes == ["ES0604"]


def test_faults_of_a_route_go_before_those_of_headers() -> None:
    """Asking for both is noted."""
    assert options(f"{BY_HEADER}, faults: {{abort: {{percentage: 1, httpStatus: 503}}}}").codes == ["ES0604"]
