from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from edgesim.config.serving import NOTHING, Candidate, Served, serve
from edgesim.model import Cluster, ClusterType, Model, Problem, Severity

ERROR = Problem("ES0001", Severity.ERROR, "an error")
WARNING = Problem("ES0002", Severity.WARNING, "a warning")
NOTE = Problem("ES0003", Severity.NOTE, "a note")


def candidate(version: int, *problems: Problem) -> Candidate:
    return Candidate(Model(clusters=(Cluster(f"c{version}", ClusterType.EDS),)), version, problems)


def after(*candidates: Candidate, keep_going: bool = False) -> Served:
    served = NOTHING
    for one in candidates:
        served = serve(served, one, keep_going=keep_going)
    return served


def test_a_sound_configuration_is_served() -> None:
    """Without errors and warnings the newest model is served; notes are told and change nothing."""
    served = after(candidate(1), candidate(2, NOTE))
    assert (served.version, served.frozen, served.problems, served.blocking) == (2, False, (NOTE,), ())


def test_errors_and_warnings_freeze() -> None:
    """Any error or warning keeps the last good model, however many follow; mending it goes on."""
    for problem in (ERROR, WARNING):
        served = after(candidate(1), candidate(2, problem), candidate(3, problem, NOTE))
        assert (served.version, served.frozen, served.blocking) == (1, True, (problem,))
        assert served.model == candidate(1).model
        assert serve(served, candidate(4)).version == 4


def test_a_selector_may_find_nothing() -> None:
    """A selector that finds no table holds nothing up, but where a table is there that it may have meant."""
    alone = Problem("ES0254", Severity.WARNING, "no route table matches the given selector")
    assert after(candidate(1), candidate(2, alone)).version == 2
    assert after(candidate(1), candidate(2, replace(alone, hint="did you mean `echo`?"))).version == 1


def test_nothing_good_yet() -> None:
    """Before anything was good nothing is served."""
    served = after(candidate(1, ERROR))
    assert (served.model, served.good, served.frozen) == (Model(), False, True)


def test_keep_going() -> None:
    """With --keep-going what can be served is, until something was good once; then it freezes as ever."""
    served = after(candidate(1, ERROR), candidate(2, WARNING), keep_going=True)
    assert (served.version, served.frozen, served.good, served.blocking) == (2, False, False, (WARNING,))
    served = after(candidate(1, ERROR), candidate(2), candidate(3, ERROR), keep_going=True)
    assert (served.version, served.frozen) == (2, True)


@given(st.lists(st.sets(st.sampled_from([ERROR, WARNING, NOTE])), min_size=1))
def test_what_is_served_is_the_last_good(history: list[set[Problem]]) -> None:
    """After any history the model is that of the last configuration with nothing but notes."""
    candidates = [candidate(number, *problems) for number, problems in enumerate(history, 1)]
    good = [one for one in candidates if set(one.problems) <= {NOTE}]
    served = after(*candidates)
    assert served.model == (good[-1].model if good else Model())
    assert served.problems == candidates[-1].problems
    assert served.frozen == bool(set(candidates[-1].problems) - {NOTE})
