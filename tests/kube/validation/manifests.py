"""Manifests that are sound, to be spoilt in one place."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import yaml

from edgesim.dialects import kind_of
from edgesim.kube.validation import Validated, validate

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: echo, namespace: default}
spec:
  selector: {matchLabels: {app: echo}}
  template:
    metadata: {labels: {app: echo}}
    spec:
      containers: [{name: echo, image: "hashicorp/http-echo:1.0", ports: [{containerPort: 80, name: http}]}]
"""
POD = """
apiVersion: v1
kind: Pod
metadata: {name: echo, namespace: default}
spec:
  containers: [{name: echo, image: echo}]
"""
SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: echo, namespace: default}
spec: {selector: {app: echo}, ports: [{port: 80}]}
"""
SECRET = "{apiVersion: v1, kind: Secret, metadata: {name: s, namespace: default}, data: {a: YQ==}}"
CONFIG_MAP = "{apiVersion: v1, kind: ConfigMap, metadata: {name: c, namespace: default}, data: {a: b}}"
NAMESPACE = "{apiVersion: v1, kind: Namespace, metadata: {name: echo}}"
ROLE = """
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: "team:routes", namespace: default}
rules: [{verbs: [get], apiGroups: [gateway.solo.io], resources: [routetables]}]
"""
BINDING = """
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: team, namespace: default}
roleRef: {kind: Role, name: "team:routes"}
subjects: [{kind: User, name: ann}]
"""
AUTOSCALER = """
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: echo, namespace: default}
spec: {maxReplicas: 3, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: echo}}
"""
VIRTUAL_SERVICE = """
apiVersion: gateway.solo.io/v1
kind: VirtualService
metadata: {name: echo, namespace: gloo-system}
spec:
  virtualHost:
    domains: ['*']
    routes:
    - matchers: [{prefix: /}]
      routeAction: {single: {upstream: {name: echo, namespace: gloo-system}}}
"""


def manifest(text: str, **changes: Any) -> dict[str, Any]:
    """Read a manifest and change fields by their dotted paths (`spec__template__spec=...`; ... takes one out)."""
    found: dict[str, Any] = yaml.safe_load(text)
    for path, value in changes.items():
        *owners, name = (int(step) if step.isdigit() else step for step in path.split("__"))
        place: Any = found
        for step in owners:
            place = place[step] if isinstance(step, int) else place.setdefault(step, {})
        if value is ...:
            del place[name]
        else:
            place[name] = value
    return found


def judged(given: str | dict[str, Any], **options: Any) -> Validated:
    """Validate a manifest, which stays as it was."""
    body = manifest(given) if isinstance(given, str) else given
    before = deepcopy(body)
    kind = kind_of(body["apiVersion"], body["kind"])
    assert kind is not None
    found = validate(kind, body, **options)
    assert body == before
    return found


def stored(text: str) -> dict[str, Any]:
    """Return what is stored of a sound manifest."""
    found = judged(text)
    assert found.resource is not None, found.status
    return found.manifest


def refused(given: str | dict[str, Any], **options: Any) -> str:
    """Return the message of the Status that refuses a manifest."""
    found = judged(given, **options)
    assert found.status is not None
    assert found.resource is None
    return found.status.message


def causes(given: str | dict[str, Any], **options: Any) -> list[str]:
    """Return the causes of a 422 as kubectl prints them."""
    found = judged(given, **options)
    assert found.status is not None, found.manifest
    assert found.status.code == 422, found.status.message
    details = found.status.details or {}
    return [f"{each['field']}: {each['message']}" for each in details["causes"]]
