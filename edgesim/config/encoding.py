"""How pieces of the model and resources are written to disk, and read back exactly. Pure.

Pieces are pickles, since only those keep every type and are quick enough for 25,000 of them; they are read
by an unpickler that knows the dataclasses and enumerations of `edgesim.model` and nothing else, so that a
file nobody should have touched can at worst be a wrong model. Resources are plain data, as MessagePack.
"""

from __future__ import annotations

import copyreg
import dataclasses
import hashlib
import importlib
import io
import pickle
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final, TypeVar

import msgspec

from edgesim import model
from edgesim.model import Model, ResourceKey

_PACKAGE: Final = model.__name__
_PROTOCOL: Final = 5

# What the pickle module's documentation says unpickling bad data may raise, "and not limited to" those.
_BROKEN: Final = (pickle.UnpicklingError, ArithmeticError, LookupError, AttributeError, EOFError, ImportError)
_BROKEN_TOO: Final = (TypeError, ValueError, MemoryError, RecursionError)

T = TypeVar("T")


class DamagedError(Exception):
    """What is on disk is not what was written there."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the store knows of an object that its manifest does not say."""

    uid: str
    created: datetime
    generation: int
    managed: tuple[dict[str, Any], ...]
    deleting: datetime | None


@dataclass(frozen=True, slots=True)
class StoredResource:
    """A resource as it is kept: what it declares, where it was written, and by whom.

    `over` is, of one written through the API, a digest of what a file declared under the same name then, and `known`
    what the store knows of it.
    """

    kind: str
    api_version: str
    namespace: str
    name: str
    manifest: dict[str, Any]
    file: str
    line: int
    writer: str
    over: str = ""
    known: Known | None = None

    @property
    def key(self) -> ResourceKey:
        """Return the identity of the resource."""
        return ResourceKey(self.kind, self.namespace, self.name)

    @property
    def label(self) -> str:
        """Return the text of the key, which is all that a change asks of 25,000 of them."""
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


def pack(piece: Any) -> bytes:
    """Write a piece of the model."""
    packed = io.BytesIO()
    pickler = pickle.Pickler(packed, _PROTOCOL)
    pickler.dispatch_table = _reducers()
    pickler.dump(piece)
    return packed.getvalue()


@lru_cache(maxsize=1)
def _reducers() -> dict[type[Any], Callable[[Any], tuple[Any, ...]]]:
    """Return what writes dataclasses as they write themselves, which takes them more than twice as long."""
    return {kind: _reducer(kind) for kind in _kinds() if dataclasses.is_dataclass(kind)}


def _reducer(kind: type[Any]) -> Callable[[Any], tuple[Any, ...]]:
    names = [field.name for field in dataclasses.fields(kind)]
    new = (kind,)
    if len(names) < 2:
        return lambda made: (copyreg.__newobj__, new, [getattr(made, name) for name in names])  # type: ignore[attr-defined]
    read = attrgetter(*names)
    return lambda made: (copyreg.__newobj__, new, [*read(made)])  # type: ignore[attr-defined]


def unpack(data: bytes, kind: type[T]) -> T:
    """Read a piece of the model. Raises DamagedError."""
    try:
        found = _Unpickler(io.BytesIO(data)).load()
    except (*_BROKEN, *_BROKEN_TOO) as error:
        raise DamagedError(f"no piece of a model: {error}") from None
    if not isinstance(found, kind):
        raise DamagedError(f"a {type(found).__name__} where a {kind.__name__} belongs")
    return found


class _Unpickler(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str) -> Any:
        """Return a dataclass or an enumeration of the model; nothing else may be named."""
        if module_name == _PACKAGE or module_name.startswith(f"{_PACKAGE}."):
            found = getattr(importlib.import_module(module_name), global_name, None)
            if isinstance(found, type) and (dataclasses.is_dataclass(found) or issubclass(found, Enum)):
                return found
        if (module_name, global_name) == ("builtins", "getattr"):
            return _member
        raise pickle.UnpicklingError(f"{module_name}.{global_name} is not of the model")


def _member(kind: object, name: str) -> Enum:
    """Return a member of an enumeration, which Python 3.11.2 (Debian 12) writes as an attribute of its class."""
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind[name]
    raise pickle.UnpicklingError(f"{kind!r}.{name} is not of the model")


def pack_resource(resource: StoredResource) -> bytes:
    """Write a resource."""
    return msgspec.msgpack.encode(resource)


def unpack_resource(data: bytes) -> StoredResource:
    """Read a resource. Raises DamagedError."""
    try:
        return msgspec.msgpack.decode(data, type=StoredResource)
    except msgspec.MsgspecError as error:
        raise DamagedError(f"no resource: {error}") from None


def digest(*parts: bytes) -> bytes:
    """Return the checksum of a row."""
    found = hashlib.blake2b(digest_size=8)
    for part in parts:
        found.update(len(part).to_bytes(8, "big") + part)
    return found.digest()


def digest_of(manifest: Mapping[str, Any]) -> str:
    """Return a digest of what a manifest declares, whatever the order of its keys."""
    return digest(msgspec.msgpack.encode(manifest, order="deterministic")).hex()


def shape() -> str:
    """Return a digest of the model's classes: pieces written by other ones cannot be read."""
    lines = sorted(f"{each.__module__}.{each.__qualname__}: {_members(each)}" for each in _kinds())
    return digest("\n".join(lines).encode()).hex()


def _kinds() -> set[type[Any]]:
    """Return every class of the model."""
    modules = [found for name, found in sorted(sys.modules.items()) if name.startswith(f"{_PACKAGE}.")]
    return {Model, *(found for module in modules for found in vars(module).values() if _is_of_model(found))}


def _is_of_model(found: Any) -> bool:
    if not isinstance(found, type) or not found.__module__.startswith(_PACKAGE) or ".codes" in found.__module__:
        return False
    return dataclasses.is_dataclass(found) or issubclass(found, Enum)


def _members(kind: type[Any]) -> str:
    if dataclasses.is_dataclass(kind):
        return ", ".join(f"{field.name} {field.type}" for field in dataclasses.fields(kind))
    return ", ".join(f"{each.name} {each.value!r}" for each in kind)
