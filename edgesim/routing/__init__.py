"""Routing, pure: `compile_table(virtual_hosts)` once, `decide(table, head, draw)` per request."""

from __future__ import annotations

from edgesim.routing.compiling import HostTable, Steps, Target, compile_host, compile_in_steps, finish
from edgesim.routing.decision import Decision, header_levels
from edgesim.routing.hosts import Hosts, find_host
from edgesim.routing.regexes import check_regex
from edgesim.routing.rewrite import host_rewrite, redirect_location
from edgesim.routing.table import (
    RouteTable,
    compile_table,
    decide,
    lookup,
    replace_hosts,
    resolve,
    table_of,
    with_pseudo_headers,
)
from edgesim.routing.weights import Split

__all__ = [
    "Decision",
    "HostTable",
    "Hosts",
    "RouteTable",
    "Split",
    "Steps",
    "Target",
    "check_regex",
    "compile_host",
    "compile_in_steps",
    "compile_table",
    "decide",
    "find_host",
    "finish",
    "header_levels",
    "host_rewrite",
    "lookup",
    "redirect_location",
    "replace_hosts",
    "resolve",
    "table_of",
    "with_pseudo_headers",
]
