"""Field selectors as kubectl writes them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.dialects.kinds import Kind, find_kind
from edgesim.kube.selectors import parse_fields


def _kind(word: str) -> Kind:
    kind = find_kind(word)
    assert kind is not None
    return kind


_POD = {
    "metadata": {"name": "echo-1", "namespace": "echo"},
    "spec": {"nodeName": "edgesim"},
    "status": {"phase": "Running", "podIP": "127.0.0.2", "podIPs": [{"ip": "127.0.0.2"}]},
}
_EVENT = {
    "metadata": {"name": "e", "namespace": "echo"},
    "involvedObject": {"kind": "VirtualService", "name": "echo", "uid": "u-1"},
    "reason": "Rejected",
    "type": "Warning",
    "source": {"component": "gloo"},
}


@pytest.mark.parametrize(
    ("word", "manifest", "text", "selected"),
    [
        ("pod", _POD, "", True),
        ("pod", _POD, "metadata.name=echo-1", True),
        ("pod", _POD, "metadata.name==echo-1,metadata.namespace=echo", True),
        ("pod", _POD, "metadata.name!=echo-1", False),
        ("pod", _POD, "status.phase!=Running", False),
        ("pod", _POD, "status.phase=Running,spec.nodeName=edgesim", True),
        ("pod", _POD, "status.podIPs=127.0.0.2", True),
        ("pod", _POD, "spec.hostNetwork=false", True),
        ("pod", _POD, "spec.schedulerName=", True),
        ("event", _EVENT, "involvedObject.kind=VirtualService,involvedObject.name=echo,involvedObject.uid=u-1", True),
        ("event", _EVENT, "involvedObject.name=foxtrot", False),
        ("event", _EVENT, "type!=Normal", True),
        ("event", _EVENT, "source=gloo,reportingComponent=gloo", True),
        ("secret", {"metadata": {}, "type": "helm.sh/release.v1"}, "type=helm.sh/release.v1", True),
        ("vs", {"metadata": {"name": "a,b"}}, "metadata.name=a\\,b", True),
        ("vs", {"metadata": {"name": "echo"}}, "metadata.name=echo", True),
    ],
)
def test_field_selectors(word: str, manifest: dict[str, Any], text: str, selected: bool) -> None:
    """Each kind is selected by the fields that a real server selects it by."""
    assert parse_fields(text, _kind(word))(manifest) is selected


@pytest.mark.parametrize(
    ("word", "text", "message"),
    [
        ("pod", "spec.image=x", "field label not supported: spec.image"),
        ("vs", "spec.x=y", "field label not supported: spec.x"),
        (
            "deployment",
            "spec.replicas=1",
            '"spec.replicas" is not a known field selector: only "metadata.name", "metadata.namespace"',
        ),
        ("pod", "metadata.name", "invalid selector: 'metadata.name'; can't understand 'metadata.name'"),
        ("pod", "metadata.name=a\\b", "invalid field selector: invalid escape sequence: metadata.name=a\\b"),
        ("pod", "metadata.name=a=b", "invalid field selector: invalid escape sequence: metadata.name=a=b"),
    ],
)
def test_field_selectors_that_are_none(word: str, text: str, message: str) -> None:
    """A field that a kind is not selected by, and a selector that is none, are refused with Kubernetes' words."""
    with pytest.raises(ValueError) as refusal:  # noqa: PT011 (the words are compared below)
        parse_fields(text, _kind(word))
    assert str(refusal.value) == message


@given(st.text(alphabet="ab\\,=! ", max_size=10))
def test_any_name_can_be_selected(name: str) -> None:
    """What is escaped as Kubernetes escapes it selects exactly that name."""
    escaped = name.replace("\\", "\\\\").replace(",", "\\,").replace("=", "\\=")
    chosen = parse_fields(f"metadata.name={escaped}", _kind("pod"))
    assert chosen({"metadata": {"name": name}})
    assert not chosen({"metadata": {"name": f"{name}x"}})
