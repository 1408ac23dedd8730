"""Columns of namespaces, of what is stored in them, of events, and of who may do what.

Source: the printers of Kubernetes v1.33 (pkg/printers/internalversion), as kubectl shows them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

from edgesim.kube.columns import (
    AGE,
    NAME,
    Cell,
    Column,
    Object,
    at,
    joined,
    number_at,
    objects_at,
    since,
    text_at,
    time_at,
)


def _size(*fields: str) -> Callable[[Object, datetime], Cell]:
    """Count what several mappings and lists hold together."""

    def cell(found: Object, _now: datetime) -> Cell:
        values = [at(found, field) for field in fields]
        return sum(len(value) for value in values if isinstance(value, dict | list))

    return cell


NAMESPACE: Final = (
    NAME,
    Column("Status", lambda found, _now: text_at(found, "status", "phase"), description="Active or Terminating."),
    AGE,
)
SECRET: Final = (
    NAME,
    Column("Type", lambda found, _now: text_at(found, "type"), description="What the data is for."),
    Column("Data", _size("data"), "integer", "How many entries it has."),
    AGE,
)
CONFIG_MAP: Final = (NAME, Column("Data", _size("data", "binaryData"), "integer", "How many entries it has."), AGE)
SERVICE_ACCOUNT: Final = (NAME, Column("Secrets", _size("secrets"), "integer", "How many secrets it names."), AGE)


def _first(event: Object) -> datetime | None:
    return time_at(event, "firstTimestamp") or time_at(event, "eventTime")


def _last(event: Object) -> datetime | None:
    series = time_at(event, "series", "lastObservedTime")
    return series or time_at(event, "lastTimestamp") or _first(event)


def _involved(event: Object, _now: datetime) -> Cell:
    kind, name = (text_at(event, "involvedObject", field) for field in ("kind", "name"))
    return f"{kind.lower()}/{name}" if name else kind.lower()


def _source(event: Object, _now: datetime) -> Cell:
    component = text_at(event, "source", "component") or text_at(event, "reportingComponent")
    return joined((part for part in (component, text_at(event, "source", "host")) if part), none="", separator=", ")


def _count(event: Object, _now: datetime) -> Cell:
    return number_at(event, "series", "count") or number_at(event, "count") or 1


EVENT: Final = (
    Column("Last Seen", lambda event, now: since(_last(event), now), description="When it happened last."),
    Column("Type", lambda event, _now: text_at(event, "type"), description="Normal or Warning."),
    Column("Reason", lambda event, _now: text_at(event, "reason"), description="One word that says why."),
    Column("Object", _involved, description="What it is about."),
    Column(
        "Subobject",
        lambda event, _now: text_at(event, "involvedObject", "fieldPath"),
        description="Which part of the object it is about.",
        wide=True,
    ),
    Column("Source", _source, description="Who tells it.", wide=True),
    Column("Message", lambda event, _now: text_at(event, "message").strip(), description="What happened."),
    Column(
        "First Seen", lambda event, now: since(_first(event), now), description="When it happened first.", wide=True
    ),
    Column("Count", _count, "integer", "How often it happened.", wide=True),
    Column("Name", NAME.cell, description=NAME.description, wide=True, format="name"),
)


def _created(found: Object, _now: datetime) -> Cell:
    return text_at(found, "metadata", "creationTimestamp")


def _role(binding: Object, _now: datetime) -> Cell:
    return f"{text_at(binding, 'roleRef', 'kind')}/{text_at(binding, 'roleRef', 'name')}"


def _subjects(kind: str) -> Callable[[Object, datetime], Cell]:
    def cell(binding: Object, _now: datetime) -> Cell:
        found = [each for each in objects_at(binding, "subjects") if text_at(each, "kind") == kind]
        return joined((_subject(each) for each in found), none="", separator=", ")

    return cell


def _subject(subject: Object) -> str:
    name = text_at(subject, "name")
    return f"{text_at(subject, 'namespace')}/{name}" if text_at(subject, "kind") == "ServiceAccount" else name


ROLE: Final = (NAME, Column("Created At", _created, "date", "When it was made."))
ROLE_BINDING: Final = (
    NAME,
    Column("Role", _role, description="The role that is given."),
    AGE,
    Column("Users", _subjects("User"), description="Users who have it.", wide=True),
    Column("Groups", _subjects("Group"), description="Groups that have it.", wide=True),
    Column("ServiceAccounts", _subjects("ServiceAccount"), description="Service accounts that have it.", wide=True),
)
