from __future__ import annotations

import base64
import re

from hypothesis import given
from hypothesis import strategies as st

from edgesim.kube.validation.corruption import corrupt_at
from tests.kube.validation import manifests as m
from tests.kube.validation.manifests import causes, judged, manifest, refused, stored

FIXED = "Forbidden: field is immutable when `immutable` is set"


def test_data_of_a_secret_is_base64() -> None:
    """The byte at which it is corrupt is told, the text never."""
    message = refused(manifest(m.SECRET, data={"a": "plain text"}))
    assert message == 'Secret in version "v1" cannot be handled as a Secret: illegal base64 data at input byte 5'


@given(st.binary(max_size=30), st.sampled_from(["", "\n", "\r\n"]))
def test_sound_base64_is_sound(data: bytes, line_break: str) -> None:
    """Whatever is encoded decodes, line breaks included; without its last letter it does not."""
    text = base64.b64encode(data).decode()
    assert corrupt_at(text[:2] + line_break + text[2:]) is None
    assert not text or corrupt_at(text[:-1]) is not None


@given(st.text(alphabet="AQab/+= \n-é", max_size=12))
def test_a_text_is_corrupt_unless_it_is_made_of_whole_quanta(text: str) -> None:
    """Sound is exactly what its alphabet and padding allow; the byte told is inside of the text, or its end."""
    sound = re.fullmatch("([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?", text.replace("\n", ""))
    at = corrupt_at(text)
    assert (at is None) == (sound is not None)
    assert at is None or 0 <= at <= len(text.encode())


def test_string_data_is_written_into_data() -> None:
    """`stringData` is never stored, and completes what its type needs."""
    kept = stored("{apiVersion: v1, kind: Secret, metadata: {name: s}, stringData: {a: b}}")
    assert (kept["data"], kept["type"], "stringData" in kept) == ({"a": "Yg=="}, "Opaque", False)


def test_the_type_of_a_secret_asks_for_keys_and_stays() -> None:
    """A TLS Secret has both halves, and no Secret changes its type."""
    tls = manifest(m.SECRET, type="kubernetes.io/tls")
    assert causes(tls) == ["data[tls.crt]: Required value", "data[tls.key]: Required value"]
    old = manifest(m.SECRET)
    assert causes(manifest(m.SECRET, type="mine"), old=old) == ['type: Invalid value: "mine": field is immutable']


def test_what_is_immutable_stays() -> None:
    """Neither the data nor the mark of an immutable Secret or ConfigMap changes; labels do."""
    secret, config = manifest(m.SECRET, immutable=True), manifest(m.CONFIG_MAP, immutable=True)
    assert causes(manifest(m.SECRET, immutable=True, data={}), old=secret) == [f"data: {FIXED}"]
    assert causes(m.CONFIG_MAP, old=config) == [f"immutable: {FIXED}"]
    assert judged(manifest(m.CONFIG_MAP, immutable=True, metadata__labels={"a": "b"}), old=config).status is None


def test_keys_of_a_config_map_are_file_names() -> None:
    """A key that is no file name is refused at its path, and one in both maps too."""
    assert causes(manifest(m.CONFIG_MAP, data={"..a": "", "b": ""}, binaryData={"b": ""})) == [
        "data[..a]: Invalid value: \"..a\": must not start with '..'",
        'data[b]: Invalid value: "b": duplicate of key present in binaryData',
    ]


def test_a_config_map_has_at_most_a_megabyte() -> None:
    """Larger ones are too long."""
    assert causes(manifest(m.CONFIG_MAP, data={"a": "b" * 1_048_577})) == [
        "[]: Too long: may not be more than 1048576 bytes"
    ]


def test_a_long_secret_is_read_at_once() -> None:
    """Helm's releases are a megabyte; where one is corrupt is found without going over it again and again."""
    assert corrupt_at("QUJD" * 700_000) is None
    assert corrupt_at("QUJD" * 700_000 + "Q") == 2_800_000
    assert corrupt_at("QUJD" * 700_000 + "Q===") == 2_800_001
