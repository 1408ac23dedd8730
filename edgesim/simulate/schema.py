"""The fields of a file that describes a population."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta, field

from edgesim.dialects.schema.common import Duration, OneOf, Strict

Weight = str | int | float
"""How often one value is sent among the others: a number, or a share as `5%`."""
Share = str | int | float
"""A share of all: `5%`, `1/20` or `0.05`."""
Token = Annotated[
    str, Meta(pattern=r"^[-!#$%&'*+.^_`|~0-9A-Za-z]+\Z", description="a word of letters, digits and -!#$%&'*+.^_`|~")
]


class Users(Strict, frozen=True):
    """Those who send."""

    ONE_OF: ClassVar[OneOf] = (("cookie", "header"),)

    count: Annotated[int, Meta(ge=1, le=50_000_000)]
    activity: str = "equal"
    """`equal`, or `zipf` with an exponent (`zipf 1.1`)."""
    cookie: Token = ""
    header: Token = ""


class Latency(Strict, frozen=True):
    """A constant, a lognormal distribution, or what a run measured."""

    ONE_OF: ClassVar[OneOf] = (
        ("constant", "median", "from"),
        ("constant", "p99", "from"),
        ("constant", "median", "destination"),
    )

    constant: Duration | None = None
    median: Duration | None = None
    p99: Duration | None = None
    from_: str | None = field(default=None, name="from")
    destination: str | None = None


class Version(Strict, frozen=True):
    """How one version answers."""

    latency: Latency | None = None
    errors: Share | None = None


class Population(Strict, frozen=True):
    """The whole file."""

    hosts: dict[str, Weight] = field(default_factory=dict)
    paths: dict[str, Weight] = field(default_factory=dict)
    methods: dict[str, Weight] = field(default_factory=dict)
    headers: dict[str, dict[str, Share]] = field(default_factory=dict)
    query: dict[str, dict[str, Share]] = field(default_factory=dict)
    users: Users | None = None
    rate: float | None = None
    versions: dict[str, Version] = field(default_factory=dict)
