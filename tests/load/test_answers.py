from __future__ import annotations

from itertools import pairwise

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.load.answers import Answer, learner
from edgesim.load.scenario import By, Destination

WHOLE = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Version: v2\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Version: v2\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
    b"HTTP/1.1 103 Early Hints\r\nX-Version: v0\r\n\r\nHTTP/1.1 200 OK\r\nX-Version: v2\r\nContent-Length: 5\r\n\r\nhello",
]


def read(*pieces: bytes, head: bool = False) -> Answer:
    answer = Answer(head=head)
    for piece in pieces:
        answer.feed(piece)
    return answer


@given(st.sampled_from(WHOLE), st.lists(st.integers(1, 200), max_size=5))
def test_an_answer_is_whole_wherever_it_is_cut(data: bytes, cuts: list[int]) -> None:
    """However its bytes arrive an answer ends at its end, and its status, fields and body are the same."""
    places = [0, *sorted(each for each in cuts if each < len(data)), len(data)]
    pieces = [data[a:b] for a, b in pairwise(places) if b > a]
    assert not read(*pieces[:-1]).complete
    answer = read(*pieces)
    assert answer.complete
    assert answer.keeps
    assert (answer.status, b"".join(answer.body), answer.received) == (200, b"hello", len(data))
    assert answer.field(b"x-version") == "v2"


@pytest.mark.parametrize("status", [204, 304])
def test_some_statuses_have_no_body(status: int) -> None:
    """204 and 304 end with their head."""
    assert read(f"HTTP/1.1 {status} X\r\n\r\n".encode()).complete


def test_the_answer_to_head_has_no_body() -> None:
    """Whatever length it tells; the same bytes to a GET are the start of an answer."""
    data = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
    assert read(data, head=True).complete
    assert read(data, head=True).keeps
    assert not read(data).complete


def test_without_a_length_the_close_is_the_end() -> None:
    """Only where nothing else tells the end is the connection's end the answer's."""
    answer = read(b"HTTP/1.1 200 OK\r\n\r\nhel", b"lo")
    assert not answer.complete
    assert answer.ended()
    assert not read(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel").ended()
    assert not read(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n").ended()
    assert not read(b"HTTP/1.1 200").ended()


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    ],
)
def test_a_connection_may_not_be_used_again(data: bytes) -> None:
    """After `close`, HTTP/1.0 or another protocol."""
    answer = read(data)
    assert answer.complete
    assert not answer.keeps


def test_what_comes_behind_an_answer_is_not_its_own() -> None:
    """A second answer nobody asked for changes nothing of the first, and is seen."""
    answer = read(
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 500 No\r\nX-Version: v9\r\nContent-Length: 0\r\n\r\n"
    )
    assert (answer.status, answer.surplus, answer.field(b"x-version")) == (200, True, "")


def test_no_http_is_refused() -> None:
    """Bytes that are no HTTP raise."""
    with pytest.raises(httptools.HttpParserError):
        read(b"SSH-2.0-OpenSSH_9.6\r\n")


@pytest.mark.parametrize(
    ("destination", "found"),
    [
        (Destination(), ""),
        (Destination(By.HEADER, "X-Version"), "v2"),
        (Destination(By.HEADER, "x-other"), ""),
        (Destination(By.BODY, r"version:(\S+)"), "v1"),
        (Destination(By.BODY, r"version:v\d"), "version:v1"),
        (Destination(By.BODY, r"no(.)"), ""),
        (Destination(By.ROUTE), "echo-v1"),
    ],
)
def test_the_destination_is_learned(destination: Destination, found: str) -> None:
    """From a header, from the body by RE2's first group or whole match, or from edgesim's own fields."""
    fields = b"x-version: v2\r\nx-edgesim-cluster: echo\r\nx-edgesim-pod: echo-v1-92mfv8v6jf-m9n2l\r\n"
    answer = read(b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n" + fields + b"\r\n\xffversion:v1 \n")
    assert learner(destination)(answer) == found


def test_a_route_without_a_pod_is_known_by_its_cluster() -> None:
    """Where edgesim names no pod its cluster is the destination."""
    answer = read(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nx-edgesim-cluster: echo_gloo-system\r\n\r\n")
    assert learner(Destination(By.ROUTE))(answer) == "echo_gloo-system"
