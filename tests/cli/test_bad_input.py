"""Bad input at the start, on a reload, and applied."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from edgesim.model.codes.code import UPSTREAM
from tests.cli.bad import DUPLICATE, GOOD, UNREADABLE, WRONG, Case, virtual_service
from tests.running import Gateway, edgesim, running, wait_until

EVERY = {**UNREADABLE, **WRONG, "duplicate": DUPLICATE}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "upstream.yaml").write_text(UPSTREAM)
    (tmp_path / "vs.yaml").write_text(GOOD)
    return tmp_path


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("good")
    (folder / "upstream.yaml").write_text(UPSTREAM)
    with running(folder) as started:
        yield started


@pytest.mark.parametrize("case", EVERY.values(), ids=EVERY)
def test_check_names_the_place_and_the_code(folder: Path, case: Case) -> None:
    """`check` prints file:line:column, severity and code of each bad input, and exits 1."""
    text, expected = case
    (folder / "vs.yaml").write_text(text)
    done = edgesim("check", folder)
    assert done.code == 1
    assert expected in done.out
    assert f"{folder / 'vs.yaml'}:" in done.out
    assert "Traceback" not in done.out + done.err


def test_a_start_with_problems_prints_all_of_them_and_ends_with_1(folder: Path) -> None:
    """`up` names every problem of every file, not only the first, and serves nothing."""
    for number, (text, _expected) in enumerate([*UNREADABLE.values(), *WRONG.values()]):
        own = text.replace("{name: echo}\nspec", f"{{name: vs-{number}}}\nspec").replace('"*"', f'"{number}.example"')
        (folder / f"{number}.yaml").write_text(own)
    done = edgesim("up", folder, "--port", "0", "--admin-port", "0")
    assert done.code == 1
    assert done.out == ""
    missing = [expected for _text, expected in [*UNREADABLE.values(), *WRONG.values()] if expected not in done.err]
    assert missing == []
    assert done.err.splitlines()[-1].startswith("not started: nothing good is kept to serve instead; --keep-going")


def test_keep_going_serves_what_can_be_served(folder: Path) -> None:
    """With --keep-going a start with problems serves the sound rest."""
    (folder / "bad.yaml").write_text(virtual_service(-1, name="bad", domain="bad.example"))
    with running("--keep-going", folder) as gateway:
        report = gateway.run("route", "http://any.example/")
        assert "destination:   1 (100%) echo_default" in report.out


@pytest.mark.parametrize("case", EVERY.values(), ids=EVERY)
def test_a_reload_with_problems_keeps_what_was_served(folder: Path, case: Case) -> None:
    """A file that turns bad changes nothing that is served; the problem is printed, and `check` shows it until mended."""
    text, expected = case
    with running(folder) as gateway:
        served = gateway.run("route", "/").out
        (folder / "vs.yaml").write_text(text)
        gateway.wait_for_error(expected)
        assert expected in gateway.run("check").out
        assert served.splitlines()[-1] == gateway.run("route", "/").out.splitlines()[-1]
        (folder / "vs.yaml").write_text(GOOD)
        wait_until(lambda: gateway.run("check").code == 0, "check never became clean again")


@pytest.mark.parametrize("case", UNREADABLE.values(), ids=UNREADABLE)
def test_apply_refuses_what_cannot_be_read_and_stores_the_rest(gateway: Gateway, case: Case) -> None:
    """Of a file with one unreadable document the others are stored, and the exit code is 1."""
    text, expected = case
    line = int(expected.split(":")[1]) + 4
    service = "apiVersion: v1\nkind: Namespace\nmetadata: {name: beside}\n"
    done = gateway.run("apply", "-f", "-", stdin=f"{service}---\n{text}")
    assert done.code == 1
    assert f"-:{line}:{expected.split(':', 2)[2]}" in done.err
    assert "namespace/beside" in done.out
    assert "virtualservice" not in done.out
    assert gateway.run("get", "vs", "-A").err == "No resources found\n"


@pytest.mark.parametrize("case", WRONG.values(), ids=WRONG)
def test_apply_stores_what_reads_well_and_prints_the_problem(gateway: Gateway, case: Case) -> None:
    """A document that reads well but is wrong is stored with exit code 0; check names it until it is deleted."""
    text, expected = case
    done = gateway.run("apply", "-f", "-", stdin=text)
    assert (done.code, done.out) == (0, "virtualservice.gateway.solo.io/echo created\n")
    assert expected in done.err
    assert gateway.run("check").code == 1
    deleted = gateway.run("delete", "vs", "echo")
    assert (deleted.code, deleted.out) == (0, 'virtualservice.gateway.solo.io "echo" deleted\n')
    assert gateway.run("check").code == 0


def test_a_port_in_use_is_one_line(gateway: Gateway) -> None:
    """A busy port ends the start with one line and 1, for the proxy and the admin side alike."""
    for option, url in (("--port", gateway.proxy), ("--admin-port", gateway.admin)):
        other = "--admin-port" if option == "--port" else "--port"
        done = edgesim("up", option, url.rpartition(":")[2], other, "0")
        assert done.code == 1
        assert done.err.startswith("ES0700 127.0.0.1:")
        assert done.err.count("\n") == 1


def test_no_instance_is_one_line(tmp_path: Path) -> None:
    """Every command that needs a running instance says in one line that none answers."""
    patch = tmp_path / "patch.yaml"
    patch.write_text("spec: {}\n")
    for command in (
        ["get", "vs"],
        ["apply", "-f", str(patch)],
        ["delete", "vs", "echo"],
        ["patch", "vs", "echo", "--patch-file", str(patch)],
        ["check"],
        ["route", "/"],
    ):
        done = edgesim(command[0], "--admin", "http://127.0.0.1:9", *command[1:])
        assert done.code == 1
        assert done.err.startswith("ES0702 no edgesim answers at http://127.0.0.1:9: ")
        assert done.err.count("\n") == 1
