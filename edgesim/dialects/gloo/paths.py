"""Which paths Gloo accepts (reference section 3: RFC 3986 pchar, `/`, complete escapes)."""

from __future__ import annotations

import re

from edgesim.dialects.gloo.scope import Reporter
from edgesim.dialects.resource import FieldPath

_PATTERN = "^(?:([A-Za-z0-9/:@._~!$&'()*+,:=;-]*|[%][0-9a-fA-F]{2}))*$"
# The same language without nested repetition, which could backtrack for ages.
_VALID = re.compile(r"(?:[A-Za-z0-9/:@._~!$&'()*+,=;-]|%[0-9a-fA-F]{2})*\Z")
_FORBIDDEN = ("//", "/./", "/../", "%2f", "%2F", "#")
_FORBIDDEN_ENDS = ("/..", "/.")


def check_path(text: str, path: FieldPath, reporter: Reporter) -> bool:
    """Report a path that Gloo refuses."""
    return _check(text, path, reporter, "ES0206", "the path is invalid")


def check_rewrite(text: str, path: FieldPath, reporter: Reporter) -> bool:
    """Report a rewrite that Gloo refuses; its query and fragment are free."""
    return _check(re.split("[?#]", text, maxsplit=1)[0], path, reporter, "ES0207", "the rewrite is invalid")


def _check(text: str, path: FieldPath, reporter: Reporter, code: str, prefix: str) -> bool:
    fault = _fault(text)
    if fault:
        reporter.report(code, path, f"{prefix}: {text}: {fault}")
    return not fault


def _fault(text: str) -> str:
    for part in _FORBIDDEN:
        if part in text:
            return f"path [{text}] cannot contain [{part}]"
    for end in _FORBIDDEN_ENDS:
        if text.endswith(end):
            return f"path [{text}] cannot end with [{end}]"
    if not _VALID.match(text):
        return f"must only contain valid characters matching pattern {_PATTERN}"
    return ""
