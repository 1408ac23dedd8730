"""Label selectors and field selectors of lists and watches, with Kubernetes' error texts (apimachinery, `pkg/labels`)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from edgesim.kube.field_selectors import parse_fields

__all__ = ["Matches", "Requirement", "parse_fields", "parse_labels"]

Matches = Callable[[Mapping[str, str]], bool]

_SPECIAL = "=!(),<>"
_TOKEN = re.compile(r"\s*(==|!=|[=!(),<>]|[^\s=!(),<>]+)")
_OPERATORS: Final = {"in": "in", "notin": "notin", "=": "=", "==": "=", "!=": "!=", ">": ">", "<": "<"}
_EXPECTED_OPERATORS = "in, notin, =, ==, !=, gt, lt"

_NAME = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]\Z")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\Z")
_INTEGER = re.compile(r"[-+]?[0-9]{1,19}\Z")


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition on a label; `operator` is one of `in notin = != > < exists !`."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Tell whether labels fulfil it; a label that is absent is unequal to everything."""
        value = labels.get(self.key)
        match self.operator:
            case "exists":
                return value is not None
            case "!":
                return value is None
            case "!=" | "notin":
                return value not in self.values
            case ">" | "<":
                return self._compares(value)
            case _:
                return value in self.values

    def _compares(self, value: str | None) -> bool:
        if value is None or not _INTEGER.match(value):
            return False
        bound = int(self.values[0])
        return int(value) > bound if self.operator == ">" else int(value) < bound


def parse_labels(text: str) -> Matches:
    """Return what a `labelSelector` selects, asked with an object's labels. Raises ValueError in Kubernetes' words."""
    requirements = tuple(_requirements(_Tokens(text)))
    return lambda labels: all(requirement.holds(labels) for requirement in requirements)


class _Tokens:
    """The words of a selector; at the end stands the empty one."""

    def __init__(self, text: str) -> None:
        self._words: list[str] = [*_TOKEN.findall(text), ""]
        self._place = 0

    @property
    def next(self) -> str:
        return self._words[self._place]

    def take(self) -> str:
        word = self.next
        self._place = min(self._place + 1, len(self._words) - 1)
        return word


def _is_identifier(word: str) -> bool:
    return bool(word) and word[0] not in _SPECIAL


def _requirements(tokens: _Tokens) -> Iterator[Requirement]:
    if tokens.next and tokens.next != "!" and not _is_identifier(tokens.next):
        raise ValueError(f"found '{tokens.next}', expected: !, identifier, or 'end of string'")
    while tokens.next:
        try:
            requirement = _requirement(tokens)
        except ValueError as error:
            raise ValueError(f"unable to parse requirement: {error}") from None
        yield requirement
        between = tokens.take()
        if between not in {"", ","}:
            raise ValueError(f"found '{between}', expected: ',' or 'end of string'")
        if between == "," and tokens.next != "!" and not _is_identifier(tokens.next):
            raise ValueError(f"found '{tokens.next}', expected: identifier after ','")


def _requirement(tokens: _Tokens) -> Requirement:
    absent = tokens.next == "!"
    if absent:
        tokens.take()
    key = tokens.take()
    if not _is_identifier(key):
        raise ValueError(f"found '{key}', expected: identifier")
    _check_key(key)
    if absent or tokens.next in {"", ","}:
        return Requirement(key, "!" if absent else "exists")
    operator = _operator(tokens.take())
    values = _several(tokens) if operator in {"in", "notin"} else _one(tokens)
    _check_values(key, operator, values)
    return Requirement(key, operator, values)


def _operator(word: str) -> str:
    if word not in _OPERATORS:
        raise ValueError(f"found '{word}', expected: {_EXPECTED_OPERATORS}")
    return _OPERATORS[word]


def _one(tokens: _Tokens) -> tuple[str, ...]:
    """Take the value after an operator; nothing is the empty value."""
    if tokens.next in {"", ","}:
        return ("",)
    value = tokens.take()
    if not _is_identifier(value):
        raise ValueError(f"found '{value}', expected: identifier")
    return (value,)


def _several(tokens: _Tokens) -> tuple[str, ...]:
    """Take the values in brackets; between two commas stands the empty value."""
    if (opening := tokens.take()) != "(":
        raise ValueError(f"found '{opening}', expected: '('")
    if tokens.next not in {")", ","} and not _is_identifier(tokens.next):
        raise ValueError(f"found '{tokens.next}', expected: ',', ')' or identifier")
    if tokens.next == ")":
        tokens.take()
        return ()
    values = [_member(tokens)]
    while tokens.next == ",":
        tokens.take()
        values.append(_member(tokens))
    if (closing := tokens.take()) != ")":
        raise ValueError(f"found '{closing}', expected: ',' or ')'")
    return tuple(dict.fromkeys(values))


def _member(tokens: _Tokens) -> str:
    return tokens.take() if _is_identifier(tokens.next) else ""


def _check_key(key: str) -> None:
    prefix, slash, name = key.rpartition("/")
    if slash and not prefix:
        raise ValueError(_invalid("key", key, "prefix part must be non-empty"))
    if slash and ("/" in prefix or not _SUBDOMAIN.match(prefix) or len(prefix) > 253):
        raise ValueError(_invalid("key", key, _SUBDOMAIN_RULE))
    if not name:
        raise ValueError(_invalid("key", key, "name part must be non-empty"))
    if len(name) > 63:
        raise ValueError(_invalid("key", key, "name part must be no more than 63 characters"))
    if not _NAME.match(name):
        raise ValueError(_invalid("key", key, _NAME_RULE))


_NAME_RULE = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
_SUBDOMAIN_RULE = (
    "prefix part a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and "
    "must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    r"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
_VALUE_RULE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)


def _invalid(field: str, value: str, rule: str) -> str:
    return f'{field}: Invalid value: "{value}": {rule}'


def _check_values(key: str, operator: str, values: Sequence[str]) -> None:
    if not values:
        raise ValueError("values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty")
    if operator in {">", "<"} and not _INTEGER.match(values[0]):
        raise ValueError(_invalid("values[0]", values[0], "for 'Gt', 'Lt' operators, the value must be an integer"))
    for place, value in enumerate(values):
        if len(value) > 63:
            rule = "must be no more than 63 characters"
        elif value and not _NAME.match(value):
            rule = _VALUE_RULE
        else:
            continue
        raise ValueError(_invalid(f"values[{place}][{key}]", value, rule))
