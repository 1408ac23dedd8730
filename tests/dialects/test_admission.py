from __future__ import annotations

import pytest

from edgesim.model.codes.code import deployment
from tests.dialects.scenes import SERVICE, run


@pytest.mark.parametrize(
    "expression",
    [
        "{key: app, operator: In, values: [echo, foxtrot]}",
        "{key: app, operator: NotIn, values: [foxtrot]}",
        "{key: other, operator: NotIn, values: [foxtrot]}",
        "{key: app, operator: Exists}",
        "{key: other, operator: DoesNotExist}",
    ],
)
def test_expressions_select(expression: str) -> None:
    """A deployment may select its pods by any expression that holds for them."""
    assert run(deployment(f"{{matchExpressions: [{expression}]}}")).problems == []


@pytest.mark.parametrize(
    "selector",
    [
        "{matchLabels: {app: foxtrot}}",
        "{matchExpressions: [{key: app, operator: NotIn, values: [echo]}]}",
        "{matchExpressions: [{key: app, operator: DoesNotExist}]}",
    ],
)
def test_a_deployment_selects_its_own_pods(selector: str) -> None:
    """A selector that its template does not satisfy is refused, with the template's labels as the place."""
    outcome = run(deployment(selector))
    assert outcome.only().code == "ES0400"
    assert outcome.only().field == "spec.template.metadata.labels"
    assert outcome.resources == []


def test_ports_of_a_service_have_distinct_names() -> None:
    """Of several ports each needs a name of its own."""
    ports = "[{port: 80}, {port: 81, name: a}, {port: 82, name: a}]"
    outcome = run(SERVICE.replace("[{port: 80, targetPort: 5678}]", ports))
    assert [each.field for each in outcome.problems] == ["spec.ports[0]", "spec.ports[2].name"]


def test_a_pods_containers_are_checked_too() -> None:
    """A Pod written by hand obeys the rules of a template."""
    outcome = run("apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a}, {name: a}]}\n")
    assert outcome.only().code == "ES0402"
