"""Columns of Gloo's kinds: name and age, as its CRDs print them, and with `-o wide` what one wants to know next."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from edgesim.kube.columns import (
    NAME,
    Cell,
    Column,
    Object,
    abridged,
    age_of,
    at,
    joined,
    number_at,
    objects_at,
    text_at,
    texts_at,
)

_STATES: Final = ("Pending", "Accepted", "Rejected", "Warning")
AGE: Final = Column("Age", age_of, "date", "How long ago the object was made.")


def _state(status: Any) -> str:
    """Return a state by its name: older writers gave its number."""
    state = at(status, "state")
    if isinstance(state, int) and not isinstance(state, bool) and 0 <= state < len(_STATES):
        return _STATES[state]
    return state if isinstance(state, str) else ""


def _status(found: Object, _now: datetime) -> Cell:
    """Return what the reporters say of an object; Pending while nobody has."""
    reported = at(found, "status", "statuses")
    states = (
        [_state(each) for each in reported.values()] if isinstance(reported, dict) else [_state(found.get("status"))]
    )
    return joined(dict.fromkeys(state for state in states if state), none="Pending")


def _length(*path: str) -> Callable[[Object, datetime], Cell]:
    return lambda found, _now: len(objects_at(found, *path))


def _domains(found: Object, _now: datetime) -> Cell:
    return abridged(texts_at(found, "spec", "virtualHost", "domains"), none="*")


def _ssl(found: Object, _now: datetime) -> Cell:
    return "yes" if at(found, "spec", "sslConfig") is not None else "no"


def _upstream_type(found: Object, _now: datetime) -> Cell:
    spec = at(found, "spec")
    known = ("static", "kube", "consul", "aws", "awsEc2", "azure", "gcp", "pipe", "ai")
    return next((name for name in known if at(spec, name) is not None), "")


def _static_host(host: Object) -> str:
    return f"{text_at(host, 'addr')}:{number_at(host, 'port')}"


def _upstream_details(found: Object, _now: datetime) -> Cell:
    kube = at(found, "spec", "kube")
    if kube is not None:
        place = f"{text_at(kube, 'serviceNamespace')}/{text_at(kube, 'serviceName')}"
        return f"{place}:{number_at(kube, 'servicePort')}"
    return abridged([_static_host(host) for host in objects_at(found, "spec", "static", "hosts")])


def _total_weight(found: Object, _now: datetime) -> Cell:
    return sum(number_at(each, "weight") for each in objects_at(found, "spec", "destinations"))


def _address(found: Object, _now: datetime) -> Cell:
    return f"{text_at(found, 'spec', 'bindAddress')}:{number_at(found, 'spec', 'bindPort')}"


def _listeners(found: Object, _now: datetime) -> Cell:
    listeners = objects_at(found, "spec", "listeners")
    return abridged([f"{text_at(each, 'bindAddress')}:{number_at(each, 'bindPort')}" for each in listeners])


def _wide(name: str, cell: Callable[[Object, datetime], Cell], description: str, type_: str = "string") -> Column:
    return Column(name, cell, type_, description, wide=True)


STATUS: Final = _wide("Status", _status, "What the gateway makes of it.")
PLAIN: Final = (NAME, AGE)
REPORTED: Final = (NAME, AGE, STATUS)

VIRTUAL_SERVICE: Final = (
    *REPORTED,
    _wide("Domains", _domains, "The hosts it answers for."),
    _wide("TLS", _ssl, "Whether it is served over TLS."),
    _wide("Routes", _length("spec", "virtualHost", "routes"), "How many routes it has itself.", "integer"),
)
ROUTE_TABLE: Final = (
    *REPORTED,
    _wide("Weight", lambda found, _now: number_at(found, "spec", "weight"), "Its place among others.", "integer"),
    _wide("Routes", _length("spec", "routes"), "How many routes it has itself.", "integer"),
)
GATEWAY: Final = (*REPORTED, _wide("Address", _address, "Where it listens."))
UPSTREAM: Final = (
    *REPORTED,
    _wide("Type", _upstream_type, "Where its endpoints come from."),
    _wide("Details", _upstream_details, "Its hosts, or its Service."),
)
UPSTREAM_GROUP: Final = (
    *REPORTED,
    _wide("Destinations", _length("spec", "destinations"), "How many arms it has.", "integer"),
    _wide("Weight", _total_weight, "The sum of their weights.", "integer"),
)
PROXY: Final = (*REPORTED, _wide("Listeners", _listeners, "Where it listens."))
