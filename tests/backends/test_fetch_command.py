"""Command lines of curl and wget."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.backends.fetch_command import Fetch, fetch_of, parse_fetch


def read(*words: str) -> Fetch:
    found = parse_fetch(words)
    assert found is not None
    return found


def test_curl() -> None:
    """The usual options of curl, alone, joined and with their values in any way curl takes them."""
    found = read("curl", "-fsS", "--max-time", "5", "--retry=3", "-HHost: echo", "-H", "X: y", "http://echo/a?b=c")
    assert (found.url, found.method, found.fails, found.seconds, found.retries) == (
        "http://echo/a?b=c",
        "GET",
        True,
        5,
        3,
    )
    assert ("Host", "echo") in found.headers
    assert ("X", "y") in found.headers
    assert (found.silent, found.shows_errors, found.output) == (True, True, True)


def test_curl_sends_data() -> None:
    """With `-d` it posts, several pieces joined by `&`; another method is asked for by `-X`."""
    found = read("/usr/bin/curl", "-d", "a=1", "--data", "b=2", "echo")
    assert (found.method, found.body, found.url) == ("POST", "a=1&b=2", "http://echo")
    assert ("Content-Type", "application/x-www-form-urlencoded") in found.headers
    assert read("curl", "-X", "PUT", "-d", "x", "echo").method == "PUT"


def test_curl_output() -> None:
    """`-o` and `-w` say what is printed, `-I` and `-L` what is asked and followed."""
    assert not read("curl", "-o", "/dev/null", "-w", "%{http_code}", "echo").output
    assert read("curl", "-I", "echo").method == "HEAD"
    assert read("curl", "-L", "echo").follow


def test_wget() -> None:
    """The usual options of wget: where the page goes, a bound, or only whether it is there."""
    found = read("wget", "-qO-", "--timeout=2", "--tries=3", "echo:80/x")
    assert (found.url, found.output, found.silent, found.seconds, found.retries) == (
        "http://echo:80/x",
        True,
        True,
        2,
        2,
    )
    assert not read("wget", "echo").output
    spider = read("wget", "--spider", "-T", "5", "echo")
    assert (spider.method, spider.output, spider.fails) == ("HEAD", False, True)


def test_a_shell_that_runs_one_command() -> None:
    """`sh -c` with one command is that command, quotes and continued lines included."""
    found = read("/bin/sh", "-c", "curl -f \\\n  -H \"Host: echo\" 'http://gateway/a?b=1&c=2'")
    assert found.url == "http://gateway/a?b=1&c=2"
    assert ("Host", "echo") in found.headers
    assert read("sh", "-ec", "exec wget -O- echo").url == "http://echo"


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["curl"],
        ["curl", "a", "b"],
        ["curl", "--unheard-of", "a"],
        ["curl", "a", "-H"],
        ["sleep", "5"],
        ["sh", "-c", "curl a | grep b"],
        ["sh", "-c", "curl $URL"],
        ["sh", "-c", "curl a; curl b"],
        ["sh", "-c", 'curl "a'],
        ["sh", "curl", "a"],
        ["sh", "-c", "sh -c 'curl a'"],
    ],
)
def test_other_programs(words: list[str]) -> None:
    """What is not one request with options that are known is not taken for one."""
    assert parse_fetch(words) is None


def pod(restart: str | None = "Never", annotations: dict[str, str] | None = None, **container: Any) -> dict[str, Any]:
    spec: dict[str, Any] = {"containers": [{"name": "a", "image": "curlimages/curl", **container}]}
    if restart is not None:
        spec["restartPolicy"] = restart
    return {"metadata": {"annotations": annotations or {}}, "spec": spec}


def test_pods_that_end() -> None:
    """Only a pod that is to end makes its request: by its restartPolicy, or as a hook of Helm's."""

    def found(**given: Any) -> Fetch | None:
        return fetch_of(pod(**given), str.lower)

    assert found(command=["curl", "ECHO"]) == read("curl", "echo")
    assert found(args=["-f", "echo"]) == read("curl", "-f", "echo")
    assert found(restart=None, command=["curl", "echo"]) is None
    assert found(restart=None, annotations={"helm.sh/hook": "test"}, command=["curl", "echo"]) is not None
    assert found(image="busybox", args=["curl", "echo"]) == read("curl", "echo")


@pytest.mark.parametrize("image", ["curlimages/curl", "curlimages/curl:8.11.0", "alpine/curl", "busybox"])
@pytest.mark.parametrize(
    "args", [["curl", "-s", "echo"], ["/usr/bin/curl", "-s", "echo"], ["sh", "-c", "curl -s echo"]]
)
def test_arguments_that_name_the_program(image: str, args: list[str]) -> None:
    """`kubectl run c --image=curlimages/curl -- curl URL` asks once, as without the second `curl`."""
    assert fetch_of(pod(image=image, args=args), str) == read("curl", "-s", "echo")


def test_a_quiet_wget_tells_what_fails() -> None:
    """`wget -q` of BusyBox prints its errors all the same."""
    assert read("wget", "-qO-", "http://echo").shows_errors


@given(
    st.lists(st.text(alphabet="-curlwget sh\"'$\\=/oO1", max_size=8), max_size=6),
    st.sampled_from(["curl", "wget", "sh"]),
)
def test_any_words(words: list[str], tool: str) -> None:
    """Whatever stands on the command line, it is a request of one URL or none."""
    found = parse_fetch([tool, *words])
    assert found is None or found.url
