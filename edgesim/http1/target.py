"""Request targets: origin-form, absolute-form and `*` (RFC 9112, section 3.2), and Envoy's path normalization."""

from __future__ import annotations

import re

_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})")
_ABSOLUTE = re.compile(rb"(?i)https?://([^/?#]*)(.*)", re.DOTALL)
_NOT_IN_A_TARGET = re.compile(rb"[^\x21-\x7e]|#")


class BadTargetError(ValueError):
    """A target that cannot be routed: the answer is 400."""


def split_target(target: bytes) -> tuple[bytes | None, bytes, bytes | None]:
    """Return authority (of an absolute-form target only), normalized path, and query without `?`.

    Raises BadTargetError for bytes outside visible ASCII, a fragment, or an escape that hides NUL.
    """
    if _NOT_IN_A_TARGET.search(target):
        raise BadTargetError
    authority = None
    if not target.startswith(b"/"):
        authority, target = _absolute(target)
    path, mark, query = target.partition(b"?")
    if b"%" in path or b"/." in path:
        path = normalize_path(path)
    return authority, path, query if mark else None


def _absolute(target: bytes) -> tuple[bytes | None, bytes]:
    found = _ABSOLUTE.fullmatch(target)
    if found is None:
        if target == b"*":
            return None, target
        raise BadTargetError
    rest = found[2]
    return found[1], rest if rest.startswith(b"/") else b"/" + rest


def normalize_path(path: bytes) -> bytes:
    """Remove dot segments and decode escaped unreserved characters, as Envoy's `normalize_path` does.

    RFC 3986, sections 5.2.4 and 6.2.2.2. Raises BadTargetError for `%00` and for climbing above the root.
    """
    if b"%00" in path:
        raise BadTargetError
    decoded = _ESCAPE.sub(_decode_unreserved, path) if b"%" in path else path
    return _without_dots(decoded) if b"/." in decoded else decoded


def _decode_unreserved(escape: re.Match[bytes]) -> bytes:
    byte = int(escape[1], 16)
    return bytes((byte,)) if byte in _UNRESERVED else escape[0].upper()


def _without_dots(path: bytes) -> bytes:
    kept: list[bytes] = []
    segments = path.split(b"/")
    for segment in segments[1:]:
        if segment == b"..":
            if not kept:
                raise BadTargetError
            kept.pop()
        elif segment != b".":
            kept.append(segment)
    slash = b"/" if kept and segments[-1] in {b".", b".."} else b""
    return b"/" + b"/".join(kept) + slash
