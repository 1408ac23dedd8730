"""The endpoint of `edgesim test`: route tests run on the configuration that is served."""

from __future__ import annotations

from aiohttp import web

from edgesim.admin.bodies import body_files
from edgesim.admin.context import CONTEXT, as_json, instance_of
from edgesim.admin.wire import RouteTestOutcome
from edgesim.config.route_tests import read_tests
from edgesim.inspect import run_route_tests


async def run_tests(request: web.Request) -> web.Response:
    """Run the route tests of files."""
    instance = instance_of(request)
    read = [read_tests(file.text, file.name) for file in await body_files(request)]
    tables = request.app[CONTEXT].compiled.tables_of(instance.served.model)
    tests = [test for tests, _problems in read for test in tests]
    report = run_route_tests(tests, tables, instance.translation.where)
    problems = tuple(problem for _tests, problems in read for problem in problems)
    return as_json(RouteTestOutcome(report, problems))
