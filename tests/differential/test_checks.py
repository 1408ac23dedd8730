"""Active health checks beside real Envoy: what is sent, what counts as a pass, and how many of them it takes."""

from __future__ import annotations

import contextlib
import socketserver
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from edgesim.model import HealthCheck, HttpCheck, LoadBalancer, TcpCheck
from edgesim.model.routes import HeaderMutations, HeaderValue
from tests.differential.test_upstreams import PROXIES, ask, model, proxy, wait_until
from tests.differential.test_upstreams import Server as Http

pytestmark = pytest.mark.slow
PANIC_OFF = LoadBalancer(panic_threshold=0.0)
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
Answers = Callable[[bytes, int], bytes]
"""What is answered to bytes that came, and to which check of all: nothing closes the connection."""


@dataclass
class Endpoint(Http):
    """An endpoint that answers requests with its port, and checks as it is told."""

    answers: Answers = lambda _data, _number: OK
    received: list[bytes] = field(default_factory=list)

    def serve(self, data: bytes) -> bytes:
        """Answer what came over a connection."""
        if b"x-forwarded-proto" not in data:
            self.received.append(data)
            return self.answers(data, len(self.received))
        body = str(self.port).encode()
        return b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)


@contextlib.contextmanager
def endpoint(answers: Answers) -> Iterator[Endpoint]:
    made = Endpoint(answers=answers)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(OSError):
                while data := self.request.recv(65536):
                    answer = made.serve(data)
                    if not answer:
                        return
                    self.request.sendall(answer)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as served:
        served.daemon_threads = True
        made.port = served.server_address[1]
        thread = threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield made
        finally:
            served.shutdown()
            thread.join(30.0)


def check(checker: HttpCheck | TcpCheck, unhealthy: int = 1, healthy: int = 1) -> HealthCheck:
    return HealthCheck(2.0, 0.1, unhealthy, healthy, checker, no_traffic_interval=0.1)


@contextlib.contextmanager
def checked(name: str, ups: Sequence[Endpoint], given: HealthCheck, folder: Path) -> Iterator[int]:
    with proxy(name, model(ups, health_checks=(given,), balancer=PANIC_OFF), folder) as port:
        yield port


@contextlib.contextmanager
def scene(
    name: str, well: Answers, other: Answers, given: HealthCheck, folder: Path
) -> Iterator[tuple[int, Endpoint, Endpoint]]:
    """Run a proxy with an endpoint that is well, and another one."""
    with endpoint(well) as one, endpoint(other) as two, checked(name, [one, two], given, folder) as port:
        yield port, one, two


def who(port: int) -> set[str]:
    """Ask by turns; return which ports answered, or the statuses of other answers."""
    answers = [ask(port) for _ in range(4)]
    return {body if status == 200 else str(status) for status, body, _ in answers}


HTTP = HttpCheck(
    "/ready?deep=1",
    "check.test",
    "HEAD",
    ((200, 201), (404, 406)),
    HeaderMutations((HeaderValue("x-check", "1"), HeaderValue("x-check", "2", True)), ("user-agent",)),
)


def test_what_an_http_check_sends(tmp_path: Path) -> None:
    """Method, path, host and headers, byte by byte but for the order of the headers."""
    sent = {}
    for name in ("envoy", "edgesim"):
        with endpoint(lambda *_: OK[:-2]) as up, checked(name, [up], check(HTTP), tmp_path):
            wait_until(lambda of=up: len(of.received) > 1)
            first, *lines = up.received[-1].decode().split("\r\n")
            sent[name] = (first, sorted(line.lower() for line in lines))
    assert sent["edgesim"] == sent["envoy"]


@PROXIES
@pytest.mark.parametrize(
    ("status", "passes"), [(200, True), (201, False), (404, True), (405, True), (406, False), (503, False)]
)
def test_which_statuses_pass(name: str, status: int, passes: bool, tmp_path: Path) -> None:
    """Ranges are half open: 404 to 406 is 404 and 405."""
    answer = b"HTTP/1.1 %d X\r\ncontent-length: 0\r\n\r\n" % status
    with scene(name, lambda *_: OK[:-2], lambda *_: answer, check(HTTP), tmp_path) as (port, well, up):
        wait_until(lambda: len(up.received) > 2 and str(well.port) in who(port))
        wanted = {str(well.port), str(up.port)} if passes else {str(well.port)}
        wait_until(lambda: who(port) == wanted)


PING = TcpCheck(b"PING\n", (b"PO", b"NG"))


@PROXIES
@pytest.mark.parametrize(
    ("answer", "passes"), [(b"PONG", True), (b"-PO-NG-", True), (b"NGPO", False), (b"POXX", False), (b"", False)]
)
def test_tcp_checks(name: str, answer: bytes, passes: bool, tmp_path: Path) -> None:
    """The bytes are sent as they are; those expected must come in their order, whatever is between them."""
    given = HealthCheck(0.5, 0.1, 1, 1, PING, no_traffic_interval=0.1)
    with scene(name, lambda *_: b"PONG", lambda *_: answer, given, tmp_path) as (port, well, up):
        wait_until(lambda: len(up.received) > 2 and str(well.port) in who(port))
        assert set(up.received) == {b"PING\n"}
        wanted = {str(well.port), str(up.port)} if passes else {str(well.port)}
        wait_until(lambda: who(port) == wanted)


@PROXIES
def test_a_connection_is_enough_for_a_tcp_check_of_nothing(name: str, tmp_path: Path) -> None:
    """Without bytes to send and to expect, who takes connections passes; who does not, fails."""
    with endpoint(lambda *_: b"") as up, endpoint(lambda *_: b"") as gone:
        pass
    with endpoint(lambda *_: b"") as up, checked(name, [up, gone], check(TcpCheck()), tmp_path) as port:
        wait_until(lambda: who(port) == {str(up.port)})


@PROXIES
@pytest.mark.parametrize(("threshold", "failures"), [(1, 1), (3, 2), (3, 3)])
def test_how_many_failures_it_takes(name: str, threshold: int, failures: int, tmp_path: Path) -> None:
    """Checks that are not answered count up to the threshold; one that passes begins the count anew."""
    begun: list[int] = []

    def answers(_data: bytes, number: int) -> bytes:
        """Once told to, fail so often, pass once, and so on."""
        return b"" if begun and (number - begun[0]) % (failures + 1) else OK

    given = replace(check(HttpCheck("/"), threshold), interval=0.8)
    rounds = 2 if failures < threshold else 40
    with scene(name, lambda *_: OK, answers, given, tmp_path) as (port, well, up):
        wait_until(lambda: who(port) == {str(well.port), str(up.port)})
        begun.append(len(up.received))
        is_out = False
        while len(up.received) < begun[0] + rounds * (failures + 1) and not is_out:
            is_out = who(port) == {str(well.port)}
    assert is_out == (failures >= threshold)


@PROXIES
def test_a_first_pass_is_enough(name: str, tmp_path: Path) -> None:
    """An endpoint whose first check passes is healthy at once, whatever the threshold."""
    given = check(HttpCheck("/"), 1, 100)
    with scene(name, lambda *_: OK, lambda *_: OK, given, tmp_path) as (port, well, up):
        wait_until(lambda: who(port) == {str(well.port), str(up.port)})
        assert len(up.received) < 100


@PROXIES
def test_behind_a_first_failure_the_threshold_counts(name: str, tmp_path: Path) -> None:
    """Before its first check an endpoint gets nothing, and where that fails it takes three passes, as the threshold says."""
    given = check(HttpCheck("/"), 1, 3)
    with scene(name, lambda *_: OK, lambda _, at: b"" if at == 1 else OK, given, tmp_path) as (port, well, up):
        wait_until(lambda: who(port) == {str(well.port), str(up.port)})
        assert len(up.received) >= 4
