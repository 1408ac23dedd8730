from __future__ import annotations

from typing import Any

import pytest

from edgesim.dialects.kinds import KINDS
from edgesim.kube import discovery
from edgesim.kube.discovery_rows import REVIEWS, groups_and_versions

V2 = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
V2BETA1 = "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList"


def rows(group: str, version: str = "v1") -> dict[str, dict[str, Any]]:
    found = discovery.resource_list(group, version)
    assert found is not None
    return {row["name"]: row for row in found["resources"]}


def found_resources() -> dict[tuple[str, str], dict[str, Any]]:
    groups = [group for core in (True, False) for group in discovery.aggregated(core=core, content_type=V2)["items"]]
    return {
        (group["metadata"].get("name", ""), row["resource"]): row
        for group in groups
        for version in group["versions"]
        for row in version["resources"]
    }


def test_every_kind_of_the_registry_is_found_with_its_names_in_both_forms() -> None:
    """What edgesim reads is what clients find, by plural, singular and short names."""
    for kind in KINDS:
        row = rows(kind.group, kind.version)[kind.plural]
        assert (row["kind"], row["singularName"], row["namespaced"]) == (kind.kind, kind.singular, kind.namespaced)
        assert row.get("shortNames", []) == list(kind.short_names)
        other = found_resources()[kind.group, kind.plural]
        assert other["responseKind"] == {"group": kind.group, "version": kind.version, "kind": kind.kind}
        assert (other["scope"], other["verbs"]) == ("Namespaced" if kind.namespaced else "Cluster", row["verbs"])


def test_get_all_means_pods_services_deployments_and_replicasets() -> None:
    """The category `all` is on the kinds that `kubectl get all` lists on a cluster."""
    having = {plural for (_, plural), row in found_resources().items() if "all" in row.get("categories", [])}
    assert having >= {"pods", "services", "deployments", "replicasets"}


def test_a_deployment_has_a_status_and_a_scale_of_another_kind() -> None:
    """`deployments/scale` answers autoscaling/v1 Scale, by which `kubectl scale` finds its way."""
    assert rows("apps")["deployments/status"]["kind"] == "Deployment"
    scale = rows("apps")["deployments/scale"]
    assert (scale["group"], scale["version"], scale["kind"]) == ("autoscaling", "v1", "Scale")
    parts = {part["subresource"]: part for part in found_resources()["apps", "deployments"]["subresources"]}
    assert parts["scale"]["responseKind"] == {"group": "autoscaling", "version": "v1", "kind": "Scale"}
    assert parts["status"]["responseKind"]["kind"] == "Deployment"


def test_the_kinds_of_gloo_have_no_status_subresource() -> None:
    """Gloo's statuses are written through the resource itself."""
    assert not [name for name in (*rows("gateway.solo.io"), *rows("gloo.solo.io")) if "/" in name]


def test_reviews_can_be_created_and_nothing_else() -> None:
    """A review is a question: it is not listed, watched or deleted."""
    for review in REVIEWS:
        assert rows(review.group)[review.plural]["verbs"] == ["create"]
        assert found_resources()[review.group, review.plural]["verbs"] == ["create"]


def test_the_groups_are_listed_once_each_and_core_is_not_among_them() -> None:
    """`/apis` names every group with its preferred version; the core group is at `/api`."""
    named = {group["name"]: group["preferredVersion"]["version"] for group in discovery.group_list()["groups"]}
    assert set(named) == set(groups_and_versions()) - {""}
    assert named["autoscaling"] == "v2"
    assert discovery.core_versions("127.0.0.1:8001")["versions"] == ["v1"]


def test_one_group_is_described_or_there_is_none() -> None:
    """`/apis/GROUP` and `/apis/GROUP/VERSION` are nothing for groups and versions that are not served."""
    assert discovery.group_of("apps") == {
        "kind": "APIGroup",
        "apiVersion": "v1",
        "name": "apps",
        "versions": [{"groupVersion": "apps/v1", "version": "v1"}],
        "preferredVersion": {"groupVersion": "apps/v1", "version": "v1"},
    }
    assert discovery.group_of("") is None
    assert discovery.group_of("no.such.group") is None
    assert discovery.resource_list("apps", "v1beta1") is None


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (f"{V2},{V2BETA1},application/json", V2),
        (f"{V2BETA1}, application/json", V2BETA1),
        ("application/json", ""),
        ("*/*", ""),
        ("", ""),
    ],
)
def test_the_aggregated_form_is_for_clients_that_ask_for_it(accept: str, expected: str) -> None:
    """The newest form that the client takes is answered, and the old one to all others."""
    assert discovery.aggregated_type(accept) == expected


def test_the_aggregated_form_names_the_version_it_is_in() -> None:
    """Older clients get the beta's name on the same content."""
    assert discovery.aggregated(core=True, content_type=V2)["apiVersion"] == "apidiscovery.k8s.io/v2"
    assert discovery.aggregated(core=True, content_type=V2BETA1)["apiVersion"] == "apidiscovery.k8s.io/v2beta1"
