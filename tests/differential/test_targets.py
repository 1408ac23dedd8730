"""Request targets: what is forwarded for each, as real Envoy forwards it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.differential import proxies
from tests.differential.asking import ask
from tests.differential.recorder import Upstream, recording
from tests.differential.wire import read_requests

_DOTS = (
    b"..", b"../", b"./", b".", b"...", b".../", b"..;/b", b".;/b", b"..;", b";..", b"..;x/b", b"%2e", b"%2e%2e",
    b".%2e/b", b"%2E./b", b"%2e%2e;/b", b"..%2fb", b"..%5cb", b"..\\b", b"\\..\\b", b".\\b", b"%252e%252e/b",
    b"//../b", b"/..//b", b"b//../c", b"..//b", b"b/./c/../d", b"..a", b"a..", b".a", b"~", b"%7E", b"x;y/../z",
    b"x?/../y", b"?../..", b"x?a\\b", b"x?%41", b'x?"<>', b"%", b"%4", b"%4g", b"%%41", b"a%", b"%2", b"x%3fy",
    b"x%23y", b"%25", b"%2541", b"..%00", b"%2f../b", b"%2F..", b"b%5c..%5cc", b"..?x", b"..%3b/b", b"..%3B",
    b"%2e%2e%3b/c", b"..;;/b", b"..,/b", b"..;a=b/c", b"..!/b", b"x/..;a=b/c", b"b\\..;\\c", b"b/..;c\\d",
    b".%2e;/b", b"%2e;/b", b"..;%2f/b", b"x/..;/..;/y", b"..;c\\d", b"b\\..;x/c", b".;x\\c/d", b"..;%41/b", b"...;/b",
)  # fmt: skip
_PATHS = (
    *(b"/a%cz" % byte for byte in range(0x21, 0x7F)),
    *(b"/a%%%02Xz" % byte for byte in range(256)),
    *(b"/a%%%02xz" % byte for byte in (0x2F, 0x2E, 0x7E, 0xE9, 0x5C, 0x3B, 0x7F, 0x0A)),
    *(b"/a/" + path for path in _DOTS),
    b"/..", b"/../..", b"/.", b"/./", b"//", b"///", b"//..", b"//../", b"/..//", b"/%2e", b"/%2f", b"\\a",
    b"/\\a", b"/\\", b"\\..",
)  # fmt: skip
_ABSOLUTE = tuple(
    b"http://" + rest
    for rest in (
        b"b.test/../x", b"b.test/a/./%41", b"b.test", b"b.test/", b"b.test/?", b"u@b.test/", b"@b.test/",
        b"u:p@q@b.test/", b"b.test:/", b"b.test:0/", b"b.test:99999/", b"b.test:65536/", b":80/", b"b_c/",
        b"b%41c/", b"[::1]/", b"[::1/", b"b,c/", b"b;c/", b"b!c/", b"B.TEST/", b"b.test/#", b"b..test/",
        b"b:80:80/", b"b.test:80/", b"b.test:080/",
    )
)  # fmt: skip


def outcomes(port: int, upstream: Upstream, targets: tuple[bytes, ...]) -> dict[bytes, tuple[object, ...]]:
    """Return for each target the status, and the target and Host that were forwarded."""
    found: dict[bytes, tuple[object, ...]] = {}
    for target in targets:
        upstream.clear()
        heard = ask(port, b"GET " + target + b" HTTP/1.1\r\nHost: a.test\r\n\r\n", upstream)
        sent = [message for data in upstream.bytes_of_all() for message in read_requests(data)[0]]
        found[target] = (heard.statuses, *((message.start[1], message.all(b"host")) for message in sent))
    return found


@pytest.mark.slow
def test_targets_are_envoys(tmp_path: Path) -> None:
    """Every byte, escape, dot segment and authority becomes what Envoy makes of it, or is refused as Envoy does."""
    targets = _PATHS + _ABSOLUTE
    with recording() as upstream:
        with proxies.envoy(upstream.port, tmp_path) as port:
            theirs = outcomes(port, upstream, targets)
        with proxies.edgesim(upstream.port) as port:
            ours = outcomes(port, upstream, targets)
    assert len(theirs) >= 450
    assert {target: ours[target] for target in targets if ours[target] != theirs[target]} == {}
