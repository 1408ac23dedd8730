"""Changes to headers as Envoy's four lists."""

from __future__ import annotations

from edgesim.dialects.envoy.form import Json, given, listed
from edgesim.model import HeaderMutations, HeaderValue


def mutations(headers: HeaderMutations) -> Json:
    """Return the lists of one level that are not empty."""
    return {
        **request_mutations(headers),
        **given(
            response_headers_to_add=listed([*map(_added, headers.response_add)]),
            response_headers_to_remove=listed(headers.response_remove),
        ),
    }


def request_mutations(headers: HeaderMutations) -> Json:
    """Return the lists of changes to requests."""
    return given(
        request_headers_to_add=listed([*map(_added, headers.request_add)]),
        request_headers_to_remove=listed(headers.request_remove),
    )


def _added(value: HeaderValue) -> Json:
    how = "APPEND_IF_EXISTS_OR_ADD" if value.append else "OVERWRITE_IF_EXISTS_OR_ADD"
    return {"header": {"key": value.name, "value": value.value}, "append_action": how}
