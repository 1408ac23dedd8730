"""ES1300 to ES1399: what Envoy's configuration cannot say. Notes: they change an exit code only with `--strict`."""

from __future__ import annotations

from edgesim.model.codes.code import SERVICE, Code, documents, note, routed, subset_upstream, upstream, virtual_host

_KEYS = '{jwks: {local: {key: \'{"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0"}\'}}'


def _tokens(claims: str, more: str = "", validation: str = "") -> str:
    policy = f", validationPolicy: {validation}" if validation else ""
    options = f"options: {{jwt: {{providers: {{own: {_KEYS}{claims}}}}}{policy}}}}}\n"
    return virtual_host(f"domains: ['a.example']\n{options}routes:\n  - {more or _ANSWER}\n")


_SPLIT = """\
routeAction:
  multi:
    destinations:
      - {weight: 9, destination: {upstream: {name: echo}}}
      - {weight: 1, destination: {upstream: {name: echo}}}
"""
_ANSWER = "directResponseAction: {status: 200}"
_CLAIMS = ", claimsToHeaders: [{claim: stage, header: x-stage}]"
_ABORT = (
    "{routeAction: {single: {upstream: {name: echo}}}, options: {faults: {abort: {percentage: 5, httpStatus: 503}}}}"
)
_OTHER = virtual_host(f"domains: ['b.example']\nroutes:\n  - {_ANSWER}\n", "other")


def _on_empty(what: str) -> str:
    return routed(f"{_SPLIT}options: {{envoyMetadata: {{edgesim.io: {{onEmpty: {what}}}}}}}\n")


def _kube(selector: str) -> str:
    text = f"kube: {{serviceName: echo, serviceNamespace: default, servicePort: 80{selector}}}\n"
    return documents(upstream(text), SERVICE)


ENVOY: tuple[Code, ...] = (
    note(
        "ES1300",
        "Subsets of pods that Envoy does not see",
        "Without a control plane beside it, Envoy finds the pods of a Service by its name, which leads to all of them and "
        "tells no labels. So no subset has a pod, and every request gets what `fallbackPolicy` says. "
        "`edgesim export envoy --with-pods` writes the addresses of the pods that run now, with their labels.",
        subset_upstream("version"),
        _kube(""),
    ),
    note(
        "ES1301",
        "A selector of pods that Envoy does not see",
        "The upstream's `selector` takes some of the Service's pods only. The Service's name, by which Envoy finds them "
        "without a control plane, leads to all of them. A Service with the same selector would do.",
        _kube(", selector: {stage: canary}"),
        _kube(""),
    ),
    note(
        "ES1302",
        "What happens where nobody could answer",
        "`onEmpty: redistribute` and `onEmpty: fallback` are edgesim's own. Envoy answers such a request with 503, as "
        "`onEmpty: fail` does.",
        _on_empty("redistribute"),
        _on_empty("fail"),
    ),
    note(
        "ES1303",
        "A claim that cannot be appended",
        "Envoy's filter for tokens takes away what a client sent in the header of a claim before it adds its own value, so "
        "that `append` has nothing to append to.",
        _tokens(", claimsToHeaders: [{claim: stage, header: x-stage, append: true}]"),
        _tokens(_CLAIMS),
    ),
    note(
        "ES1304",
        "Faults before tokens",
        "In Envoy, as Gloo orders its filters, a fault is injected before the token is checked: also into requests that "
        "would be refused, and by the route that the request has without the claims of its token. edgesim checks the token "
        "first.",
        documents(_tokens(_CLAIMS, _ABORT), upstream("static: {hosts: [{addr: 127.0.0.1, port: 5678}]}\n")),
        documents(
            _tokens(_CLAIMS, "routeAction: {single: {upstream: {name: echo}}}"),
            upstream("static: {hosts: [{addr: 127.0.0.1, port: 5678}]}\n"),
        ),
    ),
    note(
        "ES1305",
        "A route chosen by a header that a client sent",
        "edgesim takes the headers of claims from every request before it chooses a route. Envoy can do so for a whole "
        "listener only, and it is written so where every virtual host of the listener has such a claim. Elsewhere a client "
        "may send the header itself and gets its route, unless its token's claims replace it.",
        documents(_tokens(_CLAIMS), _OTHER),
        _tokens(_CLAIMS),
    ),
)
