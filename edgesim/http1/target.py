"""Request targets: origin-form, absolute-form, authority-form and `*` (RFC 9112, section 3.2).

Paths are normalized as Envoy 1.40 was measured to do it (RFC 3986, sections 5.2.4 and 6.2.2, and more).
"""

from __future__ import annotations

import re

from edgesim.model import DEFAULT_LISTENER, ListenerOptions

_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_VISIBLE = bytes(range(0x21, 0x7F)).replace(b"#", b"")
_TO_ENCODE = b'"<>^`{|}'
_PLAIN = _VISIBLE.translate(None, _TO_ENCODE + b"%\\")
_ODD = re.compile(rb'%[0-9A-Fa-f]{2}|["<>^`{|}]')
_PARAMETERS_OF_DOTS = re.compile(rb"(?<=/)(\.\.?);[^/]*")
_SLASHES = re.compile(rb"/{2,}")
_ABSOLUTE = re.compile(rb"(?i)https?://([^/?]*)(.*)", re.DOTALL)
_AUTHORITY = re.compile(rb"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(?::(\d{1,5}))?")
_LARGEST_PORT = 65535


INVALID_URL = b"http1.invalid_url"
NOT_NORMAL = b"path_normalization_failed"


class BadTargetError(ValueError):
    """A target that cannot be routed: the answer is 400. `details` are Envoy's words for the reason."""

    def __init__(self, details: bytes = INVALID_URL) -> None:
        super().__init__(details)
        self.details = details


def split_target(
    target: bytes, options: ListenerOptions = DEFAULT_LISTENER
) -> tuple[bytes | None, bytes, bytes | None]:
    """Return authority (of an absolute-form target only), normalized path, and query without `?`.

    Raises BadTargetError for bytes outside visible ASCII, a fragment, or an escape that hides NUL.
    """
    odd = target.translate(None, _PLAIN)
    if odd and odd.translate(None, _VISIBLE):
        raise BadTargetError(NOT_NORMAL if odd.translate(None, _VISIBLE) == b"#" else b"http1.invalid_characters")
    authority = None
    if not target.startswith(b"/"):
        authority, target = _absolute(target)
    path, mark, query = target.partition(b"?")
    if (odd or b"/." in path) and options.normalize_path:
        path = normalize_path(path)
    if options.merge_slashes:
        path = _SLASHES.sub(b"/", path)
    return authority, path, query if mark else None


def _absolute(target: bytes) -> tuple[bytes | None, bytes]:
    found = _ABSOLUTE.fullmatch(target)
    if found is None:
        if target == b"*":
            return None, target
        raise BadTargetError
    # Envoy drops the userinfo, and with it whatever could pose as a host.
    authority = check_authority(found[1].rpartition(b"@")[2] if found[1].count(b"@") < 2 else b"")
    rest = found[2] or b"/"
    if not rest.startswith(b"/"):
        raise BadTargetError
    return authority, rest


def check_authority(authority: bytes, *, needs_port: bool = False) -> bytes:
    """Return a host with an optional port as it is. Raises BadTargetError where it is none."""
    found = _AUTHORITY.fullmatch(authority)
    if found is None or int(found[2] or 0) > _LARGEST_PORT or (needs_port and found[2] is None):
        raise BadTargetError
    return authority


def normalize_path(path: bytes) -> bytes:
    r"""Remove dot segments, decode escaped unreserved characters, encode what URLs may not hold, turn `\` to `/`.

    As Envoy's `normalize_path`: climbing stops at the root, parameters behind dots (`..;x`) fall with
    them, other escapes stay as they are. Raises BadTargetError for `%00`.
    """
    if b"%00" in path:
        raise BadTargetError(NOT_NORMAL)
    if b";" in path:
        path = _PARAMETERS_OF_DOTS.sub(rb"\1", path)
    path = _ODD.sub(_canonical, path.replace(b"\\", b"/"))
    return _without_dots(path) if b"/." in path else path


def _canonical(found: re.Match[bytes]) -> bytes:
    text = found[0]
    if len(text) == 1:
        return b"%%%02X" % text[0]
    byte = int(text[1:], 16)
    return bytes((byte,)) if byte in _UNRESERVED else text


def _without_dots(path: bytes) -> bytes:
    kept: list[bytes] = []
    segments = path.split(b"/")
    for segment in segments[1:]:
        if segment == b"..":
            del kept[-1:]
        elif segment != b".":
            kept.append(segment)
    slash = b"/" if kept and segments[-1] in {b".", b".."} else b""
    return b"/" + b"/".join(kept) + slash


def without_port(authority: bytes) -> bytes:
    """Return an authority without its port, as Envoy's `strip_any_host_port` does; IPv6 keeps its brackets."""
    host, colon, port = authority.rpartition(b":")
    if not colon or not port.isdigit() or (b":" in host and not host.endswith(b"]")):
        return authority
    return host
