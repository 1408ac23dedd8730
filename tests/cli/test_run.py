"""`edgesim run`: a command with a gateway around it."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from tests.running import DEADLINE, ROOT, canary, edgesim, forked, wait_until

STEP_3 = canary("echo", "upstream", "vs-3")


def test_a_command_finds_the_gateway_and_its_exit_code_is_kept() -> None:
    """GATEWAY and EDGESIM_ADMIN lead to a gateway that is ready, and the exit code is the command's."""
    script = "import os, urllib.request as u; print(u.urlopen(os.environ['GATEWAY']).read().decode()); exit(7)"
    done = edgesim("run", *STEP_3, "--seed", "1", "--", sys.executable, "-c", script)
    assert (done.code, done.out.strip(), done.err) == (7, "version:v1", "")


@pytest.mark.slow
def test_commands_of_edgesim_find_the_instance() -> None:
    """What is run may ask the instance with any command of edgesim, without naming its address."""
    done = edgesim("run", *STEP_3, "--", sys.executable, "-m", "edgesim", "check", env={"PYTHONPATH": str(ROOT)})
    assert done.code == 0
    assert "No problems detected." in done.out


@pytest.mark.slow
def test_a_killed_command_gives_what_shells_give() -> None:
    """A command that a signal ended gives 128 and its number, and options behind `--` are the command's own."""
    assert edgesim("run", *STEP_3, "--", "sh", "-c", "kill -9 $$", "--", "--port").code == 128 + 9


def test_a_configuration_with_problems_starts_nothing() -> None:
    """Problems are reported as `up` does, with exit code 1, and the command is not started."""
    done = edgesim("run", *canary("echo", "vs-3"), "--", "echo", "started")
    assert (done.code, done.out) == (1, "")
    assert "vs-3.yaml:19:13: warning ES0214" in done.err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["vs.yaml"], 2, "write the command to run behind --"),
        (["vs.yaml", "--"], 2, "write the command to run behind --"),
        (["--", "/no/such/program"], 127, "ES0707 /no/such/program: no such file or directory"),
        (["--", str(ROOT)], 126, "ES0707"),
        (["--", "./README.md"], 126, "ES0707 ./README.md: permission denied"),
        (["--access-log-format", "%NO%", "--", "true"], 2, "ES0706"),
    ],
)
def test_what_cannot_be_run(words: list[str], code: int, said: str) -> None:
    """A missing command is a wrong command line; one that cannot be run gives a shell's exit codes."""
    done = forked("run", *words)
    assert done.code == code
    assert said in done.err


@pytest.mark.slow
def test_signals_are_the_commands(tmp_path: Path) -> None:
    """SIGTERM goes on to the command, whose answer counts; the gateway has ended when `run` has."""
    told = tmp_path / "told"
    script = (
        "import os, signal, sys\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])\n"
        f"open({str(told)!r}, 'w').write(os.environ['GATEWAY'] + chr(10))\n"
        "sys.exit(5 if signal.sigwait([signal.SIGTERM]) else 0)\n"
    )
    words = [sys.executable, "-m", "edgesim", "run", *map(str, STEP_3), "--", sys.executable, "-c", script]
    with subprocess.Popen(words, cwd=ROOT, env={**os.environ, "NO_COLOR": "1"}) as process:
        wait_until(lambda: told.exists() and told.read_text().endswith("\n"), "the command never started")
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE) == 5
    done = edgesim("check", "--admin", told.read_text().strip())
    assert "connection refused" in done.err


@pytest.mark.slow
def test_ctrl_c_is_the_commands(tmp_path: Path) -> None:
    """Ctrl-C on a terminal goes to the command, which still finds the gateway while it ends; its exit code is kept."""
    told = tmp_path / "told"
    script = (
        "import os, pathlib, signal, sys, urllib.request as u\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])\n"
        f"pathlib.Path({str(told)!r}).write_text('ready')\n"
        "signal.sigwait([signal.SIGINT])\n"
        "sys.exit(6 if u.urlopen(os.environ['GATEWAY']).status == 200 else 1)\n"
    )
    words = [sys.executable, "-m", "edgesim", "run", *map(str, STEP_3), "--", sys.executable, "-c", script]
    keyboard, terminal = os.openpty()
    try:
        process = subprocess.Popen(
            words,
            cwd=ROOT,
            stdin=terminal,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - a session of its own, as in a shell
        )
        wait_until(told.exists, "the command never started")
        os.write(keyboard, b"\x03")
        assert process.wait(DEADLINE) == 6
    finally:
        os.close(keyboard)
        os.close(terminal)


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_gateway_ends_with_a_run_that_is_killed(tmp_path: Path, workers: str) -> None:
    """A `run` that cannot end its gateway any more (kill -9) leaves none behind."""
    told = tmp_path / "told"
    script = f"import os, sys; open({str(told)!r}, 'w').write(os.environ['EDGESIM_ADMIN'] + chr(10)); sys.stdin.read()"
    words = [sys.executable, "-m", "edgesim", "run", *map(str, STEP_3), "--workers", workers, "--access-log", "-"]
    with subprocess.Popen(
        [*words, "--", sys.executable, "-c", script],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        wait_until(lambda: told.exists() and told.read_text().endswith("\n"), "the command never started")
        process.kill()
        admin = told.read_text().strip()
        wait_until(lambda: "connection refused" in edgesim("check", "--admin", admin).err, "the gateway stayed")
