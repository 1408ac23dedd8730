"""What `configs/observability` asks for is what a running instance exposes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

import pytest
import yaml

from tests.prometheus import Sample, samples
from tests.running import ROOT, canary, running, send

FOLDER = ROOT / "configs" / "observability"
ANSWERS = {"cluster": "echo_gloo-system", "primary": "version=v1", "canary": "version=v2"}
"""What people choose on the board."""
ARGUMENTS = {**ANSWERS, "upstream": "echo_gloo-system", "target": "echo", "namespace": "gloo-system", "interval": "1m"}
_METRIC = re.compile(r"\b((?:envoy|edgesim)_[a-z0-9_]+)(?:\{([^}]*)\})?(?!\w)")
_MATCHER = re.compile(r'([a-z_]+)\s*(=~|!~|!=|=)\s*"([^"]*)"')
_BY = re.compile(r"\bby \(([^)]*)\)")


@dataclass(frozen=True, slots=True)
class Asked:
    """One metric of an expression: its name, the labels it must have, and by which it is chosen."""

    name: str
    matchers: tuple[tuple[str, str, str], ...]

    def takes(self, sample: Sample) -> bool:
        """Tell whether Prometheus would take a sample."""
        labels = dict(sample.labels)
        return sample.name == self.name and all(
            _holds(operator, text, labels.get(label, "")) for label, operator, text in self.matchers
        )


def _holds(operator: str, text: str, value: str) -> bool:
    same = re.fullmatch(text, value) is not None if "~" in operator else text == value
    return same is not operator.startswith("!")


def asked(expression: str) -> Iterator[Asked]:
    """Yield the metrics an expression asks for."""
    for name, inside in _METRIC.findall(_BY.sub("", expression)):
        yield Asked(name, tuple(_MATCHER.findall(inside)))


def grouped(expression: str) -> set[str]:
    """Return the labels by which an expression sums."""
    return {label.strip() for inside in _BY.findall(expression) for label in inside.split(",")}


def board() -> list[str]:
    """Return the expressions of the dashboard, with what people choose."""
    panels = json.loads((FOLDER / "dashboard.json").read_text())["panels"]
    written = [target["expr"] for panel in panels for target in panel.get("targets", ())]
    return [re.sub(r"\$(cluster|primary|canary)\b", lambda found: ANSWERS[found[1]], each) for each in written]


def controllers() -> list[str]:
    """Return the queries of Flagger and Argo Rollouts, with their arguments."""
    documents = chain.from_iterable(
        yaml.safe_load_all((FOLDER / name).read_text()) for name in ("flagger.yaml", "argo-rollouts.yaml")
    )
    return [_filled(query, ARGUMENTS) for document in documents for query in _queries(document["spec"])]


def _queries(spec: Mapping[str, Any]) -> Iterator[str]:
    if "query" in spec:
        yield spec["query"]
    for metric in spec.get("metrics", ()):
        yield metric["provider"]["prometheus"]["query"]


def _filled(query: str, arguments: Mapping[str, str]) -> str:
    return re.sub(r"\{\{ ?(?:args\.)?([a-z]+) ?\}\}", lambda found: arguments[found[1]], query)


@pytest.fixture(scope="module")
def exposed() -> list[Sample]:
    """Return what Prometheus gets of a canary half of whose requests fail."""
    failing = (ROOT / "configs/two-phased-canary/echo-v2.yaml").read_text()
    failing = failing.replace("    spec:\n", '      annotations:\n        edgesim.io/error-rate: "0.5"\n    spec:\n', 1)
    with running(*canary("echo", "upstream", "vs-5"), "--seed", "1") as gateway:
        assert gateway.run("apply", "-f", "-", stdin=failing).code == 0
        statuses = [gateway.get()[0] for _ in range(60)]
        assert {200, 500} == set(statuses)
        _, headers, body = send(gateway.admin, "GET", scrape()["metrics_path"])
        assert {name.lower(): value for name, value in headers.items()}["content-type"].startswith(
            "text/plain; version=0.0.4"
        )
        return samples(body.decode())


def scrape() -> dict[str, Any]:
    """Return what Prometheus is told to scrape."""
    (found,) = yaml.safe_load((FOLDER / "prometheus.yaml").read_text())["scrape_configs"]
    told: dict[str, Any] = found
    return told


def test_every_expression_finds_what_it_asks_for(exposed: list[Sample]) -> None:
    """Each metric of each expression of the board and the controllers exists after traffic, with the labels it needs."""
    expressions = [*board(), *controllers()]
    assert len(expressions) > 40
    for expression in expressions:
        wanted = list(asked(expression))
        assert wanted, expression
        for metric in wanted:
            found = [sample for sample in exposed if metric.takes(sample)]
            assert found, f"{metric} of {expression}"
            labels = {label for sample in found for label, _ in sample.labels}
            assert grouped(expression) <= labels, expression


def test_an_expression_that_asks_for_nothing_is_found(exposed: list[Sample]) -> None:
    """The check would notice a metric, a label and a value that are not there."""
    for wrong in (
        "rate(envoy_cluster_upstream_request_total[1m])",
        'envoy_cluster_upstream_rq{response_code="200"}',
        'edgesim_requests{subset="v1"}',
    ):
        (metric,) = asked(wrong)
        assert not any(metric.takes(sample) for sample in exposed)


def test_the_board_is_whole() -> None:
    """Panels have ids of their own and do not overlap, and every variable they use is declared."""
    board = json.loads((FOLDER / "dashboard.json").read_text())
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    cells = [
        (column, row)
        for place in (panel["gridPos"] for panel in board["panels"])
        for column in range(place["x"], place["x"] + place["w"])
        for row in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(column for column, _ in cells) < 24
    used = set(re.findall(r"\$\{?([a-z]+)\b", json.dumps(board["panels"])))
    assert used == {variable["name"] for variable in board["templating"]["list"]}
