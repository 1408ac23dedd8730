"""Write docs/NAME.schema.json for what commands print."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Mapping

import msgspec

from docs.generate.pages import DOCS, run
from edgesim.bench.comparing import Differences
from edgesim.bench.results import BenchResult
from edgesim.cli.check_json import CheckOutput
from edgesim.cli.compare import CompareOutput
from edgesim.cli.diff_json import DiffOutput
from edgesim.cli.simulate_json import SimulateOutput
from edgesim.cli.verify_json import VerifyOutput
from edgesim.load.find_max import Highest
from edgesim.load.formats_json import LoadOutput

FOLDER = DOCS
OUTPUTS: Mapping[str, type[object]] = {
    "bench": BenchResult,
    "bench.diff": Differences,
    "check": CheckOutput,
    "compare": CompareOutput,
    "diff": DiffOutput,
    "load": LoadOutput,
    "simulate": SimulateOutput,
    "verify": VerifyOutput,
    "load.find-max": Highest,
}
"""What `edgesim NAME -o json` prints.

`load.find-max` is `edgesim load --find-max`; `bench` is what `edgesim bench routing|proxy|canary --save FILE` writes, and the
part that these print alike.
"""
_CALLED = {"bench": "bench routing|proxy|canary", "bench.diff": "bench diff", "load.find-max": "load --find-max"}


def schema(name: str) -> str:
    """Return the JSON schema of what `edgesim NAME -o json` prints."""
    made = msgspec.json.schema(OUTPUTS[name])
    for each in made["$defs"].values():
        each["description"] = inspect.cleandoc(each.get("description", ""))  # Python 3.13 does so itself
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"edgesim {_CALLED.get(name, name)} -o json",
    }
    return json.dumps({**head, **made}, indent=2) + "\n"


if __name__ == "__main__":
    sys.exit(run({FOLDER / f"{name}.schema.json": schema(name) for name in OUTPUTS}))
