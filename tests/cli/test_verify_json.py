"""What `verify` prints, for differences that real engines hardly ever have, and for none."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
import typer

from edgesim.cli.offline import load
from edgesim.cli.verify import notes, print_verified, verify
from edgesim.cli.verify_json import VerifyOutput, verify_output
from edgesim.model import EdgesimError
from edgesim.verify import Asked, Difference, Verified
from edgesim.verify.asking import Answer
from edgesim.verify.comparing import differing, seen
from edgesim.verify.known import KNOWN, Explained
from tests.running import CANARY, ROOT

ASKED = Asked("http", "GET", "a.example", "/it's", (("x-a", "1"),), 2**63)


def printed() -> dict[str, object]:
    """Return the report of one request that edgesim answered itself, and Envoy forwarded."""
    told = {
        "cluster": "a",
        "metadata": {"v": "1"},
        "method": "GET",
        "target": "/",
        "headers": [["Host", "b"], ["X-B", "2"]],
    }
    own = seen(ASKED, Answer(404, (("X-C", "3"),), b"no\xff"))
    other = seen(ASKED, Answer(200, (("x-recorder", "1"),), json.dumps(told).encode()))
    difference = Difference(ASKED, differing(own, other), own, other)
    verified = Verified(1, (difference,), ("shadows",), (Explained(KNOWN[0], 3),))
    found: dict[str, object] = msgspec.to_builtins(verify_output(verified, 7))
    return found


def test_a_difference_has_what_each_side_saw() -> None:
    """An answer of the engine's own has a body and nothing forwarded, one of a recorder what reached it."""
    [difference] = msgspec.convert(printed(), VerifyOutput).differences
    assert difference.parts == ("status", "destination", "answered_headers", "body")
    assert difference.request.draw == 2**63
    assert difference.request.curl.endswith("\"$GATEWAY\"'/it'\"'\"'s'")
    own, other = difference.edgesim, difference.envoy
    assert (own.status, own.body, own.path, own.answered_headers) == (404, "no\ufffd", None, (("x-c", "3"),))
    assert (other.destination, other.host, other.body) == ("a", "b", None)
    assert other.forwarded_headers == (("x-b", "2"),)


def test_the_json_is_of_the_published_schema() -> None:
    """It decodes as the classes the schema is made from, with nothing left out, and the schema has its fields."""
    report = printed()
    assert json.loads(msgspec.json.encode(msgspec.convert(report, VerifyOutput))) == json.loads(json.dumps(report))
    schema = json.loads((ROOT / "docs" / "verify.schema.json").read_text())
    assert set(report) == set(schema["$defs"]["VerifyOutput"]["properties"])


def test_a_comparison_of_nothing_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    """Where nothing is served, "no difference" is not all that is said."""
    print_verified(Verified(0, (), ()), 7)
    printed_out, printed_err = capsys.readouterr()
    assert printed_out == "0 requests, no difference (--seed 7)\n"
    assert printed_err == "nothing was asked: no VirtualService of these serves a route\n"


def test_a_comparison_that_was_interrupted_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    """What was asked until Ctrl-C is reported, as text and JSON."""
    verified = Verified(9, (), (), interrupted=True)
    print_verified(verified, 7)
    assert capsys.readouterr().out == "9 requests, no difference (--seed 7), ended early: interrupted\n"
    assert verify_output(verified, 7).interrupted


def test_what_is_known_is_told_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """A difference on purpose is none for the user: its reason is on standard error, with how many requests showed it."""
    print_verified(Verified(9, (), (), (Explained(KNOWN[0], 2),)), 7)
    printed_out, printed_err = capsys.readouterr()
    assert printed_out == "9 requests, no difference (--seed 7)\n"
    assert printed_err == f"known, in 2 of the requests: {KNOWN[0].name}: {KNOWN[0].reason}\n"


def test_why_tokens_make_a_difference_is_told_beforehand(tmp_path: Path) -> None:
    """Envoy routes by a header of claims that a client sent itself: a note says so. `onEmpty` is not compared, and none."""
    (tmp_path / "vs.yaml").write_text("""\
apiVersion: gateway.solo.io/v1
kind: VirtualService
metadata: {name: tokens}
spec:
  virtualHost:
    domains: [a.example]
    options: {jwt: {providers: {own: {jwks: {local: {key: '{"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0"}'}},
      claimsToHeaders: [{claim: stage, header: x-stage}]}}}}
    routes:
      - directResponseAction: {status: 200}
---
apiVersion: gateway.solo.io/v1
kind: VirtualService
metadata: {name: other}
spec:
  virtualHost:
    domains: [b.example]
    routes:
      - options: {envoyMetadata: {edgesim.io: {onEmpty: fallback}}}
        directResponseAction: {status: 200}
""")
    assert [(note.code, note.position.line) for note in notes(load([tmp_path])) if note.position] == [("ES1305", 5)]


@pytest.mark.slow
def test_what_envoy_refuses_is_told_with_its_resource(tmp_path: Path) -> None:
    """Where Envoy takes the configuration not, the problem is at the resource that asks for it, and nothing is asked."""
    (tmp_path / "vs.yaml").write_text("""\
apiVersion: gateway.solo.io/v1
kind: VirtualService
metadata: {name: refused}
spec:
  virtualHost:
    domains: [a.example]
    routes:
      - options: {headerManipulation: {requestHeadersToAdd: [{header: {key: x-a, value: "%REQ(x:y:z:w)%"}}]}}
        directResponseAction: {status: 200}
""")
    with pytest.raises(EdgesimError) as raised:
        verify([tmp_path], requests=1, seed=1)
    [problem] = raised.value.problems
    assert (problem.code, problem.resource and problem.resource.name) == ("ES0703", "refused")
    assert problem.position is not None
    assert problem.position.line == 5


@pytest.mark.slow
def test_ctrl_c_reports_what_was_compared(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """It asks nothing more, reports, and ends with 130."""

    @contextmanager
    def interrupting(_what: str) -> Iterator[Callable[[int, int], None]]:
        yield lambda done, _every: signal.raise_signal(signal.SIGINT) if done == 7 else None

    monkeypatch.setattr("edgesim.cli.verify.progress", interrupting)
    with pytest.raises(typer.Exit) as ended:
        verify([CANARY / f"{name}.yaml" for name in ("echo", "echo-v2", "upstream", "vs-5")], requests=400, seed=1)
    assert ended.value.exit_code == 130
    assert capsys.readouterr().out == "7 requests, no difference (--seed 1), ended early: interrupted\n"
