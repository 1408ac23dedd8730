"""Which names mean this machine."""

from __future__ import annotations

import pytest

from edgesim.control.guard import host_of, is_loopback


@pytest.mark.parametrize(
    "host", ["localhost", "LocalHost", "localhost.", "a.localhost", "127.0.0.1", "127.9.9.9", "::1"]
)
def test_this_machine(host: str) -> None:
    """Loopback by name and by address, IPv4 and IPv6."""
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["", "evil.example", "localhost.evil.example", "10.0.0.1", "0.0.0.0", "::", "notlocalhost"]
)
def test_other_machines(host: str) -> None:
    """Everything else is foreign, names that only look like it too."""
    assert not is_loopback(host)


@pytest.mark.parametrize(
    ("authority", "host"),
    [
        ("localhost:9901", "localhost"),
        ("[::1]:9901", "::1"),
        ("127.0.0.1", "127.0.0.1"),
        ("[::1", ""),
        ("", ""),
        ("a@b", "b"),
    ],
)
def test_the_host_of_an_authority(authority: str, host: str) -> None:
    """The port and the brackets go; what is no authority has no host."""
    assert host_of(authority) == host
