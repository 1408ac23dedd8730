"""The Kubernetes kinds of a release (core/v1, apps/v1).

Source: the Kubernetes API reference, v1.30. Fields that a cluster defaults in a dump are accepted
without a note; what probes ask and init containers get one, because edgesim runs neither.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, field

from edgesim.dialects.schema.common import DnsLabel, DnsName, FreeForm, HiddenText, Manifest, NotSimulated, Port, Strict

Count = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Protocol = Literal["TCP", "UDP", "SCTP"]


class NamespaceSpec(Strict, frozen=True):
    """What a cluster writes into a namespace."""

    finalizers: FreeForm = None


class Namespace(Manifest, frozen=True, kw_only=True):
    """core/v1 Namespace."""

    spec: NamespaceSpec | None = None


class Secret(Manifest, frozen=True, kw_only=True):
    """core/v1 Secret; `stringData` wins over `data`."""

    type: str = "Opaque"
    data: dict[str, HiddenText] | None = None
    string_data: dict[str, HiddenText] | None = None
    immutable: FreeForm = None


class ConfigMap(Manifest, frozen=True, kw_only=True):
    """core/v1 ConfigMap, which nothing here reads yet."""

    data: dict[str, str] | None = None
    binary_data: dict[str, str] | None = None
    immutable: FreeForm = None


class ServicePort(Strict, frozen=True):
    """A port of a Service."""

    port: Port
    name: str = ""
    target_port: int | str | None = None
    protocol: Protocol = "TCP"
    app_protocol: FreeForm = None
    node_port: FreeForm = None


class ServiceSpec(Strict, frozen=True):
    """core/v1 ServiceSpec."""

    ports: tuple[ServicePort, ...] = ()
    selector: dict[str, str] | None = None
    type: Literal["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"] = "ClusterIP"
    external_name: NotSimulated = None
    cluster_ip: FreeForm = field(default=None, name="clusterIP")
    cluster_ips: FreeForm = field(default=None, name="clusterIPs")
    external_ips: FreeForm = field(default=None, name="externalIPs")
    load_balancer_ip: FreeForm = field(default=None, name="loadBalancerIP")
    load_balancer_class: FreeForm = None
    load_balancer_source_ranges: FreeForm = None
    allocate_load_balancer_node_ports: FreeForm = None
    external_traffic_policy: FreeForm = None
    internal_traffic_policy: FreeForm = None
    traffic_distribution: FreeForm = None
    health_check_node_port: FreeForm = None
    ip_families: FreeForm = None
    ip_family_policy: FreeForm = None
    publish_not_ready_addresses: FreeForm = None
    session_affinity: FreeForm = None
    session_affinity_config: FreeForm = None
    topology_keys: FreeForm = None


class Service(Manifest, frozen=True, kw_only=True):
    """core/v1 Service."""

    spec: ServiceSpec


class ContainerPort(Strict, frozen=True):
    """A port a container listens on."""

    container_port: Port
    name: str = ""
    protocol: Protocol = "TCP"
    host_port: FreeForm = None
    host_ip: FreeForm = field(default=None, name="hostIP")


class EnvVar(Strict, frozen=True):
    """An environment variable of a container."""

    name: str
    value: str = ""
    value_from: FreeForm = None


class ReadinessProbe(Strict, frozen=True):
    """core/v1 Probe: nothing is probed, a pod is ready when it listens and the delay is over."""

    initial_delay_seconds: Count = 0
    http_get: NotSimulated = None
    tcp_socket: NotSimulated = None
    exec: NotSimulated = None
    grpc: NotSimulated = None
    period_seconds: FreeForm = None
    timeout_seconds: FreeForm = None
    success_threshold: FreeForm = None
    failure_threshold: FreeForm = None
    termination_grace_period_seconds: FreeForm = None


class Container(Strict, frozen=True):
    """core/v1 Container."""

    name: DnsLabel
    image: str = ""
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    ports: tuple[ContainerPort, ...] = ()
    env: tuple[EnvVar, ...] = ()
    env_from: FreeForm = None
    working_dir: FreeForm = None
    resources: FreeForm = None
    resize_policy: FreeForm = None
    restart_policy: FreeForm = None
    volume_mounts: FreeForm = None
    volume_devices: FreeForm = None
    liveness_probe: NotSimulated = None
    readiness_probe: ReadinessProbe | None = None
    startup_probe: NotSimulated = None
    lifecycle: NotSimulated = None
    termination_message_path: FreeForm = None
    termination_message_policy: FreeForm = None
    image_pull_policy: FreeForm = None
    security_context: FreeForm = None
    stdin: FreeForm = None
    stdin_once: FreeForm = None
    tty: FreeForm = None


class PodSpec(Strict, frozen=True):
    """core/v1 PodSpec."""

    containers: Annotated[tuple[Container, ...], Meta(min_length=1)]
    init_containers: NotSimulated = None
    ephemeral_containers: FreeForm = None
    volumes: FreeForm = None
    restart_policy: FreeForm = None
    termination_grace_period_seconds: FreeForm = None
    active_deadline_seconds: FreeForm = None
    dns_policy: FreeForm = None
    dns_config: FreeForm = None
    node_selector: FreeForm = None
    node_name: FreeForm = None
    service_account_name: FreeForm = None
    service_account: FreeForm = None
    automount_service_account_token: FreeForm = None
    host_network: FreeForm = None
    host_pid: FreeForm = field(default=None, name="hostPID")
    host_ipc: FreeForm = field(default=None, name="hostIPC")
    host_users: FreeForm = None
    share_process_namespace: FreeForm = None
    security_context: FreeForm = None
    image_pull_secrets: FreeForm = None
    hostname: FreeForm = None
    subdomain: FreeForm = None
    set_hostname_as_fqdn: FreeForm = field(default=None, name="setHostnameAsFQDN")
    affinity: FreeForm = None
    scheduler_name: FreeForm = None
    scheduling_gates: FreeForm = None
    tolerations: FreeForm = None
    host_aliases: FreeForm = None
    priority_class_name: FreeForm = None
    priority: FreeForm = None
    preemption_policy: FreeForm = None
    readiness_gates: FreeForm = None
    runtime_class_name: FreeForm = None
    enable_service_links: FreeForm = None
    overhead: FreeForm = None
    topology_spread_constraints: FreeForm = None
    os: FreeForm = None
    resource_claims: FreeForm = None
    resources: FreeForm = None


class Pod(Manifest, frozen=True, kw_only=True):
    """core/v1 Pod."""

    spec: PodSpec


class TemplateMetadata(Strict, frozen=True):
    """The metadata of a pod template; a name is allowed and ignored, as in Kubernetes."""

    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    name: FreeForm = None
    namespace: FreeForm = None
    generate_name: FreeForm = None
    creation_timestamp: FreeForm = None
    finalizers: FreeForm = None
    uid: FreeForm = None
    resource_version: FreeForm = None
    generation: FreeForm = None
    deletion_timestamp: FreeForm = None
    deletion_grace_period_seconds: FreeForm = None
    owner_references: FreeForm = None
    managed_fields: FreeForm = None
    self_link: FreeForm = None


class PodTemplate(Strict, frozen=True):
    """core/v1 PodTemplateSpec."""

    spec: PodSpec
    metadata: TemplateMetadata | None = None


class LabelExpression(Strict, frozen=True):
    """One requirement of a label selector."""

    key: str
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"]
    values: tuple[str, ...] = ()


class LabelSelector(Strict, frozen=True):
    """meta/v1 LabelSelector."""

    match_labels: dict[str, str] | None = None
    match_expressions: tuple[LabelExpression, ...] = ()


class RollingUpdate(Strict, frozen=True):
    """How many pods more, and how many fewer, there may be while they are replaced: a number, or a percentage."""

    max_surge: int | str | None = None
    max_unavailable: int | str | None = None


class DeploymentStrategy(Strict, frozen=True):
    """How a Deployment replaces its pods."""

    type: Literal["RollingUpdate", "Recreate"] = "RollingUpdate"
    rolling_update: RollingUpdate | None = None


class DeploymentSpec(Strict, frozen=True):
    """apps/v1 DeploymentSpec."""

    selector: LabelSelector
    template: PodTemplate
    replicas: Count = 1
    strategy: DeploymentStrategy | None = None
    min_ready_seconds: Count = 0
    revision_history_limit: Count = 10
    progress_deadline_seconds: Count = 600
    paused: bool = False


class Deployment(Manifest, frozen=True, kw_only=True):
    """apps/v1 Deployment."""

    spec: DeploymentSpec


class TargetRef(Strict, frozen=True):
    """The object behind an endpoint's address (core/v1 ObjectReference)."""

    kind: str = ""
    namespace: str = ""
    name: str = ""
    uid: FreeForm = None
    api_version: FreeForm = None
    resource_version: FreeForm = None
    field_path: FreeForm = None


class EndpointAddress(Strict, frozen=True):
    """One address of a subset."""

    ip: str
    hostname: str = ""
    node_name: FreeForm = None
    target_ref: TargetRef | None = None


class EndpointPort(Strict, frozen=True):
    """One port of a subset; `name` is that of the Service's port."""

    port: Port
    name: str = ""
    protocol: Protocol = "TCP"
    app_protocol: FreeForm = None


class EndpointSubset(Strict, frozen=True):
    """Addresses that share their ports."""

    addresses: tuple[EndpointAddress, ...] = ()
    not_ready_addresses: tuple[EndpointAddress, ...] = ()
    ports: tuple[EndpointPort, ...] = ()


class Endpoints(Manifest, frozen=True, kw_only=True):
    """core/v1 Endpoints, written by edgesim's own controller."""

    subsets: tuple[EndpointSubset, ...] = ()


__all__ = [
    "ConfigMap",
    "Container",
    "ContainerPort",
    "Count",
    "Deployment",
    "DeploymentSpec",
    "DeploymentStrategy",
    "DnsName",
    "EndpointAddress",
    "EndpointPort",
    "EndpointSubset",
    "Endpoints",
    "EnvVar",
    "LabelExpression",
    "LabelSelector",
    "Namespace",
    "Pod",
    "PodSpec",
    "PodTemplate",
    "Protocol",
    "ReadinessProbe",
    "RollingUpdate",
    "Secret",
    "Service",
    "ServicePort",
    "ServiceSpec",
    "TargetRef",
]
