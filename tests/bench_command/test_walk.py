"""The steps of a release."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgesim.bench.walk import by_files, by_weights
from edgesim.config.files import Text, read_texts
from edgesim.model import EdgesimError
from tests.running import CANARY, canary


def _texts(*paths: Path) -> list[Text]:
    texts, problems = read_texts(paths)
    assert not problems
    return texts


def test_a_folder_is_a_walk() -> None:
    """The files that declare the same VirtualService are the steps, the others and the first step the start."""
    walk = by_files(_texts(CANARY), sorted_by_name=True)
    assert [step.name for step in walk.steps] == [f"vs-{number}.yaml" for number in range(1, 8)]
    assert [Path(each).name for each in walk.base] == ["echo-v2.yaml", "echo.yaml", "upstream.yaml", "vs-1.yaml"]
    assert walk.begun


def test_numbers_in_names_are_numbers() -> None:
    """Step 10 comes after step 9; files named one by one keep their order."""
    text = (CANARY / "vs-3.yaml").read_text()
    texts = [Text(f"dir/vs-{number}.yaml", text) for number in (10, 2, 9)]
    named = [[step.name for step in by_files(texts, sorted_by_name=each).steps] for each in (True, False)]
    assert named[0] == ["vs-2.yaml", "vs-9.yaml", "vs-10.yaml"]
    assert named[1] == ["vs-10.yaml", "vs-2.yaml", "vs-9.yaml"]


def test_files_without_steps() -> None:
    """Where every object is declared once there is nothing to walk: ES1004."""
    with pytest.raises(EdgesimError, match="ES1004 no object is declared by two files"):
        by_files(_texts(*canary("echo", "upstream", "vs-5")), sorted_by_name=False)


def test_a_step_that_cannot_be_read() -> None:
    """A file with an error is told with its place, and not left out of the walk."""
    good = (CANARY / "vs-5.yaml").read_text()
    texts = [Text("vs-1.yaml", good), Text("vs-2.yaml", good.replace("weight: 50", "weight: -50"))]
    with pytest.raises(EdgesimError, match=r"vs-2\.yaml:\d+:\d+: ES0106"):
        by_files(texts, sorted_by_name=True)
    with pytest.raises(EdgesimError, match=r"vs-2\.yaml:\d+:\d+: ES0106"):
        by_weights(texts[1:], [0, 100])


def test_weights_are_laid_onto_the_split() -> None:
    """The second destination gets the percentage, the first the rest; all else of the object stays."""
    walk = by_weights(_texts(*canary("echo", "upstream", "vs-5")), [0, 25])
    assert [step.name for step in walk.steps] == ["0%", "25%"]
    routes = json.loads(walk.steps[1].text.text)["spec"]["virtualHost"]["routes"]
    assert [each["weight"] for each in routes[1]["routeAction"]["multi"]["destinations"]] == [75, 25]
    assert "single" in routes[0]["routeAction"]
    assert len(walk.base) == 3
    assert not walk.begun


@pytest.mark.parametrize(("names", "said"), [(("vs-3",), "no route splits"), (("vs-4", "vs-5"), "2 routes split")])
def test_weights_need_one_split(names: tuple[str, ...], said: str) -> None:
    """No split, or more than one, is ES1004 with how many there are."""
    with pytest.raises(EdgesimError, match=f"ES1004 --weights: {said}"):
        by_weights(_texts(*canary("echo", "upstream", *names)), [0, 100])
