from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType

import pytest

from edgesim.cli.load_locust import Engine, locust_of
from edgesim.load.locust_driver import Locust
from edgesim.model import EdgesimError

ALONE = Engine(
    locust=True, master=False, worker=False, processes=0, expect_workers=2, master_host="h", master_port=5557,
    bind_host="127.0.0.1",
)  # fmt: skip


def engine(**given: object) -> Engine:
    return Engine(**{name: given.get(name, getattr(ALONE, name)) for name in Engine.__slots__})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "workers", "said"),
    [
        ({"locust": False, "master": True}, 1, "--master is for --engine locust"),
        ({"locust": False, "processes": 2}, 1, "--processes is for --engine locust"),
        ({"master": True, "worker": True}, 1, "--master and --worker cannot be both"),
        ({"worker": True, "processes": 1}, 1, "--worker and --processes cannot be both"),
        ({}, 2, "--workers are edgesim's own client processes"),
    ],
)
def test_options_that_do_not_go_together_are_refused(given: dict[str, object], workers: int, said: str) -> None:
    """As a wrong command line, with what is right."""
    with pytest.raises(EdgesimError, match=f"ES1200 {said}") as refused:
        locust_of(engine(**given), workers)
    assert refused.value.exit_code == 2


def test_edgesims_own_engine_is_the_rule() -> None:
    """Then nothing of Locust is needed."""
    assert locust_of(engine(locust=False), 4) is None


def test_locust_is_run_as_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Alone, with processes here, or as a master of workers elsewhere."""
    if find_spec("locust") is None:  # what is asked is only whether there is one
        stand_in = ModuleType("locust")
        stand_in.__spec__ = ModuleSpec("locust", None)
        monkeypatch.setitem(sys.modules, "locust", stand_in)
    assert locust_of(ALONE, 1) == Locust()
    assert locust_of(engine(processes=3), 1) == Locust(processes=3)
    assert locust_of(engine(master=True), 1) == Locust(2, "127.0.0.1:5557")


@pytest.mark.parametrize(
    ("given", "option"),
    [
        ({"worker": True, "master_host": "no.such.host.invalid"}, "--master-host"),
        ({"master": True, "bind_host": "no.such.host.invalid"}, "--master-bind-host"),
    ],
)
def test_a_host_that_nobody_knows(given: dict[str, object], option: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker would try to join it without end."""
    monkeypatch.setattr("edgesim.load.locust_driver.check", lambda: None)
    with pytest.raises(EdgesimError, match=f"ES1202 {option} no.such.host.invalid: ") as refused:
        locust_of(engine(**given), 1)
    assert refused.value.exit_code == 2


def test_what_to_install_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Locust is not there."""
    monkeypatch.setitem(sys.modules, "locust", None)
    with pytest.raises(EdgesimError, match="ES1214 Locust is not installed; pip install"):
        locust_of(ALONE, 1)
