"""The folder of an Envoy, and what is left of others."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from edgesim.envoy.home import ADMIN_SOCKET, Home, clear


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


def _abandon(home: Home) -> Path:
    """Let go of a folder as a process that is killed does: nothing is removed."""
    home.remove.detach()
    os.close(home._lock)
    return home.path


def test_what_is_left_of_others_is_removed() -> None:
    """A folder whose process is gone is removed; one that is in use is not, nor one that is not locked yet."""
    used, left = Home(), _abandon(Home())
    other = used.path.with_name("edgesim-envoy-other")
    other.mkdir()
    clear()
    assert (used.path.exists(), left.exists(), other.exists()) == (True, False, True)
    used.remove()
    assert not used.path.exists()


def test_it_goes_with_its_owner() -> None:
    """A folder that nobody removed is gone when its owner is."""
    path = Home().path
    assert not path.exists()


def test_an_envoy_that_is_left_is_told_to_end() -> None:
    """Whatever listens at the socket of a folder that is left is asked to quit, and waited for."""
    left = _abandon(Home())
    asked: list[bytes] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(left / ADMIN_SOCKET))
        listener.listen()

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                asked.append(connection.recv(4096))
                connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        clear()
        thread.join()
    assert asked[0].startswith(b"POST /quitquitquit HTTP/1.1\r\n")
    assert not left.exists()


@pytest.mark.slow
def test_a_process_that_is_killed_leaves_it_to_the_next(tmp_path: Path) -> None:
    """The lock of a process that is killed is nobody's; one that runs keeps its folder."""
    code = (
        "import time; from edgesim.envoy.home import Home; home = Home(); print(home.path, flush=True); time.sleep(600)"
    )
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        path = Path(process.stdout.readline().strip())
        clear()
        assert path.is_dir()
        process.kill()
    clear()
    assert not path.exists()
