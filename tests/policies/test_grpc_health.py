"""gRPC's health service: messages, and how answers are judged."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.policies.grpc_health import (
    CallJudgement,
    Serving,
    check_request,
    check_response,
    framed,
    is_grpc,
    timeout_value,
)
from edgesim.policies.health_checks import Outcome
from edgesim.policies.protobuf_wire import read_fields

HEAD = ((b":status", b"200"), (b"content-type", b"application/grpc"))
OK = ((b"grpc-status", b"0"),)


def judged(body: bytes, trailers: tuple[tuple[bytes, bytes], ...] = OK) -> Outcome:
    call = CallJudgement()
    assert call.head(HEAD, ends=False) is None
    return call.data(body, ends=False) or call.trailers(trailers)


def test_messages() -> None:
    """Those of grpc.health.v1, with their prefix; a default is not written."""
    assert check_request("") == b"\0\0\0\0\0"
    assert check_request("a.B") == b"\0\0\0\0\x05\x0a\x03a.B"
    assert check_response(Serving.SERVING) == b"\0\0\0\0\x02\x08\x01"
    assert check_response(Serving.UNKNOWN) == b"\0\0\0\0\0"


@given(st.text(max_size=300))
def test_any_service_can_be_named(name: str) -> None:
    """Its name comes back as it was."""
    (said,) = [value for number, _, value in read_fields(check_request(name)[5:]) if number == 1] or [b""]
    assert said == name.encode()


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0.25, b"250m"),
        (99_999.999, b"99999999m"),
        (100_000, b"100000S"),
        (100_000_000, b"1666666M"),
        (6_000_000_000, b"1666666H"),
    ],
)
def test_a_timeout_has_eight_digits_at_most(seconds: float, written: bytes) -> None:
    """In the smallest unit that holds it, from milliseconds on."""
    assert timeout_value(seconds) == written


@pytest.mark.parametrize(
    ("kind", "fits"),
    [
        (b"application/grpc", True),
        (b"application/grpc+proto", True),
        (b"application/grpc-web", False),
        (b"application/grpc; charset=utf-8", False),
        (b"text/plain", False),
        (b"", False),
    ],
)
def test_content_types(kind: bytes, fits: bool) -> None:
    """Nothing but a codec may follow, as Envoy has it."""
    assert is_grpc(kind) is fits


def test_serving_is_a_pass() -> None:
    """Also beside empty messages, unknown fields and a status with leading zeros."""
    assert judged(check_response(Serving.SERVING)) is Outcome.PASSED
    assert judged(framed(b"") + check_response(Serving.SERVING) + framed(b"")) is Outcome.PASSED
    assert judged(framed(b"\x12\x01x\x08\x01"), ((b"grpc-status", b"00"),)) is Outcome.PASSED
    assert judged(framed(b"\x08\x02\x08\x01")) is Outcome.PASSED


@pytest.mark.parametrize(
    "body", [framed(b"\x08\x02"), framed(b"\x08\x03"), framed(b"\x10\x01"), b"", b"\0\0\0\0\x02\x08"]
)
def test_anything_else_is_a_refusal(body: bytes) -> None:
    """Another status, none, a message that is cut."""
    assert judged(body) is Outcome.REFUSED


@pytest.mark.parametrize(
    "body", [b"\1", framed(b"\xff"), check_response(Serving.SERVING) * 2, b"\0\0\1\0\0" + b"x" * 70_000]
)
def test_what_can_never_pass_is_refused_at_once(body: bytes) -> None:
    """Compressed, no protobuf, more than one message, more bytes than are looked at."""
    assert CallJudgement().data(body, ends=False) is Outcome.REFUSED


def test_the_end_must_come_in_trailers() -> None:
    """An answer that ends with its head or its body has no status, or no message."""
    assert CallJudgement().head((*HEAD, *OK), ends=True) is Outcome.REFUSED
    assert CallJudgement().data(check_response(Serving.SERVING), ends=True) is Outcome.REFUSED
    assert judged(check_response(Serving.SERVING), ()) is Outcome.REFUSED
    assert judged(check_response(Serving.SERVING), ((b"grpc-status", b"zero"),)) is Outcome.REFUSED


@given(st.binary(max_size=40), st.lists(st.integers(0, 40), max_size=4))
def test_where_a_body_is_cut_does_not_matter(body: bytes, cuts: list[int]) -> None:
    """The judgement is the same in pieces."""
    whole = judged(body)
    call = CallJudgement()
    edges = sorted({0, *cuts, len(body)} & set(range(len(body) + 1)))
    found = None
    for begin, end in pairwise(edges):
        found = found or call.data(body[begin:end], ends=False)
    assert (found or call.trailers(OK)) is whole
