"""Injected delays and aborts (reference, section 6.5), as Envoy's fault filter decides them.

Each decision takes random draws of its own, so that the one of the weighted choice stays untouched. The
delay comes first, then the abort with the body `fault filter abort`. Headers may ask for faults where the
listener allows it; a route's own faults then replace that, as a route's configuration replaces the
filter's. Measured on Envoy 1.40: a status outside 200..599 and a delay that is no positive number of
milliseconds are ignored; a percentage header can only lower the percentage, and is ignored when it is no
number.
"""

from __future__ import annotations

from dataclasses import dataclass

from edgesim.model import RequestHead
from edgesim.model.policies import Fault
from edgesim.policies.lines import MILLION, line, number

ABORT_BODY = b"fault filter abort"

_DELAY = b"x-envoy-fault-delay-request"
_ABORT = b"x-envoy-fault-abort-request"
_DELAY_PERCENTAGE = b"x-envoy-fault-delay-request-percentage"
_ABORT_PERCENTAGE = b"x-envoy-fault-abort-request-percentage"
_PERCENT = MILLION // 100


@dataclass(frozen=True, slots=True)
class Injection:
    """What to do to one request: wait `delay` seconds (0 for not at all), then answer `status` (0 for not)."""

    delay: float
    status: int


def decide(fault: Fault, delay_draw: int, abort_draw: int) -> Injection | None:
    """Return what a route's fault does to a request, None for nothing; draws are random 64-bit integers."""
    delay = fault.delay if delay_draw % MILLION < fault.delay_millionths else 0.0
    status = fault.abort_status if abort_draw % MILLION < fault.abort_millionths else 0
    return Injection(delay, status) if delay or status else None


def from_headers(head: RequestHead) -> Fault | None:
    """Return the fault that a request's own headers ask for, None for none."""
    if _DELAY not in head.headers and _ABORT not in head.headers:
        return None
    delay = number(line(head, _DELAY)) or 0
    status = number(line(head, _ABORT)) or 0
    return Fault(
        delay_millionths=_millionths(head, _DELAY_PERCENTAGE),
        delay=delay / 1000,
        abort_millionths=_millionths(head, _ABORT_PERCENTAGE),
        abort_status=status if 200 <= status < 600 else 0,
    )


def _millionths(head: RequestHead, name: bytes) -> int:
    percentage = number(line(head, name))
    return MILLION if percentage is None else min(percentage * _PERCENT, MILLION)
