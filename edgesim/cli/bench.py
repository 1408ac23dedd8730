"""The commands of `edgesim bench`."""

from __future__ import annotations

from edgesim.cli.bench_canary import canary
from edgesim.cli.bench_diff import diff
from edgesim.cli.bench_proxy import proxy
from edgesim.cli.bench_routing import routing

COMMANDS = (routing, proxy, canary, diff)
HELP = "Measure: the routing core alone, the proxy beside its peers, a canary from first to last weight."
