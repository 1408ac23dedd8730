"""The table of the admin API and what is made of it."""

from __future__ import annotations

from pathlib import Path

from edgesim.admin.app import ENDPOINTS
from edgesim.admin.endpoints import help_text, markdown

PAGE = Path(__file__).parents[2] / "docs" / "admin-api.md"


def test_every_endpoint_is_on_the_help_page() -> None:
    """The page at `/` has a line for each method and path."""
    lines = help_text(ENDPOINTS).splitlines()
    for endpoint in ENDPOINTS:
        assert any(line.split()[:2] == [endpoint.method, endpoint.path] for line in lines)


def test_the_documentation_is_fresh() -> None:
    """`docs/admin-api.md` is what the table gives."""
    assert PAGE.read_text() == markdown(ENDPOINTS)
