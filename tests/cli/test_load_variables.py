from __future__ import annotations

from pathlib import Path

import pytest

from edgesim.cli.load_given import Given, scenario_of
from edgesim.load.scenario import Variables
from edgesim.model import EdgesimError


def test_a_table_of_variables_may_be_typed(tmp_path: Path) -> None:
    """For the URL, headers and body that are typed with it."""
    (tmp_path / "u.csv").write_text("user\nada\n")
    made = scenario_of(Given("http://a/${user}", headers=["x: ${user}"], variables=tmp_path / "u.csv"))
    assert made.variables == Variables(("user",), (("ada",),))
    assert (made.requests[0].path, made.requests[0].headers) == ("/${user}", (("x", "${user}"),))


def test_without_a_table_nothing_is_a_variable() -> None:
    """`${user}` is sent as it is."""
    assert not scenario_of(Given("http://a/${user}")).variables.names


@pytest.mark.parametrize(
    ("url", "header", "said"),
    [
        ("http://a/${usr}", "x: y", "ES1212 there is no variable `usr`; did you mean `user`?"),
        ("http://a/", "x: ${note}", "ES1200 -H x: `note` holds line breaks in some row"),
    ],
)
def test_what_cannot_be_filled_in_is_refused(tmp_path: Path, url: str, header: str, said: str) -> None:
    """Before anything is sent."""
    (tmp_path / "u.csv").write_text('user,note\nada,"a\nb"\n')
    with pytest.raises(EdgesimError, match=said.replace("?", r"\?")) as refused:
        scenario_of(Given(url, headers=[header], variables=tmp_path / "u.csv"))
    assert refused.value.exit_code == 2
