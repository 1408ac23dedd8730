"""Field numbers of the other kinds that arrive as protobuf, in the notation of `protobuf_messages`.

Source: core/v1, apps/v1, autoscaling v1 and v2, batch/v1, policy/v1, networking.k8s.io/v1 of Kubernetes v1.33.
"""

from __future__ import annotations

from typing import Final

MESSAGES: Final = """
Namespace:
  1 metadata ObjectMeta, 2 spec NamespaceSpec
NamespaceSpec:
  1 []finalizers
ConfigMap:
  1 metadata ObjectMeta, 2 {}data, 3 {}binaryData bytes, 4 *immutable bool
Secret:
  1 metadata ObjectMeta, 2 {}data bytes, 3 type, 4 {}stringData, 5 *immutable bool
Service:
  1 metadata ObjectMeta, 2 spec ServiceSpec
ServiceSpec:
  1 []ports ServicePort, 2 {}selector, 3 clusterIP, 4 type, 5 []externalIPs, 7 sessionAffinity,
  8 loadBalancerIP, 9 []loadBalancerSourceRanges, 10 externalName, 11 externalTrafficPolicy,
  12 healthCheckNodePort int32, 13 publishNotReadyAddresses bool,
  14 sessionAffinityConfig SessionAffinityConfig, 17 ipFamilyPolicy, 18 []clusterIPs, 19 []ipFamilies,
  20 *allocateLoadBalancerNodePorts bool, 21 loadBalancerClass, 22 internalTrafficPolicy, 23 trafficDistribution
ServicePort:
  1 name, 2 protocol, 3 port int32, 4 targetPort IntOrString, 5 nodePort int32, 6 appProtocol
SessionAffinityConfig:
  1 clientIP ClientIPConfig
ClientIPConfig:
  1 *timeoutSeconds int32
ServiceAccount:
  1 metadata ObjectMeta, 2 []secrets ObjectReference, 3 []imagePullSecrets LocalObjectReference,
  4 *automountServiceAccountToken bool
ObjectReference:
  1 kind, 2 namespace, 3 name, 4 uid, 5 apiVersion, 6 resourceVersion, 7 fieldPath
Deployment:
  1 metadata ObjectMeta, 2 spec DeploymentSpec
DeploymentSpec:
  1 *replicas int32, 2 selector LabelSelector, 3 template PodTemplateSpec, 4 strategy DeploymentStrategy,
  5 minReadySeconds int32, 6 *revisionHistoryLimit int32, 7 paused bool, 9 *progressDeadlineSeconds int32
DeploymentStrategy:
  1 type, 2 rollingUpdate RollingUpdateDeployment
RollingUpdateDeployment:
  1 *maxUnavailable IntOrString, 2 *maxSurge IntOrString
ReplicaSet:
  1 metadata ObjectMeta, 2 spec ReplicaSetSpec
ReplicaSetSpec:
  1 *replicas int32, 2 selector LabelSelector, 3 template PodTemplateSpec, 4 minReadySeconds int32
Scale:
  1 metadata ObjectMeta, 2 spec ScaleSpec
ScaleSpec:
  1 *replicas int32
Job:
  1 metadata ObjectMeta, 2 spec JobSpec
JobSpec:
  1 *parallelism int32, 2 *completions int32, 3 *activeDeadlineSeconds int64, 4 selector LabelSelector,
  5 *manualSelector bool, 6 template PodTemplateSpec, 7 *backoffLimit int32, 8 *ttlSecondsAfterFinished int32,
  9 completionMode, 10 *suspend bool, 11 podFailurePolicy PodFailurePolicy, 12 *backoffLimitPerIndex int32,
  13 *maxFailedIndexes int32, 14 podReplacementPolicy, 15 managedBy, 16 successPolicy SuccessPolicy
CronJob:
  1 metadata ObjectMeta, 2 spec CronJobSpec
CronJobSpec:
  1 schedule, 2 *startingDeadlineSeconds int64, 3 concurrencyPolicy, 4 *suspend bool,
  5 jobTemplate JobTemplateSpec, 6 *successfulJobsHistoryLimit int32, 7 *failedJobsHistoryLimit int32, 8 timeZone
JobTemplateSpec:
  1 metadata ObjectMeta, 2 spec JobSpec
ResourceQuota:
  1 metadata ObjectMeta, 2 spec ResourceQuotaSpec
ResourceQuotaSpec:
  1 {}hard Quantity, 2 []scopes
PodFailurePolicy:
  1 []rules PodFailurePolicyRule
PodFailurePolicyRule:
  1 action, 2 onExitCodes PodFailurePolicyOnExitCodesRequirement,
  3 []onPodConditions PodFailurePolicyOnPodConditionsPattern
PodFailurePolicyOnExitCodesRequirement:
  1 containerName, 2 operator, 3 []values int32
PodFailurePolicyOnPodConditionsPattern:
  1 type, 2 status
SuccessPolicy:
  1 []rules SuccessPolicyRule
SuccessPolicyRule:
  1 succeededIndexes, 2 succeededCount int32
HorizontalPodAutoscaler:
  1 metadata ObjectMeta, 2 spec HorizontalPodAutoscalerSpec
HorizontalPodAutoscalerSpec:
  1 scaleTargetRef CrossVersionObjectReference, 2 *minReplicas int32, 3 maxReplicas int32,
  4 []metrics MetricSpec, 5 behavior HorizontalPodAutoscalerBehavior
CrossVersionObjectReference:
  1 kind, 2 name, 3 apiVersion
MetricSpec:
  1 type, 2 object ObjectMetricSource, 3 pods PodsMetricSource, 4 resource ResourceMetricSource,
  5 external ExternalMetricSource, 7 containerResource ContainerResourceMetricSource
ObjectMetricSource:
  1 describedObject CrossVersionObjectReference, 2 target MetricTarget, 3 metric MetricIdentifier
MetricTarget:
  1 type, 2 value Quantity, 3 averageValue Quantity, 4 *averageUtilization int32
MetricIdentifier:
  1 name, 2 selector LabelSelector
PodsMetricSource:
  1 metric MetricIdentifier, 2 target MetricTarget
ResourceMetricSource:
  1 name, 2 target MetricTarget
ContainerResourceMetricSource:
  1 name, 2 target MetricTarget, 3 container
ExternalMetricSource:
  1 metric MetricIdentifier, 2 target MetricTarget
HorizontalPodAutoscalerBehavior:
  1 scaleUp HPAScalingRules, 2 scaleDown HPAScalingRules
HPAScalingRules:
  1 selectPolicy, 2 []policies HPAScalingPolicy, 3 *stabilizationWindowSeconds int32, 4 tolerance Quantity
HPAScalingPolicy:
  1 type, 2 value int32, 3 periodSeconds int32
PodDisruptionBudget:
  1 metadata ObjectMeta, 2 spec PodDisruptionBudgetSpec
PodDisruptionBudgetSpec:
  1 *minAvailable IntOrString, 2 selector LabelSelector, 3 *maxUnavailable IntOrString,
  4 unhealthyPodEvictionPolicy
Ingress:
  1 metadata ObjectMeta, 2 spec IngressSpec
IngressSpec:
  1 defaultBackend IngressBackend, 2 []tls IngressTLS, 3 []rules IngressRule, 4 ingressClassName
IngressBackend:
  3 resource TypedLocalObjectReference, 4 service IngressServiceBackend
IngressServiceBackend:
  1 name, 2 port ServiceBackendPort
ServiceBackendPort:
  1 name, 2 number int32
IngressTLS:
  1 []hosts, 2 secretName
IngressRule:
  1 host, 2 +ingressRuleValue IngressRuleValue
IngressRuleValue:
  1 http HTTPIngressRuleValue
HTTPIngressRuleValue:
  1 []paths HTTPIngressPath
HTTPIngressPath:
  1 path, 2 backend IngressBackend, 3 pathType
NetworkPolicy:
  1 metadata ObjectMeta, 2 spec NetworkPolicySpec
NetworkPolicySpec:
  1 podSelector LabelSelector, 2 []ingress NetworkPolicyIngressRule, 3 []egress NetworkPolicyEgressRule,
  4 []policyTypes
NetworkPolicyIngressRule:
  1 []ports NetworkPolicyPort, 2 []from NetworkPolicyPeer
NetworkPolicyPort:
  1 protocol, 2 *port IntOrString, 3 *endPort int32
NetworkPolicyPeer:
  1 podSelector LabelSelector, 2 namespaceSelector LabelSelector, 3 ipBlock IPBlock
IPBlock:
  1 cidr, 2 []except
NetworkPolicyEgressRule:
  1 []ports NetworkPolicyPort, 2 []to NetworkPolicyPeer
"""
