"""ES0740 to ES0749: breaking things on purpose."""

from __future__ import annotations

from edgesim.model.codes.code import Code, error

BREAKING: tuple[Code, ...] = (
    error(
        "ES0740",
        "There is nothing of that name to break",
        "`edgesim break` and `edgesim mend` take a pod or an upstream that is served, by its name, `NAMESPACE/NAME`, "
        "`pod/NAME` or `upstream/NAME`, or an endpoint, `ADDRESS:PORT`. Nothing has that name, several things have it, or "
        "it is a pod that no upstream sends to.",
        "$ edgesim break ecko --latency 200ms\n"
        "Error from server (NotFound): there is no pod and no upstream `ecko`; did you mean `echo`? (ES0740)\n",
        "$ edgesim break echo --latency 200ms\n",
        console=True,
    ),
    error(
        "ES0741",
        "Envoy cannot be broken",
        "What `edgesim break` does happens between edgesim's own engine and the pods. With `--engine envoy` requests do not "
        "come by there; annotations on a pod template (`edgesim.io/latency`, `edgesim.io/error-rate`) act with both engines.",
        "$ edgesim up configs/ --engine envoy &\n$ edgesim break echo --latency 200ms\n"
        "Error from server (BadRequest): Envoy serves, and nothing can be broken there (ES0741)\n",
        "$ edgesim up configs/ &\n$ edgesim break echo --latency 200ms\n",
        console=True,
    ),
)
