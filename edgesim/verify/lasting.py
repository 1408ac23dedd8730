"""Header values without what no two connections share: in a copy made for comparing, a `*` stands for it."""

from __future__ import annotations

import re
from dataclasses import replace

from edgesim.model import HeaderMutations, HeaderValue

_TIMES = r"(?:START_TIME|EMIT_TIME)(?:_LOCAL)?|(?:\w+_)?DURATION"
_ENDS = r"DOWNSTREAM_(?:DIRECT_)?(?:LOCAL|REMOTE)_(?:ADDRESS|PORT)|UPSTREAM_LOCAL_(?:ADDRESS|PORT)"
_IDS = "CONNECTION_ID|STREAM_ID|UPSTREAM_CONNECTION_ID"
_OPERATOR = re.compile(rf"%%|%(?:{_TIMES}|{_ENDS}|{_IDS})(?:\([^)]*\))?(?::[0-9]+)?%")
"""Operators of Envoy's format strings (docs/format-strings.md); a doubled percent sign is a plain one."""
_STAND_IN = "*"


def lasting_headers(headers: HeaderMutations) -> HeaderMutations:
    """Return header changes whose values are the same on every connection."""
    added, answered = tuple(map(_lasting, headers.request_add)), tuple(map(_lasting, headers.response_add))
    if (added, answered) == (headers.request_add, headers.response_add):
        return headers
    return replace(headers, request_add=added, response_add=answered)


def _lasting(header: HeaderValue) -> HeaderValue:
    value = _OPERATOR.sub(lambda found: found.group() if found.group() == "%%" else _STAND_IN, header.value)
    return header if value == header.value else replace(header, value=value)
