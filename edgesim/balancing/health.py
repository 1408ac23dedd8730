"""What is known of one endpoint's health, by one worker."""

from __future__ import annotations

from collections.abc import Iterable

from edgesim.model import Endpoint

Address = tuple[str, int]


class HostHealth:
    """The health of an address: mutable, and it outlives endpoint sets.

    `active_failed` is the verdict of active health checks. `ejected_until` is the time at which an ejection by outlier
    detection ends (None while there is none), and `ejections` counts them as they lengthen the next one.
    `healthy_since` is when it was added, or when checks last found it healthy again: slow start begins there.
    `active` is the requests under way to it. Whoever changes one of the first two tells the balancer.
    """

    __slots__ = ("active", "active_failed", "ejected_until", "ejections", "healthy_since")

    def __init__(self, healthy_since: float) -> None:
        """Begin healthy, at a time of the balancer's clock."""
        self.active_failed = False
        self.ejected_until: float | None = None
        self.ejections = 0
        self.healthy_since = healthy_since
        self.active = 0

    @property
    def healthy(self) -> bool:
        """Whether requests are sent there outside a panic."""
        return not self.active_failed and self.ejected_until is None


Health = dict[Address, HostHealth]


def address_of(endpoint: Endpoint) -> Address:
    """Return by what an endpoint's health is known."""
    return endpoint.address, endpoint.port


def follow(health: Health, endpoints: Iterable[Endpoint], now: float) -> None:
    """Begin a record of each new address, and forget those that are gone."""
    addresses = dict.fromkeys(map(address_of, endpoints))
    for gone in health.keys() - addresses.keys():
        del health[gone]
    for address in addresses.keys() - health.keys():
        health[address] = HostHealth(now)
