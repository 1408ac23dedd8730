"""The types of the built-in kinds, as Kubernetes' Go code has them: for strict decoding, pruning and type errors.

Source: the Kubernetes API, v1.33 (k8s.io/api). One line is one struct: `field type`, separated by `;`. `[]T` is a list,
`{}T` a map with text keys, `any` is not looked into. A status is written by controllers and not looked into either.
"""

from __future__ import annotations

from typing import Final

WORKLOADS: Final = """
Deployment: spec DeploymentSpec; status any
DeploymentSpec: replicas int32; selector LabelSelector; template PodTemplateSpec; strategy DeploymentStrategy; minReadySeconds int32; revisionHistoryLimit int32; paused bool; progressDeadlineSeconds int32
DeploymentStrategy: type DeploymentStrategyType; rollingUpdate RollingUpdateDeployment
RollingUpdateDeployment: maxUnavailable IntOrString; maxSurge IntOrString
ReplicaSet: spec ReplicaSetSpec; status any
ReplicaSetSpec: replicas int32; minReadySeconds int32; selector LabelSelector; template PodTemplateSpec
Job: spec JobSpec; status any
JobSpec: parallelism int32; completions int32; activeDeadlineSeconds int64; podFailurePolicy any; successPolicy any; backoffLimit int32; backoffLimitPerIndex int32; maxFailedIndexes int32; selector LabelSelector; manualSelector bool; template PodTemplateSpec; ttlSecondsAfterFinished int32; completionMode CompletionMode; suspend bool; podReplacementPolicy PodReplacementPolicy; managedBy string
HorizontalPodAutoscaler: spec HorizontalPodAutoscalerSpec; status any
HorizontalPodAutoscalerSpec: scaleTargetRef CrossVersionObjectReference; minReplicas int32; maxReplicas int32; metrics any; behavior any
CrossVersionObjectReference: kind string; name string; apiVersion string
PodDisruptionBudget: spec PodDisruptionBudgetSpec; status any
PodDisruptionBudgetSpec: minAvailable IntOrString; selector LabelSelector; maxUnavailable IntOrString; unhealthyPodEvictionPolicy UnhealthyPodEvictionPolicyType
ReplicationController: spec ReplicationControllerSpec; status any
ReplicationControllerSpec: replicas int32; minReadySeconds int32; selector {}string; template PodTemplateSpec
DaemonSet: spec DaemonSetSpec; status any
DaemonSetSpec: selector LabelSelector; template PodTemplateSpec; updateStrategy any; minReadySeconds int32; revisionHistoryLimit int32
StatefulSet: spec StatefulSetSpec; status any
StatefulSetSpec: replicas int32; selector LabelSelector; template PodTemplateSpec; volumeClaimTemplates any; serviceName string; podManagementPolicy PodManagementPolicyType; updateStrategy any; revisionHistoryLimit int32; minReadySeconds int32; persistentVolumeClaimRetentionPolicy any; ordinals any
CronJob: spec CronJobSpec; status any
CronJobSpec: schedule string; timeZone string; startingDeadlineSeconds int64; concurrencyPolicy ConcurrencyPolicy; suspend bool; jobTemplate JobTemplateSpec; successfulJobsHistoryLimit int32; failedJobsHistoryLimit int32
JobTemplateSpec: metadata ObjectMeta; spec JobSpec
LabelSelector: matchLabels {}string; matchExpressions []LabelSelectorRequirement
LabelSelectorRequirement: key string; operator LabelSelectorOperator; values []string
"""

PODS: Final = """
Pod: spec PodSpec; status any
PodTemplateSpec: metadata ObjectMeta; spec PodSpec
PodSpec: volumes []Volume; initContainers []Container; containers []Container; ephemeralContainers []EphemeralContainer; restartPolicy RestartPolicy; terminationGracePeriodSeconds int64; activeDeadlineSeconds int64; dnsPolicy DNSPolicy; nodeSelector {}string; serviceAccountName string; serviceAccount string; automountServiceAccountToken bool; nodeName string; hostNetwork bool; hostPID bool; hostIPC bool; shareProcessNamespace bool; securityContext PodSecurityContext; imagePullSecrets []LocalObjectReference; hostname string; subdomain string; affinity Affinity; schedulerName string; tolerations []Toleration; hostAliases []HostAlias; priorityClassName string; priority int32; dnsConfig PodDNSConfig; readinessGates []PodReadinessGate; runtimeClassName string; enableServiceLinks bool; preemptionPolicy PreemptionPolicy; overhead {}Quantity; topologySpreadConstraints []TopologySpreadConstraint; setHostnameAsFQDN bool; os PodOS; hostUsers bool; schedulingGates []PodSchedulingGate; resourceClaims []PodResourceClaim; resources ResourceRequirements
Container: name string; image string; command []string; args []string; workingDir string; ports []ContainerPort; envFrom []EnvFromSource; env []EnvVar; resources ResourceRequirements; resizePolicy []ContainerResizePolicy; restartPolicy ContainerRestartPolicy; volumeMounts []VolumeMount; volumeDevices []VolumeDevice; livenessProbe Probe; readinessProbe Probe; startupProbe Probe; lifecycle Lifecycle; terminationMessagePath string; terminationMessagePolicy TerminationMessagePolicy; imagePullPolicy PullPolicy; securityContext SecurityContext; stdin bool; stdinOnce bool; tty bool
ContainerPort: name string; hostPort int32; containerPort int32; protocol Protocol; hostIP string
EnvFromSource: prefix string; configMapRef OptionalReference; secretRef OptionalReference
OptionalReference: name string; optional bool
EnvVar: name string; value string; valueFrom EnvVarSource
EnvVarSource: fieldRef ObjectFieldSelector; resourceFieldRef ResourceFieldSelector; configMapKeyRef KeySelector; secretKeyRef KeySelector
ObjectFieldSelector: apiVersion string; fieldPath string
ResourceFieldSelector: containerName string; resource string; divisor Quantity
KeySelector: name string; key string; optional bool
ResourceRequirements: limits {}Quantity; requests {}Quantity; claims []ResourceClaim
ResourceClaim: name string; request string
ContainerResizePolicy: resourceName ResourceName; restartPolicy ResourceResizeRestartPolicy
VolumeMount: name string; readOnly bool; recursiveReadOnly RecursiveReadOnlyMode; mountPath string; subPath string; mountPropagation MountPropagationMode; subPathExpr string
VolumeDevice: name string; devicePath string
Probe: exec ExecAction; httpGet HTTPGetAction; tcpSocket TCPSocketAction; grpc GRPCAction; initialDelaySeconds int32; timeoutSeconds int32; periodSeconds int32; successThreshold int32; failureThreshold int32; terminationGracePeriodSeconds int64
ExecAction: command []string
HTTPGetAction: path string; port IntOrString; host string; scheme URIScheme; httpHeaders []HTTPHeader
HTTPHeader: name string; value string
TCPSocketAction: port IntOrString; host string
GRPCAction: port int32; service string
Lifecycle: postStart LifecycleHandler; preStop LifecycleHandler; stopSignal Signal
LifecycleHandler: exec ExecAction; httpGet HTTPGetAction; tcpSocket TCPSocketAction; sleep SleepAction
SleepAction: seconds int64
SecurityContext: capabilities Capabilities; privileged bool; seLinuxOptions SELinuxOptions; windowsOptions any; runAsUser int64; runAsGroup int64; runAsNonRoot bool; readOnlyRootFilesystem bool; allowPrivilegeEscalation bool; procMount ProcMountType; seccompProfile SecurityProfile; appArmorProfile SecurityProfile
Capabilities: add []Capability; drop []Capability
SELinuxOptions: user string; role string; type string; level string
SecurityProfile: type string; localhostProfile string
PodSecurityContext: seLinuxOptions SELinuxOptions; windowsOptions any; runAsUser int64; runAsGroup int64; runAsNonRoot bool; supplementalGroups []int64; supplementalGroupsPolicy SupplementalGroupsPolicy; fsGroup int64; sysctls []Sysctl; fsGroupChangePolicy PodFSGroupChangePolicy; seccompProfile SecurityProfile; appArmorProfile SecurityProfile; seLinuxChangePolicy PodSELinuxChangePolicy
Sysctl: name string; value string
LocalObjectReference: name string
Affinity: nodeAffinity any; podAffinity any; podAntiAffinity any
Toleration: key string; operator TolerationOperator; value string; effect TaintEffect; tolerationSeconds int64
HostAlias: ip string; hostnames []string
PodDNSConfig: nameservers []string; searches []string; options []PodDNSConfigOption
PodDNSConfigOption: name string; value string
PodReadinessGate: conditionType PodConditionType
TopologySpreadConstraint: maxSkew int32; topologyKey string; whenUnsatisfiable UnsatisfiableConstraintAction; labelSelector LabelSelector; minDomains int32; nodeAffinityPolicy NodeInclusionPolicy; nodeTaintsPolicy NodeInclusionPolicy; matchLabelKeys []string
PodOS: name OSName
PodSchedulingGate: name string
PodResourceClaim: name string; resourceClaimName string; resourceClaimTemplateName string
EphemeralContainer: targetContainerName string; +Container
"""

VOLUMES: Final = """
Volume: name string; hostPath HostPathVolumeSource; emptyDir EmptyDirVolumeSource; gcePersistentDisk any; awsElasticBlockStore any; gitRepo any; secret SecretVolumeSource; nfs NFSVolumeSource; iscsi any; glusterfs any; persistentVolumeClaim PersistentVolumeClaimVolumeSource; rbd any; flexVolume any; cinder any; cephfs any; flocker any; downwardAPI DownwardAPIVolumeSource; fc any; azureFile any; configMap ConfigMapVolumeSource; vsphereVolume any; quobyte any; azureDisk any; photonPersistentDisk any; projected ProjectedVolumeSource; portworxVolume any; scaleIO any; storageos any; csi any; ephemeral any; image ImageVolumeSource
HostPathVolumeSource: path string; type HostPathType
EmptyDirVolumeSource: medium StorageMedium; sizeLimit Quantity
SecretVolumeSource: secretName string; items []KeyToPath; defaultMode int32; optional bool
ConfigMapVolumeSource: name string; items []KeyToPath; defaultMode int32; optional bool
KeyToPath: key string; path string; mode int32
NFSVolumeSource: server string; path string; readOnly bool
PersistentVolumeClaimVolumeSource: claimName string; readOnly bool
DownwardAPIVolumeSource: items []DownwardAPIVolumeFile; defaultMode int32
DownwardAPIVolumeFile: path string; fieldRef ObjectFieldSelector; resourceFieldRef ResourceFieldSelector; mode int32
ProjectedVolumeSource: sources []VolumeProjection; defaultMode int32
VolumeProjection: secret SecretProjection; downwardAPI DownwardAPIProjection; configMap SecretProjection; serviceAccountToken ServiceAccountTokenProjection; clusterTrustBundle any
SecretProjection: name string; items []KeyToPath; optional bool
DownwardAPIProjection: items []DownwardAPIVolumeFile
ServiceAccountTokenProjection: audience string; expirationSeconds int64; path string
ImageVolumeSource: reference string; pullPolicy PullPolicy
"""

CORE: Final = """
ObjectMeta: name string; generateName string; namespace string; selfLink string; uid UID; resourceVersion string; generation int64; creationTimestamp Time; deletionTimestamp Time; deletionGracePeriodSeconds int64; labels {}string; annotations {}string; ownerReferences []OwnerReference; finalizers []string; managedFields any
OwnerReference: apiVersion string; kind string; name string; uid UID; controller bool; blockOwnerDeletion bool
Namespace: spec NamespaceSpec; status any
NamespaceSpec: finalizers []FinalizerName
Secret: immutable bool; data {}bytes; stringData {}string; type SecretType
ConfigMap: immutable bool; data {}string; binaryData {}bytes
ServiceAccount: secrets []ObjectReference; imagePullSecrets []LocalObjectReference; automountServiceAccountToken bool
ObjectReference: kind string; namespace string; name string; uid UID; apiVersion string; resourceVersion string; fieldPath string
Service: spec ServiceSpec; status any
ServiceSpec: ports []ServicePort; selector {}string; clusterIP string; clusterIPs []string; type ServiceType; externalIPs []string; sessionAffinity ServiceAffinity; loadBalancerIP string; loadBalancerSourceRanges []string; externalName string; externalTrafficPolicy ServiceExternalTrafficPolicy; healthCheckNodePort int32; publishNotReadyAddresses bool; sessionAffinityConfig SessionAffinityConfig; ipFamilies []IPFamily; ipFamilyPolicy IPFamilyPolicy; allocateLoadBalancerNodePorts bool; loadBalancerClass string; internalTrafficPolicy ServiceInternalTrafficPolicy; trafficDistribution string
ServicePort: name string; protocol Protocol; appProtocol string; port int32; targetPort IntOrString; nodePort int32
SessionAffinityConfig: clientIP ClientIPConfig
ClientIPConfig: timeoutSeconds int32
Endpoints: subsets []EndpointSubset
EndpointSubset: addresses []EndpointAddress; notReadyAddresses []EndpointAddress; ports []EndpointPort
EndpointAddress: ip string; hostname string; nodeName string; targetRef ObjectReference
EndpointPort: name string; port int32; protocol Protocol; appProtocol string
Event: involvedObject ObjectReference; reason string; message string; source EventSource; firstTimestamp Time; lastTimestamp Time; count int32; type string; eventTime Time; series any; action string; related ObjectReference; reportingComponent string; reportingInstance string
EventSource: component string; host string
EndpointSlice: addressType AddressType; endpoints []Endpoint; ports []EndpointPort
Endpoint: addresses []string; conditions EndpointConditions; hostname string; targetRef ObjectReference; deprecatedTopology {}string; nodeName string; zone string; hints any
EndpointConditions: ready bool; serving bool; terminating bool
Node: spec any; status any
PersistentVolume: spec any; status any
PersistentVolumeClaim: spec PersistentVolumeClaimSpec; status any
PersistentVolumeClaimSpec: accessModes []PersistentVolumeAccessMode; selector LabelSelector; resources any; volumeName string; storageClassName string; volumeMode PersistentVolumeMode; dataSource any; dataSourceRef any; volumeAttributesClassName string
LimitRange: spec any
ResourceQuota: spec ResourceQuotaSpec; status any
ResourceQuotaSpec: hard {}Quantity; scopes []ResourceQuotaScope; scopeSelector any
Ingress: spec any; status any
NetworkPolicy: spec any
Role: rules []PolicyRule
ClusterRole: rules []PolicyRule; aggregationRule AggregationRule
PolicyRule: verbs []string; apiGroups []string; resources []string; resourceNames []string; nonResourceURLs []string
AggregationRule: clusterRoleSelectors []LabelSelector
RoleBinding: subjects []Subject; roleRef RoleRef
ClusterRoleBinding: subjects []Subject; roleRef RoleRef
Subject: kind string; apiGroup string; name string; namespace string
RoleRef: apiGroup string; kind string; name string
"""


def read_types(*texts: str) -> dict[str, dict[str, str]]:
    """Return each struct's fields and their types; `+Struct` brings in the fields of another."""
    lines = [line.split(":", 1) for text in texts for line in text.strip().splitlines()]
    found = {name: dict(_field(field) for field in fields.split(";")) for name, fields in lines}
    return {name: _embedded(fields, found) for name, fields in found.items()}


def _field(text: str) -> tuple[str, str]:
    name, _, kind = text.strip().partition(" ")
    return name, kind


def _embedded(fields: dict[str, str], every: dict[str, dict[str, str]]) -> dict[str, str]:
    flat: dict[str, str] = {}
    for name, kind in fields.items():
        flat |= every[name[1:]] if name.startswith("+") else {name: kind}
    return flat


STRUCTS: Final = read_types(WORKLOADS, PODS, VOLUMES, CORE)
"""Each struct's fields and their types."""
