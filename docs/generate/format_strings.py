"""Write docs/format-strings.md from the table of operators."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from docs.generate.pages import DOCS, run
from edgesim.policies.formatter import DEFAULT_TEXT
from edgesim.policies.getters import never
from edgesim.policies.operators import OPERATORS, Operator, Parameters

FILE = DOCS / "format-strings.md"
_INTRO = f"""\
<!-- Made from edgesim/policies/operators.py by docs/generate/format_strings.py: change it there, then `make format`. -->

# Format strings

Envoy's command operators, in the values of added headers (`headerManipulation`) and in the access log. `%%` is a percent
sign; anything else after one is an error, as in Envoy. What is not known is `-` in a log line and nothing in a header; a
header whose value comes out empty is not set. `:n` after an operator that admits it cuts to n bytes.

The access log's own format, Envoy's, is one line:

```
{DEFAULT_TEXT.rstrip()}
```"""
_BRACKETS = {Parameters.NONE: "", Parameters.OPTIONAL: "(...)?", Parameters.REQUIRED: "(...)"}


def page(operators: Mapping[str, Operator]) -> str:
    """Return the whole page."""
    rows = [f"| `%{_form(row)}%` | {row.meaning} |" for row in operators.values() if row.build is not never]
    unknown = ", ".join(f"`{row.name}`" for row in operators.values() if row.build is never)
    table = "\n".join(["| operator | says |", "|---|---|", *rows])
    return f"{_INTRO}\n\n{table}\n\nRead, and always `-`, because edgesim has nothing of the kind: {unknown}.\n"


def _form(row: Operator) -> str:
    return row.name + _BRACKETS[row.parameters] + (":n?" if row.length else "")


if __name__ == "__main__":
    sys.exit(run({FILE: page(OPERATORS)}))
