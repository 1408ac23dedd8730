from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.dialects import KINDS
from edgesim.dialects.kinds import find_kind
from edgesim.kube.validation import validate
from tests.kube.validation import manifests as m
from tests.kube.validation.manifests import causes, judged, manifest, refused, stored

SOUND = [
    m.DEPLOYMENT,
    m.POD,
    m.SERVICE,
    m.SECRET,
    m.CONFIG_MAP,
    m.NAMESPACE,
    m.ROLE,
    m.BINDING,
    m.AUTOSCALER,
    m.VIRTUAL_SERVICE,
]


@pytest.mark.parametrize("text", SOUND)
def test_a_sound_manifest_is_stored_and_replacing_it_by_itself_changes_nothing(text: str) -> None:
    """What was stored is accepted as its own replacement, and stays as it is: applying twice prints `unchanged`."""
    kept = stored(text)
    again = judged(kept, old=kept)
    assert again.status is None
    assert again.manifest == kept


def test_an_unknown_field_is_refused_by_its_path() -> None:
    """Strict decoding names a field that a kind does not have, of built-in and Gloo kinds alike."""
    deployment = manifest(m.DEPLOYMENT, spec__replicaz=2)
    assert refused(deployment) == (
        'Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: unknown field "spec.replicaz"'
    )
    route = manifest(m.VIRTUAL_SERVICE, spec__virtualHost__routes__0__matcher=[])
    assert refused(route) == (
        'VirtualService in version "v1" cannot be handled as a VirtualService: '
        'strict decoding error: unknown field "spec.virtualHost.routes[0].matcher"'
    )
    assert judged(route).status is not None
    assert judged(route).status.code == 400  # type: ignore[union-attr]


def test_several_strict_errors_stand_in_one_message() -> None:
    """Fields that are unknown or written twice are listed with commas."""
    body = manifest(m.DEPLOYMENT, spec__a=1, metadata__lables={})
    message = refused(body, duplicates=('duplicate field "spec.replicas"',))
    assert message.endswith(
        'strict decoding error: duplicate field "spec.replicas", unknown field "metadata.lables", unknown field "spec.a"'
    )


@pytest.mark.parametrize("text", [m.DEPLOYMENT, m.VIRTUAL_SERVICE])
def test_unknown_fields_are_pruned_unless_strict(text: str) -> None:
    """Warn prunes and says so; Ignore prunes in silence."""
    body = manifest(text, spec__unheard={"of": 1}, metadata__lables={})
    warned = judged(body, field_validation="Warn")
    assert warned.warnings == ('unknown field "metadata.lables"', 'unknown field "spec.unheard"')
    ignored = judged(body, field_validation="Ignore")
    assert ignored.warnings == ()
    assert ignored.manifest == warned.manifest == stored(text)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"spec__replicas": "many"}, "string into Go struct field DeploymentSpec.spec.replicas of type int32"),
        ({"spec__replicas": 1.5}, "number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32"),
        ({"spec__replicas": 2**31}, "number 2147483648 into Go struct field DeploymentSpec.spec.replicas of type int32"),
        ({"spec__paused": "no"}, "string into Go struct field DeploymentSpec.spec.paused of type bool"),
        ({"spec__template": []}, "array into Go struct field DeploymentSpec.spec.template of type v1.PodTemplateSpec"),
        ({"spec__selector__matchLabels": "a"}, "string into Go struct field LabelSelector.spec.selector.matchLabels of type map[string]string"),
        ({"metadata__labels": {"on": True}}, "bool into Go struct field ObjectMeta.metadata.labels of type string"),
        (
            {"spec__template__spec__containers__0__image": {}},
            "object into Go struct field Container.spec.template.spec.containers.image of type string",
        ),
        (
            {"spec__template__spec__containers": "echo"},
            "string into Go struct field PodSpec.spec.template.spec.containers of type []v1.Container",
        ),
        (
            {"spec__template__spec__restartPolicy": 1},
            "number into Go struct field PodSpec.spec.template.spec.restartPolicy of type v1.RestartPolicy",
        ),
    ],
)  # fmt: skip
def test_a_wrong_type_of_a_built_in_kind_is_told_as_go_tells_it(changes: dict[str, Any], error: str) -> None:
    """The decoder's first error makes a 400."""
    message = refused(manifest(m.DEPLOYMENT, **changes))
    start = 'Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal '
    assert message == start + error


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"spec__strategy": {"rollingUpdate": {"maxSurge": True}}}, "json: cannot unmarshal bool into Go value of type int32"),
        ({"metadata__creationTimestamp": "now"}, 'parsing time "now" as "2006-01-02T15:04:05Z07:00": cannot parse "now" as "2006"'),
        (
            {"spec__template__spec__containers__0__resources": {"limits": {"cpu": "many"}}},
            "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
        ),
        ({"spec__template__spec__containers__0__resources": {"limits": {"cpu": "1ii"}}}, "unable to parse quantity's suffix"),
    ],
)  # fmt: skip
def test_types_that_decode_themselves_have_their_own_words(changes: dict[str, Any], error: str) -> None:
    """Shares, times and quantities are refused in the words of their types."""
    assert refused(manifest(m.DEPLOYMENT, **changes)).endswith(f"as a Deployment: {error}")


def test_a_422_names_group_kind_and_every_cause() -> None:
    """Kubectl prints `The Deployment "echo" is invalid:` and a line for each cause; one cause stands without brackets."""
    status = judged(manifest(m.DEPLOYMENT, spec__replicas=-1)).status
    assert status is not None
    cause = {
        "reason": "FieldValueInvalid",
        "message": "Invalid value: -1: must be greater than or equal to 0",
        "field": "spec.replicas",
    }
    assert status.status()["details"] == {"name": "echo", "group": "apps", "kind": "Deployment", "causes": [cause]}
    assert status.message == f'Deployment.apps "echo" is invalid: spec.replicas: {cause["message"]}'
    both = refused(manifest(m.SERVICE, metadata__name="1x", spec__ports=...))
    assert both.startswith('Service "1x" is invalid: [metadata.name: Invalid value: "1x": a DNS-1035 label')
    assert both.endswith(", spec.ports: Required value]")


def test_nulls_of_a_built_in_kind_are_absent() -> None:
    """`creationTimestamp: null`, which kubectl writes, is not stored."""
    body = manifest(m.DEPLOYMENT, metadata__creationTimestamp=None, spec__strategy=None)
    assert judged(body).manifest == stored(m.DEPLOYMENT)


@given(text=st.sampled_from(SOUND), data=st.data())
def test_no_body_is_too_odd(text: str, data: st.DataObject) -> None:
    """Whatever stands in one field, the answer is a resource or a 400 or 422, never an exception."""
    body = manifest(text)
    leaf = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
    odd = st.recursive(
        leaf, lambda it: st.lists(it, max_size=2) | st.dictionaries(st.text(max_size=3), it), max_leaves=4
    )
    place = body
    while True:
        name = data.draw(st.sampled_from(sorted(name for name in place if name not in {"apiVersion", "kind"})))
        if not isinstance(place[name], dict) or data.draw(st.booleans()):
            break
        place = place[name]
    place[name] = data.draw(odd)
    kind = next(kind for kind in KINDS if kind.kind == body["kind"])
    for old in (None, manifest(text)):
        found = validate(kind, body, old=old, field_validation=data.draw(st.sampled_from(["Strict", "Warn", "Ignore"])))
        assert (found.resource is None) == (found.status is not None)
        assert found.status is None or found.status.code in {400, 422}


def test_what_gloo_itself_refuses_is_stored() -> None:
    """A bad regex is no validation: the object is accepted, and its status says Rejected."""
    body = manifest(m.VIRTUAL_SERVICE, spec__virtualHost__routes__0__matchers=[{"regex": "("}])
    assert judged(body).resource is not None


def test_what_edgesim_has_to_say_comes_along() -> None:
    """A field without effect gives a note beside the resource."""
    body = manifest(m.DEPLOYMENT, spec__template__spec__initContainers=[{"name": "a", "image": "b"}])
    assert [note.code for note in judged(body).notes] == ["ES0601"]


def test_names_and_labels_are_refused_as_kubernetes_does() -> None:
    """Metadata of every kind has the same rules, and Services, Namespaces and Roles names of their own."""
    assert causes(manifest(m.VIRTUAL_SERVICE, metadata__name="X_y")) == [
        (
            'metadata.name: Invalid value: "X_y": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric '
            "characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used "
            r"for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
        )
    ]
    assert causes(manifest(m.ROLE, metadata__name="a/b")) == [
        "metadata.name: Invalid value: \"a/b\": may not contain '/'"
    ]
    assert causes(manifest(m.NAMESPACE, metadata__name="a.b")) == [
        'metadata.name: Invalid value: "a.b": must not contain dots'
    ]
    assert causes(manifest(m.POD, metadata__name=...)) == [
        "metadata.name: Required value: name or generateName is required"
    ]


def test_what_only_edgesim_s_schema_refuses_has_a_cluster_s_words() -> None:
    """Kinds without rules of their own are held to their schema."""
    body = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": {"name": "a"}}
    assert causes(body) == ["addressType: Required value"]
    supported = 'supported values: "FQDN", "IPv4", "IPv6"'
    assert causes(body | {"addressType": "ip"}) == [f'addressType: Unsupported value: "ip": {supported}']


def test_a_null_in_a_list_is_refused() -> None:
    """Nobody means the empty value that Go makes of it."""
    message = refused(manifest(m.DEPLOYMENT, spec__template__spec__containers__0__args=[None]))
    assert message.endswith(
        "json: cannot unmarshal null into Go struct field Container.spec.template.spec.containers.args of type string"
    )


def test_what_was_wrong_before_does_not_keep_a_label_from_changing() -> None:
    """An object that a file declared may be less than a cluster asks for: only what is newly wrong is refused."""
    old = manifest(m.DEPLOYMENT, spec__template__spec__containers__0__image=...)
    labelled = manifest(m.DEPLOYMENT, spec__template__spec__containers__0__image=..., metadata__labels={"a": "b"})
    assert len(causes(labelled)) == 1
    assert judged(labelled, old=old).status is None
    worse = {**labelled, "spec": {**labelled["spec"], "replicas": -1}}
    assert causes(worse, old=old) == ["spec.replicas: Invalid value: -1: must be greater than or equal to 0"]


def test_what_a_client_sent_has_no_position() -> None:
    """A problem of an object that no text declares names the object and its field, and no line of any file."""
    probed = manifest(m.DEPLOYMENT, spec__template__spec__containers__0__livenessProbe={"tcpSocket": {"port": 1}})
    (note,) = judged(probed).notes
    assert (note.code, note.field, note.position) == (
        "ES0601",
        "spec.template.spec.containers[0].livenessProbe",
        None,
    )


def test_kinds_that_nothing_reads_are_no_news() -> None:
    """What kubectl writes of kinds that are only stored gives no note, of which there would be thousands."""
    kind = find_kind("ConfigMap")
    assert kind is not None
    found = validate(kind, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}})
    assert (found.status, found.notes) == (None, ())
