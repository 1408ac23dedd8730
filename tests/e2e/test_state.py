"""What an instance knows after it ended, however it ended."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from edgesim.cli.client import Client
from edgesim.cli.revisions import revision_at, revision_in, served_now
from edgesim.config.api_errors import ApiError
from edgesim.model import EdgesimError, Position
from tests.running import Gateway, canary, edgesim, start, wait_until

PAIR = canary("echo", "upstream")


@pytest.fixture
def vs(tmp_path: Path) -> Path:
    """A VirtualService of its own file: everything to v1, v2 for canaries."""
    (service,) = canary("vs-3")
    path = tmp_path / "vs.yaml"
    path.write_text(service.read_text())
    return path


def save(path: Path, text: str) -> None:
    """Save as most editors do, by renaming another over it: nobody ever sees half of it."""
    beside = path.with_name(f".{path.name}.swp")
    beside.write_text(text)
    beside.replace(path)


def break_it(path: Path) -> None:
    """Send a route to an upstream that is not there."""
    save(path, path.read_text().replace("            name: echo\n", "            name: echo-typo\n"))


def kill(gateway: Gateway) -> None:
    """End an instance as a power cut would."""
    gateway.process.send_signal(signal.SIGKILL)
    gateway.process.wait()
    gateway.stop()


def revisions(gateway: Gateway) -> list[int]:
    done = gateway.run("history", "-o", "json")
    return [each["number"] for each in json.loads(done.out)["revisions"]]


def test_what_was_good_is_served_after_a_kill(vs: Path, tmp_path: Path) -> None:
    """A bad file takes no route away when the process comes back, and that is said; mended, it goes live."""
    env = {"XDG_STATE_HOME": str(tmp_path / "state")}
    first = start(*PAIR, vs, env=env)
    assert first.get() == (200, "version:v1")
    assert revisions(first) == [1]
    good = vs.read_text()
    break_it(vs)
    assert vs.read_text() != good
    first.wait_for_error("stays served")
    kill(first)
    second = start(*PAIR, vs, env=env)
    try:
        assert second.get() == (200, "version:v1")
        second.wait_for_error("ES0724 served as before the restart (revision 1 of ")
        ready = second.ask("GET", "/ready?format=json")[1]
        assert (ready["revision"], ready["restored"], ready["frozen"]) == (1, True, True)
        save(vs, good.replace("exact: true", "exact: true"))
        second.wait_for_error("sound again")
        ready = second.ask("GET", "/ready?format=json")[1]
        assert (ready["restored"], ready["frozen"]) == (False, False)
        assert revisions(second) == [1]
    finally:
        second.stop()


@pytest.mark.slow
def test_nothing_good_is_no_start(vs: Path, tmp_path: Path) -> None:
    """Where nothing good is kept, files with problems end `up` with 1; isolate serves a missing upstream as 503."""
    break_it(vs)
    done = edgesim("up", *PAIR, vs, "--port", "0", "--admin-port", "0")
    assert done.code == 1, done
    assert "ES0214" in done.err
    gateway = start(*PAIR, vs, "--invalid-config", "isolate", env={"XDG_STATE_HOME": str(tmp_path)})
    try:
        assert gateway.get()[0] == 503
    finally:
        gateway.stop()


def test_what_apply_wrote_survives_a_kill(vs: Path, tmp_path: Path) -> None:
    """With --state, what was acknowledged is there after a kill -9; what a file says anew counts more."""
    state = ("--state", tmp_path / "state")
    first = start(*PAIR, vs, *state)
    assert first.apply(*canary("echo-v2", "vs-7")).code == 0
    kill(first)
    second = start(*PAIR, vs, *state)
    assert second.get() == (200, "version:v2")
    assert second.run("delete", "deployment", "echo-v2", "-n", "echo").code == 0
    kill(second)
    save(vs, vs.read_text().replace("prefix: /", "prefix: /new"))
    third = start(*PAIR, vs, *state)
    try:
        assert third.get()[0] == 404
        assert third.get("/new") == (200, "version:v1")
        assert "echo-v2" not in third.run("get", "deployments", "-A").out
    finally:
        third.stop()


@pytest.mark.slow
def test_without_a_folder_apply_ends_with_the_process(vs: Path, tmp_path: Path) -> None:
    """By default the files alone say what there is after a restart."""
    env = {"XDG_STATE_HOME": str(tmp_path / "state")}
    first = start(*PAIR, vs, env=env)
    assert first.apply(*canary("echo-v2", "vs-7")).code == 0
    assert first.get() == (200, "version:v2")
    assert revisions(first) == [2, 1]
    kill(first)
    second = start(*PAIR, vs, env=env)
    try:
        assert second.get() == (200, "version:v1")
        assert revisions(second) == [3, 2, 1]
    finally:
        second.stop()


@pytest.mark.slow
def test_two_instances_on_the_same_paths(vs: Path, tmp_path: Path) -> None:
    """The second one serves what was good last as well, with a state of its own; in one --state folder it does not start."""
    env = {"XDG_STATE_HOME": str(tmp_path / "state")}
    first = start(*PAIR, vs, env=env)
    break_it(vs)
    first.wait_for_error("stays served")
    second = start(*PAIR, vs, env=env)
    try:
        assert second.get() == (200, "version:v1")
        second.wait_for_error(f"ES0721 process {first.process.pid} holds the state")
        assert "keeps no state" in second.run("history").err
        (folder,) = (tmp_path / "state" / "edgesim").iterdir()
        done = edgesim("up", *PAIR, vs, "--state", folder, "--port", "0", "--admin-port", "0")
        assert (done.code, f"ES0720 --state {folder}: process {first.process.pid}" in done.err) == (1, True)
    finally:
        first.stop()
        second.stop()


@pytest.mark.slow
def test_a_state_that_cannot_be_used(vs: Path, tmp_path: Path) -> None:
    """Neither a damaged state nor a folder that cannot be made stops a start: a note says what is the matter."""
    folder = tmp_path / "state"
    folder.mkdir()
    (folder / "state.db").write_bytes(b"\0" * 5000)
    damaged = start(*PAIR, vs, "--state", folder)
    nowhere = start(*PAIR, vs, env={"XDG_STATE_HOME": "/dev/null"})
    try:
        damaged.wait_for_error("ES0722 the state in ")
        nowhere.wait_for_error("ES0721 no state can be kept in /dev/null/edgesim")
        assert [each.get() for each in (damaged, nowhere)] == [(200, "version:v1")] * 2
    finally:
        damaged.stop()
        nowhere.stop()


def test_undo(vs: Path, tmp_path: Path) -> None:
    """Undo brings back what was declared, and takes away what came since; files go on to count."""
    gateway = start(*PAIR, vs, "--state", tmp_path / "state")
    try:
        assert gateway.run("undo").code == 1
        assert gateway.apply(*canary("echo-v2", "vs-7")).code == 0
        assert gateway.get() == (200, "version:v2")
        done = gateway.run("undo")
        assert (done.code, done.out.splitlines()) == (
            0,
            [
                "virtualservice.gateway.solo.io/echo configured",
                'deployment.apps "echo-v2" deleted',
                "back at revision 1",
            ],
        )
        assert f"{vs} stays as it is on disk; its next change applies as usual" in done.err
        assert gateway.get() == (200, "version:v1")
        save(vs, vs.read_text().replace("prefix: /", "prefix: /file"))
        wait_until(lambda: gateway.get("/file") == (200, "version:v1"), "the file does not count any more")
        assert gateway.run("undo", "zero").code == 2
    finally:
        gateway.stop()


@pytest.mark.slow
def test_models_of_what_is_and_was_served(vs: Path, tmp_path: Path) -> None:
    """The model that is served and those of revisions can be read from an instance and from a state folder."""
    state = tmp_path / "state"
    gateway = start(*PAIR, vs, "--state", state)
    client = Client(gateway.admin)
    try:
        assert gateway.apply(*canary("echo-v2", "vs-7")).code == 0
        now, first = served_now(client), revision_at(client, 1)
        assert (now.number, first.number) == (2, 1)
        assert now.model != first.model
        assert now == revision_in(state) == revision_at(client, 2)
        (host,) = first.model.virtual_hosts
        assert first.where(host.origin[0]) == Position(str(vs), 1, 1)
        break_it(vs)
        gateway.wait_for_error("stays served")
        assert served_now(client) == now
        with pytest.raises(ApiError, match="revision 9 is not kept"):
            revision_at(client, 9)
    finally:
        gateway.stop()
    with pytest.raises(EdgesimError, match=r"^ES0726 there is no revision 9 in the state folder .*; "):
        revision_in(state, 9)


@pytest.mark.slow
def test_what_never_was_sound_is_in_no_revision(vs: Path) -> None:
    """With --keep-going what can be served is served, and told as number 0 with what is declared."""
    break_it(vs)
    gateway = start(*PAIR, vs, "--keep-going")
    try:
        now = served_now(Client(gateway.admin))
        assert (now.number, len(now.model.virtual_hosts)) == (0, 1)
        assert "VirtualService" in {each.kind for each in now.resources}
        assert revisions(gateway) == []
    finally:
        gateway.stop()


def test_the_history_tells_who_blocked_it(vs: Path, tmp_path: Path) -> None:
    """A blockage is in the history with its problems and what waited for them; a state folder is read offline."""
    state = tmp_path / "state"
    gateway = start(*PAIR, vs, "--state", state)
    try:
        good = vs.read_text()
        break_it(vs)
        gateway.wait_for_error("stays served")
        save(vs, good)
        gateway.wait_for_error("sound again")
        shown = gateway.run("history").out
        assert "by VirtualService gloo-system/echo: ES0214 " in shown
        assert "waiting: VirtualService gloo-system/echo" in shown
        assert edgesim("history", "--state", state).out.splitlines()[1:] == shown.splitlines()[1:]
    finally:
        gateway.stop()
    assert edgesim("history", "--state", tmp_path).code == 1
