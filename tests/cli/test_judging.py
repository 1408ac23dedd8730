from __future__ import annotations

import sys
from pathlib import Path

import pytest

from edgesim.cli.judging import Apart
from edgesim.dialects import fault_of
from tests.dialects.certificates import pair
from tests.policies.signing import jwks
from tests.running import ROOT, canary, running

ASKED = (
    ("certificate", pair().chain, pair().key),
    ("certificate", pair().chain, pair("b.example").key),
    ("authority", "no certificate"),
    ("keys", jwks()),
    ("keys", '{"keys": []}'),
)


def test_a_judge_elsewhere_says_the_same() -> None:
    """What the library in this process says, with a process for each reading that needs one, and none that stays."""
    judging = Apart()
    for _ in range(2):
        with judging() as judge:
            assert [judge(*asked) for asked in ASKED] == [fault_of(*asked) for asked in ASKED]
    with judging() as judge:
        assert judge("authority", "still none") == fault_of("authority", "still none") != ""


def test_where_no_process_can_be_had_the_judge_is_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that ends at once is no answer."""
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with Apart()() as judge:
        assert [judge(*asked) for asked in ASKED] == [fault_of(*asked) for asked in ASKED]


@pytest.mark.skipif(sys.platform != "linux", reason="what a process has loaded is read from /proc")
def test_the_process_that_serves_loads_no_cryptography() -> None:
    """Also where the configuration has keys: 9 MB that would stay."""
    with running(*canary("echo", "echo-v2", "upstream"), ROOT / "configs" / "jwt-canary") as gateway:
        assert gateway.get(headers={"authorization": "Bearer forged"})[0] == 401
        assert "cryptography" not in Path(f"/proc/{gateway.process.pid}/maps").read_text()
