"""Field numbers of roles and reviews, in the notation of `protobuf_messages`.

Source: rbac.authorization.k8s.io/v1, authorization.k8s.io/v1 and authentication.k8s.io/v1 of Kubernetes v1.33.
"""

from __future__ import annotations

from typing import Final

MESSAGES: Final = """
Role:
  1 metadata ObjectMeta, 2 []rules PolicyRule
PolicyRule:
  1 []verbs, 2 []apiGroups, 3 []resources, 4 []resourceNames, 5 []nonResourceURLs
RoleBinding:
  1 metadata ObjectMeta, 2 []subjects Subject, 3 roleRef RoleRef
Subject:
  1 kind, 2 apiGroup, 3 name, 4 namespace
RoleRef:
  1 apiGroup, 2 kind, 3 name
ClusterRole:
  1 metadata ObjectMeta, 2 []rules PolicyRule, 3 aggregationRule AggregationRule
AggregationRule:
  1 []clusterRoleSelectors LabelSelector
ClusterRoleBinding:
  1 metadata ObjectMeta, 2 []subjects Subject, 3 roleRef RoleRef
SelfSubjectAccessReview:
  1 metadata ObjectMeta, 2 spec SelfSubjectAccessReviewSpec
SelfSubjectAccessReviewSpec:
  1 resourceAttributes ResourceAttributes, 2 nonResourceAttributes NonResourceAttributes
ResourceAttributes:
  1 namespace, 2 verb, 3 group, 4 version, 5 resource, 6 subresource, 7 name,
  8 fieldSelector FieldSelectorAttributes, 9 labelSelector LabelSelectorAttributes
FieldSelectorAttributes:
  1 rawSelector, 2 []requirements FieldSelectorRequirement
FieldSelectorRequirement:
  1 key, 2 operator, 3 []values
LabelSelectorAttributes:
  1 rawSelector, 2 []requirements LabelSelectorRequirement
NonResourceAttributes:
  1 path, 2 verb
SelfSubjectRulesReview:
  1 metadata ObjectMeta, 2 spec SelfSubjectRulesReviewSpec
SelfSubjectRulesReviewSpec:
  1 namespace
SubjectAccessReview:
  1 metadata ObjectMeta, 2 spec SubjectAccessReviewSpec
SubjectAccessReviewSpec:
  1 resourceAttributes ResourceAttributes, 2 nonResourceAttributes NonResourceAttributes, 3 user, 4 []groups,
  5 {}extra ExtraValue, 6 uid
SelfSubjectReview:
  1 metadata ObjectMeta
"""
