"""Tables: objects as the rows that kubectl prints.

Source: Kubernetes API concepts, "Receiving resources as Tables".
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from edgesim.dialects.kinds import GATEWAY, GLOO, Kind
from edgesim.kube import columns_cluster, columns_gloo, columns_network, columns_stored, columns_workloads
from edgesim.kube.columns import Column, Object

_COLUMNS: Final[dict[tuple[str, str], tuple[Column, ...]]] = {
    ("", "Namespace"): columns_cluster.NAMESPACE,
    ("", "Secret"): columns_cluster.SECRET,
    ("", "ConfigMap"): columns_cluster.CONFIG_MAP,
    ("", "ServiceAccount"): columns_cluster.SERVICE_ACCOUNT,
    ("", "Event"): columns_cluster.EVENT,
    ("", "Pod"): columns_workloads.POD,
    ("", "Service"): columns_network.SERVICE,
    ("", "Endpoints"): columns_network.ENDPOINTS,
    ("apps", "Deployment"): columns_workloads.DEPLOYMENT,
    ("apps", "ReplicaSet"): columns_workloads.REPLICA_SET,
    ("autoscaling", "HorizontalPodAutoscaler"): columns_workloads.AUTOSCALER,
    ("batch", "Job"): columns_workloads.JOB,
    ("discovery.k8s.io", "EndpointSlice"): columns_network.ENDPOINT_SLICE,
    ("", "Node"): columns_stored.NODE,
    ("", "PersistentVolume"): columns_stored.VOLUME,
    ("", "PersistentVolumeClaim"): columns_stored.CLAIM,
    ("", "ReplicationController"): columns_stored.REPLICATION_CONTROLLER,
    ("", "LimitRange"): columns_stored.LIMIT_RANGE,
    ("", "ResourceQuota"): columns_stored.RESOURCE_QUOTA,
    ("apps", "DaemonSet"): columns_stored.DAEMON_SET,
    ("apps", "StatefulSet"): columns_stored.STATEFUL_SET,
    ("batch", "CronJob"): columns_stored.CRON_JOB,
    ("networking.k8s.io", "Ingress"): columns_network.INGRESS,
    ("networking.k8s.io", "NetworkPolicy"): columns_network.NETWORK_POLICY,
    ("policy", "PodDisruptionBudget"): columns_workloads.DISRUPTION_BUDGET,
    ("rbac.authorization.k8s.io", "ClusterRole"): columns_cluster.ROLE,
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): columns_cluster.ROLE_BINDING,
    ("rbac.authorization.k8s.io", "Role"): columns_cluster.ROLE,
    ("rbac.authorization.k8s.io", "RoleBinding"): columns_cluster.ROLE_BINDING,
    (GATEWAY, "VirtualService"): columns_gloo.VIRTUAL_SERVICE,
    (GATEWAY, "RouteTable"): columns_gloo.ROUTE_TABLE,
    (GATEWAY, "RouteOption"): columns_gloo.REPORTED,
    (GATEWAY, "VirtualHostOption"): columns_gloo.REPORTED,
    (GATEWAY, "Gateway"): columns_gloo.GATEWAY,
    (GLOO, "Proxy"): columns_gloo.PROXY,
    (GLOO, "Upstream"): columns_gloo.UPSTREAM,
    (GLOO, "UpstreamGroup"): columns_gloo.UPSTREAM_GROUP,
}


def as_table(
    kind: Kind,
    objects: Sequence[Object],
    now: datetime,
    *,
    include_object: str = "Metadata",
    version: str = "",
) -> dict[str, Any]:
    """Return meta.k8s.io/v1 Table: a row for each object, its columns those that kubectl shows of the kind.

    Each row carries its object whole (`include_object` ``Object``), only its metadata (``Metadata``) or not at all
    (``None``). `version` is the resourceVersion of the list; `now` is what ages are counted from.
    """
    columns = columns_of(kind)
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {"resourceVersion": version} if version else {},
        "columnDefinitions": [_definition(column) for column in columns],
        "rows": [_row(columns, found, now, include_object) for found in objects],
    }


def columns_of(kind: Kind) -> tuple[Column, ...]:
    """Return the columns of a kind; name and age where nothing else is worth one."""
    return _COLUMNS.get((kind.group, kind.kind), columns_gloo.PLAIN)


def _definition(column: Column) -> dict[str, Any]:
    return {
        "name": column.name,
        "type": column.type,
        "format": column.format,
        "description": column.description,
        "priority": int(column.wide),
    }


def _row(columns: Sequence[Column], found: Object, now: datetime, include_object: str) -> dict[str, Any]:
    row: dict[str, Any] = {"cells": [column.cell(found, now) for column in columns]}
    if include_object == "Object":
        row["object"] = found
    elif include_object == "Metadata":
        metadata = found.get("metadata", {})
        row["object"] = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata}
    return row
