from __future__ import annotations

import pytest

from edgesim.model import ForwardAction, Policies
from edgesim.model.policies import (
    Csrf,
    HashKind,
    HashPolicy,
)
from tests.dialects.options import options, policies, refused
from tests.dialects.scenes import TO_ECHO, routed, run


def test_hash_policies_are_read_in_order() -> None:
    """Headers in lower case, cookies with and without a ttl, the source address; what hashes nothing is gone."""
    text = (
        "lbHash: {hashPolicies: [{header: X-User, terminal: true}, {cookie: {name: s}}, "
        "{cookie: {name: t, ttl: 0s, path: /}}, {sourceIp: true}, {sourceIp: false}]}"
    )
    assert policies(text).hash_policies == (
        HashPolicy(HashKind.HEADER, "x-user", terminal=True),
        HashPolicy(HashKind.COOKIE, "s"),
        HashPolicy(HashKind.COOKIE, "t", 0.0, "/"),
        HashPolicy(HashKind.SOURCE_IP),
    )


@pytest.mark.parametrize(
    ("policy", "field"),
    [
        ("{}", ""),
        ("{header: ''}", ".header"),
        ("{cookie: {}}", ".cookie"),
        ("{cookie: {name: 'a b'}}", ".cookie.name"),
        ("{cookie: {name: a, ttl: -1s}}", ".cookie.ttl"),
    ],
)
def test_an_invalid_hash_policy_is_an_error(policy: str, field: str) -> None:
    """Each names something to hash."""
    assert refused(options(f"lbHash: {{hashPolicies: [{policy}]}}")) == ("ES0237", f"lbHash.hashPolicies[0]{field}")


STICKY = "envoyMetadata: {edgesim.io: {stickyWeights: true}, envoy.lb: {a: b}}"
HASH = "lbHash: {hashPolicies: [{header: x-user}]}"
SPLIT = "routeAction: {multi: {destinations: [{destination: {upstream: {name: echo}}, weight: 1}]}}"


def test_sticky_weights_are_asked_for_in_metadata() -> None:
    """Beside a hash and on a split; other namespaces are none of ours."""
    outcome = options(f"{STICKY}, {HASH}", SPLIT)
    assert outcome.problems == []
    assert outcome.routes[0].policies.sticky_weights
    assert not policies("envoyMetadata: {envoy.lb: {stickyWeight: 1}, edgesim.io: {}}").sticky_weights


def test_a_group_is_a_split_too() -> None:
    """Sticky weights on an UpstreamGroup, and the arms' own policies from it."""
    group = """\
        apiVersion: gloo.solo.io/v1
        kind: UpstreamGroup
        metadata: {name: both}
        spec: {destinations: [{destination: {upstream: {name: echo}}, weight: 1, options: {csrf: {}}}]}
        """
    text = f"routeAction: {{upstreamGroup: {{name: both, namespace: default}}}}\noptions: {{{STICKY}, {HASH}}}\n"
    outcome = run(routed(text), group)
    assert outcome.problems == []
    action = outcome.routes[0].action
    assert isinstance(action, ForwardAction)
    assert action.weighted[0].policies == Policies(csrf=Csrf())
    assert outcome.routes[0].policies.sticky_weights


@pytest.mark.parametrize(("text", "action"), [(STICKY, SPLIT), (f"{STICKY}, {HASH}", TO_ECHO)])
def test_sticky_weights_with_nothing_to_do_are_noted(text: str, action: str) -> None:
    """They need a hash and a split."""
    assert options(text, action).codes == ["ES0604"]


@pytest.mark.parametrize(
    ("own", "code", "field"),
    [
        ("[]", "ES0104", ""),
        ("{stickyWeight: true}", "ES0243", ".stickyWeight"),
        ("{stickyWeights: 'yes'}", "ES0104", ".stickyWeights"),
    ],
)
def test_wrong_metadata_of_our_own_is_an_error(own: str, code: str, field: str) -> None:
    """A key that does not exist has the nearest real one in its hint."""
    outcome = options(f"envoyMetadata: {{edgesim.io: {own}}}")
    assert refused(outcome) == (code, f"envoyMetadata['edgesim.io']{field}")
    assert code != "ES0243" or outcome.only().hint == "did you mean `stickyWeights`?"
