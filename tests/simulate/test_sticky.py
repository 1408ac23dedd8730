from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgesim.inspect import Tables
from edgesim.model.policies import HashKind, HashPolicy
from edgesim.model.problems import EdgesimError
from edgesim.simulate.decided import Decided
from edgesim.simulate.population import Axis, Population, Users
from tests.simulate.scenes import canary, classes_and_draws, live, same

_COOKIE = HashPolicy(HashKind.COOKIE, "session")
_policies = st.lists(
    st.builds(
        HashPolicy,
        st.just(HashKind.HEADER),
        st.sampled_from(["x-user", "stage", "missing", ":path"]),
        terminal=st.booleans(),
    )
    | st.builds(
        HashPolicy,
        st.just(HashKind.COOKIE),
        st.sampled_from(["session", "other"]),
        st.none() | st.just(0.0),
        terminal=st.booleans(),
    )
    | st.builds(HashPolicy, st.just(HashKind.SOURCE_IP), terminal=st.booleans()),
    min_size=1,
    max_size=4,
)
_users = st.sampled_from([Users(40), Users(40, 1.0, cookie="session"), Users(40, header="x-user")])
_HEADERS = (
    Axis(("", "stage: a", "stage: b"), (1, 1, 1)),
    Axis(("", "cookie: other=1", "cookie: session=2"), (1, 1, 1)),
)


@settings(max_examples=40)
@given(_policies, _users)
def test_the_same_hash_as_the_live_core(policies: list[HashPolicy], users: Users) -> None:
    """Whatever is hashed, each user's requests go where the live core's hash sends them."""
    made = canary((50, 30, 20), policies)
    population = Population(paths=Axis(("/", "/a?b"), (1, 1)), headers=_HEADERS, users=users)
    decided = Decided(Tables(made), population)
    classes, draws = classes_and_draws(population, 40)
    who = np.random.default_rng(2).integers(0, users.count, 40, dtype=np.uint32)
    found = decided.outcomes_of(classes, draws, who)
    for number, value, user, outcome in zip(
        classes.tolist(), draws.tolist(), who.tolist(), found.tolist(), strict=True
    ):
        assert same(decided.outcomes[outcome], live(made, population, number, value, user, decided))


def test_a_user_stays() -> None:
    """With a sticky split every request of a user goes the same way, and the users are split as the weights say."""
    population = Population(users=Users(4000, cookie="session"))
    decided = Decided(Tables(canary((90, 10), [_COOKIE])), population)
    who = np.tile(np.arange(4000, dtype=np.uint32), 3)
    classes, draws = classes_and_draws(population, len(who))
    found = decided.outcomes_of(classes, draws, who).reshape(3, 4000)
    assert (found == found[0]).all()
    share = (found[0] == 1).mean()
    assert abs(share - 0.1) < 5 * np.sqrt(0.09 / 4000)


def test_nobody_sticks_without_users() -> None:
    """Where requests are nobody's, those that send nothing to hash are drawn, and those that do stick to it."""
    made = canary((50, 50), [HashPolicy(HashKind.HEADER, "x"), HashPolicy(HashKind.SOURCE_IP)])
    population = Population(headers=(Axis(("", "x: 1"), (1, 1)),))
    decided = Decided(Tables(made), population)
    classes, draws = classes_and_draws(population, 400)
    found = decided.outcomes_of(classes, draws)
    assert len(set(found[classes == 0].tolist())) == 2
    assert len(set(found[classes == 1].tolist())) == 1


def test_the_whole_cookie_header() -> None:
    """A hash of the whole cookie line of users with cookies is refused, rather than done wrong."""
    made = canary((50, 50), [HashPolicy(HashKind.HEADER, "cookie")])
    decided = Decided(Tables(made), Population(users=Users(10, cookie="session")))
    with pytest.raises(EdgesimError, match="ES1105"):
        decided.outcomes_of(np.zeros(1, np.uint32), np.zeros(1, np.uint64), np.zeros(1, np.uint32))
