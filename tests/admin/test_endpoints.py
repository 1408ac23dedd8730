"""The table of the admin API and what is made of it."""

from __future__ import annotations

from pathlib import Path

from edgesim.admin.endpoints import CHECK, ENDPOINTS, READ, help_text, markdown

PAGE = Path(__file__).parents[2] / "docs" / "admin-api.md"


def test_every_endpoint_is_on_the_help_page() -> None:
    """The page at `/` has a line for each method and path."""
    lines = help_text(ENDPOINTS).splitlines()
    for endpoint in ENDPOINTS:
        assert any(line.split()[:2] == [endpoint.method, endpoint.path] for line in lines)


def test_the_documentation_is_fresh() -> None:
    """`docs/admin-api.md` is what the table gives."""
    assert PAGE.read_text() == markdown(ENDPOINTS)


def test_only_the_table_knows_paths() -> None:
    """Commands and fixtures ask by the table's rows, and write no path of their own."""
    package = PAGE.parents[1] / "edgesim"
    files = [file for folder in ("cli", "testing") for file in (package / folder).glob("*.py")]
    assert [file.name for file in files if "/edgesim/v1" in file.read_text()] == []


def test_a_row_becomes_the_paths_of_all_kinds() -> None:
    """`{resources}` is four paths: core and grouped kinds, of a namespace or not; a path of its own is one."""
    assert list(READ.paths()) == [
        "/api/v1/{plural}/{name}",
        "/api/v1/namespaces/{namespace}/{plural}/{name}",
        "/apis/{group}/{version}/{plural}/{name}",
        "/apis/{group}/{version}/namespaces/{namespace}/{plural}/{name}",
    ]
    assert list(CHECK.paths()) == ["/edgesim/v1/check"]
