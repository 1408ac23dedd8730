from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.backends.answers import Answer, JsonEcho, Request, TextEcho
from edgesim.backends.program import Program, is_http_echo, parse_flags, read_program


def pod(*containers: dict[str, Any], **annotations: str) -> dict[str, Any]:
    named = {f"edgesim.io/{name.replace('_', '-')}": value for name, value in annotations.items()}
    return {"metadata": {"labels": {"app": "echo"}, "annotations": named}, "spec": {"containers": list(containers)}}


def http_echo(*args: str, **more: Any) -> dict[str, Any]:
    return {"name": "echo", "image": "hashicorp/http-echo", "args": list(args), **more}


def program(*containers: dict[str, Any], **annotations: str) -> Program:
    return read_program(pod(*containers, **annotations), "echo-1", "shop").program


def said(running: Program, target: bytes = b"/") -> Answer:
    assert running.answers is not None
    return running.answers.answer(Request(b"GET", target, (), 0, "1.1", keep_alive=True))


@pytest.mark.parametrize(
    "image",
    [
        "hashicorp/http-echo",
        "hashicorp/http-echo:0.2.3",
        "docker.io/hashicorp/http-echo:latest",
        "registry.example:5000/mirror/hashicorp/http-echo",
        "hashicorp/http-echo@sha256:ba27d460",
        "hashicorp/http-echo:1.0@sha256:ba27d460",
    ],
)
def test_http_echo_by_any_registry_tag_and_digest(image: str) -> None:
    """The image is known whatever registry it is pulled from and however it is pinned."""
    assert is_http_echo(image)


@pytest.mark.parametrize("image", ["", "nginx", "other/http-echo", "hashicorp/http-echo-2", "hashicorp/http-echo/x"])
def test_other_images(image: str) -> None:
    """A name that only looks alike is another image."""
    assert not is_http_echo(image)


@pytest.mark.parametrize(
    "args", [["-text=version:v1"], ["-text", "version:v1"], ["--text=version:v1"], ["--text", "version:v1"]]
)
def test_all_spellings_of_a_flag(args: list[str]) -> None:
    """Flags read as Go's flag package reads them."""
    assert said(program(http_echo(*args))).body == b"version:v1\n"


def test_http_echo_answers_as_told() -> None:
    """Text, status and port come from the flags, the version header from the tag."""
    running = program(http_echo("-text=a", "-status-code", "418", "-listen=:9000", image="hashicorp/http-echo:0.2.3"))
    answer = said(running)
    assert running.ports == (9000,)
    assert (answer.status, answer.body) == (418, b"a\n")
    assert b"X-App-Name: http-echo\r\nX-App-Version: 0.2.3\r\n" in answer.fields


def test_http_echo_has_a_health_page() -> None:
    """`/health`, and no path below it, says ok with 200 whatever -status-code is."""
    running = program(http_echo("-text=a", "-status-code=500"))
    assert (said(running, b"/health").status, said(running, b"/health").body) == (200, b'{"status":"ok"}\n')
    assert said(running, b"/health?x=1").status == 200
    assert said(running, b"/healthy").status == 500


def test_defaults() -> None:
    """Without flags http-echo listens on 5678 and answers 200."""
    running = program(http_echo("-text=a"))
    assert running.ports == (5678,)
    assert said(running).status == 200


def test_text_from_the_environment() -> None:
    """ECHO_TEXT counts where -text is not given, and arguments may name variables."""
    variables = [
        {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "ECHO_TEXT", "value": "I am $(POD)"},
    ]
    assert said(program(http_echo(env=variables))).body == b"I am echo-1\n"
    assert said(program(http_echo("-text=$(POD) $$(POD) $(NONE)", env=variables))).body == b"echo-1 $(POD) $(NONE)\n"


def test_flags_in_the_command() -> None:
    """A command names the program first; its other words are arguments before `args`."""
    assert said(program(http_echo(command=["/http-echo", "-text=a"]))).body == b"a\n"


@pytest.mark.parametrize(
    "args",
    [[], ["-text="], ["-txt=a"], ["-text"], ["-text=a", "more"], ["-text=a", "-listen=5678"], ["-text=a", "-listen=:0"],
     ["-text=a", "-status-code=ok"], ["-text=a", "-status-code=99"]],
)  # fmt: skip
def test_what_http_echo_would_not_start_with(args: list[str]) -> None:
    """Arguments the real program refuses make a pod that does not run, and one problem at that place."""
    read = read_program(pod(http_echo(*args)), "echo-1", "shop")
    assert read.program.answers is None
    assert read.program.crash
    assert [(bad.code, bad.path[:3]) for bad in read.bad] == [("ES0415", ("spec", "containers", 0))]


def test_other_images_answer_json_on_their_ports() -> None:
    """Another image listens on every TCP port it declares, once, and takes no other."""
    first = {
        "name": "a",
        "image": "shop:1",
        "ports": [{"containerPort": 3000}, {"containerPort": 9, "protocol": "UDP"}],
    }
    running = program(first, {"name": "b", "image": "x", "ports": [{"containerPort": 3000}, {"containerPort": 9090}]})
    assert running.ports == (3000, 9090)
    assert not running.any_port
    assert running.answers == JsonEcho("echo-1", "shop", {"app": "echo"})


def test_an_image_without_ports_answers_on_any() -> None:
    """Declaring ports is optional in Kubernetes, so a pod without is not held to a number."""
    running = program({"name": "a", "image": "shop:1"})
    assert (running.ports, running.any_port) == ((8080,), True)


def test_sidecars_do_not_hide_http_echo() -> None:
    """http-echo is found whichever container it is."""
    assert isinstance(program({"name": "proxy", "image": "envoy"}, http_echo("-text=a")).answers, TextEcho)


def test_an_address_replaces_the_program() -> None:
    """With edgesim.io/address nothing is started: the pod is the user's own program."""
    running = program(http_echo(), address="127.0.0.1:3000")
    assert (running.external, running.answers, running.any_port) == (("127.0.0.1", 3000), None, True)


def test_a_bad_annotation_names_its_place() -> None:
    """A bad annotation leaves the pod as it was and names its own path."""
    read = read_program(pod(http_echo("-text=a"), latency="soon"), "echo-1", "shop")
    assert not read.program.behaviour
    assert [bad.path for bad in read.bad] == [("metadata", "annotations", "edgesim.io/latency")]


def test_json_echo_tells_the_request() -> None:
    """The JSON names the pod and repeats the request; repeated headers are joined."""
    headers = ((b"X-A", b"1"), (b"x-a", b"2"), (b"Host", b"h"))
    answers = JsonEcho("echo-1", "shop", {"app": "echo"})
    answer = answers.answer(Request(b"POST", b"/a/b?c=d", headers, 17, "1.1", keep_alive=True))
    assert answer.body == (
        b'{"pod":"echo-1","namespace":"shop","labels":{"app":"echo"},"method":"POST","path":"/a/b","query":"c=d",'
        b'"headers":{"x-a":"1, 2","host":"h"},"body_size":17}\n'
    )


@given(st.lists(st.text(max_size=12), max_size=6))
def test_flags_never_fail_otherwise(words: list[str]) -> None:
    """Whatever stands in args is read or refused by a ValueError."""
    try:
        flags = parse_flags(words)
    except ValueError:
        return
    assert set(flags) <= {"text", "listen", "status-code"}
