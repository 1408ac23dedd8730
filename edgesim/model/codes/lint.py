"""ES0650 to ES0669: lint. Notes that are made only when somebody asks (`edgesim check`)."""

from __future__ import annotations

from edgesim.model.codes.code import SERVICE, UPSTREAM, Code, documents, note, route, routed, upstream, virtual_host

_ANSWER = "directResponseAction: {status: 200}"
_TO_ECHO = "routeAction: {single: {upstream: {name: echo}}}\n"
_FAILING_OVER = """\
static: {hosts: [{addr: 127.0.0.1, port: 5678}]}
failover:
  prioritizedLocalities: [{localityEndpoints: [{lbEndpoints: [{address: 127.0.0.1, port: 5679}]}]}]
"""


def _host(*routes: str) -> str:
    return virtual_host("domains: ['*']\nroutes:\n" + "".join(f"- {text}\n" for text in routes))


def _split(first: str, second: str) -> str:
    lines = "".join(f"  - {{destination: {{upstream: {{name: echo}}}}{weight}}}\n" for weight in (first, second))
    return routed(f"routeAction:\n  multi:\n    destinations:\n{lines.replace('  -', '    -')}")


def _group(weight: int) -> str:
    head = "apiVersion: gloo.solo.io/v1\nkind: UpstreamGroup\nmetadata: {name: echo}\nspec:\n"
    lines = f"  destinations:\n  - {{destination: {{upstream: {{name: echo}}}}, weight: {weight}}}\n"
    return documents(head + lines, UPSTREAM)


def _deployment(version: str) -> str:
    return f"""\
    apiVersion: apps/v1
    kind: Deployment
    metadata: {{name: echo-{version}}}
    spec:
      selector: {{matchLabels: {{app: echo, version: {version}}}}}
      template:
        metadata: {{labels: {{app: echo, version: {version}}}}}
        spec: {{containers: [{{name: echo, image: hashicorp/http-echo, args: ['-text={version}']}}]}}
    """


def _pods(version: str, *deployments: str) -> str:
    kube = (
        "kube:\n  serviceName: echo\n  serviceNamespace: default\n  servicePort: 80\n"
        "  subsetSpec: {selectors: [{keys: [version]}]}\n"
    )
    single = f"routeAction: {{single: {{upstream: {{name: echo}}, subset: {{values: {{version: {version}}}}}}}}}\n"
    return documents(route(single), upstream(kube), SERVICE, *map(_deployment, deployments))


def _unset(subset: str) -> str:
    specs = "{selectors: [{keys: [version]}], fallbackPolicy: NO_FALLBACK}"
    kube = f"kube: {{serviceName: echo, serviceNamespace: default, servicePort: 80, subsetSpec: {specs}}}\n"
    single = f"routeAction: {{single: {{upstream: {{name: echo}}{subset}}}}}\n"
    return documents(route(single), upstream(kube), SERVICE, _deployment("v1"))


def _table(team: str, prefix: str) -> str:
    return f"""\
    apiVersion: gateway.solo.io/v1
    kind: RouteTable
    metadata: {{name: routes, namespace: {team}}}
    spec:
      routes: [{{matchers: [{{prefix: {prefix}}}], {_ANSWER}}}]
    """


def _teams(first: str, second: str) -> str:
    host = _host("{matchers: [{prefix: /}], delegateAction: {selector: {namespaces: ['*']}}}")
    return documents(host, _table("echo", first), _table("foxtrot", second))


LINT: tuple[Code, ...] = (
    note(
        "ES0650",
        "A route that never wins",
        "An earlier route takes every request this one matches: the first match wins. The note names both places. It "
        "may be one matcher of several that never wins.",
        _host(f"{{matchers: [{{prefix: /api}}], {_ANSWER}}}", f"{{matchers: [{{prefix: /api/v2}}], {_ANSWER}}}"),
        _host(f"{{matchers: [{{prefix: /api/v2}}], {_ANSWER}}}", f"{{matchers: [{{prefix: /api}}], {_ANSWER}}}"),
    ),
    note(
        "ES0651",
        "Conditions that come too late",
        "The route differs from an earlier one only in conditions on headers, query parameters or methods. The earlier "
        "one, with fewer conditions, takes its requests: the route with more conditions belongs first.",
        _host(
            f"{{matchers: [{{prefix: /}}], {_ANSWER}}}",
            f"{{matchers: [{{prefix: /, headers: [{{name: stage, value: canary}}]}}], {_ANSWER}}}",
        ),
        _host(
            f"{{matchers: [{{prefix: /, headers: [{{name: stage, value: canary}}]}}], {_ANSWER}}}",
            f"{{matchers: [{{prefix: /}}], {_ANSWER}}}",
        ),
    ),
    note(
        "ES0652",
        "A weight of 0 with no other",
        "No destination of the list has a weight above 0, so a route that sends here is refused. The list is one nobody "
        "uses yet: in a route that is served it is an error (ES0213).",
        _group(0),
        _group(100),
    ),
    note(
        "ES0653",
        "A destination without a weight",
        "Other destinations of the list have a weight. A missing one counts as 0, not as the rest.",
        _split(", weight: 90", ""),
        _split(", weight: 90", ", weight: 10"),
    ),
    note(
        "ES0654",
        "Weights that do not add up to 100",
        "That is allowed: each destination gets its weight divided by the sum. Whoever reads them as percents is wrong.",
        _split(", weight: 90", ", weight: 5"),
        _split(", weight: 90", ", weight: 10"),
    ),
    note(
        "ES0655",
        "A destination without a ready pod",
        "Nothing is behind it: requests are answered 503. Without a running instance, the pods are those that the "
        "Deployments and Pods of the files would give.",
        _pods("v1"),
        _pods("v1", "v1"),
    ),
    note(
        "ES0656",
        "A subset no pod has",
        "The subset's keys are known to the upstream, but no ready pod has these labels. What happens then is the "
        "`fallbackPolicy` of the upstream; Gloo's default sends to any pod, which hides the mistake.",
        _pods("v2", "v1"),
        _pods("v2", "v1", "v2"),
    ),
    note(
        "ES0657",
        "A regex that is a plain path",
        "The regex matches exactly what a `prefix` or an `exact` path does, and those are faster and easier to read.",
        _host(f"{{matchers: [{{regex: '/api/.*'}}], {_ANSWER}}}"),
        _host(f"{{matchers: [{{prefix: /api/}}], {_ANSWER}}}"),
    ),
    note(
        "ES0658",
        "An upstream nothing names",
        "No route, route table or upstream group names it, so it gets no request.",
        documents(_host(f"{{{_ANSWER}}}"), UPSTREAM),
        routed(_TO_ECHO),
    ),
    note(
        "ES0659",
        "Tables of two teams that overlap",
        "Routes of two RouteTables in different namespaces match the same requests. Which of them wins depends on the "
        "order of the tables (`weight`, then Gloo's sort), so a change of one team moves requests of the other.",
        _teams("/api", "/api/v2"),
        _teams("/echo", "/foxtrot"),
    ),
    note(
        "ES0660",
        "An ignored code that is none",
        "The annotation `edgesim.io/ignore` lists codes of notes, with commas between them, that need not be told of "
        "this resource. Errors and warnings cannot be ignored.",
        _host(f"{{{_ANSWER}}}").replace("{name: echo}", "{name: echo, annotations: {edgesim.io/ignore: ES0999}}"),
        _host(f"{{{_ANSWER}}}").replace("{name: echo}", "{name: echo, annotations: {edgesim.io/ignore: ES0650}}"),
    ),
    note(
        "ES0661",
        "A route without subset, where nobody is fallen back to",
        "The upstream has a `subsetSpec` whose `fallbackPolicy` is NO_FALLBACK (or DEFAULT_SUBSET, and no pod is in the "
        "default subset). The policy is also for requests whose route asks for no subset: every one is answered 503.",
        _unset(""),
        _unset(", subset: {values: {version: v1}}"),
    ),
    note(
        "ES0662",
        "A field of Gloo Enterprise",
        "edgesim does what it says, and so does Gloo Enterprise. With the open-source build the resource gets an error "
        "(`Could not load configuration for the following Enterprise features`), or the field is ignored.",
        documents(route(_TO_ECHO), upstream(_FAILING_OVER)),
        routed(_TO_ECHO),
    ),
    note(
        "ES0663",
        "A body that an answer of its status has not",
        "Answers of status 204 and 304 end with their head. edgesim sends no body with them; Envoy does, and on a "
        "connection that is kept the client takes it for the beginning of the next answer.",
        _host("{directResponseAction: {status: 204, body: gone}}"),
        _host("{directResponseAction: {status: 204}}"),
    ),
)
