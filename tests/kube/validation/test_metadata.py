from __future__ import annotations

from typing import Any

import pytest

from tests.kube.validation import manifests as m
from tests.kube.validation.manifests import causes, judged, manifest

NAME_PART = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
LABEL_VALUE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"metadata__labels": {"a b": "c"}}, [f'metadata.labels: Invalid value: "a b": {NAME_PART}']),
        ({"metadata__labels": {"a": "-"}}, [f'metadata.labels: Invalid value: "-": {LABEL_VALUE}']),
        ({"metadata__labels": {"a": "b" * 64}}, [f'metadata.labels: Invalid value: "{"b" * 64}": must be no more than 63 bytes']),
        ({"metadata__labels": {"/a": ""}}, ['metadata.labels: Invalid value: "/a": prefix part must be non-empty']),
        ({"metadata__labels": {"a.b/": ""}}, ['metadata.labels: Invalid value: "a.b/": name part must be non-empty']),
        ({"metadata__annotations": {"a b": "c"}}, [f'metadata.annotations: Invalid value: "a b": {NAME_PART}']),
        ({"metadata__annotations": {"A.B/c": "any thing\n"}}, None),
        ({"metadata__annotations": {"a": "b" * 262_144}}, ["metadata.annotations: Too long: may not be more than 262144 bytes"]),
        ({"metadata__namespace": "a.b"}, ['metadata.namespace: Invalid value: "a.b": must not contain dots']),
        (
            {"metadata__ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "a"}]},
            ['metadata.ownerReferences.uid: Invalid value: "": uid must not be empty'],
        ),
        (
            {"metadata__finalizers": ["mine"]},
            ['metadata.finalizers: Invalid value: "mine": name is neither a standard finalizer name nor is it fully qualified'],
        ),
        ({"metadata__finalizers": ["example.com/mine", "foregroundDeletion"]}, None),
    ],
)  # fmt: skip
def test_metadata_is_refused_in_kubernetes_words(changes: dict[str, Any], said: list[str] | None) -> None:
    """Labels, annotations, owners and finalizers have the same rules in every kind."""
    for text in (m.POD, m.VIRTUAL_SERVICE):
        body = manifest(text, **changes)
        assert (causes(body) if said else judged(body).status) == said


def test_a_cluster_scoped_object_has_no_namespace() -> None:
    """A Namespace in a namespace is Forbidden."""
    body = manifest(m.NAMESPACE, metadata__namespace="default")
    assert causes(body) == ["metadata.namespace: Forbidden: not allowed on this type"]


def test_the_uid_of_an_object_stays() -> None:
    """A replacement may leave the uid out, and may not name another."""
    old = manifest(m.POD, metadata__uid="1")
    assert judged(m.POD, old=old).status is None
    other = manifest(m.POD, metadata__uid="2")
    assert causes(other, old=old) == ['metadata.uid: Invalid value: "2": field is immutable']


def test_two_owners_cannot_both_control() -> None:
    """One ownerReference at most is the controller."""
    owners = [{"apiVersion": "v1", "kind": "Pod", "name": name, "uid": name, "controller": True} for name in "ab"]
    (said,) = causes(manifest(m.POD, metadata__ownerReferences=owners))
    assert said.endswith('Only one reference can have Controller set to true. Found "true" in references for a and b')
