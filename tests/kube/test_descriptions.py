from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest
from msgspec import inspect

from edgesim.dialects.kinds import KINDS
from edgesim.kube.descriptions import _FIELDS, NO_EFFECT, NOT_SERVED, describe_field, describe_kind, describe_struct
from edgesim.kube.openapi_schemas import _inside


def fields(schema: type[msgspec.Struct]) -> Iterator[tuple[type[msgspec.Struct], str]]:
    whole = inspect.type_info(schema)
    assert isinstance(whole, inspect.StructType)
    for struct in _inside(whole):
        for field in struct.fields:
            yield struct.cls, field.encode_name


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.plural)
def test_every_field_is_described(kind: object) -> None:
    """Whatever a user can write has a sentence, down to the last option of Gloo's kinds."""
    schema = next(each.schema for each in KINDS if each is kind)
    silent = [f"{owner.__name__}.{name}" for owner, name in fields(schema) if not describe_field(owner, name, {})]
    assert silent == []


def test_no_description_is_of_a_field_that_is_gone() -> None:
    """The tables follow the schemas: a field that was renamed leaves no sentence behind."""
    for owner, described in _FIELDS.items():
        known = {field.encode_name for field in inspect.type_info(owner).fields}  # type: ignore[attr-defined]
        assert set(described) <= known, owner


def test_descriptions_are_sentences_of_one_line() -> None:
    """Each begins with a capital letter or a name, ends with a full stop, and fits the table of `explain`."""
    for owner, described in _FIELDS.items():
        for name, said in described.items():
            assert said.endswith("."), (owner, name)
            assert "\n" not in said


def test_what_has_no_effect_here_says_so() -> None:
    """A field that edgesim only reads, or does not serve, is described as that."""
    owner = next(each for each in _FIELDS if each.__name__ == "RouteOptions")
    assert describe_field(owner, "tracing", {"simulated": False}).endswith(NO_EFFECT)
    assert describe_field(owner, "tracing", {"served": False}).endswith(NOT_SERVED)
    assert describe_field(owner, "no such field", {"simulated": False}) == NO_EFFECT
    assert describe_field(owner, "no such field", {}) == ""


def test_options_that_levels_share_are_described_at_each() -> None:
    """A field of a base has its sentence in what extends it."""
    owner = next(each for each in _FIELDS if each.__name__ == "RouteOptions")
    assert describe_field(owner, "retries", {}).startswith("When a request is tried again")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.plural)
def test_every_kind_says_what_it_is_for(kind: object) -> None:
    """A kind that nothing acts by says that, and the others what they are."""
    found = next(each for each in KINDS if each is kind)
    assert describe_kind(found).endswith(".")
    assert ("nothing acts by it" in describe_kind(found)) is not found.simulated


def test_our_own_references_are_not_shown() -> None:
    """The section numbers in docstrings are for us."""
    for kind in KINDS:
        assert not [owner for owner, _ in fields(kind.schema) if "section" in describe_struct(owner)]
