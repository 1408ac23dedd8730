"""What is known of one header or parameter."""

from __future__ import annotations

import pytest

from edgesim.inspect.diff.literals import Literal, literals_of, truth, value
from edgesim.model import ValueKind
from edgesim.routing.conditions import HEADER, METHOD, Condition

PRESENT = Condition(HEADER, b"x", ValueKind.PRESENT)
ONE, TWO = (Condition(HEADER, b"x", ValueKind.EXACT, each) for each in ("1", "2"))
DIGITS = Condition(HEADER, b"x", ValueKind.REGEX, "[0-9]+")
ANYTHING = Condition(HEADER, b"x", ValueKind.REGEX, ".*")
GET, POST = (Condition(HEADER, METHOD, ValueKind.EXACT, each) for each in ("GET", "POST"))


def test_inverted_conditions() -> None:
    """An inverted condition on a value also asks for the header; an inverted one on presence asks for absence."""
    assert [*literals_of(ONE._replace(invert=True))] == [Literal(PRESENT, True), Literal(ONE, False)]
    assert [*literals_of(PRESENT._replace(invert=True))] == [Literal(PRESENT, False)]


@pytest.mark.parametrize(
    ("known", "asked", "answer"),
    [
        ([(ONE, True)], TWO, False),
        ([(ONE, True)], DIGITS, True),
        ([(ONE, True)], PRESENT, True),
        ([(PRESENT, False)], ONE, False),
        ([(ONE, False)], TWO, None),
        ([(DIGITS, False)], ONE, False),
        ([(DIGITS, True), (ONE, False)], TWO, None),
        ([(PRESENT, True)], ANYTHING, True),
        ([(ANYTHING, False)], PRESENT, False),
        ([(GET, True)], POST, False),
        ([], GET, None),
    ],
)
def test_what_follows(known: list[tuple[Condition, bool]], asked: Condition, answer: bool | None) -> None:
    """A condition holds, does not, or may, where others are known to hold or not."""
    assert truth(tuple(Literal(*each) for each in known), asked) is answer


def test_values() -> None:
    """A value that satisfies what is known is found, absence where that does, and none where nothing can."""
    assert value((Literal(ONE, False),)) == ()
    assert value((Literal(PRESENT, True), Literal(Condition(HEADER, b"x", ValueKind.EXACT, "x"), False))) == (b"1",)
    assert value((Literal(DIGITS, True), Literal(ONE, False))) == (b"0",)
    assert value((Literal(GET, False),)) == (b"POST",)
    assert value((Literal(Condition(HEADER, METHOD, ValueKind.EXACT, ""), True),)) is None
    assert value((Literal(ONE, True), Literal(TWO, True))) is None
