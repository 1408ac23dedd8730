"""Write docs/schemas/scenario.json: what a scenario file may hold, for editors that complete and check YAML."""

from __future__ import annotations

import inspect
import json
import sys
from itertools import combinations

import msgspec

from docs.generate.pages import DOCS, run
from edgesim.load import scenario_schema
from edgesim.load.scenario_schema import ScenarioFile

FILE = DOCS / "schemas" / "scenario.json"


def schema() -> str:
    """Return the JSON schema of a scenario file."""
    made = msgspec.json.schema(ScenarioFile)
    for name, each in made["$defs"].items():
        each["description"] = inspect.cleandoc(each.get("description", ""))  # Python 3.13 does so itself
        groups = getattr(scenario_schema, name).ONE_OF
        both = [{"required": list(pair)} for group in groups for pair in combinations(group, 2)]
        if both:
            each["not"] = {"anyOf": both}
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "A scenario of edgesim load"}
    return json.dumps({**head, **made}, indent=2) + "\n"


if __name__ == "__main__":
    sys.exit(run({FILE: schema()}))
