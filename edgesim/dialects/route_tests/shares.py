"""Shares as people write them: exact, whatever the form."""

from __future__ import annotations

import re
from fractions import Fraction

_FORM = re.compile(r"\s*([0-9]{1,20}(?:\.[0-9]{1,20})?)\s*(?:%|/\s*([0-9]{1,20}))?\s*\Z")
FORMS = "write 90%, 9/10 or 0.9"


def share(given: str | float) -> Fraction:
    """Return the fraction a share means: `90%`, `9/10`, `0.9`. Raises ValueError for anything else."""
    found = _FORM.match(str(given))
    if found is None or (found[2] and not int(found[2])):
        raise ValueError(FORMS)
    percent = "%" in found[0]
    value = Fraction(found[1]) / (100 if percent else int(found[2] or 1))
    if value > 1:
        raise ValueError(FORMS if percent or found[2] else f"more than everything; did you mean {found[1]}%?")
    return value
