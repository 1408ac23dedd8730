from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.load.report.elements import element, raw


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@given(st.text(), st.text())
def test_text_is_never_markup(text: str, value: str) -> None:
    """Whatever a text or an attribute's value is, a parser finds one element in it, and the printable text again."""
    reader = _Reader()
    reader.feed(element("p", text, title=value))
    reader.close()
    assert [tag for tag, _ in reader.tags] == ["p"]
    assert reader.tags[0][1].keys() == {"title"}
    assert (
        "".join(filter(str.isprintable, text)) in reader.text.replace("\N{REPLACEMENT CHARACTER}", "")
        or not text.isprintable()
    )


def test_attributes_are_written_as_html_has_them() -> None:
    """Underscores are hyphens, True is a name alone, None and False are nothing; a void element has no end."""
    made = element("td", "a", None, ["b", element("br")], class_="x", aria_label='"', hidden=True, title=None, id=False)
    assert made == '<td class="x" aria-label="&quot;" hidden>ab<br></td>'


def test_what_turns_or_hides_text_is_shown() -> None:
    """A character that turns the direction of what follows cannot make a name look like another."""
    assert element("p", "v1\u202etxt") == "<p>v1\N{REPLACEMENT CHARACTER}txt</p>"


def test_a_script_cannot_end_early() -> None:
    """A text that would end its script is refused, since it is written as it is."""
    assert raw("script", "a < b && c", type="x") == '<script type="x">a < b && c</script>'
    with pytest.raises(ValueError, match="cannot stand"):
        raw("script", "'</SCRIPT>'")
