from __future__ import annotations

from edgesim.load.limits import Signs, sentences
from edgesim.load.messages import Beat, Counts
from edgesim.telemetry.slots import slot_of
from tests.load.driving import closed, constant

MEASURED = Counts(asked=1000, sent=1000)


def beat(**changes: object) -> Beat:
    """Return what a client tells of a second in which all is well."""
    made = Beat(0, MEASURED, Counts(), 0, 0.2, [], {}, {slot_of(80): 1000})
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def said(counts: Counts, *beats: Beat, in_closed_loop: bool = False) -> str:
    signs = Signs()
    for each in beats:
        signs.add(each)
    return " ".join(sentences(closed(0) if in_closed_loop else constant(0), counts, signs))


def test_nothing_is_said_where_all_is_well() -> None:
    """A client at a fifth of its core that wakes in time has no part in the figures."""
    assert said(MEASURED, beat(), beat()) == ""


def test_a_busy_core() -> None:
    """Over 90% of its core in a second that is measured; in warm-up it does not matter."""
    assert "up to 95% of its core" in said(MEASURED, beat(), beat(busy=0.95))
    assert said(MEASURED, beat(busy=0.95, measured=Counts())) == ""


def test_alarms_that_come_late() -> None:
    """Where 1% of its alarms are over a millisecond late others may have had its core."""
    assert "woke up 5.0" in said(MEASURED, beat(pacing={slot_of(80): 98, slot_of(5000): 2}))


def test_full_send_buffers() -> None:
    """More than 1% of sends that the system took only in part."""
    assert "send buffers" in said(MEASURED, beat(blocked=20))
    assert said(MEASURED, beat(blocked=2)) == ""


def test_what_the_client_lacks() -> None:
    """Files and ports that ran out are named."""
    found = said(MEASURED, beat(short={"files": 3}), beat(short={"files": 2, "ports": 1}))
    assert "5 connections were not opened: open files ran out" in found
    assert "1 connections were not opened: local ports" in found


def test_late_and_unsent_requests() -> None:
    """In an open loop they are told; a closed one has none."""
    counts = Counts(asked=1000, sent=900, late=500, unsent=100)
    assert "100 of 1,000 requests were never sent" in said(counts, beat())
    assert "500 requests were sent over 10 ms late" in said(counts, beat())
    assert said(counts, beat(), in_closed_loop=True) == ""
