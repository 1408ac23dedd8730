from __future__ import annotations

import hashlib
import json
import re
from base64 import b64encode
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

import edgesim.load.report
from edgesim.load.find_max import Highest, Trial
from edgesim.load.outcome import Outcome
from edgesim.load.report import page, search_page
from edgesim.load.scenario import Closed, RequestClass, Sessions
from tests.load import samples

FOLDER = Path(edgesim.load.report.__file__).parent


class Reader(HTMLParser):
    """The elements of a page with their attributes, and the text outside of scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Note text."""
        if self.tags[-1:] and self.tags[-1][0] not in {"script", "style"}:
            self.text += data


def search() -> Highest:
    """Return a search with rates that hold and rates that do not."""
    rates = (1000.0, 2000.0, 4000.0, 3000.0)
    trials = tuple(
        Trial(rate, rate, 1.0, rate / 200, 0, rate <= 3000, "" if rate <= 3000 else "p99<18ms: it is 20 ms")
        for rate in rates
    )
    return Highest("p99<18ms and errors<1%", 3000.0, trials, "the client, not the server, held 4,000/s back")


def test_all_that_was_found_is_on_the_page() -> None:
    """Verdicts and conditions, the client's limits, figures, destinations, scenario and machine are there as text."""
    text = Reader(page(samples.outcome(samples.limited())).decode()).text
    for words in (
        "http://shop.example:8080", "2 of 5 checks failed", "Need more data", "nothing speaks against it",
        "The client, not the server, may be what was measured", "99.9th percentile", "p99>50ms", "POST /cart (25%)",
        "Example CPU", "timeout", "200 requests/s for 30 s, evenly", "61 late", "0123abc",
    ):  # fmt: skip
        assert words in text


def test_nothing_of_it_comes_from_elsewhere() -> None:
    """No element loads anything, and the policy of the page allows only its own scripts and styles, by their hashes."""
    html = page(samples.outcome()).decode()
    tags = Reader(html).tags
    assert not [tag for tag, attributes in tags if "src" in attributes or attributes.get("href", "data:,") != "data:,"]
    policy = next(each["content"] for tag, each in tags if tag == "meta" and each.get("http-equiv"))
    assert policy is not None
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for tag in ("script", "style"):
        for text in re.findall(rf"<{tag}>(.*?)</{tag}>", html, re.DOTALL):
            assert b64encode(hashlib.sha256(text.encode()).digest()).decode() in policy


def test_names_are_text() -> None:
    """Destinations, requests and a target that are markup add no element and no script to the page."""
    result = samples.result(6, versions=("v1", samples.HOSTILE), name=samples.HOSTILE)
    scenario = result.scenario
    hostile = replace(
        scenario,
        target=replace(scenario.target, authority=samples.HOSTILE),
        requests=(RequestClass(samples.HOSTILE, path=samples.HOSTILE),),
        labels={samples.HOSTILE: samples.HOSTILE},
    )
    outcome = samples.outcome(replace(result, scenario=hostile, stopped=samples.HOSTILE, version=samples.HOSTILE))
    html = page(outcome).decode()
    count = [tag for tag, _ in Reader(html).tags]
    plain = [tag for tag, _ in Reader(page(samples.outcome(samples.result(6))).decode()).tags]
    assert "img" not in count
    assert count.count("script") == plain.count("script") == 3
    data = re.search(r'<script type="application/json" id="charts">(.*?)</script>', html, re.DOTALL)
    assert data is not None
    assert any(each["name"] == samples.HOSTILE for each in json.loads(data[1])[0]["series"])


def test_each_chart_can_be_read_without_seeing_it() -> None:
    """A chart has a name that sums it up, can be reached by keyboard, and stands beside a table of its numbers."""
    tags = Reader(page(samples.outcome()).decode()).tags
    plots = [attributes for _, attributes in tags if attributes.get("class") == "plot"]
    assert len(plots) == 5
    assert all(each["role"] == "img" and each["tabindex"] == "0" and each["aria-label"] for each in plots)
    assert [tag for tag, _ in tags].count("figure") == 5
    assert [tag for tag, _ in tags].count("details") == 5 + 1  # the numbers of each chart, and of a verdict
    assert [tag for tag, _ in tags].count("h1") == 1


@pytest.mark.parametrize("kind", ["nothing", "closed", "one second", "one answer"])
def test_any_run_has_a_page(kind: str) -> None:
    """A run without answers, a closed loop, a single second and a single answer are reported too."""
    result = samples.result(6)
    made = {
        "nothing": replace(result, cells=(), timeline=(), connects={}),
        "closed": replace(result, scenario=replace(result.scenario, mode=Closed(4, 6.0))),
        "one second": samples.result(1),
        "one answer": samples.result(1, rate=1),
    }[kind]
    text = Reader(page(Outcome(made)).decode()).text
    assert ("Nothing was answered" in text) == (kind == "nothing")
    assert "checks" not in text


def test_what_is_asked_in_a_scenario_is_told() -> None:
    """Users, connections that are closed, TLS, and all of many requests, at least by their number."""
    result = samples.result(6)
    scenario = replace(
        result.scenario,
        target=replace(result.scenario.target, scheme="https"),
        requests=tuple(RequestClass(f"class {number}", path=f"/{number}") for number in range(25)),
        sessions=Sessions(50),
        per_connection=7,
    )
    cells = tuple(replace(result.cells[0], request=f"class {number}") for number in range(600))
    text = Reader(page(Outcome(replace(result, scenario=scenario, cells=cells))).decode()).text
    for words in (
        "TLS handshakes",
        "50 at a time, with cookies; of 44 with several answers 100.0% stayed",
        "after 7 requests",
        "class 3: GET /3 (4%)",
        "and 5 more",
        "and 100 more kinds",
    ):
        assert words in text


@pytest.mark.parametrize(
    ("kinds", "said"),
    [
        ((0,), "the check passed"),
        ((0, 0), "all 2 checks passed"),
        ((0, 2), "1 of 2 checks cannot"),
        ((1, 2), "1 of 2 checks failed"),
    ],
)
def test_one_word_stands_for_all_checks(kinds: tuple[int, ...], said: str) -> None:
    """FAIL goes before NEED-MORE-DATA, and that before PASS."""
    verdicts = tuple(samples.verdicts()[kind] for kind in kinds)
    assert said in Reader(page(Outcome(samples.result(6), (), verdicts)).decode()).text


def test_a_search_is_drawn() -> None:
    """Latency stands against rate, with the bound, what broke it and what may have limited it."""
    html = search_page(search()).decode()
    for words in ("holds up to 3,000 requests a second", "p99<18ms: it is 20 ms", "held 4,000/s back"):
        assert words in Reader(html).text
    none = search_page(replace(search(), rate=0.0, trials=()))
    assert "holds at none of these rates" in Reader(none.decode()).text
    early = Reader(search_page(replace(search(), stopped="interrupted")).decode()).text
    assert "the search ended early after p99<18ms and errors<1% held at 3,000 requests a second: interrupted" in early
    assert "Need more data" in early


def test_what_is_vendored_is_what_was_published() -> None:
    """The files of uPlot are those of the release that is named, unchanged, and its licence is with them."""
    vendored = json.loads((FOLDER / "vendor" / "vendored.json").read_text())
    assert {file.name for file in (FOLDER / "vendor").iterdir()} == {*vendored["sha256"], "vendored.json"}
    for name, digest in vendored["sha256"].items():
        assert hashlib.sha256((FOLDER / "vendor" / name).read_bytes()).hexdigest() == digest
    assert f"v{vendored['version']}" in (FOLDER / "vendor" / "uPlot.iife.min.js").read_text()[:100]
    assert "Permission is hereby granted" in (FOLDER / "vendor" / "LICENSE").read_text()
    assert (FOLDER / "vendor" / "LICENSE").read_text() in page(samples.outcome()).decode()
