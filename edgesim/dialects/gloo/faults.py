"""Fault injection and shadowing (reference sections 6.3 and 6.5)."""

from __future__ import annotations

from edgesim.dialects.gloo.durations import seconds
from edgesim.dialects.gloo.fractions import is_percentage, millionths
from edgesim.dialects.gloo.guesses import dotted
from edgesim.dialects.gloo.names import cluster_name
from edgesim.dialects.gloo.scope import Reporter, guess
from edgesim.dialects.resource import FieldPath
from edgesim.dialects.schema import options
from edgesim.model.policies import Fault, Mirror


def fault_of(given: options.RouteFaults | None, path: FieldPath, reporter: Reporter) -> Fault | None:
    """Read the faults of a route; a missing percentage is 0."""
    if given is None:
        return None
    delay, abort = given.delay, given.abort
    at = (*path, "faults")
    if delay is not None:
        _check_delay(delay, (*at, "delay"), reporter)
    if abort is not None:
        _check_abort(abort, (*at, "abort"), reporter)
    return Fault(
        delay_millionths=_share(delay.percentage, (*at, "delay"), reporter) if delay is not None else 0,
        delay=seconds(delay.fixed_delay or "0") if delay is not None else 0.0,
        abort_millionths=_share(abort.percentage, (*at, "abort"), reporter) if abort is not None else 0,
        abort_status=abort.http_status if abort is not None else 0,
    )


def _check_delay(given: options.FaultDelay, path: FieldPath, reporter: Reporter) -> None:
    """Check a delay by its whole seconds, as Gloo does: 500ms is refused."""
    if int(seconds(given.fixed_delay or "0")) <= 0:
        text = f"invalid delay duration '{given.fixed_delay or ''}', must be greater than 0"
        hint = "Gloo looks at whole seconds only: the least is 1s"
        reporter.report("ES0234", (*path, "fixedDelay") if given.fixed_delay is not None else path, text, hint)


def _check_abort(given: options.FaultAbort, path: FieldPath, reporter: Reporter) -> None:
    if not 200 <= given.http_status < 600:
        text = f"invalid abort status code '{given.http_status}', must be in range of [200,600)"
        reporter.report("ES0234", (*path, "httpStatus") if given.http_status else path, text)


def _share(percentage: float, path: FieldPath, reporter: Reporter) -> int:
    if is_percentage(percentage):
        return millionths(percentage)
    reporter.report("ES0234", (*path, "percentage"), f"a percentage must be 0..100, got {percentage}")
    return 0


def mirror_of(given: options.RouteShadowing | None, path: FieldPath, reporter: Reporter) -> Mirror | None:
    """Read where shadow traffic goes; the namespace of the upstream is not defaulted."""
    if given is None:
        return None
    at = (*path, "shadowing")
    if given.upstream is None:
        reporter.report("ES0236", at, "invalid plugin spec: must specify an upstream ref", "add `upstream`")
        return None
    name = (given.upstream.namespace, given.upstream.name)
    if not is_percentage(given.percentage):
        text = f"shadow percentage must be between 0 and 100, received {given.percentage}"
        reporter.report("ES0236", (*at, "percentage"), text)
        return None
    if name not in reporter.scope.upstreams:
        text = f"*v1.Upstream {{ {dotted(name)} }} not found: no shadow traffic is sent"
        reporter.report("ES0607", (*at, "upstream"), text, guess(name, reporter.scope.upstreams))
    return Mirror(
        cluster=cluster_name(*name),
        millionths=millionths(given.percentage),
        append_suffix=not given.disable_shadow_host_suffix_append,
        host=given.host_rewrite_literal,
    )
