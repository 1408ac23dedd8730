from __future__ import annotations

import pytest

from edgesim.simulate.described import Described, FromRun, read_population
from edgesim.simulate.models import Constant, LogNormal
from edgesim.simulate.population import Axis, Population, Users, head_of

_WHOLE = """\
rate: 200
hosts: {shop.example: 3, 'https://b.example:8443': 1}
paths: {/: 50%, '/items/{1..2}': 50%}
methods: {GET: 9, POST: 1}
headers:
  stage: {canary: 5%, test: 1/20}
query: {lang: {en: 0.5}}
users: {count: 1000, activity: zipf 1.1, cookie: session}
versions:
  v1: {latency: {median: 20ms, p99: 80ms}, errors: 0.1%}
  v2: {latency: {from: run.json, destination: v1}}
  v3: {latency: {constant: 1.5s}}
"""


def _read(text: str) -> Described:
    return read_population(text, "population.yaml")


def _problems(text: str) -> list[str]:
    return [f"{each.position}: {each.code} {each.message}" for each in _read(text).problems]


def test_a_whole_file() -> None:
    """Hosts, paths with ranges, methods, headers and parameters with their rest, users, a rate and versions are read."""
    found = _read(_WHOLE)
    assert found.problems == ()
    assert found.rate == 200
    assert found.population == Population(
        Axis(("http://shop.example", "https://b.example:8443"), (3, 1)),
        Axis(("/", "/items/1", "/items/2"), (50, 25, 25)),
        Axis(("GET", "POST"), (9, 1)),
        (Axis(("", "stage: canary", "stage: test"), (0.9, 0.05, 0.05)),),
        (Axis(("", "lang=en"), (0.5, 0.5)),),
        Users(1000, 1.1, "session"),
    )
    v1, v2, v3 = found.versions.values()
    assert (v1.latency, v1.errors) == (LogNormal(20_000, 80_000), 0.001)
    assert isinstance(v2.latency, FromRun)
    assert (v2.latency.file, v2.latency.destination, str(v2.latency.place)) == (
        "run.json",
        "v1",
        "population.yaml:11:18",
    )
    assert v3.latency == Constant(1_500_000)


def test_an_empty_mapping_is_a_population() -> None:
    """What is not said is as of curl to localhost."""
    assert _read("{}").population == Population()


def test_the_head_of_a_class() -> None:
    """A class is one value of each axis; the first axis varies fastest."""
    population = _read(_WHOLE).population
    head = head_of(population, population.classes - 1)
    assert (head.authority, head.path, head.query, head.method) == (b"b.example:8443", b"/items/2", b"lang=en", b"POST")
    assert head.headers[b"stage"] == b"test"
    assert head_of(population, 1).path == b"/items/1"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", "1:1: ES0003 expected a mapping"),
        ("", "1:1: ES1100 a population is one mapping"),
        ("a: {", "ES0001 not YAML"),
        ("kind: Pod", "1:1: ES1100 a population is one mapping, without `kind`"),
        ("path: {/: 1}", '1:1: ES0103 unknown field "path"'),
        ("paths:\n  items: 1", "2:3: ES1101 a path begins with `/`"),
        ("paths: {'/{3..1}': 1}", "1:9: ES1101 `{3..1}` counts upwards"),
        ("paths: {'/{1..2000000}': 1}", "1:9: ES1101 `{1..2000000}` counts upwards"),
        ("paths: {'/{1..10000000000}': 1}", "1:9: ES1101 `{1..10000000000}` counts upwards"),
        ("paths: {/: -1}", "1:9: ES1101 `-1` is no weight"),
        ("paths: {/: many}", "1:9: ES1101 `many` is no weight"),
        ("paths: {/: 0}", "1:1: ES1101 all weights are 0"),
        ("hosts: {a b: 1}", "1:9: ES1101"),
        ("hosts: {'a/b': 1}", "1:9: ES1101 `a/b` is more than a host"),
        ("hosts: {'ftp://a': 1}", "1:9: ES1101"),
        ("methods: {G ET: 1}", "1:11: ES1101 'G ET' is no HTTP method"),
        ("headers: {stage: {canary: 105%}}", "1:19: ES1101 `105%` is no share"),
        ("headers: {stage: {a: 60%, b: 50%}}", "1:11: ES1101 the shares add up to 1.1"),
        ("headers: {'st age': {a: 60%}}", "1:11: ES1101 'st age: a' is no header"),
        ('headers: {stage: {"a\\nb": 5%}}', "1:11: ES1101 'stage: a\\nb' has a line break"),
        ("users: {count: 0}", "1:9: ES0106"),
        ("users: {count: 5, activity: some}", "1:19: ES1101 `some` is no activity"),
        ("users: {count: 5, cookie: a, header: b}", "ES0108 only one of"),
        ("users: {count: 5, header: X}\nheaders: {x: {a: 1%}}", "1:19: ES1101 `X` is among `headers` already"),
        ("rate: 0", "1:1: ES1101 a rate is more than 0"),
        ("versions: {v1: {errors: 5}}", "1:17: ES1101 `5` is no share"),
        ("versions: {v1: {latency: {median: 5ms}}}", "1:17: ES1101 a latency is"),
        ("versions: {v1: {latency: {median: 5ms, p99: 1ms}}}", "1:17: ES1101 the median is more than 0"),
        ("versions: {v1: {latency: {median: fast, p99: 1ms}}}", "1:27: ES0109"),
        ("versions: {v1: {latency: {constant: 5ms, from: a}}}", "ES0108 only one of"),
    ],
)
def test_mistakes(text: str, said: str) -> None:
    """Every mistake is told with its place and code."""
    assert any(said in each for each in _problems(text)), _problems(text)


def test_too_many_classes() -> None:
    """A population whose axes have too many combinations is refused before anything is drawn."""
    paths = "paths: {'/{1..100000}': 1}\n"
    text = paths + "headers: {a: {" + ", ".join(f"v{number}: 0.1%" for number in range(200)) + "}}"
    assert "20,100,000 combinations" in _problems(text)[0]
