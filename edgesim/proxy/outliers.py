"""Outlier detection of one cluster in one worker: what requests find goes to the detector, ejections to the balancer.

Each worker judges by its own requests, so with several workers an endpoint may be out in one and still in in another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from edgesim.balancing import Address, Balancer
from edgesim.model import OutlierDetection
from edgesim.policies.outlier import Detector, Ejections, Monitor


class Watch:
    """Tells of one endpoint what its requests find."""

    __slots__ = ("_address", "_monitor", "_outliers")

    def __init__(self, outliers: Outliers, address: Address, monitor: Monitor) -> None:
        """Watch the endpoint of an address."""
        self._outliers, self._address, self._monitor = outliers, address, monitor

    def answered(self, status: int) -> None:
        """Note an answer."""
        outliers = self._outliers
        if outliers.detector.answered(self._monitor, status, outliers.clock()):
            outliers.show(self._address)

    def failed(self, status: int) -> None:
        """Note that no answer came, or not to its end; `status` is what it counts as."""
        outliers = self._outliers
        if outliers.detector.failed(self._monitor, status, outliers.clock()):
            outliers.show(self._address)

    def reached(self) -> None:
        """Note that there is a connection for a request."""
        self._outliers.detector.reached(self._monitor)


class Outliers:
    """The detector of a cluster, and whom it tells."""

    __slots__ = ("_balancer", "clock", "detector", "look_at")

    def __init__(
        self,
        config: OutlierDetection,
        balancer: Balancer,
        draw: Callable[[], int],
        clock: Callable[[], float],
        counted: Ejections,
    ) -> None:
        """Begin the first interval; `draw` draws 64 bits, `clock` is the balancer's, `counted` counts ejections."""
        self.detector: Detector[Address] = Detector(config, draw, counted)
        self.clock = clock
        self._balancer = balancer
        self.look_at = clock() + config.interval

    def follow(self, addresses: Iterable[Address]) -> None:
        """Know these endpoints; new ones begin with a clean slate."""
        self.detector.follow(addresses)

    def watch(self, address: Address) -> Watch | None:
        """Return what watches an endpoint, None for one that is gone."""
        monitor = self.detector.monitors.get(address)
        return None if monitor is None else Watch(self, address, monitor)

    def look(self, now: float) -> float:
        """End the interval if it is over; return when the one at hand is."""
        if now >= self.look_at:
            self.look_at = now + self.detector.config.interval
            if self.detector.look(now):
                for address in self.detector.monitors:
                    self._write(address)
                self._balancer.health_changed()
        return self.look_at

    def passed_check(self, address: Address) -> None:
        """End the ejection of an endpoint: an active health check passed."""
        monitor = self.detector.monitors.get(address)
        if monitor is not None and self.detector.passed_check(monitor, self.clock()):
            self.show(address)

    def show(self, address: Address) -> None:
        """Tell the balancer whether an endpoint is out."""
        self._write(address)
        self._balancer.health_changed()

    def _write(self, address: Address) -> None:
        monitor, record = self.detector.monitors[address], self._balancer.health.get(address)
        if record is not None:
            at = monitor.ejected_at
            record.ejected_until = None if at is None else at + self.detector.term(monitor)
            record.ejections = monitor.ejections
