"""UpstreamGroups by themselves (reference section 4.3); routes read their arms."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from edgesim.dialects.gloo.guesses import dotted
from edgesim.dialects.gloo.scope import Reporter, Scope, guess, mark_replaced
from edgesim.dialects.resource import Resource
from edgesim.dialects.schema.upstream import UpstreamGroup


def check_upstream_groups(resources: Iterable[Resource], scope: Scope) -> None:
    """Report each destination of a group that is missing or names an upstream that is not there."""
    for resource in resources:
        reporter, before = Reporter(scope, resource), len(scope.problems)
        for index, arm in enumerate(cast(UpstreamGroup, resource.typed).spec.destinations):
            path = ("spec", "destinations", index)
            ref = arm.destination.upstream if arm.destination is not None else None
            if arm.destination is None:
                reporter.report("ES0307", path, f"destination # {index + 1}: destination is nil")
            elif ref is not None:
                name = (ref.namespace or resource.namespace, ref.name)
                if name not in scope.upstreams:
                    text = f"destination # {index + 1}: upstream not found: list did not find upstream {dotted(name)}"
                    at = (*path, "destination", "upstream")
                    reporter.report("ES0306", at, text, guess(name, scope.upstreams))
        mark_replaced(scope, before)
