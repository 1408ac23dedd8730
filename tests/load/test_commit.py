from __future__ import annotations

import re

from edgesim.load.commit import commit


def test_a_result_names_the_commit_it_was_made_with() -> None:
    """In a checkout it is 40 hexadecimal digits, and a + where files differ from it."""
    assert re.fullmatch(r"([0-9a-f]{40}\+?)?", commit())
