"""The tables of `get`."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from edgesim.cli.tables import age, human_duration, table

NOW = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (599, "9m59s"),
        (600, "10m"),
        (10_799, "179m"),
        (10_800, "3h"),
        (28_740, "7h59m"),
        (28_800, "8h"),
        (172_799, "47h"),
        (172_800, "2d"),
        (180_000, "2d2h"),
        (691_200, "8d"),
    ],
)
def test_durations_are_kubectls(seconds: int, text: str) -> None:
    """The steps are those of duration.HumanDuration."""
    assert human_duration(seconds) == text


def test_an_age_that_is_none() -> None:
    """A timestamp that cannot be read has no age."""
    assert age("yesterday", NOW) == "<unknown>"


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    """Columns stand three spaces apart, and missing cells say <none>."""
    items = [
        {"metadata": {"name": "a", "namespace": "default", "creationTimestamp": "2026-11-24T11:59:30Z"}},
        {"metadata": {"name": "long-name", "namespace": "x", "creationTimestamp": "2026-11-24T11:00:00Z"}},
    ]
    lines = table(items, "Settings", namespaces=True, now=NOW)
    assert lines == [
        "NAMESPACE   NAME        AGE",
        "default     a           30s",
        "x           long-name   60m",
    ]


def test_a_sound_table_that_waits_says_so() -> None:
    """Its state is Accepted, as in Gloo; that another team's mistake holds it up stands beside it."""
    reported = {"state": "Accepted", "details": {"heldUpBy": ["ES0214 of RouteTable echo/echo"]}}
    metadata = {"name": "foxtrot", "namespace": "foxtrot", "creationTimestamp": "2026-11-24T11:59:30Z"}
    item = {"metadata": metadata, "spec": {"routes": [{}]}, "status": {"statuses": {"gloo-system": reported}}}
    assert table([item], "RouteTable", namespaces=False, now=NOW) == [
        "NAME      ROUTES   STATE                AGE",
        "foxtrot   1        Accepted (held up)   30s",
    ]
