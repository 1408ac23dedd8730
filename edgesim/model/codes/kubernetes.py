"""ES0400 to ES0499: Kubernetes kinds and the pods they make."""

from __future__ import annotations

from edgesim.model.codes.code import SERVICE, Code, deployment, error

_GOOD = deployment("{matchLabels: {app: echo}}")

KUBERNETES: tuple[Code, ...] = (
    error(
        "ES0400",
        "A deployment that does not select its own pods",
        "The labels of `spec.template` must satisfy `spec.selector`; the API server refuses the deployment otherwise.",
        deployment("{matchLabels: {app: ecko}}"),
        _GOOD,
    ),
    error(
        "ES0401",
        "An empty selector",
        "A deployment's selector has to name a label.",
        deployment("{}"),
        _GOOD,
    ),
    error(
        "ES0402",
        "Two containers of one name",
        "Container names are unique inside a pod.",
        deployment("{matchLabels: {app: echo}}", "[{name: echo}, {name: echo}]"),
        _GOOD,
    ),
    error(
        "ES0403",
        "An invalid service port",
        "A service port is 1 to 65535; where there are several, each has a name of its own.",
        SERVICE.replace("port: 80", "port: 0"),
        SERVICE,
    ),
    error(
        "ES0404",
        "Secret data that is not base64",
        "The values under `data` are base64. Plain text belongs in `stringData`.",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: echo}\ndata: {password: 'open sesame'}\n",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: echo}\nstringData: {password: 'open sesame'}\n",
    ),
    error(
        "ES0405",
        "A TLS secret without certificate or key",
        "A Secret of type `kubernetes.io/tls` has the keys `tls.crt` and `tls.key`; the API server refuses it "
        "otherwise. One with an authority only is `Opaque`.",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: ca}\ntype: kubernetes.io/tls\n"
        "stringData: {tls.crt: ..., ca.crt: ...}\n",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: ca}\ntype: Opaque\nstringData: {ca.crt: ...}\n",
    ),
)
