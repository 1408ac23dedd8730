"""ES0800 to ES0899: files of route tests."""

from __future__ import annotations

from edgesim.model.codes.code import Code, error

_RUN = "$ edgesim test routes.test.yaml configs/two-phased-canary/{echo,upstream,vs-5}.yaml\n"


def _shown(text: str) -> str:
    return f"$ cat routes.test.yaml\n{text}{_RUN}"


def _validate(text: str) -> str:
    return _shown(
        f"tests:\n- test_name: echo\n  input: {{authority: echo.example, path: /, method: GET}}\n  validate: {text}\n"
    )


def _expect(text: str) -> str:
    return _shown(f"routes:\n- name: echo\n  expect: {text}\n")


ROUTE_TESTS: tuple[Code, ...] = (
    error(
        "ES0800",
        "No route tests",
        "A file of route tests is a mapping with `routes` (edgesim's form) or `tests` (Envoy's route table check format).",
        _shown("route:\n- name: echo\n  expect: {upstream: echo}\n"),
        _expect("{upstream: echo}"),
        console=True,
    ),
    error(
        "ES0801",
        "It cannot be tested here",
        "Envoy's format knows virtual clusters and metadata of routes, which no route of Gloo's has here. A test of them would "
        "say nothing.",
        _validate("{virtual_cluster_name: other}"),
        _validate("{cluster_name: echo_gloo-system}"),
        console=True,
    ),
    error(
        "ES0802",
        "The test expects nothing",
        "A test without expectations would always pass.",
        _expect("{}"),
        _expect("{upstream: echo}"),
        console=True,
    ),
    error(
        "ES0803",
        "A share that is none",
        "Shares are written `90%`, `9/10` or `0.9`, are compared exactly, and add up to everything.",
        _expect("{split: {v1: 50%, v2: 40%}}"),
        _expect("{split: {v1: 50%, v2: 50%}}"),
        console=True,
    ),
    error(
        "ES0804",
        "The lists stand for too many requests",
        "Every list of a request stands for its items, several lists for every combination of them. Split the test.",
        _shown(
            "routes:\n- name: echo\n  request: {host: [a, b, ...], path: [/a, /b, ...], random: [0, 1, ...]}\n"
            "  expect: {upstream: echo}\n"
        ),
        _shown("routes:\n- name: echo\n  request: {host: [a, b], path: [/a, /b]}\n  expect: {upstream: echo}\n"),
        console=True,
    ),
    error(
        "ES0805",
        "A regex RE2 refuses",
        "Header matchers are RE2 regexes that match the whole value, as on Envoy.",
        _validate("{request_header_matches: [{name: stage, safe_regex_match: {regex: '('}}]}"),
        _validate("{request_header_matches: [{name: stage, safe_regex_match: {regex: 'can.*'}}]}"),
        console=True,
    ),
    error(
        "ES0810",
        "The access log cannot be read",
        "`edgesim diff --traffic` reads lines in Envoy's default format, or JSON objects with at least `path` (and `method`, "
        "`authority`, and headers by their names). The file is not there, or holds no such line.",
        "$ edgesim diff old/ new/ --traffic acces.log\nES0810 --traffic acces.log: no such file or directory\n",
        "$ edgesim diff old/ new/ --traffic access.log\n",
        console=True,
    ),
)
