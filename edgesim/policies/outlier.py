"""Outlier detection as Envoy's: who is ejected for what is seen of its answers, and for how long.

https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/outlier
Time and draws are passed in. Whoever owns a detector tells it of every answer and failure, and lets it look at all hosts
once per interval: an ejection ends at such a look only.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from math import sqrt
from typing import Final, Generic, TypeVar

from edgesim.model import OutlierDetection

H = TypeVar("H", bound=Hashable)
_FIRST_ERROR = 500
_LAST_ERROR = 599
_GATEWAY_ERRORS = frozenset((502, 503, 504))
_UNAVAILABLE = 503
_HUNDRED = 100
CAUSES: Final = (
    "consecutive_5xx",
    "consecutive_gateway_failure",
    "consecutive_local_origin_failure",
    "local_origin_success_rate",
    "success_rate",
)
"""What a host can be ejected for, in the words of Envoy's statistics and of the fields `enforcing_...`."""


class Rate:
    """How many of a host's results were good, in this interval and in the one before."""

    __slots__ = ("good", "good_before", "total", "total_before")

    def __init__(self) -> None:
        """Begin without results."""
        self.good = self.total = self.good_before = self.total_before = 0

    def turn(self) -> None:
        """Begin another interval."""
        self.good_before, self.total_before = self.good, self.total
        self.good = self.total = 0

    @property
    def percent(self) -> float:
        """The share of good results in the interval before."""
        return 100 * self.good_before / self.total_before


class Monitor:
    """What is known of one host."""

    __slots__ = (
        "answers",
        "backoff",
        "ejected_at",
        "ejections",
        "errors",
        "gateway_errors",
        "local",
        "local_failures",
        "unejected_at",
    )

    def __init__(self) -> None:
        """Begin with a clean slate. `backoff` lengthens an ejection, `ejections` counts all of them."""
        self.errors = self.gateway_errors = self.local_failures = 0
        self.answers, self.local = Rate(), Rate()
        self.ejected_at: float | None = None
        self.unejected_at: float | None = None
        self.backoff = self.ejections = 0

    def forgive(self) -> None:
        """Let failures in a row begin anew."""
        self.errors = self.gateway_errors = self.local_failures = 0


class Ejections:
    """How many there were in a cluster: they outlive the detector, which other thresholds make anew."""

    __slots__ = ("detected", "enforced", "overflows")

    def __init__(self) -> None:
        """Begin at zero."""
        self.detected = dict.fromkeys(CAUSES, 0)
        self.enforced = dict.fromkeys(CAUSES, 0)
        """By cause, how often a threshold was met, and how often somebody was ejected for it."""
        self.overflows = 0
        """Ejections that would have been too many at a time."""


class Detector(Generic[H]):
    """The hosts of one cluster, as its requests find them."""

    __slots__ = ("_draw", "config", "counted", "ejected", "monitors")

    def __init__(self, config: OutlierDetection, draw: Callable[[], int], counted: Ejections | None = None) -> None:
        """Take the thresholds, and what draws 64 bits: a threshold that is met ejects by chance where less than 100.

        Ejections are counted in `counted`.
        """
        self.config = config
        self._draw = draw
        self.monitors: dict[H, Monitor] = {}
        self.ejected = 0
        self.counted = counted or Ejections()

    def follow(self, hosts: Iterable[H]) -> None:
        """Know these hosts, and forget all others."""
        kept = dict.fromkeys(hosts)
        self.monitors = {host: self.monitors.get(host) or Monitor() for host in kept}
        self.ejected = sum(each.ejected_at is not None for each in self.monitors.values())

    def answered(self, monitor: Monitor, status: int, now: float) -> bool:
        """Note the status of an answer; return whether its host is ejected for it."""
        answers = monitor.answers
        answers.total += 1
        if not _FIRST_ERROR <= status <= _LAST_ERROR:
            answers.good += 1
            monitor.errors = monitor.gateway_errors = 0
            return False
        monitor.gateway_errors = monitor.gateway_errors + 1 if status in _GATEWAY_ERRORS else 0
        monitor.errors += 1
        config, ejected = self.config, False
        if monitor.gateway_errors == config.consecutive_gateway_failure and monitor.ejected_at is None:
            ejected = self._eject(monitor, "consecutive_gateway_failure", now)
            monitor.gateway_errors = 0
        if monitor.errors == config.consecutive_5xx and monitor.ejected_at is None:
            ejected = self._eject(monitor, "consecutive_5xx", now)
            monitor.errors = 0
        return ejected

    def failed(self, monitor: Monitor, status: int, now: float) -> bool:
        """Note that no answer came, for which a client is given `status`; return whether the host is ejected for it.

        Where failures on this side are not told apart from a host's own errors, it is as if it had answered so.
        """
        if not self.config.split_external_local_origin_errors:
            return self.answered(monitor, status or _UNAVAILABLE, now)
        monitor.local.total += 1
        monitor.local_failures += 1
        if monitor.local_failures != self.config.consecutive_local_origin_failure or monitor.ejected_at is not None:
            return False
        ejected = self._eject(monitor, "consecutive_local_origin_failure", now)
        monitor.local_failures = 0
        return ejected

    def reached(self, monitor: Monitor) -> None:
        """Note that there is a connection for a request. It counts only where failures are told apart."""
        if self.config.split_external_local_origin_errors:
            monitor.local.total += 1
            monitor.local.good += 1
            monitor.local_failures = 0

    def passed_check(self, monitor: Monitor, now: float) -> bool:
        """Note that an active health check passed, which ends an ejection; return whether there was one."""
        if monitor.ejected_at is None:
            return False
        self._uneject(monitor, now)
        return True

    def look(self, now: float) -> bool:
        """End an interval; return whether anybody was ejected or let back in."""
        before = [monitor.ejected_at for monitor in self.monitors.values()]
        for monitor in self.monitors.values():
            if monitor.ejected_at is not None and now - monitor.ejected_at >= self.term(monitor):
                self._uneject(monitor, now)
            monitor.answers.turn()
            monitor.local.turn()
        self._compare(lambda monitor: monitor.answers, "success_rate", now)
        self._compare(lambda monitor: monitor.local, "local_origin_success_rate", now)
        self._shorten(now)
        return before != [monitor.ejected_at for monitor in self.monitors.values()]

    def term(self, monitor: Monitor) -> float:
        """Return how long a host that is ejected stays out at least, in seconds."""
        config = self.config
        return min(config.base_ejection_time * monitor.backoff, self._longest)

    @property
    def _longest(self) -> float:
        return max(self.config.max_ejection_time, self.config.base_ejection_time)

    def _eject(self, monitor: Monitor, cause: str, now: float) -> bool:
        """Eject unless too many would be out then; the share counts the one at hand, as in Envoy 1.40.

        So of few hosts none may be ejected at all: of five, at the default of 10 per cent.
        """
        config = self.config
        self.counted.detected[cause] += 1
        if 100 * (self.ejected + 1) > min(config.max_ejection_percent, _HUNDRED) * len(self.monitors):
            self.counted.overflows += 1
            return False
        enforcing: int = getattr(config, f"enforcing_{cause}")
        if self._draw() % _HUNDRED >= enforcing:
            return False
        self.counted.enforced[cause] += 1
        self.ejected += 1
        monitor.ejections += 1
        monitor.ejected_at = now
        if monitor.backoff * config.base_ejection_time < self._longest + config.base_ejection_time:
            monitor.backoff += 1
        return True

    def _uneject(self, monitor: Monitor, now: float) -> None:
        self.ejected -= 1
        monitor.ejected_at = None
        monitor.unejected_at = now
        monitor.forgive()

    def _compare(self, of: Callable[[Monitor], Rate], cause: str, now: float) -> None:
        """Eject whose share of good results lies too many standard deviations below the mean."""
        config = self.config
        if len(self.monitors) < config.success_rate_minimum_hosts:
            return
        inside = (each for each in self.monitors.values() if each.ejected_at is None and of(each).total_before)
        rates = [
            (each, of(each).percent) for each in inside if of(each).total_before >= config.success_rate_request_volume
        ]
        if not rates or len(rates) < config.success_rate_minimum_hosts:
            return
        threshold = _threshold([rate for _, rate in rates], config.success_rate_stdev_factor / 1000)
        for monitor, rate in rates:
            if rate < threshold:
                self._eject(monitor, cause, now)

    def _shorten(self, now: float) -> None:
        """Let the next ejection of hosts be shorter that have been in for an interval."""
        for monitor in self.monitors.values():
            back = monitor.ejected_at is None and monitor.unejected_at is not None
            if back and monitor.backoff and now - (monitor.unejected_at or 0.0) >= self.config.interval:
                monitor.backoff -= 1


def _threshold(rates: list[float], factor: float) -> float:
    mean = sum(rates) / len(rates)
    return mean - factor * sqrt(sum((rate - mean) ** 2 for rate in rates) / len(rates))
