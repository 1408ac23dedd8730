"""One row of the table of codes, and the manifests its examples are written in."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import dedent, indent

from edgesim.model.problems import Severity


@dataclass(frozen=True, slots=True)
class Code:
    """A stable code: what it means, an example that gives it, and the same example mended.

    An example in YAML is a whole file, and a test runs it; one that no file can show (a port in
    use) is a console session with `console` set.
    """

    code: str
    severity: Severity
    title: str
    meaning: str
    bad: str
    mend: str
    console: bool = False


def error(code: str, title: str, meaning: str, bad: str, mend: str, *, console: bool = False) -> Code:
    """Return a row of class error."""
    return Code(code, Severity.ERROR, title, meaning, bad, mend, console)


def warning(code: str, title: str, meaning: str, bad: str, mend: str, *, console: bool = False) -> Code:
    """Return a row of class warning."""
    return Code(code, Severity.WARNING, title, meaning, bad, mend, console)


def note(code: str, title: str, meaning: str, bad: str, mend: str, *, console: bool = False) -> Code:
    """Return a row of class note."""
    return Code(code, Severity.NOTE, title, meaning, bad, mend, console)


UPSTREAM = """\
apiVersion: gloo.solo.io/v1
kind: Upstream
metadata: {name: echo}
spec:
  static:
    hosts: [{addr: 127.0.0.1, port: 5678}]
"""

SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: echo}
spec:
  selector: {app: echo}
  ports: [{port: 80, targetPort: 5678}]
"""


def deployment(
    selector: str,
    containers: str = "[{name: echo, image: hashicorp/http-echo, args: [-text=hi]}]",
    annotations: str = "",
) -> str:
    """Write a Deployment of pods `app: echo`."""
    annotated = f", annotations: {{{annotations}}}" if annotations else ""
    return dedent(
        f"""\
        apiVersion: apps/v1
        kind: Deployment
        metadata: {{name: echo}}
        spec:
          selector: {selector}
          template:
            metadata: {{labels: {{app: echo}}{annotated}}}
            spec: {{containers: {containers}}}
        """
    )


def documents(*texts: str) -> str:
    """Join documents into one file."""
    return "---\n".join(dedent(text) for text in texts)


def virtual_host(text: str, name: str = "echo") -> str:
    """Write a VirtualService around its virtual host."""
    head = f"apiVersion: gateway.solo.io/v1\nkind: VirtualService\nmetadata: {{name: {name}}}\nspec:\n  virtualHost:\n"
    return head + indent(dedent(text), "    ")


def route(text: str) -> str:
    """Write a VirtualService around one route."""
    lines = indent(dedent(text), "        ")
    return virtual_host("domains: ['*']\nroutes:\n") + f"      - {lines[8:]}"


def routed(text: str) -> str:
    """Write a VirtualService around one route, and the Upstream `echo` beside it."""
    return documents(route(text), UPSTREAM)


def subset_upstream(*keys: str) -> str:
    """Write a kube Upstream `echo` with one subset selector, and its Service."""
    upstream = f"""\
    apiVersion: gloo.solo.io/v1
    kind: Upstream
    metadata: {{name: echo}}
    spec:
      kube:
        serviceName: echo
        serviceNamespace: default
        servicePort: 80
        subsetSpec:
          selectors: [{{keys: [{", ".join(keys)}]}}]
    """
    return documents(upstream, SERVICE)


def gateway(text: str, name: str = "gateway-proxy", namespace: str = "gloo-system") -> str:
    """Write a Gateway around its spec."""
    metadata = f"{{name: {name}, namespace: {namespace}}}"
    head = f"apiVersion: gateway.solo.io/v1\nkind: Gateway\nmetadata: {metadata}\nspec:\n"
    return head + indent(dedent(text), "  ")


def settings(spec: str, namespace: str = "gloo-system") -> str:
    """Write Settings around the inside of their spec."""
    head = f"apiVersion: gloo.solo.io/v1\nkind: Settings\nmetadata: {{name: default, namespace: {namespace}}}\n"
    return f"{head}spec: {{{spec}}}\n"


def upstream(text: str) -> str:
    """Write an Upstream around its spec."""
    head = "apiVersion: gloo.solo.io/v1\nkind: Upstream\nmetadata: {name: echo}\nspec:\n"
    return head + indent(dedent(text), "  ")
