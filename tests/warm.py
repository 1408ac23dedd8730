"""Commands in processes that need not start: forked from one that has imported the command line already.

Each is a process of its own with its own arguments, environment, folder, input and output. Only the third of a
second that importing takes is left out, which hundreds of commands of the suite would spend again and again.
`python -m tests.warm SOCKET` forks them; `python warm.py SOCKET ARGUMENT...` is one, for a shell. With SETTINGS in its
environment `up` does not become the process that serves, but leaves what it would be told in that file.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence

SETTINGS = "EDGESIM_TESTS_SETTINGS"
_FILES = 3
_MOST = 1 << 20
_LONGEST = 120
"""Seconds after which a command is killed that hangs."""


def ask(address: str, arguments: Sequence[str], folder: str, environ: Mapping[str, str], files: Sequence[int]) -> int:
    """Run a command with these files as its input, output and errors; returns its exit code, -1 for a killed one."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(address)
        asked = json.dumps([list(arguments), folder, dict(environ)]).encode()
        socket.send_fds(connection, [b"%d\n" % len(asked)], list(files))
        connection.sendall(asked)
        code = connection.recv(16)
        return int(code) if code else -1


def _serve(address: str) -> None:
    """Fork a process for each command until standard input ends."""
    import gc  # noqa: PLC0415  # a command is this file as well, and does without
    import select  # noqa: PLC0415

    import edgesim.cli.app  # noqa: F401, PLC0415

    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(64)
        print("ready", flush=True)  # noqa: T201  # whoever started it waits for this
        while sys.stdin not in select.select([listener, sys.stdin], [], [])[0]:
            connection, _ = listener.accept()
            if not os.fork():
                try:
                    listener.close()
                    _become(connection)
                finally:
                    os._exit(1)
            connection.close()


def _become(connection: socket.socket) -> None:
    """Be the command that is asked for."""
    read, files, _, _ = socket.recv_fds(connection, 16, _FILES)
    length, _, asked = read.partition(b"\n")
    while len(asked) < int(length):
        asked += connection.recv(_MOST)
    arguments, folder, environ = json.loads(asked)
    for number, given in enumerate(files):
        os.dup2(given, number)
        os.close(given)
    os.environ.clear()
    os.environ.update(environ)
    os.chdir(folder)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.alarm(_LONGEST)
    sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w", buffering=1)  # noqa: SIM115
    sys.argv = ["edgesim", *arguments]
    code = _run()
    connection.sendall(b"%d" % code)
    os._exit(code)


def _run() -> int:
    from edgesim.cli import main  # noqa: PLC0415  # imported long ago

    told = os.environ.pop(SETTINGS, "")
    if told:
        _leave_settings(told)
    code: object = 0
    try:
        main()
    except SystemExit as end:
        code = end.code
    sys.stdout.flush()
    sys.stderr.flush()
    return code if isinstance(code, int) else int(code is not None)


def _leave_settings(told: str) -> None:
    """Have `up` write what it was told, and end."""
    import pickle  # noqa: PLC0415

    import edgesim.cli.up  # noqa: PLC0415

    def leave(settings: object) -> None:
        with open(told, "wb") as file:  # noqa: PTH123
            pickle.dump(settings, file)

    vars(edgesim.cli.up)["hand_over"] = leave


if __name__ == "__main__":
    if len(sys.argv) == 2:
        _serve(sys.argv[1])
    sys.exit(ask(sys.argv[1], sys.argv[2:], os.getcwd(), os.environ, (0, 1, 2)))  # noqa: PTH109
