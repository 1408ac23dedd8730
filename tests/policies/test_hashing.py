"""Hashes, against the arm that Envoy 1.40 chose of sixteen equal ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.model import RequestHead
from edgesim.model.policies import HashKind, HashPolicy
from edgesim.policies.hashing import NOT_HASHED, Connection, Hashed, arm_draw, compile_hash, cookie_value, hash_request
from edgesim.routing.weights import Split, choose
from tests.policies.heads import head_of

HERE = Connection(b"127.0.0.1", b"127.0.0.1:49392", b"127.0.0.1:21102")
K, L, M = (HashPolicy(HashKind.HEADER, name) for name in ("x-k", "X-L", "x-m"))
TERMINAL_K, TERMINAL_L = (HashPolicy(HashKind.HEADER, name, terminal=True) for name in ("x-k", "x-l"))
IP = HashPolicy(HashKind.SOURCE_IP)
SESSION = HashPolicy(HashKind.COOKIE, "sess", 3600.0, "/p")


def hashed(head: RequestHead, *policies: HashPolicy) -> Hashed:
    """Return the hash of a request on one connection."""
    return hash_request(compile_hash(policies), head, HERE)


def arm(head: RequestHead, *policies: HashPolicy) -> int:
    """Return which of sixteen arms of weight 1000 the hash chooses."""
    value = hashed(head, *policies).value
    assert value is not None
    return value % 16000 // 1000


@pytest.mark.parametrize(("value", "chosen"), [("a", 4), ("hello", 10), ("user-1", 10), ("user-2", 13), ("", 0)])
def test_a_header_is_hashed_as_envoy_does(value: str, chosen: int) -> None:
    """One header's value chooses the arm that Envoy chose; an empty value is a value."""
    assert arm(head_of(("x-k", value)), K) == chosen


@pytest.mark.parametrize(
    ("values", "chosen"), [(("b", "a"), 0), (("a", "b"), 0), (("p", "q"), 1), (("z", "c"), 4), (("v9", "v3"), 5)]
)
def test_lines_of_one_header_are_sorted_and_chained(values: tuple[str, ...], chosen: int) -> None:
    """Several values of one header are one hash, whatever their order."""
    assert arm(head_of(*[("x-k", value) for value in values]), K) == chosen


@pytest.mark.parametrize(("name", "is_one"), [("accept", True), ("etag", False)])
def test_lines_that_envoy_keeps_as_one_are_hashed_as_one(name: str, is_one: bool) -> None:
    """`Accept` in two lines is hashed as the one line it becomes; `ETag`, which belongs to answers, is not."""
    policy = HashPolicy(HashKind.HEADER, name)
    two, one = head_of((name, "b"), (name, "a")), head_of((name, "b,a"))
    assert (hashed(two, policy) == hashed(one, policy)) is is_one


@pytest.mark.parametrize(
    ("fields", "policies", "chosen"),
    [
        ({"x-k": "a", "x-l": "b"}, (K, L), 11),
        ({"x-k": "a", "x-l": "a"}, (K, L), 4),
        ({"x-k": "q", "x-l": "r"}, (K, L), 7),
        ({"x-l": "b"}, (K, L), 6),
        ({"x-k": "a", "x-l": "b"}, (TERMINAL_K, L), 4),
        ({"x-k": "q", "x-l": "r"}, (TERMINAL_K, L), 12),
        ({"x-l": "b"}, (TERMINAL_K, L), 6),
        ({"x-k": "a", "x-m": "z"}, (K, TERMINAL_L, M), 4),
        ({}, (IP,), 2),
        ({}, (HashPolicy(HashKind.HEADER, ":authority"),), 12),
        ({}, (HashPolicy(HashKind.HEADER, "Host"),), 12),
    ],
)
def test_policies_combine_as_envoy_combines_them(
    fields: dict[str, str], policies: tuple[HashPolicy, ...], chosen: int
) -> None:
    """Order, absence and terminal policies have the effect measured."""
    assert arm(head_of(*fields.items()), *policies) == chosen


def test_path_and_method_can_be_hashed() -> None:
    """The path is hashed with its query."""
    path = HashPolicy(HashKind.HEADER, ":path")
    assert arm(head_of(path="/path/x", query="y=1"), path) == 5
    assert arm(head_of(path="/path/x"), path) == 7
    method = HashPolicy(HashKind.HEADER, ":method")
    assert hashed(head_of(method="GET"), method) != hashed(head_of(method="PUT"), method)


def test_without_anything_to_hash_there_is_no_hash() -> None:
    """Then the draw is the random one."""
    nothing = hashed(head_of(), K, HashPolicy(HashKind.COOKIE, "sess"))
    assert nothing is NOT_HASHED
    assert hash_request(compile_hash((IP,)), head_of(), Connection(b"", b"", b"")) is NOT_HASHED
    assert arm_draw(nothing, 7) == 7
    assert arm_draw(Hashed(3), 7) == 3


@pytest.mark.parametrize(
    ("lines", "value"),
    [
        (["sess=abc"], "abc"),
        (['sess="abc"'], "abc"),
        (["sess="], ""),
        (["a=b; sess=abc;c=d"], "abc"),
        (["x=1", "sess=abc"], "abc"),
        (["sess= abc ; q=1"], " abc "),
        (["SESS=abc"], ""),
        (["sess=1; sess=2"], "1"),
        (["sess=a=b"], "a=b"),
        (["sess2=1;  sess=abc"], "abc"),
        (["sess"], ""),
        (["sess =abc"], ""),
        (['sess="a b'], '"a b'),
        (['sess=""'], ""),
        (['sess="'], '"'),
        ([], ""),
    ],
)
def test_cookies_are_read_as_envoy_reads_them(lines: list[str], value: str) -> None:
    """Every Cookie header measured gives the value that was hashed."""
    assert value == cookie_value(head_of(*[("cookie", line) for line in lines]), b"sess").decode()


@pytest.mark.parametrize(
    ("policy", "written"),
    [
        (SESSION, 'sess="5d1b2d2995b456f2"; Max-Age=3600; Path=/p; HttpOnly'),
        (HashPolicy(HashKind.COOKIE, "sess", 0.0), 'sess="5d1b2d2995b456f2"; HttpOnly'),
        (HashPolicy(HashKind.COOKIE, "s2", 1.5), 's2="5d1b2d2995b456f2"; Max-Age=1; HttpOnly'),
    ],
)
def test_a_missing_cookie_is_generated_as_envoy_writes_it(policy: HashPolicy, written: str) -> None:
    """The value is that of the connection, the attributes are Envoy's."""
    assert hashed(head_of(), policy).cookies == (written.encode(),)


def test_a_generated_cookie_counts_from_the_first_request_on() -> None:
    """The client that sends the cookie back keeps its hash, and gets no new cookie."""
    before = hashed(head_of(), SESSION)
    after = hashed(head_of(("cookie", before.cookies[0].decode().partition(";")[0])), SESSION)
    assert before.value == after.value
    assert not after.cookies


WEIGHTS = st.lists(st.integers(0, 50), min_size=2, max_size=6)


@given(WEIGHTS, st.data())
def test_weight_between_neighbours_moves_only_whom_it_must(weights: list[int], data: st.DataObject) -> None:
    """With the total fixed, no user leaves an arm whose own weight and place stay, and none comes but to the raised."""
    place = data.draw(st.integers(0, len(weights) - 2))
    if not weights[place + 1]:
        weights[place + 1] = 1
    moved = data.draw(st.integers(1, weights[place + 1]))
    after = [*weights[:place], weights[place] + moved, weights[place + 1] - moved, *weights[place + 2 :]]
    arms = range(len(weights))
    old, new = Split(weights, arms), Split(after, arms)
    changes = [(choose(old, draw), choose(new, draw)) for draw in range(old.total)]
    assert [pair for pair in changes if pair[0] != pair[1]] == [(place + 1, place)] * moved


@pytest.mark.parametrize("weights", [(90, 10), (50, 25, 25), (1, 98, 1)])
def test_hashed_users_split_as_the_weights_say(weights: tuple[int, ...]) -> None:
    """Of 20,000 users each arm gets its share, within five standard deviations of a binomial."""
    users, split = 20_000, Split(weights, range(len(weights)))
    counts = [0] * len(weights)
    for user in range(users):
        counts[choose(split, arm_draw(hashed(head_of(("x-k", f"user-{user}")), K), 0))] += 1
    for weight, count in zip(weights, counts, strict=True):
        share = weight / split.total
        assert abs(count - users * share) <= 5 * (users * share * (1 - share)) ** 0.5


def test_raising_a_canary_step_by_step_never_sends_a_user_back() -> None:
    """From 0 to 100 percent every user changes version exactly once."""
    steps = [Split((100 - canary, canary), ("stable", "canary")) for canary in range(101)]
    draws = [arm_draw(hashed(head_of(("x-k", str(user))), K), 0) for user in range(500)]
    for draw in draws:
        went = [choose(split, draw) == "canary" for split in steps]
        assert sorted(went) == went
