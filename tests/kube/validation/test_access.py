from __future__ import annotations

from typing import Any

import pytest

from tests.kube.validation import manifests as m
from tests.kube.validation.manifests import causes, judged, manifest, stored

GROUP = "rbac.authorization.k8s.io"


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({}, ["verbs: Required value: verbs must contain at least one value", "apiGroups: Required value: resource rules must supply at least one api group", "resources: Required value: resource rules must supply at least one resource"]),
        ({"verbs": ["get"], "nonResourceURLs": ["/a"]}, ['nonResourceURLs: Invalid value: []string{"/a"}: namespaced rules cannot apply to non-resource URLs']),
    ],
)  # fmt: skip
def test_rules_of_a_role_are_checked(rule: dict[str, Any], said: list[str]) -> None:
    """A rule has verbs and is about resources."""
    assert causes(manifest(m.ROLE, rules=[rule])) == [f"rules[0].{each}" for each in said]


def test_a_binding_names_a_role_and_its_subjects() -> None:
    """Each field is refused in the words of the RBAC API."""
    subjects = [{"kind": "User"}, {"kind": "Group", "name": "a", "apiGroup": "x"}, {"kind": "Team", "name": "a"}]
    assert causes(manifest(m.BINDING, roleRef={"kind": "Rule"}, subjects=subjects)) == [
        'roleRef.kind: Unsupported value: "Rule": supported values: "Role", "ClusterRole"',
        "roleRef.name: Required value",
        "subjects[0].name: Required value",
        'subjects[0].name: Invalid value: "": user name cannot be empty',
        f'subjects[1].apiGroup: Unsupported value: "x": supported values: "{GROUP}"',
        'subjects[2].kind: Unsupported value: "Team": supported values: "ServiceAccount", "User", "Group"',
    ]


def test_a_binding_cannot_change_its_role() -> None:
    """The subjects may change, the role may not."""
    old = stored(m.BINDING)
    assert judged(manifest(m.BINDING, subjects=[]), old=old).status is None
    shown = f'rbac.RoleRef{{APIGroup:"{GROUP}", Kind:"Role", Name:"other"}}'
    assert causes(manifest(m.BINDING, roleRef__name="other"), old=old) == [
        f"roleRef: Invalid value: {shown}: cannot change roleRef"
    ]
