"""Starting, reloading and ending an instance."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from edgesim.model.codes.code import UPSTREAM
from tests.cli.bad import GOOD
from tests.running import DEADLINE, ROOT, canary, children, edgesim, forked, resident, running, send, start, wait_until


def test_nothing_configured_is_404() -> None:
    """Without a PATH the listener is open, and answers 404."""
    with running() as gateway:
        assert gateway.get() == (404, "")
        assert gateway.run("check").code == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_with_0(number: signal.Signals) -> None:
    """SIGTERM and Ctrl-C drain and end with 0, and leave no worker behind."""
    gateway = start(*canary("echo", "upstream", "vs-1"))
    try:
        assert gateway.get() == (200, "version:v1")
        gateway.process.send_signal(number)
        assert gateway.process.wait(DEADLINE) == 0
    finally:
        gateway.stop()
    assert gateway.errors == [""]
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert f"--port {gateway.proxy.rpartition(':')[2]} " not in listed


def test_a_saved_file_is_served(tmp_path: Path) -> None:
    """Files that are added, changed by renaming another over them, and removed are followed."""
    vs = tmp_path / "vs.yaml"
    with running(tmp_path) as gateway:
        vs.write_text(GOOD.replace("routeAction:", "directResponseAction: {status: 201}").partition("        multi")[0])
        wait_until(lambda: gateway.get()[0] == 201, "a new file was not served")
        new = tmp_path / ".vs.yaml.swp"
        new.write_text(vs.read_text().replace("201", "202"))
        new.replace(vs)
        wait_until(lambda: gateway.get()[0] == 202, "a renamed file was not served")
        gateway.process.send_signal(signal.SIGHUP)
        vs.unlink()
        wait_until(lambda: gateway.get()[0] == 404, "a removed file was still served")


def test_the_last_write_wins(tmp_path: Path) -> None:
    """Removing a file deletes an object only if the file wrote it last."""
    upstream = tmp_path / "upstream.yaml"
    upstream.write_text(UPSTREAM)
    with running(tmp_path) as gateway:
        applied = gateway.run("apply", "-f", "-", stdin=UPSTREAM.replace("5678", "5679"))
        assert applied.out == "upstream.gloo.solo.io/echo configured\n"
        upstream.write_text(UPSTREAM.replace("5678", "5680"))
        wait_until(lambda: "5680" in gateway.run("get", "us", "echo", "-o", "json").out, "the file was not read again")
        gateway.run("apply", "-f", "-", stdin=UPSTREAM)
        upstream.unlink()
        (tmp_path / "other.yaml").write_text(UPSTREAM.replace("echo", "other"))
        wait_until(lambda: gateway.run("get", "us", "other").code == 0, "the new file was not read")
        assert gateway.run("get", "us", "echo", "-o", "name").out == "upstream.gloo.solo.io/echo\n"


def test_the_demo_serves_what_it_says() -> None:
    """`demo` serves v1 to everyone and v2 to canaries, as it is told to."""
    gateway = start("--route-header", "--workers", "2", command="demo")
    try:
        assert gateway.get() == (200, "version:v1")
        assert gateway.get(headers={"stage": "canary"}) == (200, "version:v2")
        _status, headers, _body = send(gateway.proxy, "GET", "/")
        assert headers["x-edgesim-cluster"] == "echo_gloo-system"
    finally:
        assert gateway.stop() == 0


def test_the_demo_takes_the_options_of_up() -> None:
    """What `up` can be told `demo` can be told too; of the two only `up` takes paths."""

    def options(command: str) -> set[str]:
        return set(re.findall(r"^ +(--[a-z-]+)", forked(command, "--help").out, re.MULTILINE))

    assert options("demo") == options("up") > {"--route-header", "--workers"}


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_what_read_the_options_is_gone_from_the_process_that_serves() -> None:
    """Each idle process holds at most 60 MB, the parent's pid is the one that was started, and `ps` tells what it is."""
    with running("--workers", "2", *canary("echo", "upstream", "vs-1")) as gateway:
        assert gateway.get() == (200, "version:v1")
        assert "up\0--port" in Path(f"/proc/{gateway.process.pid}/cmdline").read_text()
        for pid in (gateway.process.pid, *children(gateway.process.pid)):
            assert resident(pid) < 60 << 20


def test_a_folder_with_modules_of_python_is_no_trap(tmp_path: Path) -> None:
    """The installed command reads no code from the folder it is started in, in none of its processes."""
    (tmp_path / "asyncio.py").write_text("raise SystemExit('a trap')")
    code = f"import sys; sys.path[0] = {str(ROOT)!r}; sys.argv[0] = 'edgesim'; from edgesim.cli import main; main()"
    command = [sys.executable, "-c", code, "up", "--port", "0", "--admin-port", "0", "-o", "json"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path, env=env) as process:
        assert process.stdout is not None
        assert "proxy" in json.loads(process.stdout.readline())
        process.terminate()
    assert process.returncode == 0


def test_a_seed_repeats_a_run() -> None:
    """With the same seed the arms of a split come in the same order."""
    answers = []
    for _ in range(2):
        with running("--seed", "7", *canary("echo", "upstream", "echo-v2", "vs-5")) as gateway:
            answers.append([gateway.get()[1] for _ in range(40)])
    assert answers[0] == answers[1]
    assert {"version:v1", "version:v2"} == set(answers[0])


def test_standard_input_is_a_path() -> None:
    """`-` reads manifests from standard input."""
    done = edgesim("check", "-", stdin=UPSTREAM + "---\n" + GOOD)
    assert done.code == 0


def test_an_address_that_is_none() -> None:
    """An address this machine does not have is one line and 1."""
    done = edgesim("up", "--host", "192.0.2.1", "--port", "0", "--admin-port", "0")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("ES0701 cannot listen on 192.0.2.1:0: ")
    assert done.err.count("\n") == 1


def test_commands_start_quickly_enough_to_be_typed() -> None:
    """Commands that only talk to an instance load no event loop and no server."""
    code = "import sys, edgesim.cli; print(sorted({'aiohttp', 'uvloop', 'edgesim.proxy'} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout == "[]\n"


def test_the_addresses_as_json() -> None:
    """With -o json the addresses are one line of JSON."""
    command = [sys.executable, "-m", "edgesim", "up", "--port", "0", "--admin-port", "0", "-o", "json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        addresses = json.loads(process.stdout.readline())
        process.terminate()
    assert set(addresses) == {"proxy", "admin", "listeners"}
    assert addresses["listeners"] == [{"name": "listener-::-8080", "url": addresses["proxy"]}]


def test_a_signal_during_the_start_ends_it() -> None:
    """Whoever interrupts a start that is not done yet ends it all the same."""
    command = [sys.executable, "-m", "edgesim", "up", "-", "--port", "0", "--admin-port", "0", "-o", "json"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        worker = f"/proc/{process.pid}/task/{process.pid}/children"
        wait_until(lambda: Path(worker).read_text(), "no worker was started")
        process.terminate()
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(DEADLINE) == 0
