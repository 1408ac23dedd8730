"""Hash policies as Envoy computes them, so that a user lands where Envoy would put them (reference, section 6.4).

Measured on Envoy 1.40: values are hashed by xxHash64 with seed 0; several lines of one header are sorted and
chained, each seeded with the hash before (but for those Envoy keeps as one line); hashes combine as
`rotate_left(hash, 1) ^ next`; a terminal policy ends as soon as there is a hash, even one made before it. A cookie's
value loses a pair of quotes, an empty one counts as none; a generated one is the hash of the connection's two
addresses in hexadecimal, the same for every request of a connection.

`weighted_clusters.use_hash_policy` exists since Envoy 1.36 and takes `hash % total` as the draw of the
weighted choice. There Envoy does not count a cookie that it is only about to generate: the request without
a cookie may go to another arm than those that follow. Here the generated cookie counts from the first
request on. As the arms are intervals of one line, weight that moves between neighbours (so with any two
arms) moves no other user.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from xxhash import xxh64_intdigest

from edgesim.model import JOINED_IN_REQUESTS, RequestHead
from edgesim.model.policies import HashKind, HashPolicy

_MASK = 2**64 - 1


@dataclass(frozen=True, slots=True)
class Connection:
    """What is hashed of a connection: the client's address without port, and both ends as `ip:port`."""

    source_ip: bytes
    remote: bytes
    local: bytes


@dataclass(frozen=True, slots=True)
class Hashed:
    """A request's hash, None if nothing could be hashed, and the values of `Set-Cookie` to answer with."""

    value: int | None
    cookies: tuple[bytes, ...] = ()


NOT_HASHED = Hashed(None)

Method = Callable[[RequestHead, Connection], int | None]


@dataclass(frozen=True, slots=True)
class HashStep:
    """One policy, compiled. `cookie` makes the `Set-Cookie` value around a generated value, None if none is."""

    method: Method
    terminal: bool
    cookie: Callable[[bytes], bytes] | None = None


def compile_hash(policies: tuple[HashPolicy, ...]) -> tuple[HashStep, ...]:
    """Return a route's policies, ready to run."""
    return tuple(HashStep(_method(policy), policy.terminal, _generated(policy)) for policy in policies)


def hash_request(steps: tuple[HashStep, ...], head: RequestHead, connection: Connection) -> Hashed:
    """Return the hash of a request: for a sticky split as it came, for an endpoint as it is forwarded."""
    value: int | None = None
    cookies: list[bytes] = []
    for step in steps:
        found = step.method(head, connection)
        if found is None and step.cookie is not None:
            made = b"%016x" % xxh64_intdigest(connection.remote + connection.local)
            cookies.append(step.cookie(made))
            found = xxh64_intdigest(made)
        if found is not None:
            value = found if value is None else (value << 1 & _MASK | value >> 63) ^ found
        if step.terminal and value is not None:
            break
    return NOT_HASHED if value is None else Hashed(value, tuple(cookies))


def arm_draw(hashed: Hashed, random: int) -> int:
    """Return the draw of a sticky weighted choice: the hash, or the random one where nothing was hashed."""
    return random if hashed.value is None else hashed.value


def _method(policy: HashPolicy) -> Method:
    if policy.kind is HashKind.SOURCE_IP:
        return _source_ip
    name = policy.name.encode()
    if policy.kind is HashKind.COOKIE:
        return lambda head, _connection: _digest(cookie_value(head, name) or None)
    return _PSEUDO.get(name.lower()) or _header(name.lower())


def _source_ip(_head: RequestHead, connection: Connection) -> int | None:
    return _digest(connection.source_ip or None)


def _digest(value: bytes | None) -> int | None:
    return None if value is None else xxh64_intdigest(value)


def _header(name: bytes) -> Method:
    def method(head: RequestHead, _connection: Connection) -> int | None:
        if not head.repeated or name not in head.repeated:
            return _digest(head.headers.get(name))
        if name in JOINED_IN_REQUESTS:
            return _digest(b",".join(head.repeated[name]))
        digest = 0
        for value in sorted(head.repeated[name]):
            digest = xxh64_intdigest(value, digest)
        return digest

    return method


def _path(head: RequestHead, _connection: Connection) -> int | None:
    return _digest(head.path if head.query is None else head.path + b"?" + head.query)


def _authority(head: RequestHead, _connection: Connection) -> int | None:
    return _digest(head.authority)


_PSEUDO: dict[bytes, Method] = {
    b":authority": _authority,
    b"host": _authority,
    b":path": _path,
    b":method": lambda head, _connection: _digest(head.method),
}


# --- cookies -----------------------------------------------------------------------------------------


def cookie_value(head: RequestHead, name: bytes) -> bytes:
    """Return the value of the first cookie of that name, empty if there is none."""
    line = head.headers.get(b"cookie")
    if line is None:
        return b""
    lines = head.repeated[b"cookie"] if head.repeated and b"cookie" in head.repeated else (line,)
    for cookie in b";".join(lines).split(b";"):
        key, equals, value = cookie.lstrip(b" \t").partition(b"=")
        if key == name and equals:
            return value[1:-1] if len(value) > 1 and value[:1] == value[-1:] == b'"' else value
    return b""


def _generated(policy: HashPolicy) -> Callable[[bytes], bytes] | None:
    """Return what writes `Set-Cookie` with Envoy's attributes, None where no cookie is generated."""
    if policy.kind is not HashKind.COOKIE or policy.ttl is None:
        return None
    seconds = int(policy.ttl)
    age = f"; Max-Age={seconds}" if seconds else ""
    path = f"; Path={policy.path}" if policy.path else ""
    prefix, suffix = f'{policy.name}="'.encode(), f'"{age}{path}; HttpOnly'.encode()
    return lambda value: prefix + value + suffix
