"""ES1200 to ES1299: load, its options and its runs."""

from __future__ import annotations

from edgesim.model.codes.code import Code, error

LOAD: tuple[Code, ...] = (
    error(
        "ES1200",
        "An option of a load that cannot be read",
        "A rate, a duration, a header, a request, a destination (`--by`) or the URL is not written as it must be. The "
        "message names the option and what it takes.",
        "$ edgesim load http://localhost:8080/ --rate fast\n"
        "ES1200 --rate `fast`: `fast` is no rate (requests a second): try `--rate 100` or `--rate 0-500:30s,500:2m`\n",
        "$ edgesim load http://localhost:8080/ --rate 100\n",
        console=True,
    ),
    error(
        "ES1201",
        "A stop condition that cannot be read",
        "`--fail-if` and `--find-max` take a percentile (`p99`), the `mean` or the `max` with a duration, or `errors` "
        "with a share in percent or a number, compared with `<` or `>`.",
        "$ edgesim load http://localhost:8080/ --fail-if 'p99>50'\n"
        "ES1201 --fail-if `p99>50`: `50` is no duration: write `50ms` or `0.05s`\n",
        "$ edgesim load http://localhost:8080/ --fail-if 'p99>50ms' --fail-if 'errors>1%'\n",
        console=True,
    ),
    error(
        "ES1202",
        "The target cannot be loaded",
        "The name of the host is unknown, the file with certificates cannot be read, or the pattern of `--by body:` is "
        "refused: nothing was sent.",
        "$ edgesim load http://no.such.host/\nES1202 no.such.host: Name or service not known\n",
        "$ edgesim load http://localhost:8080/\n",
        console=True,
    ),
    error(
        "ES1203",
        "A client process ended",
        "The processes that send the load cannot be started, or one ended before its work was done: the system lacks "
        "memory or processes, or somebody killed it. What was measured so far is lost.",
        "$ edgesim load http://localhost:8080/ --workers 64\n"
        "ES1203 client process 4711 ended before its work was done\n",
        "$ edgesim load http://localhost:8080/ --workers 1\n",
        console=True,
    ),
    error(
        "ES1210",
        "A value in a scenario file that cannot be read",
        "A rate, a duration, a URL, a destination, a condition or a file that a scenario file names is not written as it "
        "must be, or its fields do not go together.",
        "$ edgesim load --scenario shop.yaml\n"
        "shop.yaml:2:1: error ES1210 `fast` is no rate: write requests a second, as `100`, or stages as "
        "`0-500:30s,500:2m`\n    field: rate\n",
        "$ edgesim load --scenario shop.yaml --rate 100\n",
        console=True,
    ),
    error(
        "ES1211",
        "A CSV file that cannot be used",
        "The first line names the columns, every other line has as many values (RFC 4180). Variables of requests are read "
        "so, and the points of a curve of rates (`time,rate`).",
        "$ edgesim load --scenario shop.yaml\n"
        "users.csv:3:1: error ES1211 3 values, and the first line names 2 columns\n"
        "    hint: put a value that holds a comma in double quotes\n",
        "$ edgesim load --scenario shop.yaml\n",
        console=True,
    ),
    error(
        "ES1212",
        "A variable that no column is named after",
        "A path, a header or a body holds `${name}`, and the CSV file of the scenario has no such column. `$${` stands for "
        "a plain `${`.",
        "$ edgesim load --scenario shop.yaml\n"
        "shop.yaml:7:5: error ES1212 there is no variable `usr`\n"
        "    field: requests[0].path\n    hint: did you mean `user`?\n",
        "$ edgesim load --scenario shop.yaml\n",
        console=True,
    ),
    error(
        "ES1213",
        "An access log that cannot be replayed",
        "No line of the file is a request with its time: Envoy's default format, or JSON objects with a path and a start "
        "time (`start_time`).",
        "$ edgesim load http://localhost:8080/ --replay notes.txt\n"
        "ES1213 --replay notes.txt: no line is a request with its time, in Envoy's default format or JSON (line 1)\n",
        "$ edgesim load http://localhost:8080/ --replay access.log --speed 2x\n",
        console=True,
    ),
    error(
        "ES1214",
        "Locust cannot be had",
        "`--engine locust` needs Locust, which is installed as an extra, and workers that join within the time.",
        "$ edgesim load http://localhost:8080/ --engine locust\n"
        "ES1214 Locust is not installed\n    hint: pip install 'edgesim[locust]'\n",
        "$ pip install 'edgesim[locust]'\n$ edgesim load http://localhost:8080/ --engine locust\n",
        console=True,
    ),
    error(
        "ES1230",
        "An expectation of a load that cannot be read",
        "`--expect-split` takes destinations with their weights, `--compare` the old and the new version, `--tolerance` "
        "and `--margin` a share in percent, `--confidence` a number below 1. Both need `--by`, which says where an answer "
        "tells its version. Weights that are all zero serve nothing, so that there is nothing to expect.",
        "$ edgesim load http://localhost:8080/ --by header:x-version --expect-split v1:90,v2:10\n"
        "ES1230 --expect-split `v1:90,v2:10`: `v1:90` is no destination with its weight: write `v1=90,v2=10`\n",
        "$ edgesim load http://localhost:8080/ --by header:x-version --expect-split v1=90,v2=10 --tolerance 1%\n",
        console=True,
    ),
    error(
        "ES1231",
        "A saved run that cannot be read",
        "`edgesim compare` takes two files that `edgesim load --save FILE` wrote. The file is not there, is no JSON, or "
        "is something else.",
        "$ edgesim compare before.json after.html\n"
        "ES1231 after.html: it is no run of edgesim load: JSON is malformed: invalid character (byte 0)\n",
        "$ edgesim load http://localhost:8080/ --save after.json\n$ edgesim compare before.json after.json\n",
        console=True,
    ),
)
