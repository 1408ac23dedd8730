"""ES0250 to ES0269: delegation. ES0620: its notes."""

from __future__ import annotations

from textwrap import dedent, indent

from edgesim.model.codes.code import UPSTREAM, Code, documents, error, note, route, warning

_LEAF = "routeAction: {single: {upstream: {name: echo}}}\n"


def _table(text: str = "", name: str = "echo", labels: str = "team: echo") -> str:
    """Write a RouteTable around one route."""
    head = f"apiVersion: gateway.solo.io/v1\nkind: RouteTable\nmetadata: {{name: {name}, labels: {{{labels}}}}}\n"
    lines = indent(dedent(text or "matchers: [{prefix: /echo}]\n" + _LEAF), "    ")
    return f"{head}spec:\n  routes:\n  - {lines[4:]}"


def _delegated(text: str, *tables: str) -> str:
    """Write a VirtualService around a delegating route, with tables and the Upstream `echo` beside it."""
    return documents(route(text), *tables, UPSTREAM)


_BY_REF = "delegateAction: {ref: {name: echo, namespace: default}}\n"
_GOOD = _delegated("matchers: [{prefix: /echo}]\n" + _BY_REF, _table())
_OPTIONS = """\
apiVersion: gateway.solo.io/v1
kind: RouteOption
metadata: {name: slow}
spec: {options: {timeout: 60s}}
"""


def _selected(selector: str) -> str:
    return _delegated(f"matchers: [{{prefix: /echo}}]\ndelegateAction: {{selector: {selector}}}\n", _table())


DELEGATION: tuple[Code, ...] = (
    error(
        "ES0250",
        "A delegating route without prefix",
        "A route that delegates has a `prefix` matcher, which is not empty, or none: what an exact path or a regex "
        "would leave to a table is no prefix.",
        _delegated("matchers: [{exact: /echo}]\n" + _BY_REF, _table()),
        _GOOD,
    ),
    error(
        "ES0251",
        "A delegating route with several matchers",
        "A route that delegates has one matcher at most.",
        _delegated("matchers: [{prefix: /echo}, {prefix: /foxtrot}]\n" + _BY_REF, _table()),
        _GOOD,
    ),
    warning(
        "ES0252",
        "A route table that is not there",
        "The delegating route has no routes, and the rest of the virtual service is served. The namespace of a `ref` "
        "has no default.",
        _delegated("matchers: [{prefix: /echo}]\ndelegateAction: {ref: {name: ecko, namespace: default}}\n", _table()),
        _GOOD,
    ),
    warning(
        "ES0253",
        "A delegating route without target",
        "A `delegateAction` names a table by `ref`, or selects some by `selector`.",
        _delegated("matchers: [{prefix: /echo}]\ndelegateAction: {}\n", _table()),
        _GOOD,
    ),
    warning(
        "ES0254",
        "A selector that selects no table",
        "Without `namespaces` a selector looks only in the namespace of the resource that holds it; `'*'` means all. "
        "Under `freeze` it holds nothing up where no table is there that may have been meant.",
        _selected("{labels: {team: ecko}}"),
        _selected("{labels: {team: echo}}"),
    ),
    warning(
        "ES0255",
        "Labels and expressions in one selector",
        "A selector has `labels` or `expressions`, not both; with both it selects nothing.",
        _selected("{labels: {team: echo}, expressions: [{key: team, operator: Exists}]}"),
        _selected("{expressions: [{key: team, operator: Equals, values: [echo]}]}"),
    ),
    warning(
        "ES0256",
        "An invalid selector expression",
        "`Equals`, `DoubleEquals` and `NotEquals` have one value, `In` and `NotIn` one or more, `Exists` and "
        "`DoesNotExist` none, `GreaterThan` and `LessThan` one whole number. Key and values are valid label texts.",
        _selected("{expressions: [{key: team, operator: Exists, values: [echo]}]}"),
        _selected("{expressions: [{key: team, operator: Exists}]}"),
    ),
    warning(
        "ES0257",
        "A table's route that does not fit the delegating route",
        "Each matcher of a table's route begins with the prefix of the delegating route, has the same "
        "`caseSensitive`, and repeats its headers, query parameters and methods. A route with a matcher that does not "
        "is left out; the others of the table are served.",
        _delegated("matchers: [{prefix: /echo}]\n" + _BY_REF, _table("matchers: [{prefix: /ecko}]\n" + _LEAF)),
        _GOOD,
    ),
    warning(
        "ES0258",
        "Options that are not there",
        "`optionsConfigRefs` names a RouteOption (in a virtual host: a VirtualHostOption) that does not exist; the "
        "namespace of a reference has no default. The route goes without those options.",
        documents(
            route(_LEAF + "optionsConfigRefs: {delegateOptions: [{name: slaw, namespace: default}]}\n"),
            UPSTREAM,
            _OPTIONS,
        ),
        documents(
            route(_LEAF + "optionsConfigRefs: {delegateOptions: [{name: slow, namespace: default}]}\n"),
            UPSTREAM,
            _OPTIONS,
        ),
    ),
    error(
        "ES0259",
        "A cycle of route tables",
        "A table that is reached from itself has no end. The virtual service is rejected, as Gloo does. Two ways to "
        "the same table are no cycle.",
        _delegated("matchers: [{prefix: /echo}]\n" + _BY_REF, _table("matchers: [{prefix: /echo}]\n" + _BY_REF)),
        _GOOD,
    ),
    error(
        "ES0260",
        "Route tables that multiply without end",
        "Each way to a table has its own routes. Where many tables select each other there are more ways than any "
        "gateway can serve; 50,000 below one virtual service is the limit here.",
        "$ edgesim check tables/  # 20 tables, each with `selector: {}`\n"
        "error ES0260: more than 50000 ways lead to route tables: they select each other\n",
        "$ edgesim check tables/  # each with labels, and a selector that picks those below it\n"
        "No problems detected.\n",
        console=True,
    ),
    note(
        "ES0620",
        "Lost conditions of a delegating route",
        "A delegating route's matcher without a path counts as the prefix `/`, and Gloo then drops its headers, query "
        "parameters and methods.",
        _delegated("matchers: [{methods: [GET]}]\n" + _BY_REF, _table()),
        _delegated(
            "matchers: [{prefix: /, methods: [GET]}]\n" + _BY_REF,
            _table("matchers: [{prefix: /echo, methods: [GET]}]\n" + _LEAF),
        ),
    ),
)
