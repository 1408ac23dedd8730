"""The table of problem codes. It gives each its severity; the pages in `docs/problems/` are made from it.

0001-0099 reading, 0100-0199 schema, 0200-0299 routes and their options, 0300-0399 upstreams, 0400-0499 Kubernetes kinds
and pods, 0500-0599 TLS and gateways, 0600-0699 notes, 0700-0799 the running instance, 0800-0899 route tests,
0900-0999 the command line, 1000-1099 benchmarks, 1100-1199 simulations, 1200-1299 load,
1300-1399 Envoy.
"""

from __future__ import annotations

from edgesim.model.codes.bench import BENCH
from edgesim.model.codes.breaking import BREAKING
from edgesim.model.codes.code import Code
from edgesim.model.codes.command_line import COMMAND_LINE
from edgesim.model.codes.delegation import DELEGATION
from edgesim.model.codes.envoy import ENVOY
from edgesim.model.codes.gateways import DOMAIN_CONFLICT, GATEWAYS
from edgesim.model.codes.kubernetes import KUBERNETES
from edgesim.model.codes.lint import LINT
from edgesim.model.codes.load import LOAD
from edgesim.model.codes.notes import NOTES
from edgesim.model.codes.options import OPTIONS
from edgesim.model.codes.pods import PODS
from edgesim.model.codes.reading import READING
from edgesim.model.codes.route_tests import ROUTE_TESTS
from edgesim.model.codes.routes import ROUTES
from edgesim.model.codes.running import RUNNING
from edgesim.model.codes.schema import SCHEMA
from edgesim.model.codes.simulate import SIMULATE
from edgesim.model.codes.tls import TLS
from edgesim.model.codes.upstreams import UPSTREAMS
from edgesim.model.problems import EdgesimError, Position, Problem, ResourceKey

CODES: dict[str, Code] = {
    row.code: row
    for row in (
        *READING,
        *SCHEMA,
        *ROUTES,
        *DELEGATION,
        *OPTIONS,
        *UPSTREAMS,
        *KUBERNETES,
        *PODS,
        *TLS,
        *GATEWAYS,
        *NOTES,
        *LINT,
        *RUNNING,
        *BREAKING,
        *ROUTE_TESTS,
        *COMMAND_LINE,
        *BENCH,
        *SIMULATE,
        *LOAD,
        *ENVOY,
    )
}


def problem(
    code: str,
    message: str,
    *,
    resource: ResourceKey | None = None,
    field: str = "",
    position: Position | None = None,
    hint: str = "",
    affects: tuple[ResourceKey, ...] = (),
    related: tuple[Position, ...] = (),
) -> Problem:
    """Return a problem; its severity is the table's. Raises KeyError for a code that is not in the table."""
    return Problem(code, CODES[code].severity, message, resource, field, position, hint, affects, related=related)


def failure(code: str, message: str, hint: str = "", *, exit_code: int = 1) -> EdgesimError:
    """Return what to raise where one problem, of no file, stops everything. Raises KeyError as `problem`."""
    return EdgesimError(problem(code, message, hint=hint), exit_code=exit_code)


__all__ = ["CODES", "DOMAIN_CONFLICT", "Code", "failure", "problem"]
