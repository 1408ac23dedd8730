"""ES0700 to ES0799: a running instance."""

from __future__ import annotations

from edgesim.model.codes.code import Code, error

RUNNING: tuple[Code, ...] = (
    error(
        "ES0700",
        "The port is in use",
        "Another program listens on the port that the proxy or the admin side was to have. "
        "Port 0 takes any free one, and prints it.",
        "$ edgesim up --port 8080\nES0700 127.0.0.1:8080 is in use\n",
        "$ edgesim up --port 0\nproxy http://127.0.0.1:43517\n",
        console=True,
    ),
    error(
        "ES0701",
        "The address cannot be listened on",
        "The system refuses the address or port: it is not one of this machine's, its name is unknown, "
        "or the port is reserved.",
        "$ edgesim up --host 192.0.2.1\nES0701 cannot listen on 192.0.2.1:8080: cannot assign requested address\n",
        "$ edgesim up --host 127.0.0.1\n",
        console=True,
    ),
    error(
        "ES0702",
        "No edgesim answers",
        "The command talks to a running instance, and nothing answers as one at the address of `--admin`.",
        "$ edgesim get vs -A\nES0702 no edgesim answers at http://127.0.0.1:9901: connection refused\n",
        "$ edgesim up configs/two-phased-canary/{echo,upstream,vs-3}.yaml &\n$ edgesim get vs -A\n",
        console=True,
    ),
    error(
        "ES0799",
        "A mistake of edgesim's own",
        "Something failed that should not. With `EDGESIM_DEBUG=1` in the environment the command prints "
        "where; please report it.",
        "$ edgesim check x.yaml\nES0799 KeyError: 'spec' (EDGESIM_DEBUG=1 tells where)\n",
        "$ EDGESIM_DEBUG=1 edgesim check x.yaml\n",
        console=True,
    ),
)
