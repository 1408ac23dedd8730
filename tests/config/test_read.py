from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.config import Read, read_text

NAMESPACE = "apiVersion: v1\nkind: Namespace\nmetadata: {name: %s}\n"


def read(text: str, file: str = "x.yaml") -> Read:
    return read_text(text, file)


def value(text: str) -> Any:
    """Return what the one document of a text holds under `a`."""
    found = read(text)
    assert found.problems == (), found.problems
    (document,) = found.documents
    return document.manifest["a"]


def told(text: str, file: str = "x.yaml") -> list[tuple[str, str]]:
    """Return code and position of each problem of a text."""
    return [(each.code, str(each.position)) for each in read(text, file).problems]


def test_many_documents_are_read_in_order() -> None:
    """Each document starts at its own line, and empty ones count for nothing."""
    text = f"# a comment\n---\n{NAMESPACE % 'a'}---\n---\n# nothing\n---\n{NAMESPACE % 'b'}...\n"
    found = read(text)
    assert [each.manifest["metadata"]["name"] for each in found.documents] == ["a", "b"]
    assert [str(each.source.locate(("kind",))) for each in found.documents] == ["x.yaml:4:1", "x.yaml:11:1"]


def test_directives_and_document_ends_are_read() -> None:
    """`%YAML`, a document on the line of its `---`, and several documents ended by `...` are all YAML."""
    text = f"%YAML 1.1\n---\n{NAMESPACE % 'a'}--- {{apiVersion: v1, kind: A}}\n...\n---\n{NAMESPACE % 'b'}...\n{NAMESPACE % 'c'}"
    found = read(text)
    assert found.problems == ()
    assert [each.manifest["kind"] for each in found.documents] == ["Namespace", "A", "Namespace", "Namespace"]
    assert str(found.documents[3].source.locate(("metadata", "name"))) == "x.yaml:15:12"


def test_a_bad_document_does_not_take_the_others() -> None:
    """The documents before and after a syntax error are read, and the error has its place."""
    found = read(f"{NAMESPACE % 'a'}---\na: [1\n---\n{NAMESPACE % 'b'}")
    assert [each.manifest["metadata"]["name"] for each in found.documents] == ["a", "b"]
    (problem,) = found.problems
    assert problem.code == "ES0001"
    assert problem.position is not None
    assert problem.position.line in {5, 6}


@pytest.mark.parametrize(
    "text", ["", "\n\n", "# only a comment\n", "---\n", "---\n---\n...\n", "\ufeff", "null\n", "~"]
)
def test_nothing_is_no_problem(text: str) -> None:
    """An empty file has no document and no problem."""
    assert read(text) == Read()


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("5", 5),
        ("-5", -5),
        ("+5", 5),
        ("0x1F", 31),
        ("0b11", 3),
        ("0o17", 15),
        ("017", 15),
        ("08", "08"),
        ("1_000", 1000),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("1.5E-1", 0.15),
        ("1e999", "1e999"),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("80:80", "80:80"),
        ("2024-01-01", "2024-01-01"),
        ("2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z"),
        ("yes", True),
        ("Off", False),
        ("TRUE", True),
        ("y", "y"),
        ("n", "n"),
        ("=", "="),
        ("~", None),
        ("", None),
        ("null", None),
        ("1.2.3.4", "1.2.3.4"),
        ("v1", "v1"),
        ("'5'", "5"),
        ('"yes"', "yes"),
        ("!!str 5", "5"),
        ("!!int '5'", 5),
        ("!!bool 'on'", True),
        ("!!float 5", 5),
        ("!!null ''", None),
        ("!!timestamp 2024-01-01", "2024-01-01"),
        ("!!binary aGk=", "aGk="),
        ("!!seq [a]", ["a"]),
        ("!!map {b: c}", {"b": "c"}),
        ("9" * 5000, "9" * 5000),
        ("\u0661", "\u0661"),
        ("|-\n  x\n  y", "x\ny"),
    ],
)
def test_values_are_those_of_kubernetes(text: str, wanted: object) -> None:
    """Scalars resolve as Kubernetes' YAML reader does: 1.1 booleans, no dates, no base 60."""
    found = value(f"a: {text}\n")
    assert found == wanted
    assert type(found) is type(wanted)


def test_keys_are_text() -> None:
    """A number, a boolean or `on` as key becomes the text JSON would have."""
    (document,) = read("1: a\ntrue: b\noff: c\n1.5: d\n'<<': e\n").documents
    assert document.manifest == {"1": "a", "true": "b", "false": "c", "1.5": "d", "<<": "e"}


def test_anchors_and_merge_keys_work() -> None:
    """An alias repeats, a merge key fills in, explicit keys and earlier mappings win."""
    text = "b: &b {x: 1, y: 2}\nc: &c {y: 3, z: 4}\na: {<<: [*b, *c], x: 9}\nd: {<<: *b}\n"
    assert value(text) == {"x": 9, "y": 2, "z": 4}
    (document,) = read(text).documents
    assert str(document.source.locate(("a", "z"))) == "x.yaml:2:14"
    assert str(document.source.locate(("d", "y"))) == "x.yaml:1:14"
    assert str(document.source.locate(("d", "nothing"))) == "x.yaml:4:1"


@pytest.mark.parametrize(
    ("text", "code", "position"),
    [
        ("a: 1\na: 2\n", "ES0002", "x.yaml:2:1"),
        ("1: x\n'1': y\n", "ES0002", "x.yaml:2:1"),
        ("- 1\n", "ES0003", "x.yaml:1:1"),
        ("\nhello\n", "ES0003", "x.yaml:2:1"),
        ("? [a]\n: b\n", "ES0007", "x.yaml:1:3"),
        ("~: b\n", "ES0007", "x.yaml:1:1"),
        ("a: !secret x\n", "ES0007", "x.yaml:1:4"),
        ("a: !!int x\n", "ES0007", "x.yaml:1:4"),
        ("a: !!set {x, y}\n", "ES0007", "x.yaml:1:4"),
        ("a: !!omap [x: y]\n", "ES0007", "x.yaml:1:4"),
        ("a: {<<: 5}\n", "ES0007", "x.yaml:1:9"),
        ("a: {<<: [{b: c}, 5]}\n", "ES0007", "x.yaml:1:9"),
        ("a: &a [*a]\n", "ES0005", "x.yaml:1:4"),
        ("a: &a {b: *a}\n", "ES0005", "x.yaml:1:4"),
        ("a: &a {<<: *a}\n", "ES0005", "x.yaml:1:4"),
        ("a: *b\n", "ES0001", "x.yaml:1:4"),
        ("a: 'x\n", "ES0001", "x.yaml:2:1"),
        ("a: b: c\n", "ES0001", "x.yaml:1:5"),
        ("a:\n\tb: c\n", "ES0001", "x.yaml:2:1"),
        ("ab: \x00\n", "ES0001", "x.yaml:1:5"),
        ("b: 1\nab: \x07\n", "ES0001", "x.yaml:2:5"),
        ("a: \ud800\n", "ES0004", "x.yaml:1:1"),
        (f"a: {'[' * 101}{']' * 101}\n", "ES0005", "x.yaml:1:104"),
        (f"a: {'[' * 100_000}\n", "ES0005", None),
        ("\n".join(" " * i + "a:" for i in range(200)) + "\n", "ES0005", "x.yaml:102:102"),
        ('{"a": 1, "a": 2}', "ES0002", "x.yaml:1:10"),
        ('{"a": "\\ud800"}', "ES0001", "x.yaml:1:10"),
        ("{" * 3, "ES0001", None),
    ],
)
def test_what_cannot_be_read_is_a_problem_with_a_place(text: str, code: str, position: str | None) -> None:
    """Every way to be unreadable has its code and its position, and none raises."""
    (problem,) = read(text).problems
    assert problem.code == code
    assert position in {None, str(problem.position)}


def test_a_tab_is_explained() -> None:
    """The hint says what YAML indents with."""
    (problem,) = read("a:\n\tb: c\n").problems
    assert "never with tabs" in problem.hint


def test_nesting_is_bounded_in_json_too() -> None:
    """Deep JSON is refused at its place, absurdly deep JSON as well."""
    for depth in (102, 900, 100_000):
        (problem,) = read('{"a":' + "[" * depth + "]" * depth + "}").problems
        assert problem.code == "ES0005"


def test_alias_bombs_are_refused() -> None:
    """A billion laughs are not laughed, and honest reuse is not refused."""
    bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{b}: &{b} [{', '.join([f'*{a}'] * 10)}]\n" for a, b in zip("abcdefghi", "bcdefghij", strict=True)
    )
    assert [code for code, _ in told(bomb)] == ["ES0006"]
    assert told("b: &b {x: [1, 2, 3]}\na: [" + ", ".join(["*b"] * 1000) + "]\n") == []


def test_lists_are_taken_apart() -> None:
    """Each item of a List is a document with its own positions."""
    text = f"apiVersion: v1\nkind: List\nitems:\n- {NAMESPACE % 'a'}".replace("\nkind: N", "\n  kind: N").replace(
        "\nmetadata", "\n  metadata"
    )
    found = read(f"{text}- 5\n")
    (document,) = found.documents
    assert str(document.source.locate(("metadata", "name"))) == "x.yaml:6:14"
    assert str(document.source.locate(())) == "x.yaml:4:3"
    assert [(each.code, each.field, str(each.position)) for each in found.problems] == [
        ("ES0003", "items[1]", "x.yaml:7:3")
    ]


def test_typed_lists_give_their_items_a_kind() -> None:
    """The API server leaves apiVersion and kind out of the items of a ServiceList."""
    (document,) = read("apiVersion: v1\nkind: ServiceList\nitems: [{metadata: {name: a}}]\n").documents
    assert document.manifest == {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}}


def test_an_empty_list_is_nothing_and_a_mapping_is_no_list() -> None:
    """`items: []` and `items: null` hold no document; anything but a list is an error."""
    assert read("kind: List\nitems: []\n---\nkind: List\nitems:\n") == Read()
    assert told("kind: List\nitems: {a: b}\n") == [("ES0009", "x.yaml:2:1")]


def test_json_is_read_with_positions() -> None:
    """JSON indented with tabs is read, and its fields are found."""
    text = json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a"}}, indent="\t")
    for file in ("x.json", "x.yaml"):
        (document,) = read(text, file).documents
        assert str(document.source.locate(("metadata", "name"))) == f"{file}:5:3"


def test_bad_json_is_told_as_json_only_in_a_json_file() -> None:
    """A `.json` file has to be JSON; elsewhere a text in braces may be YAML."""
    assert told('{"a": }', "x.json") == [("ES0008", "x.json:1:7")]
    assert told('\n{"a": 1,}\n', "x.json") == [("ES0008", "x.json:2:9")]
    assert value("{a: b}\n") == "b"
    assert value('{"a": "\\ud83d\\ude00"}') == "😀"
    assert value('{"a": NaN}') == "NaN"


def test_json_that_is_no_yaml_has_the_position_of_its_document() -> None:
    """An escape that YAML does not know is JSON all the same; only its positions are lost."""
    (document,) = read('{"a": "\\ud83d\\ude00"}', "x.json").documents
    assert str(document.source.locate(("a",))) in {"x.json:1:1", "x.json:1:2"}


def test_line_ends_and_marks_of_windows_are_read() -> None:
    """CRLF and a byte order mark change neither values nor lines."""
    (one, two) = read("\ufeffa: b\r\n---\r\na: c\r\nd: [e,\r\n  f]\r\n").documents
    assert (one.manifest["a"], two.manifest["a"]) == ("b", "c")
    assert str(two.source.locate(("d", 1))) == "x.yaml:5:3"


def test_a_position_is_that_of_the_nearest_ancestor() -> None:
    """A path that does not exist is found as far as it does."""
    (document,) = read("a:\n  b: [1, 2]\n").documents
    locate = document.source.locate
    assert str(locate(("a", "b", 1))) == "x.yaml:2:10"
    assert str(locate(("a", "b", 7, "c"))) == "x.yaml:2:3"
    assert str(locate(("a", "x"))) == "x.yaml:1:1"
    assert str(locate(("a", "b", "c"))) == "x.yaml:2:3"
    assert str(locate(())) == "x.yaml:1:1"


def test_lines_count_from_the_given_one() -> None:
    """A text from the middle of a file has the file's lines."""
    (document,) = read_text("a: b\nc: d\n", "x.yaml", first_line=10).documents
    assert document.source.line == 10
    assert str(document.source.locate(("c",))) == "x.yaml:11:1"


@given(text=st.text() | st.text(alphabet="ab:-[]{}&*!|>'\"#%?, \n\t\r0.~<=\ufeff\x00\ud800"), json_file=st.booleans())
def test_no_text_raises(text: str, json_file: bool) -> None:
    """Whatever the text, reading it and locating in it never raises."""
    found = read(text, "x.json" if json_file else "x.yaml")
    for document in found.documents:
        assert document.source.locate(("a", 0, "b")).line >= 1
    for problem in found.problems:
        assert problem.position is not None


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


@given(manifest=st.dictionaries(st.text(max_size=5), PLAIN, max_size=4), indent=st.sampled_from([None, 1, "\t"]))
def test_json_comes_back_as_it_was(manifest: dict[str, Any], indent: Any) -> None:
    """What JSON can say is read as JSON reads it."""
    manifest.pop("kind", None)
    found = read(json.dumps(manifest, indent=indent))
    assert [document.manifest for document in found.documents] == [manifest]
    assert found.problems == ()
