"""Write docs/NAME.schema.json for what commands print: `PYTHONPATH=. python docs/generate/json_schemas.py [--check]`.

With --check nothing is written, and the exit code is 1 if a file is stale.
"""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from edgesim.cli.check_json import CheckOutput
from edgesim.cli.diff_json import DiffOutput

FOLDER = Path(__file__).parents[1]
OUTPUTS: Mapping[str, type[object]] = {"check": CheckOutput, "diff": DiffOutput}
"""What `edgesim NAME -o json` prints."""


def schema(name: str) -> str:
    """Return the JSON schema of what `edgesim NAME -o json` prints."""
    made = msgspec.json.schema(OUTPUTS[name])
    for each in made["$defs"].values():
        each["description"] = inspect.cleandoc(each.get("description", ""))  # Python 3.13 does so itself
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": f"edgesim {name} -o json"}
    return json.dumps({**head, **made}, indent=2) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Write the schemas, or with --check only compare; return the exit code."""
    wanted = {FOLDER / f"{name}.schema.json": schema(name) for name in OUTPUTS}
    stale = {file: text for file, text in wanted.items() if not file.exists() or file.read_text() != text}
    for file, text in stale.items():
        if "--check" in arguments:
            print(f"stale: docs/{file.name} (make format writes it)")
        else:
            file.write_text(text)
            print(f"written: docs/{file.name}")
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
