from __future__ import annotations

from dataclasses import replace

from edgesim.load.results import Second
from edgesim.load.seconds import join, without_stragglers
from edgesim.telemetry import slots
from tests.load import samples


def test_joined_seconds_keep_every_request() -> None:
    """Counts and histograms are added up by name, and the longest queue and the busiest client stay what they were."""
    part = samples.result(3).timeline
    made = join(part)
    assert (made.at, made.asked, made.done) == (0, 600, sum(second.done for second in part))
    assert made.latency == slots.total(second.latency for second in part)
    assert slots.count(made.by_destination["v1"]) == sum(second.destinations["v1"] for second in part)
    assert made.waiting == max(second.waiting for second in part)


def test_only_the_last_few_answers_are_stragglers() -> None:
    """A second that hardly anybody asked for goes to the one before where it has few answers or none, and stays where it has many."""
    one = samples.result(1).timeline[0]
    late = replace(one, at=1, asked=0, done=3)
    assert [second.done for second in without_stragglers((one, late))] == [one.done + 3]
    assert len(without_stragglers((one, Second(1)))) == 1
    assert len(without_stragglers((one, replace(late, done=100)))) == 2
    assert len(without_stragglers((one, replace(late, asked=1)))) == 1
    assert len(without_stragglers((one, replace(late, asked=one.asked // 2)))) == 2
    assert without_stragglers(()) == []
