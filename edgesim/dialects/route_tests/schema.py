"""The two forms of a file of route tests: Envoy's route table check, and edgesim's own shorter one.

Envoy's is test/tools/router_check/validation.proto of its sources, documented as "Route table check
tool"; its field names may be written in camelCase too, as for every protobuf message.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from msgspec import Meta, Struct, field

from edgesim.dialects.schema.common import Duration, OneOf, Strict

Draw = int
"""Of 64 bits; msgspec bounds none so large, so what reads it does."""
Int64 = int | Annotated[str, Meta(pattern=r"\A-?[0-9]{1,20}\Z")]
"""protobuf's JSON writes numbers of 64 bits as text."""
Status = Annotated[int, Meta(ge=100, le=599)]
Name = Annotated[str, Meta(pattern=r"\S", description="a name that is not empty")]


class Snake(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A message of Envoy's, with its own field names."""

    ONE_OF: ClassVar[OneOf] = ()


# --- Envoy's form --------------------------------------------------------------------------------------


class HeaderValue(Snake, frozen=True):
    """config.core.v3.HeaderValue."""

    key: Name
    value: str = ""


class Regex(Snake, frozen=True):
    """type.matcher.v3.RegexMatcher."""

    regex: str
    google_re2: Any = None


class StringMatcher(Snake, frozen=True):
    """type.matcher.v3.StringMatcher."""

    ONE_OF = (("exact", "prefix", "suffix", "safe_regex", "contains"),)

    exact: str | None = None
    prefix: str | None = None
    suffix: str | None = None
    safe_regex: Regex | None = None
    contains: str | None = None
    ignore_case: bool = False


class Range(Snake, frozen=True):
    """type.v3.Int64Range; `end` is not inside."""

    start: Int64 = 0
    end: Int64 = 0


class HeaderMatcher(Snake, frozen=True):
    """config.route.v3.HeaderMatcher."""

    ONE_OF = (
        (
            "exact_match", "safe_regex_match", "range_match", "present_match", "prefix_match", "suffix_match",
            "contains_match", "string_match",
        ),
    )  # fmt: skip

    name: Name
    exact_match: str | None = None
    safe_regex_match: Regex | None = None
    range_match: Range | None = None
    present_match: bool | None = None
    prefix_match: str | None = None
    suffix_match: str | None = None
    contains_match: str | None = None
    string_match: StringMatcher | None = None
    invert_match: bool = False
    treat_missing_header_as_empty: bool = False


class Input(Snake, frozen=True):
    """ValidationInput."""

    authority: Name
    path: Name
    method: Name = "GET"
    random_value: Int64 = 0
    ssl: bool = False
    internal: bool = False
    runtime: str = ""
    additional_request_headers: tuple[HeaderValue, ...] = ()
    additional_response_headers: tuple[HeaderValue, ...] = ()
    dynamic_metadata: Any = None


class Validate(Snake, frozen=True):
    """ValidationAssert."""

    cluster_name: str | None = None
    virtual_cluster_name: str | None = None
    virtual_host_name: str | None = None
    host_rewrite: str | None = None
    path_rewrite: str | None = None
    path_redirect: str | None = None
    code_redirect: int | None = None
    timeout: Duration | None = None
    request_header_fields: tuple[HeaderValue, ...] = ()
    response_header_fields: tuple[HeaderValue, ...] = ()
    request_header_matches: tuple[HeaderMatcher, ...] = ()
    response_header_matches: tuple[HeaderMatcher, ...] = ()
    route_metadata: Any = None


class Item(Snake, frozen=True):
    """ValidationItem."""

    test_name: Name
    input: Input
    validate: Validate


class RouterCheck(Snake, frozen=True):
    """Validation: the whole file."""

    tests: Annotated[tuple[Item, ...], Meta(min_length=1)]


# --- edgesim's form ------------------------------------------------------------------------------------

Texts = Annotated[tuple[str, ...], Meta(min_length=1)]


class Request(Strict, frozen=True):
    """A request; each list stands for its items in turn, several for every combination."""

    scheme: Annotated[tuple[Literal["http", "https"], ...], Meta(min_length=1)] = ("http",)
    host: Texts = ("localhost:8080",)
    path: Texts = ("/",)
    method: Texts = ("GET",)
    headers: dict[str, Texts] = field(default_factory=dict)
    random: Annotated[tuple[Draw, ...], Meta(min_length=1)] | None = None
    listener: Texts = ("",)


class Expect(Strict, frozen=True):
    """What is expected of every request; a header of `null` must be absent."""

    virtual_host: Name | None = None
    route: str | None = None
    table: Name | None = None
    upstream: Name | None = None
    subset: dict[str, str] | None = None
    split: dict[str, str | int | float] | None = None
    status: Status | None = None
    body: str | None = None
    redirect: str | None = None
    rewrite: str | None = None
    host: str | None = None
    timeout: Duration | None = None
    request_headers: dict[str, str | None] = field(default_factory=dict)
    response_headers: dict[str, str | None] = field(default_factory=dict)


class ShortTest(Strict, frozen=True):
    """One test."""

    name: Name
    expect: Expect
    request: Request = Request()


class RouteTests(Strict, frozen=True):
    """The whole file."""

    routes: Annotated[tuple[ShortTest, ...], Meta(min_length=1)]
