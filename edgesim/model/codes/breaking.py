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
        "Envoy does not take what is broken",
        "With `--engine envoy` what is broken is reached by way of a relay in edgesim, and Envoy is told its address in place "
        "of the endpoint's. Envoy did not answer, or refused it, or no port was free for a relay. Nothing is broken then.",
        "$ edgesim break echo --latency 200ms\n"
        "Error from server (ServiceUnavailable): what is broken has no relay: too many open files (ES0741)\n",
        "$ ulimit -n 65536\n$ edgesim up configs/ --engine envoy &\n$ edgesim break echo --latency 200ms\n",
        console=True,
    ),
)
