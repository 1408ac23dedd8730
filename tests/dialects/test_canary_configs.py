from __future__ import annotations

from pathlib import Path

import pytest

from edgesim.config.files import decode_all, read_paths
from edgesim.dialects import Translation, translate
from edgesim.model import ForwardAction, Route

FOLDER = Path(__file__).parents[2] / "configs" / "two-phased-canary"
V1, V2 = (("version", "v1"),), (("version", "v2"),)


def step(number: int) -> Translation:
    """Translate the application, its upstream and one step of the release."""
    read = read_paths([FOLDER / "echo.yaml", FOLDER / "upstream.yaml", FOLDER / f"vs-{number}.yaml"])
    decoded = decode_all(read.documents)
    resources = [each.resource for each in decoded if each.resource is not None]
    translation = translate(resources)
    assert [*read.problems, *(each for one in decoded for each in one.problems), *translation.problems] == []
    return translation


def shares(route: Route) -> dict[object, int]:
    """Return the weight of each subset a route forwards to."""
    action = route.action
    assert isinstance(action, ForwardAction)
    if action.destination is not None:
        return {action.destination.subset: 100}
    return {arm.destination.subset: arm.weight for arm in action.weighted}


@pytest.mark.parametrize(
    ("number", "canary", "rest"),
    [
        (1, None, {(): 100}),
        (2, None, {V1: 100}),
        (3, {V2: 100}, {V1: 100}),
        (4, {V2: 100}, {V1: 100, V2: 0}),
        (5, {V2: 100}, {V1: 50, V2: 50}),
        (6, {V2: 100}, {V1: 0, V2: 100}),
        (7, None, {V2: 100}),
    ],
)
def test_each_step_of_the_release_is_clean(
    number: int, canary: dict[object, int] | None, rest: dict[object, int]
) -> None:
    """Every file reads without a problem or a note, and splits the requests as its comment says."""
    (host,) = step(number).model.virtual_hosts
    assert (host.name, host.domains) == ("gloo-system_echo", ("*",))
    assert [shares(route) for route in host.routes] == ([rest] if canary is None else [canary, rest])
    if canary is not None:
        (header,) = host.routes[0].matches[0].headers
        assert (header.name, header.value) == ("stage", "canary")


def test_each_file_says_what_it_is_for() -> None:
    """Every file begins with a comment."""
    files = sorted(FOLDER.glob("*.yaml"))
    assert len(files) == 11
    assert all(path.read_text().startswith("# ") for path in files)
