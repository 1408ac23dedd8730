"""The model as bytes for workers: pickles, made several times faster than dataclasses make them of themselves.

Every dataclass of the model becomes a call of its class with its fields. Where a thing came from stays in
the parent, which answers all questions about that; so origins are left out.
"""

from __future__ import annotations

import dataclasses
import io
import pickle
from collections.abc import Callable
from operator import attrgetter
from typing import Any

from edgesim.model import NO_MUTATIONS, NO_POLICIES, clusters, health, listener, policies, routes

_MODULES = (clusters, health, listener, policies, routes)
_LEFT_OUT = frozenset(("origin", "inherited"))
Reduced = str | tuple[Any, ...]


def _classes() -> list[type]:
    found = (each for module in _MODULES for each in vars(module).values())
    return [each for each in found if isinstance(each, type) and dataclasses.is_dataclass(each)]


def _reducer(cls: type) -> Callable[[Any], Reduced]:
    """Return what tells pickle how to make an object of this class again."""
    names = [field.name for field in dataclasses.fields(cls)]
    read = attrgetter(*names)
    if len(names) == 1:
        return lambda made: (cls, (read(made),))
    if _LEFT_OUT.isdisjoint(names):
        return lambda made: (cls, read(made))
    kept = [() if name in _LEFT_OUT else None for name in names]
    wanted = [at for at, name in enumerate(names) if name not in _LEFT_OUT]
    read_wanted = attrgetter(*(names[at] for at in wanted))

    def reduce(made: Any) -> Reduced:
        values: list[Any] = list(kept)
        for at, value in zip(wanted, read_wanted(made), strict=True):
            values[at] = value
        return cls, tuple(values)

    return reduce


_REDUCERS: dict[type, Callable[[Any], Reduced]] = {cls: _reducer(cls) for cls in _classes()}
_SHARED = {id(NO_POLICIES): "NO_POLICIES", id(NO_MUTATIONS): "NO_MUTATIONS"}
"""What most routes have: the same object in every process."""


def _or_shared(reduce: Callable[[Any], Reduced]) -> Callable[[Any], Reduced]:
    return lambda made: (_shared, (name,)) if (name := _SHARED.get(id(made))) is not None else reduce(made)


def _shared(name: str) -> Any:
    return NO_POLICIES if name == "NO_POLICIES" else NO_MUTATIONS


for _cls in (policies.Policies, routes.HeaderMutations):
    _REDUCERS[_cls] = _or_shared(_REDUCERS[_cls])


def pack(value: object) -> bytes:
    """Return a value as bytes."""
    packed = io.BytesIO()
    pickler = pickle.Pickler(packed, protocol=5)
    pickler.dispatch_table = _REDUCERS
    pickler.dump(value)
    return packed.getvalue()


def unpack(data: bytes) -> Any:
    """Return the value of `pack`."""
    return pickle.loads(data)  # noqa: S301  # both ends of a channel are this program
