from __future__ import annotations

from random import Random

from edgesim.load.answers import Answer
from edgesim.load.users import User, Users
from tests.load.servers import ok

REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def setting(*cookies: str) -> Answer:
    answer = Answer(head=False)
    answer.feed(ok(b"", *(f"Set-Cookie: {each}" for each in cookies)))
    return answer


def test_cookies_are_kept_by_name() -> None:
    """A second value takes the place of the first, and `Max-Age=0` takes a cookie away."""
    user = User(0)
    assert user.with_cookies(REQUEST) == REQUEST
    assert user.take_cookies(setting("a=1; Path=/", "b=2=3; Secure"))
    assert user.with_cookies(REQUEST) == b"GET / HTTP/1.1\r\nCookie: a=1; b=2=3\r\nHost: a\r\n\r\n"
    assert user.take_cookies(setting("a=; Max-Age=0", "b=4"))
    assert user.with_cookies(REQUEST) == b"GET / HTTP/1.1\r\nCookie: b=4\r\nHost: a\r\n\r\n"
    assert not user.take_cookies(setting())
    assert user.take_cookies(setting("b=; max-age=0"))
    assert user.with_cookies(REQUEST) == REQUEST


def test_patterns_count_users_alike() -> None:
    """Users with the same numbers of answers are one pattern; who saw nothing is in none."""
    users = Users(4, 0, Random(1))
    for index, seen in enumerate((["v1", "v1"], ["v1", "v1"], ["v2"])):
        for destination in seen:
            users.of(index).saw(destination)
    assert {(tuple(each.answers.items()), each.users) for each in users.patterns()} == {
        ((("v1", 2),), 2),
        ((("v2", 1),), 1),
    }
