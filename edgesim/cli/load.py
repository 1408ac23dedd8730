"""`edgesim load`: requests at a rate, and what came of them."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from edgesim.cli.options import Output, Report
from edgesim.model.codes import failure


class Tool(StrEnum):
    """Whose script is written; as in `load.emit`, which `edgesim --help` does without."""

    K6 = "k6"
    NIGHTHAWK = "nighthawk"
    WRK = "wrk"


class EngineName(StrEnum):
    """What sends the requests."""

    EDGESIM = "edgesim"
    LOCUST = "locust"


Url = Annotated[str, typer.Argument(metavar="[URL]", help="What to load; a scenario file may name it.")]
Rate = Annotated[
    str,
    typer.Option(
        "--rate", metavar="RATE", help="Requests a second, as 100; a ramp, as 0-500; or stages, as 0-500:30s,500:2m."
    ),
]
Poisson = Annotated[bool, typer.Option("--poisson", help="Send as many who do not know of each other do, not evenly.")]
IsClosed = Annotated[
    bool, typer.Option("--closed", help="A closed loop: each of --connections sends when it has its answer.")
]
Duration = Annotated[str, typer.Option("--duration", metavar="TIME", help="How long, as 30s or 2m.  [default: 10s]")]
Count = Annotated[int, typer.Option("--count", metavar="N", min=0, help="Send at most so many requests.")]
Connections = Annotated[
    int | None,
    typer.Option("--connections", metavar="N", min=1, help="At most so many.  [default: 256; --closed: 10]"),
]
PerConnection = Annotated[
    int | None,
    typer.Option("--requests-per-connection", metavar="N", min=0, help="Then a new one is opened; 0 for never."),
]
NewConnections = Annotated[bool, typer.Option("--new-connections", help="A new connection for each request.")]
ThinkTime = Annotated[
    str, typer.Option("--think", metavar="TIME[-TIME]", help="With --closed: the pause before the next request.")
]
Method = Annotated[str, typer.Option("-X", "--method", metavar="METHOD", help="The method.  [default: GET]")]
Headers = Annotated[
    list[str] | None,
    typer.Option("-H", "--header", metavar="NAME: VALUE", help="A header; may be given several times."),
]
Data = Annotated[str, typer.Option("-d", "--body", metavar="TEXT|@FILE", help="The body; makes GET a POST.")]
NumberOfUsers = Annotated[
    int | None,
    typer.Option("--users", metavar="N", min=0, max=1_000_000, help="So many users, who keep their cookies."),
]
PerUser = Annotated[
    int | None,
    typer.Option("--requests-per-user", metavar="N", min=0, help="Then a new user comes; 0 for never."),
]
ByWhat = Annotated[
    str,
    typer.Option(
        "--by", metavar="WHAT", help="What tells versions apart: header:NAME, body:REGEX, or route-header (edgesim's)."
    ),
]
Timeout = Annotated[str, typer.Option("--timeout", metavar="TIME", help="For an answer.  [default: 10s]")]
WarmUp = Annotated[
    str, typer.Option("--warm-up", metavar="TIME", help="Leave so much at the start out of the figures.")
]
CoolDown = Annotated[str, typer.Option("--cool-down", metavar="TIME", help="Leave so much at the end out.")]
Workers = Annotated[int, typer.Option("--workers", metavar="N", min=1, max=512, help="Client processes.")]
Seed = Annotated[int | None, typer.Option("--seed", metavar="N", min=0, max=2**63 - 1, help="Of all that is drawn.")]
Insecure = Annotated[bool, typer.Option("-k", "--insecure", help="With https: take any certificate.")]
CaFile = Annotated[
    Path | None, typer.Option("--cacert", metavar="FILE", help="With https: trust the certificates in this file.")
]
ServerName = Annotated[
    str, typer.Option("--server-name", metavar="NAME", help="With https: the name asked for (SNI) and checked.")
]
ScenarioFile = Annotated[
    Path | None, typer.Option("--scenario", metavar="FILE", help="What to send, from a file; options here go first.")
]
ReplayFile = Annotated[
    Path | None, typer.Option("--replay", metavar="FILE", help="Send the requests of an access log at their times.")
]
Speed = Annotated[str, typer.Option("--speed", metavar="FACTOR", help="With --replay: as 2x.  [default: 1x]")]
Variables = Annotated[
    Path | None,
    typer.Option("--variables", metavar="FILE", help="A CSV file; ${name} in URL, headers and body is its next value."),
]
Emit = Annotated[
    Tool | None, typer.Option("--emit", help="Print the script of another tool that does the same, and send nothing.")
]
ExpectSplit = Annotated[
    str, typer.Option("--expect-split", metavar="NAME=WEIGHT,...", help="Judge the split, as v1=90,v2=10; needs --by.")
]
Tolerance = Annotated[
    str, typer.Option("--tolerance", metavar="SHARE", help="With --expect-split: how far a share may be off, as 1%.")
]
Compare = Annotated[
    str, typer.Option("--compare", metavar="OLD,NEW", help="Judge whether the new version is worse; needs --by.")
]
Margin = Annotated[
    str, typer.Option("--margin", metavar="SHARE", help="With --compare: more errors that do no harm.  [default: 1%]")
]
LatencyMargin = Annotated[
    str,
    typer.Option(
        "--latency-margin", metavar="SHARE", help="With --compare: slower medians that do no harm.  [default: 10%]"
    ),
]
Confidence = Annotated[
    str, typer.Option("--confidence", metavar="SHARE", help="Of verdicts, as 0.99 or 99%.  [default: 0.99]")
]
EngineIs = Annotated[
    EngineName, typer.Option("--engine", help="What sends: edgesim's own clients, or Locust (an extra).")
]
IsMaster = Annotated[
    bool, typer.Option("--master", help="With --engine locust: wait for --expect-workers, and lead them.")
]
IsWorker = Annotated[
    bool, typer.Option("--worker", help="With --engine locust: do what the master at --master-host says.")
]
Processes = Annotated[
    int, typer.Option("--processes", metavar="N", min=0, max=512, help="With --engine locust: so many workers, here.")
]
ExpectWorkers = Annotated[
    int, typer.Option("--expect-workers", metavar="N", min=1, help="With --master: begin when so many have joined.")
]
MasterHost = Annotated[str, typer.Option("--master-host", metavar="HOST", help="With --worker: where the master is.")]
MasterPort = Annotated[
    int, typer.Option("--master-port", metavar="PORT", min=0, max=65535, help="With --master and --worker: its port.")
]
BindHost = Annotated[
    str,
    typer.Option("--master-bind-host", metavar="HOST", help="With --master: where to listen; 0.0.0.0 for everywhere."),
]
FailIf = Annotated[
    list[str] | None,
    typer.Option("--fail-if", metavar="CONDITION", help="End with 1 when this is true, as 'p99>50ms', 'errors>1%'."),
]
FindMax = Annotated[
    list[str] | None,
    typer.Option("--find-max", metavar="BOUND", help="Find the highest rate at which this holds, as 'p99<20ms'."),
]
Save = Annotated[Path | None, typer.Option("--save", metavar="FILE", help="Write the result to a file, as JSON.")]
Hgrm = Annotated[
    Path | None, typer.Option("--hgrm", metavar="FILE", help="Write percentile distributions, as HdrHistogram does.")
]
Hlog = Annotated[
    Path | None, typer.Option("--hlog", metavar="FILE", help="Write the histogram of each second, HdrHistogram's log.")
]
Fortio = Annotated[Path | None, typer.Option("--fortio", metavar="FILE", help="Write the result as fortio's JSON.")]
Prometheus = Annotated[
    Path | None, typer.Option("--prometheus", metavar="FILE", help="Write the result in Prometheus' text format.")
]
Junit = Annotated[
    Path | None, typer.Option("--junit", metavar="FILE", help="Write conditions and verdicts as JUnit test cases.")
]
Page = Annotated[Path | None, typer.Option("--report", metavar="FILE", help="Write one HTML page with charts.")]


def _check_not_empty(context: typer.Context) -> None:
    """Refuse an option whose variable was empty in somebody's script: it would quietly ask for nothing."""
    for option in context.command.params:
        source = context.get_parameter_source(option.name or "")
        typed = source is not None and source.name == "COMMANDLINE"
        if typed and context.params[option.name or ""] == "" and option.name != "data":
            named = option.opts[0] if option.opts[0].startswith("-") else "URL"
            raise failure("ES1200", f"{named}: it is empty", exit_code=2)


def load(
    context: typer.Context,
    url: Url = "",
    rate: Rate = "",
    poisson: Poisson = False,
    duration: Duration = "",
    count: Count = 0,
    closed: IsClosed = False,
    connections: Connections = None,
    per_connection: PerConnection = None,
    new_connections: NewConnections = False,
    think: ThinkTime = "",
    method: Method = "",
    headers: Headers = None,
    data: Data = "",
    users: NumberOfUsers = None,
    per_user: PerUser = None,
    by: ByWhat = "",
    timeout: Timeout = "",
    warm_up: WarmUp = "",
    cool_down: CoolDown = "",
    workers: Workers = 1,
    seed: Seed = None,
    insecure: Insecure = False,
    ca_file: CaFile = None,
    server_name: ServerName = "",
    scenario: ScenarioFile = None,
    replay: ReplayFile = None,
    speed: Speed = "",
    variables: Variables = None,
    expect_split: ExpectSplit = "",
    tolerance: Tolerance = "",
    compare: Compare = "",
    margin: Margin = "",
    latency_margin: LatencyMargin = "",
    confidence: Confidence = "",
    fail_if: FailIf = None,
    find_max: FindMax = None,
    save: Save = None,
    hgrm: Hgrm = None,
    hlog: Hlog = None,
    fortio: Fortio = None,
    prometheus: Prometheus = None,
    junit: Junit = None,
    report: Page = None,
    emit: Emit = None,
    engine: EngineIs = EngineName.EDGESIM,
    master: IsMaster = False,
    worker: IsWorker = False,
    processes: Processes = 0,
    expect_workers: ExpectWorkers = 1,
    master_host: MasterHost = "127.0.0.1",
    master_port: MasterPort = 5557,
    bind_host: BindHost = "127.0.0.1",
    output: Output = Report.TEXT,
) -> None:
    """Send requests at a rate, and tell what came of them.

    An open loop: send times are fixed before the run, and latency counts from the intended time, so that a server
    that pauses is seen to. Beside it stands the service time, from the send itself. Requests that were late or were
    never sent are counted. With --closed each connection waits for its answer instead, and the server sets the pace.
    With --find-max windows of --duration (default 5s) start at --rate. Exit code 1 where a condition of --fail-if is
    met, a verdict is not PASS or nothing was answered, 2 for a wrong command line, 130 after Ctrl-C, which still reports.

    Example:
      edgesim load http://localhost:8080/ --rate 200 --duration 30s --by 'body:version:(v[0-9]+)'
      edgesim load localhost:8080/ --rate 0-500:30s,500:2m --poisson --fail-if 'p99>50ms' --save run.json
      edgesim load localhost:8080/ --closed --connections 64
      edgesim load localhost:8080/ --find-max 'p99<20ms'
      edgesim load localhost:8080/ --by header:x-version --expect-split v1=90,v2=10 --compare v1,v2
      edgesim load --scenario shop.yaml --workers 2 --report run.html
      edgesim load --scenario shop.yaml --engine locust --processes 2
    """
    _check_not_empty(context)
    from edgesim.cli.load_locust import Engine, locust_of  # noqa: PLC0415 - `edgesim --help` needs no engine

    typed = Engine(
        engine is EngineName.LOCUST, master, worker, processes, expect_workers, master_host, master_port, bind_host
    )
    locust = locust_of(typed, workers)
    from edgesim.cli.load_given import Given  # noqa: PLC0415 - `edgesim --help` needs no engine
    from edgesim.cli.load_run import Asked, find, once, script, written_in  # noqa: PLC0415 - the same
    from edgesim.load.expectations import Wanted  # noqa: PLC0415 - the same

    given = Given(
        url, rate, poisson, closed, duration, count, connections, 1 if new_connections else per_connection, think,
        method, headers or [], data, users, per_user, by, timeout, warm_up, cool_down, seed, insecure, ca_file,
        server_name, replay, speed, variables,
    )  # fmt: skip
    written = None if scenario is None else written_in(scenario, url)
    named = {"save": save, "hgrm": hgrm, "hlog": hlog, "fortio": fortio, "prometheus": prometheus, "junit": junit,
             "report": report}  # fmt: skip
    files = {name: file for name, file in named.items() if file is not None}
    wanted = Wanted(expect_split, tolerance, compare, margin, latency_margin, confidence)
    asked = Asked(tuple(fail_if or ()), wanted, workers, files, output, locust)
    if emit is not None:
        raise typer.Exit(script(given, written, asked, emit))
    raise typer.Exit(find(given, written, asked, find_max) if find_max else once(given, written, asked))
