"""Forms of names, keys and values, in the words of `k8s.io/apimachinery/pkg/util/validation` (v1.33)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

NameRule = Callable[[str], list[str]]
"""Says everything that is wrong with a name."""

_LONGEST: Final = 10_000
"""Characters that are looked at: no name is nearly as long."""
_LABEL: Final = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN: Final = rf"{_LABEL}(\.{_LABEL})*"
_LABEL_1035: Final = "[a-z]([-a-z0-9]*[a-z0-9])?"
_QUALIFIED: Final = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_CONFIG_KEY: Final = "[-._a-zA-Z0-9]+"
_PERCENT: Final = "[0-9]+%"
_SUBDOMAIN_WORDS: Final = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', "
    "and must start and end with an alphanumeric character"
)
_LABEL_WORDS: Final = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "
    "and must start and end with an alphanumeric character"
)
_LABEL_1035_WORDS: Final = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', "
    "start with an alphabetic character, and end with an alphanumeric character"
)
_QUALIFIED_WORDS: Final = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
)
_VALUE_WORDS: Final = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', "
    "and must start and end with an alphanumeric character"
)


def subdomain(name: str) -> list[str]:
    """Check a name of most objects."""
    return _too_long(name, 253) + _unlike(name, _SUBDOMAIN, _SUBDOMAIN_WORDS, "example.com")


def label(name: str) -> list[str]:
    """Check a name of a namespace, a container or a port."""
    if not _is(name, _LABEL) and _is(name, _SUBDOMAIN):
        return [*_too_long(name, 63), "must not contain dots"]
    return _too_long(name, 63) + _unlike(name, _LABEL, _LABEL_WORDS, "my-name", "123-abc")


def label_1035(name: str) -> list[str]:
    """Check a name of a Service."""
    return _too_long(name, 63) + _unlike(name, _LABEL_1035, _LABEL_1035_WORDS, "my-name", "abc-123")


def path_segment(name: str) -> list[str]:
    """Check a name of a Role or binding."""
    if name in {".", ".."}:
        return [f"may not be '{name}'"]
    return [f"may not contain '{character}'" for character in "/%" if character in name]


def qualified(key: str) -> list[str]:
    """Check the key of a label or annotation: a name, perhaps with a domain before it."""
    parts = key.split("/")
    if len(parts) > 2:
        form = _example(f"a qualified name {_QUALIFIED_WORDS}", _QUALIFIED, "MyName", "my.name", "123-abc")
        return [f"{form} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"]
    said: list[str] = []
    if len(parts) == 2:
        said = [f"prefix part {each}" for each in ([_empty()] if not parts[0] else subdomain(parts[0]))]
    name = parts[-1]
    if not name:
        return [*said, f"name part {_empty()}"]
    wrong = _too_long(name, 63) + _unlike(name, _QUALIFIED, _QUALIFIED_WORDS, "MyName", "my.name", "123-abc")
    return said + [f"name part {each}" for each in wrong]


def label_value(value: str) -> list[str]:
    """Check the value of a label."""
    return _too_long(value, 63) + _unlike(value, f"({_QUALIFIED})?", _VALUE_WORDS, "MyValue", "my_value", "12345")


def config_key(key: str) -> list[str]:
    """Check a key of a ConfigMap or Secret."""
    words = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
    wrong = _too_long(key, 253) + _unlike(key, _CONFIG_KEY, words, "key.name", "KEY_NAME", "key-name")
    if key == ".":
        return [*wrong, "must not be '.'"]
    if key == "..":
        return [*wrong, "must not be '..'"]
    return [*wrong, "must not start with '..'"] if key.startswith("..") else wrong


def port_name(name: str) -> list[str]:
    """Check the name of a container's port, or of one that a Service targets."""
    wrong = _too_long(name, 15)
    if not _is(name, "[-a-z0-9]+"):
        wrong.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if re.search("[a-z]", name) is None:
        wrong.append("must contain at least one letter (a-z)")
    if "--" in name:
        wrong.append("must not contain consecutive hyphens")
    if name.startswith("-") or name.endswith("-"):
        wrong.append("must not begin or end with a hyphen")
    return wrong


def port_number(number: int) -> list[str]:
    """Check the number of a port."""
    return [] if 1 <= number <= 65535 else ["must be between 1 and 65535, inclusive"]


def percent(text: str) -> list[str]:
    """Check a share such as `25%`."""
    words = "a valid percent string must be a numeric string followed by an ending '%'"
    return _unlike(text, _PERCENT, words, "1%", "93%")


def _is(text: str, pattern: str) -> bool:
    return len(text) <= _LONGEST and re.fullmatch(pattern, text) is not None


def _empty() -> str:
    return "must be non-empty"


def _too_long(text: str, most: int) -> list[str]:
    return [f"must be no more than {most} bytes"] if len(text.encode()) > most else []


def _unlike(text: str, pattern: str, words: str, *examples: str) -> list[str]:
    return [] if _is(text, pattern) else [_example(words, pattern, *examples)]


def _example(words: str, pattern: str, *examples: str) -> str:
    listed = " or ".join(f"'{each}', " for each in examples)
    return f"{words} (e.g. {listed}regex used for validation is '{pattern}')"
