"""Requests as bytes."""

from __future__ import annotations

from edgesim.load.scenario import RequestClass, Target


def has_length(request: RequestClass) -> bool:
    """Tell whether the headers of a request say how long it is."""
    return any(name.lower() in {"content-length", "transfer-encoding"} for name, _ in request.headers)


def written(request: RequestClass, target: Target) -> bytes:
    """Return a request as it goes over the wire; `Host` and `Content-Length` are added where they are not given."""
    given = {name.lower() for name, _ in request.headers}
    fields = list(request.headers)
    if "host" not in given:
        fields.insert(0, ("Host", target.authority))
    if not has_length(request) and (request.body or request.method in {"POST", "PUT"}):
        fields.append(("Content-Length", str(len(request.body))))
    lines = [f"{request.method} {request.path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields)]
    return "".join(f"{line}\r\n" for line in lines).encode("utf-8", "surrogateescape") + b"\r\n" + request.body
