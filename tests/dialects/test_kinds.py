from __future__ import annotations

import pytest

from edgesim.dialects import KINDS, Kind, find_kind, kind_of
from edgesim.dialects.kinds import UNSIMULATED


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("VirtualService", "VirtualService"),
        ("virtualservices", "VirtualService"),
        ("VS", "VirtualService"),
        ("virtualservices.gateway.solo.io", "VirtualService"),
        ("Virtualservice.Gateway.solo.io", "VirtualService"),
        ("upstreams.v1.gloo.solo.io", "Upstream"),
        ("us", "Upstream"),
        ("ug", "UpstreamGroup"),
        ("gw", "Gateway"),
        ("rt", "RouteTable"),
        ("rtopt", "RouteOption"),
        ("vhopt", "VirtualHostOption"),
        ("secrets", "Secret"),
        ("cm", "ConfigMap"),
        ("st", "Settings"),
        ("po", "Pod"),
        ("ep", "Endpoints"),
        ("svc", "Service"),
        ("ns", "Namespace"),
        ("deployments.apps", "Deployment"),
        ("deploy", "Deployment"),
    ],
)
def test_a_kind_is_found_by_any_of_its_names(word: str, kind: str) -> None:
    """Kind, singular, plural, short name and plural.group name a kind, in any case."""
    found = find_kind(word)
    assert found is not None
    assert found.kind == kind


@pytest.mark.parametrize("word", ["", "virtualservce", "services.apps", "crd"])
def test_other_words_name_no_kind(word: str) -> None:
    """A word that names nothing, or a kind under another group, finds nothing."""
    assert find_kind(word) is None


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_a_manifest_names_its_kind(kind: Kind) -> None:
    """ApiVersion and kind together find each kind, and neither is enough alone."""
    assert kind_of(kind.api_version, kind.kind) is kind
    assert kind_of("v9", kind.kind) is None


def test_no_word_means_two_kinds() -> None:
    """Short names, singulars and plurals are all distinct."""
    words = [word for kind in KINDS for word in {kind.kind.lower(), kind.singular, kind.plural, *kind.short_names}]
    assert len(words) == len(set(words))


def test_no_kind_is_both_read_and_unread() -> None:
    """The list of kinds that are not read names none that is."""
    assert not [kind for kind in KINDS if kind.kind in UNSIMULATED.get(kind.group, ())]


def test_full_names_are_kubectls() -> None:
    """Kubectl prints `singular.group`, and the singular alone for core kinds."""
    assert {kind.full_name for kind in KINDS} >= {"service", "deployment.apps", "virtualservice.gateway.solo.io"}


@pytest.mark.parametrize(
    "kind",
    # `kubectl apply --prune` asks for all of these, v1.27 to v1.37, and gives up where one is not known.
    [
        *("v1/ConfigMap", "v1/Endpoints", "v1/Namespace", "v1/PersistentVolume", "v1/PersistentVolumeClaim", "v1/Pod"),
        *("v1/ReplicationController", "v1/Secret", "v1/Service", "batch/v1/Job", "batch/v1/CronJob"),
        *("networking.k8s.io/v1/Ingress", "apps/v1/DaemonSet", "apps/v1/Deployment", "apps/v1/ReplicaSet"),
        "apps/v1/StatefulSet",
    ],
)
def test_what_kubectl_prunes_by_default_is_known(kind: str) -> None:
    """Every kind of kubectl's own list for pruning is there, if only to be stored."""
    api_version, _, word = kind.rpartition("/")
    assert kind_of(api_version, word) is not None
