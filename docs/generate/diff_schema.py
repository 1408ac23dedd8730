"""Write docs/diff.schema.json: `PYTHONPATH=. python docs/generate/diff_schema.py [--check]`.

With --check nothing is written, and the exit code is 1 if the file is stale.
"""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from edgesim.cli.diff_json import DiffOutput

FILE = Path(__file__).parents[1] / "diff.schema.json"


def schema() -> str:
    """Return the JSON schema of what `edgesim diff -o json` prints."""
    made = msgspec.json.schema(DiffOutput)
    for each in made["$defs"].values():
        each["description"] = inspect.cleandoc(each.get("description", ""))  # Python 3.13 does so itself
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "edgesim diff -o json"}
    return json.dumps({**head, **made}, indent=2) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Write the schema, or with --check only compare; return the exit code."""
    wanted = schema()
    if FILE.exists() and FILE.read_text() == wanted:
        return 0
    if "--check" in arguments:
        print("stale: docs/diff.schema.json (make format writes it)")
        return 1
    FILE.write_text(wanted)
    print("written: docs/diff.schema.json")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
