"""ES1000 to ES1049: benchmarks."""

from __future__ import annotations

from edgesim.model.codes.code import Code, error

BENCH: tuple[Code, ...] = (
    error(
        "ES1000",
        "An option of a benchmark that cannot be read",
        "A number of routes, a weight, a peer or another option is not written as it must be. The message names the "
        "option and what it takes.",
        "$ edgesim bench routing --routes 10,many\n"
        "ES1000 --routes `10,many`: `many` is no number of routes; write it like 10,1000,10000\n",
        "$ edgesim bench routing --routes 10,1000\n",
        console=True,
    ),
    error(
        "ES1001",
        "A result that cannot be used",
        "The file named with `--save` cannot be written, or one that `edgesim bench diff` was given is not there or was "
        "not written by `edgesim bench`.",
        "$ edgesim bench diff before.json after.json\n"
        "ES1001 before.json: no such file or directory; write one with `edgesim bench routing --save FILE`\n",
        "$ edgesim bench routing --save before.json\n",
        console=True,
    ),
    error(
        "ES1002",
        "A peer that is not there",
        "A proxy named with `--against` is not installed, or does not start. Without `--against` the peers that are "
        "there are measured, and the others named.",
        "$ edgesim bench proxy --against haproxy\n"
        "ES1002 haproxy: haproxy is not installed; apt-get install haproxy, or brew install haproxy\n",
        "$ edgesim bench proxy --against aiohttp\n",
        console=True,
    ),
    error(
        "ES1003",
        "A configuration that cannot be measured",
        "The configuration has problems, no route, or no route that a request can be made for: there is nothing to send.",
        "$ edgesim bench routing upstream.yaml\n"
        "ES1003 upstream.yaml: there is no route to decide; name a VirtualService too\n",
        "$ edgesim bench routing upstream.yaml vs.yaml\n",
        console=True,
    ),
    error(
        "ES1004",
        "A walk without steps",
        "`edgesim bench canary` walks through files that declare the same object (`vs-1.yaml`, `vs-2.yaml`, ...), or with "
        "`--weights` through weights of the one route that splits between two destinations.",
        "$ edgesim bench canary echo.yaml upstream.yaml vs-5.yaml\n"
        "ES1004 no object is declared by two files, so there are no steps; give several, or --weights 0,10,50,100\n",
        "$ edgesim bench canary echo.yaml upstream.yaml vs-5.yaml --weights 0,10,50,100\n",
        console=True,
    ),
)
