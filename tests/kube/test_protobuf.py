from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.kube.protobuf import decode_protobuf
from edgesim.kube.protobuf_messages import ROOTS, messages

SENT = json.loads((Path(__file__).parent / "protobuf_bodies.json").read_text())
"""What kubectl 1.33 sent for the commands of the specification, and what it means."""


def varint(value: int) -> bytes:
    value %= 2**64
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def field(number: int, value: int | str | bytes) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def body(api_version: str, kind: str, *fields: bytes) -> bytes:
    identity = field(1, api_version) + field(2, kind)
    return b"k8s\x00" + field(1, identity) + field(2, b"".join(fields)) + field(3, "") + field(4, "")


@pytest.mark.parametrize("sent", SENT, ids=[f"{index}-{each['object']['kind']}" for index, each in enumerate(SENT)])
def test_what_kubectl_sends_is_read(sent: dict[str, Any]) -> None:
    """The bodies of real `kubectl create` and `auth can-i` commands become the objects they stand for."""
    assert decode_protobuf(base64.b64decode(sent["body"])) == sent["object"]


def test_absent_and_zero_are_told_apart_where_it_matters() -> None:
    """`replicas: 0` and `emptyDir: {}` stay; a false switch, an empty text and an empty spec do not."""
    spec = field(1, 0) + field(5, 0) + field(7, 0)
    assert decode_protobuf(body("apps/v1", "Deployment", field(2, spec)))["spec"] == {"replicas": 0}
    volume = field(1, "scratch") + field(2, field(2, field(1, "")))
    pod = field(2, field(1, volume) + field(11, 0))
    assert decode_protobuf(body("v1", "Pod", pod))["spec"] == {"volumes": [{"name": "scratch", "emptyDir": {}}]}
    assert decode_protobuf(body("v1", "Namespace", field(2, b""))) == {"apiVersion": "v1", "kind": "Namespace"}


def test_what_is_inlined_in_json_is_inlined() -> None:
    """The action of a probe stands beside its periods, and the name of a Secret beside its key."""
    probe = field(1, field(2, field(1, "/ready") + field(2, field(1, 0) + field(2, 8080)))) + field(4, 5)
    key = field(4, field(1, field(1, "keys")) + field(2, "token") + field(3, 1))
    container = field(1, "echo") + field(11, probe) + field(7, field(1, "TOKEN") + field(3, key))
    read = decode_protobuf(body("v1", "Pod", field(2, field(2, container))))["spec"]["containers"][0]
    assert read["readinessProbe"] == {"httpGet": {"path": "/ready", "port": 8080}, "periodSeconds": 5}
    assert read["env"][0]["valueFrom"] == {"secretKeyRef": {"name": "keys", "key": "token", "optional": True}}


def test_numbers_times_and_quantities_read_as_in_json() -> None:
    """Negative numbers, RFC 3339 times, quantities and numbers that may be text come out as kubectl would write them."""
    strategy = field(2, field(1, field(1, 1) + field(3, "25%")) + field(2, field(1, 0) + field(2, 0)))
    whole = decode_protobuf(body("apps/v1", "Deployment", field(2, field(4, strategy) + field(6, -1))))
    assert whole["spec"]["strategy"] == {"rollingUpdate": {"maxUnavailable": "25%", "maxSurge": 0}}
    assert whole["spec"]["revisionHistoryLimit"] == -1
    metadata = field(1, "x") + field(8, field(1, 1700000000) + field(2, 5))
    read = decode_protobuf(body("v1", "Namespace", field(1, metadata)))
    assert read["metadata"] == {"name": "x", "creationTimestamp": "2023-11-14T22:13:20Z"}
    limits = field(1, field(1, "cpu") + field(2, field(1, "100m")))
    pod = decode_protobuf(body("v1", "Pod", field(2, field(2, field(8, limits)))))
    assert pod["spec"]["containers"] == [{"resources": {"limits": {"cpu": "100m"}}}]


def test_lists_of_numbers_may_be_packed() -> None:
    """A list of numbers reads the same in one piece or as single values."""

    def exit_codes(values: bytes) -> Any:
        policy = field(11, field(1, field(2, values)))
        rules = decode_protobuf(body("batch/v1", "Job", field(2, policy)))["spec"]["podFailurePolicy"]["rules"]
        return rules[0]["onExitCodes"]

    assert exit_codes(field(3, 1) + field(3, 42)) == exit_codes(field(3, varint(1) + varint(42))) == {"values": [1, 42]}


def test_fields_nobody_knows_are_left_out() -> None:
    """A newer client may send more than this API has: it is skipped, whatever its wire type."""
    more = field(90, 7) + field(91, "x") + varint(92 << 3 | 1) + b"12345678" + varint(93 << 3 | 5) + b"1234"
    assert decode_protobuf(body("v1", "ConfigMap", more, field(2, field(1, "k") + field(2, "v"))))["data"] == {"k": "v"}


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (b"", "does not begin"),
        (b'{"kind":"Pod"}', "does not begin"),
        (b"k8s\x00", "names no apiVersion"),
        (body("v1", "Node"), "'Node' cannot be read"),
        (body("v1", "Pod") + b"\x0a\x7f", "ends in the middle"),
        (b"k8s\x00" + field(1, field(1, "v1") + field(2, "Pod")) + field(3, "gzip"), "another encoding"),
        (body("v1", "Pod", b"\x0b"), "wire type 3"),
        (body("v1", "Pod", b"\x02\x00"), "number 0"),
        (body("v1", "Pod", b"\xff" * 11), "ten bytes"),
        (body("v1", "Pod", field(2, 5)), "spec is a number"),
        (body("v1", "Pod", field(2, field(3, b"\xff"))), "not UTF-8"),
        (body("apps/v1", "Deployment", field(2, field(1, "two"))), "replicas is not a number"),
        (body("v1", "Pod", field(1, field(8, field(1, 2**62)))), "out of range"),
    ],
)
def test_bytes_that_are_no_object_are_refused_in_one_sentence(sent: bytes, said: str) -> None:
    """Whatever is wrong with a body, the ValueError says it in words."""
    with pytest.raises(ValueError, match=said) as refused:
        decode_protobuf(sent)
    assert "\n" not in str(refused.value)


@given(st.binary(max_size=200), st.sampled_from(sorted(ROOTS)))
def test_random_bytes_give_an_object_or_a_value_error(noise: bytes, kind: str) -> None:
    """No bytes end in anything but an object of the named kind or a ValueError."""
    for sent in (noise, b"k8s\x00" + noise, body("v1", kind, noise)):
        with contextlib.suppress(ValueError):
            assert decode_protobuf(sent)["kind"]


def _cut(data: bytes, at: int) -> bytes:
    return data[:at]


def _flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 0x15]) + data[at + 1 :]


@given(st.sampled_from(SENT), st.sampled_from([_cut, _flipped]), st.data())
def test_damaged_bodies_give_an_object_or_a_value_error(
    sent: dict[str, Any], damage: Callable[[bytes, int], bytes], data: st.DataObject
) -> None:
    """A real body that is cut or has a wrong byte is read as something else, or refused."""
    whole = base64.b64decode(sent["body"])
    try:
        read = decode_protobuf(damage(whole, data.draw(st.integers(0, len(whole) - 1))))
    except ValueError:
        return
    assert json.dumps(read)


def test_every_type_a_message_names_is_there() -> None:
    """The tables are closed: no field is of a type that none of them has."""
    scalars = {"string", "bytes", "bool", "int32", "int64", "Quantity", "IntOrString", "Time", "ExtraValue"}
    named = {each.type for fields in messages().values() for each in fields.values()}
    assert named - scalars <= set(messages())
    assert set(messages()) >= ROOTS
