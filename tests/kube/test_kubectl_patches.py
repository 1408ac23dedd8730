"""Patches as a real kubectl 1.33 sent them, on the objects it sent them for."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from edgesim.kube.strategic_merge import strategic_merge
from tests.kube.ownership import DEPLOYMENT

Manifest = dict[str, Any]

_FILLED = {"imagePullPolicy": "IfNotPresent", "resources": {}, "terminationMessagePath": "/dev/termination-log"}


def _port(number: int) -> Manifest:
    return {"containerPort": number, "protocol": "TCP"}


_BEFORE: Manifest = {
    "metadata": {"name": "csa", "labels": {"a": "b", "gone": "x"}},
    "spec": {
        "replicas": 1,
        "selector": {"matchLabels": {"app": "csa"}},
        "strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": "25%"}, "type": "RollingUpdate"},
        "template": {
            "metadata": {"labels": {"app": "csa"}},
            "spec": {
                "containers": [
                    {
                        "args": ["a", "b"],
                        "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
                        "image": "i:1",
                        "name": "one",
                        "ports": [_port(1), _port(2)],
                        "volumeMounts": [{"mountPath": "/v", "name": "v"}],
                        **_FILLED,
                    },
                    {"image": "i:1", "name": "two", **_FILLED},
                ],
                "tolerations": [{"key": "a", "operator": "Exists"}],
                "volumes": [{"emptyDir": {}, "name": "v"}, {"emptyDir": {}, "name": "w"}],
                "restartPolicy": "Always",
                "securityContext": {},
            },
        },
    },
}

_APPLY: Manifest = {
    "metadata": {"labels": {"a": "c", "gone": None}},
    "spec": {
        "strategy": {"$retainKeys": ["type"], "rollingUpdate": None, "type": "Recreate"},
        "template": {
            "spec": {
                "$setElementOrder/containers": [{"name": "three"}, {"name": "one"}],
                "$setElementOrder/volumes": [{"name": "v"}],
                "containers": [
                    {"image": "i:3", "name": "three"},
                    {
                        "$setElementOrder/env": [{"name": "B"}, {"name": "C"}],
                        "$setElementOrder/ports": [{"containerPort": 2}, {"containerPort": 3}],
                        "$setElementOrder/volumeMounts": [{"mountPath": "/vv"}],
                        "args": ["b"],
                        "env": [
                            {"name": "B", "value": "3"},
                            {"name": "C", "value": "2"},
                            {"$patch": "delete", "name": "A"},
                        ],
                        "image": "i:2",
                        "name": "one",
                        "ports": [{"containerPort": 3}, {"$patch": "delete", "containerPort": 1}],
                        "volumeMounts": [{"mountPath": "/vv", "name": "v"}, {"$patch": "delete", "mountPath": "/v"}],
                    },
                    {"$patch": "delete", "name": "two"},
                ],
                "tolerations": [{"key": "b", "operator": "Exists"}],
                "volumes": [
                    {"$retainKeys": ["configMap", "name"], "configMap": {"name": "c"}, "emptyDir": None, "name": "v"},
                    {"$patch": "delete", "name": "w"},
                ],
            }
        },
    },
}


def _after_apply() -> Manifest:
    after = copy.deepcopy(_BEFORE)
    after["metadata"]["labels"] = {"a": "c"}
    after["spec"]["strategy"] = {"type": "Recreate"}
    pods = after["spec"]["template"]["spec"]
    one = pods["containers"][0]
    one["args"], one["image"] = ["b"], "i:2"
    one["env"] = [{"name": "B", "value": "3"}, {"name": "C", "value": "2"}]
    one["ports"] = [_port(2), {"containerPort": 3}]
    one["volumeMounts"] = [{"mountPath": "/vv", "name": "v"}]
    pods["containers"] = [{"image": "i:3", "name": "three"}, one]
    pods["tolerations"] = [{"key": "b", "operator": "Exists"}]
    pods["volumes"] = [{"name": "v", "configMap": {"name": "c"}}]
    return after


def test_apply_of_a_changed_file() -> None:
    """`kubectl apply` of a file with changed containers, ports, variables, volumes and strategy leads there exactly."""
    assert strategic_merge(_BEFORE, _APPLY, DEPLOYMENT) == _after_apply()


def _of_containers(*items: Manifest) -> Manifest:
    order = [{"name": "one"}, {"name": "two"}]
    return {"spec": {"template": {"spec": {"$setElementOrder/containers": order, "containers": list(items)}}}}


@pytest.mark.parametrize(
    ("patch", "changed"),
    [
        pytest.param(_of_containers({"image": "i:9", "name": "one"}), {"image": "i:9"}, id="set image"),
        pytest.param(
            _of_containers(
                {
                    "$setElementOrder/env": [{"name": "B"}, {"name": "D"}],
                    "env": [{"name": "D", "value": "4"}, {"$patch": "delete", "name": "A"}],
                    "name": "one",
                }
            ),
            {"env": [{"name": "B", "value": "2"}, {"name": "D", "value": "4"}]},
            id="set env",
        ),
        pytest.param(
            _of_containers({"name": "one", "resources": {"limits": {"cpu": "1"}}}),
            {"resources": {"limits": {"cpu": "1"}}},
            id="set resources",
        ),
    ],
)
def test_set_changes_one_container(patch: Manifest, changed: Manifest) -> None:
    """`kubectl set` changes what it names of one container, and the other stays."""
    before = _BEFORE["spec"]["template"]["spec"]["containers"]
    after = strategic_merge(_BEFORE, patch, DEPLOYMENT)["spec"]["template"]["spec"]["containers"]
    assert after == [{**before[0], **changed}, before[1]]


def test_a_restart_touches_the_template_only() -> None:
    """`kubectl rollout restart` leaves one annotation on pods; `resume` takes `paused` away again."""
    key, time = "kubectl.kubernetes.io/restartedAt", "2026-01-02T03:04:05Z"
    restart = {"spec": {"template": {"metadata": {"annotations": {key: time}}}}}
    expected = copy.deepcopy(_BEFORE)
    expected["spec"]["template"]["metadata"]["annotations"] = {key: time}
    assert strategic_merge(_BEFORE, restart, DEPLOYMENT) == expected
    paused = strategic_merge(_BEFORE, {"spec": {"paused": True}}, DEPLOYMENT)
    assert strategic_merge(paused, {"spec": {"paused": None}}, DEPLOYMENT) == _BEFORE
