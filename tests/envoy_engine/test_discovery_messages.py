"""What is said on a stream of discovery, on the wire."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.envoy.discovery_messages import Request, nonce, read_request, resource, response

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the library's


@given(st.binary(max_size=60))
def test_whatever_comes_is_a_request_or_none(content: bytes) -> None:
    """Any bytes are read as a request, or refused as no request."""
    with contextlib.suppress(ValueError):
        assert isinstance(read_request(content), Request)


@pytest.mark.parametrize("content", [b"\x0a\x05abc", b"\x80" * 11, b"\x0b", b"\x08\x01", b"\x10\x01", b"\x0a\x01\xff"])
def test_no_message_is_refused(content: bytes) -> None:
    """A field that breaks off, has no such type, or is a number where a text should be, makes it no request."""
    with pytest.raises(ValueError):  # noqa: PT011  # as `bytes.decode` raises it
        read_request(content)


def test_a_response_is_read_by_the_library() -> None:
    """A response with its nonce is what Envoy's message says; two resources stay two."""
    discovery = pytest.importorskip("envoy_data_plane.envoy.service.discovery.v3")
    content = response("type/x", "v1", [resource(b"\x0a\x01a"), resource(b"\x0a\x01b")]) + nonce("7")
    read = discovery.DiscoveryResponse.parse(content)
    assert (read.version_info, read.type_url, read.nonce) == ("v1", "type/x", "7")
    assert [each.type_url for each in read.resources] == ["a", "b"]


def test_a_request_is_read_as_the_library_writes_it() -> None:
    """Type, names, version, nonce, node and error of a request are read; the rest of a node is passed over."""
    discovery = pytest.importorskip("envoy_data_plane.envoy.service.discovery.v3")
    written = discovery.DiscoveryRequest.from_dict(
        {
            "version_info": "v1",
            "node": {"id": "edge-1", "cluster": "c", "extensions": [{"name": "x", "category": "y"}]},
            "resource_names": ["a", "b"],
            "type_url": "type/x",
            "response_nonce": "7",
            "error_detail": {"code": 13, "message": "no"},
        }
    )
    assert read_request(bytes(written)) == Request("type/x", ("a", "b"), "v1", "7", "edge-1", "no")
