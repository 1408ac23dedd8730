from __future__ import annotations

from typing import Any

import pytest

from tests.kube.validation import manifests as m
from tests.kube.validation.manifests import causes, judged, manifest, refused, stored

SELECTED = "`selector` does not match template `labels`"
CONTAINER = "spec.template.spec.containers[0]"
IMAGE = "spec__template__spec__containers__0"


def test_a_deployment_of_nothing_says_everything_that_is_missing() -> None:
    """Selector, template labels and containers are asked for at once."""
    assert causes(manifest(m.DEPLOYMENT, spec={})) == [
        "spec.selector: Required value",
        f"spec.template.metadata.labels: Invalid value: map[string]string(nil): {SELECTED}",
        "spec.template.spec.containers: Required value",
    ]


def test_the_selector_must_select_the_template() -> None:
    """The template's labels are shown as Go shows a map."""
    body = manifest(m.DEPLOYMENT, spec__template__metadata__labels={"b": "1", "app": "x"})
    shown = 'map[string]string{"app":"x", "b":"1"}'
    assert causes(body) == [f"spec.template.metadata.labels: Invalid value: {shown}: {SELECTED}"]


def test_an_empty_selector_is_invalid() -> None:
    """It would select every pod."""
    (said,) = causes(manifest(m.DEPLOYMENT, spec__selector={}))
    assert said.endswith("empty selector is invalid for deployment")


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        (
            {"key": "a", "operator": "In"},
            "values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
        ),
        (
            {"key": "app", "operator": "Exists", "values": ["a"]},
            "values: Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
        ),
        ({"key": "app", "operator": "Is"}, 'operator: Invalid value: "Is": not a valid selector operator'),
    ],
)
def test_expressions_of_a_selector_are_checked(expression: dict[str, Any], said: str) -> None:
    """Each operator has values or has none."""
    body = manifest(m.DEPLOYMENT, spec__selector__matchExpressions=[expression])
    assert f"spec.selector.matchExpressions[0].{said}" in causes(body)


def test_the_selector_of_a_deployment_never_changes() -> None:
    """Another selector is refused with the new one; labels of the template may change beside it."""
    old = stored(m.DEPLOYMENT)
    labels = {"app": "echo", "version": "v2"}
    assert judged(manifest(m.DEPLOYMENT, spec__template__metadata__labels=labels), old=old).status is None
    other = manifest(m.DEPLOYMENT, spec__template__metadata__labels=labels, spec__selector__matchLabels=labels)
    shown = 'MatchLabels:map[string]string{"app":"echo", "version":"v2"}, MatchExpressions:[]v1.LabelSelectorRequirement(nil)'
    assert causes(other, old=old) == [f"spec.selector: Invalid value: v1.LabelSelector{{{shown}}}: field is immutable"]


@pytest.mark.parametrize(
    ("rolling", "said"),
    [
        (
            {"maxSurge": 0, "maxUnavailable": 0},
            'maxUnavailable: Invalid value: intstr.IntOrString{Type:0, IntVal:0, StrVal:""}: may not be 0 when `maxSurge` is 0',
        ),
        (
            {"maxSurge": "0%", "maxUnavailable": "00%"},
            'maxUnavailable: Invalid value: intstr.IntOrString{Type:1, IntVal:0, StrVal:"00%"}: may not be 0 when `maxSurge` is 0',
        ),
        (
            {"maxSurge": "x"},
            ('maxSurge: Invalid value: intstr.IntOrString{Type:1, IntVal:0, StrVal:"x"}: a valid percent string must be a numeric '
            "string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')"),
        ),
        ({"maxSurge": -1}, "maxSurge: Invalid value: -1: must be greater than or equal to 0"),
        (
            {"maxUnavailable": "101%"},
            'maxUnavailable: Invalid value: intstr.IntOrString{Type:1, IntVal:0, StrVal:"101%"}: must not be greater than 100%',
        ),
    ],
)  # fmt: skip
def test_a_rolling_update_must_get_on(rolling: dict[str, Any], said: str) -> None:
    """Surge and unavailability are counts or percentages, and not both nothing."""
    assert causes(manifest(m.DEPLOYMENT, spec__strategy={"rollingUpdate": rolling})) == [
        f"spec.strategy.rollingUpdate.{said}"
    ]


def test_recreate_knows_no_rolling_update() -> None:
    """The strategy is one of two, and only one has settings."""
    both = manifest(m.DEPLOYMENT, spec__strategy={"type": "Recreate", "rollingUpdate": {"maxSurge": 1}})
    said = "may not be specified when strategy `type` is 'Recreate'"
    assert causes(both) == [f"spec.strategy.rollingUpdate: Forbidden: {said}"]
    assert causes(manifest(m.DEPLOYMENT, spec__strategy={"type": "Canary"})) == [
        'spec.strategy.type: Unsupported value: "Canary": supported values: "Recreate", "RollingUpdate"'
    ]
    assert judged(manifest(m.DEPLOYMENT, spec__strategy={"type": "Recreate"})).status is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"image": ...}, [f"{CONTAINER}.image: Required value"]),
        ({"name": ...}, [f"{CONTAINER}.name: Required value"]),
        ({"imagePullPolicy": "Often"}, [f'{CONTAINER}.imagePullPolicy: Unsupported value: "Often": supported values: "Always", "IfNotPresent", "Never"']),
        ({"ports": [{"containerPort": 70000}]}, [f"{CONTAINER}.ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive"]),
        ({"ports": [{}]}, [f"{CONTAINER}.ports[0].containerPort: Required value"]),
        ({"ports": [{"containerPort": 1, "name": "a"}, {"containerPort": 2, "name": "a"}]}, [f'{CONTAINER}.ports[1].name: Duplicate value: "a"']),
        ({"ports": [{"containerPort": 1, "name": "8-0"}]}, [f'{CONTAINER}.ports[0].name: Invalid value: "8-0": must contain at least one letter (a-z)']),
        ({"ports": [{"containerPort": 1, "protocol": "tcp"}]}, [f'{CONTAINER}.ports[0].protocol: Unsupported value: "tcp": supported values: "SCTP", "TCP", "UDP"']),
        ({"env": [{"value": "x"}]}, [f"{CONTAINER}.env[0].name: Required value"]),
        ({"env": [{"name": "A", "value": "x", "valueFrom": {"fieldRef": {"fieldPath": "a"}}}]}, [f'{CONTAINER}.env[0].valueFrom: Invalid value: "": may not be specified when `value` is not empty']),
        ({"volumeMounts": [{"name": "v", "mountPath": "/v"}]}, [f'{CONTAINER}.volumeMounts[0].name: Not found: "v"']),
        ({"readinessProbe": {}}, [f"{CONTAINER}.readinessProbe: Required value: must specify a handler type"]),
        ({"livenessProbe": {"exec": {"command": ["a"]}, "httpGet": {"port": 1}}}, [f"{CONTAINER}.livenessProbe.httpGet: Forbidden: may not specify more than 1 handler type"]),
        ({"livenessProbe": {"httpGet": {"port": 0}}}, [f"{CONTAINER}.livenessProbe.httpGet.port: Invalid value: 0: must be between 1 and 65535, inclusive"]),
        ({"resources": {"limits": {"cpu": "500m"}, "requests": {"cpu": 1}}}, [f'{CONTAINER}.resources.requests: Invalid value: "1": must be less than or equal to cpu limit of 500m']),
        ({"resources": {"limits": {"memory": "1Gi"}, "requests": {"memory": "1e9"}}}, None),
    ],
)  # fmt: skip
def test_containers_are_checked(changes: dict[str, Any], said: list[str] | None) -> None:
    """Each field of a container that Kubernetes would refuse is refused at its path."""
    body = manifest(m.DEPLOYMENT, **{f"{IMAGE}__{name}": value for name, value in changes.items()})
    assert (causes(body) if said else judged(body).status) == said


def test_container_names_are_unique() -> None:
    """Init containers count too."""
    twin = {"name": "echo", "image": "echo"}
    at = "spec.template.spec.initContainers[0].name"
    assert causes(manifest(m.DEPLOYMENT, spec__template__spec__initContainers=[twin])) == [
        f'{at}: Duplicate value: "echo"'
    ]


def test_pods_of_a_deployment_always_restart() -> None:
    """Other policies are for Jobs."""
    at = "spec.template.spec.restartPolicy"
    assert causes(manifest(m.DEPLOYMENT, spec__template__spec__restartPolicy="Never")) == [
        f'{at}: Unsupported value: "Never": supported values: "Always"'
    ]


def test_a_pod_that_is_there_changes_its_image_and_little_else() -> None:
    """The image and the labels may change; a port, or another container, is Forbidden."""
    old = manifest(m.POD)  # as a controller writes it: without defaults
    name = "spec__containers__0"
    better = manifest(m.POD, **{f"{name}__image": "echo:2"}, metadata__labels={"a": "b"})
    assert judged(better, old=old).status is None
    (said,) = causes(manifest(m.POD, **{f"{name}__ports": [{"containerPort": 1}]}), old=old)
    assert said.startswith("spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,")
    twice = manifest(m.POD, spec__containers=[{"name": name, "image": "b"} for name in ("echo", "b")])
    assert causes(twice, old=old) == ["spec.containers: Forbidden: pod updates may not add or remove containers"]


def test_an_autoscaler_has_a_target_and_bounds() -> None:
    """The bounds are in order and the target is named."""
    body = manifest(m.AUTOSCALER, spec__minReplicas=5, spec__scaleTargetRef__name=...)
    assert causes(body) == [
        "spec.maxReplicas: Invalid value: 3: must be greater than or equal to `minReplicas`",
        "spec.scaleTargetRef.name: Required value",
    ]


def test_no_quantity_is_too_long_to_be_refused() -> None:
    """An amount with a million digits is no amount."""
    for cpu in ("9" * 1_000_000, "1e" + "9" * 10_000):
        body = manifest(m.DEPLOYMENT, **{f"{IMAGE}__resources": {"limits": {"cpu": cpu}}})
        assert refused(body).endswith("unable to parse quantity's suffix")
