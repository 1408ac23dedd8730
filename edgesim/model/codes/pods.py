"""ES0410 to ES0499: what a pod template scripts and runs. All warnings: the rest of the pod goes on."""

from __future__ import annotations

from edgesim.model.codes.code import Code, deployment, note, warning


def _pods(annotation: str = "", args: str = "[-text=hello]") -> str:
    container = f"[{{name: echo, image: hashicorp/http-echo, args: {args}}}]"
    return deployment("{matchLabels: {app: echo}}", container, annotation)


PODS: tuple[Code, ...] = (
    warning(
        "ES0410",
        "A pod address that is no host:port",
        "`edgesim.io/address` says where your own program listens: a host, a colon and a port, without a scheme.",
        _pods('edgesim.io/address: "http://localhost:3000"'),
        _pods('edgesim.io/address: "localhost:3000"'),
    ),
    warning(
        "ES0411",
        "A latency that cannot be read",
        "`edgesim.io/latency` is a duration, or `normal(mean,deviation)`, `lognormal(mean,deviation)` or "
        "`uniform(low,high)` of durations. Mean and deviation are those of the latency itself, of the lognormal too.",
        _pods('edgesim.io/latency: "gauss(20ms,5ms)"'),
        _pods('edgesim.io/latency: "normal(20ms,5ms)"'),
    ),
    warning(
        "ES0412",
        "An error rate that is no share",
        "`edgesim.io/error-rate` is the share of requests that fail, between 0 and 1 or in percent.",
        _pods('edgesim.io/error-rate: "5"'),
        _pods('edgesim.io/error-rate: "5%"'),
    ),
    warning(
        "ES0413",
        "An error code that is no status",
        "`edgesim.io/error-code` is the status of failing requests, from 200 to 599.",
        _pods('edgesim.io/error-code: "unavailable"'),
        _pods('edgesim.io/error-code: "503"'),
    ),
    warning(
        "ES0414",
        "A delay that is no duration",
        "`edgesim.io/degrade-after` is how long after its start a pod begins to show its latency and errors.",
        _pods('edgesim.io/degrade-after: "30"'),
        _pods('edgesim.io/degrade-after: "30s"'),
    ),
    warning(
        "ES0415",
        "http-echo would not start",
        "These arguments make hashicorp/http-echo exit at once, so in a cluster its pod would never be ready. "
        "It needs `-text` (or ECHO_TEXT in its environment) and knows `-listen` and `-status-code` besides.",
        _pods(args="[-txt=hello]"),
        _pods(),
    ),
    warning(
        "ES0416",
        "An edgesim.io annotation that does not exist",
        "Annotations of `edgesim.io/` script a pod; this one is none of them, so it does nothing.",
        _pods('edgesim.io/latancy: "20ms"'),
        _pods('edgesim.io/latency: "20ms"'),
    ),
    note(
        "ES0417",
        "A pod cannot listen",
        "The system refuses what the pod needs to listen, or the name of its `edgesim.io/address` has no address; "
        "the system's own words are in the message. The pod is not ready; it is tried again with the next change.",
        "$ ulimit -n 64; edgesim up echo.yaml\n",
        "$ ulimit -n 4096; edgesim up echo.yaml\n",
        console=True,
    ),
    warning(
        "ES0418",
        "A delay of readiness that is no duration",
        "`edgesim.io/ready-after` is how long after its start a pod becomes ready, so that a rollout can be watched.",
        _pods('edgesim.io/ready-after: "5"'),
        _pods('edgesim.io/ready-after: "5s"'),
    ),
)
