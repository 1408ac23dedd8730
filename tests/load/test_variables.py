from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.load.scenario import Order, RequestClass, Variables
from edgesim.load.variables import filled, names_of, pieces, read_rows, share_of_rows, table_of, turns, unknown
from edgesim.model import EdgesimError
from tests.load.driving import TARGET

TWO = Variables(("user", "item"), (("ada", "a b"), ("bob", "7")))


def sent(request: RequestClass, variables: Variables = TWO, requests: int = 3) -> list[bytes]:
    data, made = filled(request, TARGET, variables, turns(variables, Random(1)))
    return [data if made is None else made() for _ in range(requests)]


def test_a_request_is_filled_in_with_the_row_whose_turn_it_is() -> None:
    """In path, headers and body; a path is percent-encoded, and the length is that of the body made."""
    request = RequestClass("a", "POST", "/x/${item}?q=100%", (("x-u", "${user} 5%"),), b'{"u": "${user}", 100%}')
    first, second, third = sent(request)
    assert first == (
        b"POST /x/a%20b?q=100% HTTP/1.1\r\nHost: test.example\r\nx-u: ada 5%\r\nContent-Length: 18\r\n\r\n"
        b'{"u": "ada", 100%}'
    )
    assert second.startswith(b"POST /x/7?q=100% ")
    assert third == first


def test_a_request_without_variables_is_made_once() -> None:
    """`$${` stands for a plain `${`, and per cent signs stay."""
    data, made = filled(RequestClass("a", body=b"5% $${x}"), TARGET, TWO, turns(TWO, Random(1)))
    assert made is None
    assert data.endswith(b"Content-Length: 7\r\n\r\n5% ${x}")


def test_a_length_that_is_given_stays() -> None:
    """Who writes Content-Length means it."""
    request = RequestClass("a", "POST", headers=(("Content-Length", "3"),), body=b"${user}")
    assert sent(request)[0] == b"POST / HTTP/1.1\r\nHost: test.example\r\nContent-Length: 3\r\n\r\nada"


def test_a_body_without_variables_keeps_its_per_cent_signs() -> None:
    """Also where the path has variables."""
    assert sent(RequestClass("a", path="/${user}", body=b"5%"))[1].endswith(b"Content-Length: 2\r\n\r\n5%")


def test_rows_are_drawn() -> None:
    """Each is as likely as the others."""
    drawn = Variables(TWO.names, TWO.rows, Order.RANDOM)
    counted = Counter(sent(RequestClass("a", path="/${user}"), drawn, 1000))
    assert len(counted) == 2
    assert min(counted.values()) > 400


@given(st.integers(1, 12), st.integers(1, 8))
def test_all_processes_together_go_through_the_rows_in_turn(rows: int, workers: int) -> None:
    """The n-th request of all has the n-th row, again and again, whatever the numbers are."""
    variables = Variables(("a",), tuple((str(index),) for index in range(rows)))
    shares = [share_of_rows(variables, index, workers).rows for index in range(workers)]
    asked = [shares[number % workers][number // workers % len(shares[number % workers])] for number in range(50)]
    assert asked == [variables.rows[number % rows] for number in range(50)]


def test_drawn_rows_are_not_shared_out() -> None:
    """Each process draws from all."""
    drawn = Variables(TWO.names, TWO.rows, Order.RANDOM)
    assert share_of_rows(drawn, 1, 2) == drawn


@given(st.text(), st.text("$ {}user%", max_size=30))
def test_pieces_put_together_are_the_text(value: str, text: str) -> None:
    """Nothing is lost of what is no variable, and a name that there is not stays as it is."""
    made = "".join(value if isinstance(each, int) else each for each in pieces(text, ["user"]))
    assert made == text.replace("$${", "\0").replace("${user}", value).replace("\0", "${")


def test_names_are_found_with_their_places() -> None:
    """So that an error can show where one is misspelt; the hint names the one that was meant."""
    request = RequestClass("a", path="/${a}", headers=(("x", "${b}"),), body=b"${c}")
    assert dict(names_of(request)) == {("path",): ["a"], ("headers", "x"): ["b"], ("body",): ["c"]}
    assert unknown("usr", TWO) == "did you mean `user`?"
    assert "`user`, `item`" in unknown("zzz", TWO)


def test_a_csv_file_is_read(tmp_path: Path) -> None:
    """Quotes, commas and line breaks in values, empty lines, and the mark that Windows begins files with."""
    file = tmp_path / "users.csv"
    file.write_bytes('\ufeffuser,item\r\nada,"a, ""b"""\r\n\r\nbob,"two\nlines"\r\n'.encode())
    assert read_rows(file) == Variables(("user", "item"), (("ada", 'a, "b"'), ("bob", "two\nlines")))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1,2\n1,2,3\n", "x.csv:3:1: ES1211 3 values, and the first line names 2 columns; put a value"),
        ('a,b\n"1\n2",3\n1\n', "x.csv:4:1: ES1211 1 values, and the first line names 2 columns"),
        ("a,a\n1,2\n", "x.csv:1:1: ES1211 two columns are named `a`"),
        ("a,b c\n1,2\n", "x.csv:1:1: ES1211 `b c` cannot name a column"),
        ("a,b\n", "there are no rows"),
        ("", "there are no rows"),
        ('a\n"x\n', "x.csv:2:1: ES1211 not CSV: "),
    ],
)
def test_what_is_no_table_is_refused(text: str, said: str) -> None:
    """With the line at which the row begins."""
    with pytest.raises(EdgesimError) as refused:
        table_of(text, "x.csv")
    assert said in str(refused.value)
    assert refused.value.exit_code == 2


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """One that is not there, and one that is not UTF-8."""
    with pytest.raises(EdgesimError, match="no such file"):
        read_rows(tmp_path / "nope.csv")
    (tmp_path / "latin.csv").write_bytes(b"a\n\xff\n")
    with pytest.raises(EdgesimError, match="not utf-8"):
        read_rows(tmp_path / "latin.csv")
