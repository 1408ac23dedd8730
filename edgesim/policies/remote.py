"""Who the client is, and what its headers may say: Envoy's connection manager (reference, section 13.6).

Measured on Envoy 1.40:

- Without `use_remote_address` the client is the last address of `x-forwarded-for` (after as many trusted
  hops as configured), else the connection's peer; nothing is appended. With it the client is the peer, or
  the address `trusted hops - 1` places from the end; the peer is appended by a comma, and for the loopback
  address the machine's own instead.
- An address of `x-forwarded-for` is written with port 0; one with a port or brackets, and anything else
  that is no address, counts as none.
- A request is internal when `x-forwarded-for` holds a single address, or none with `use_remote_address`,
  and the client's address is one of `internal_addresses`; by default no address is (since Envoy 1.33).
  Only internal requests may use the `x-envoy-*` headers that change timeouts and retries: from all others
  they are removed, whether or not `use_remote_address` is set.
- An edge request (`use_remote_address`, not internal) also loses what a proxy before it could have said,
  gets a new request id (unless `preserve_external_request_id`), and `x-envoy-external-address`.
- `x-forwarded-proto` is overwritten with `use_remote_address` and no trusted hops, else set if absent.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from edgesim.model import RequestHead
from edgesim.model.listener import ListenerOptions
from edgesim.policies.lines import line

Fields = list[tuple[bytes, bytes]]

_NEVER_FORWARDED = frozenset((b"x-envoy-internal", b"x-forwarded-client-cert"))

INTERNAL_ONLY = frozenset(
    b"x-envoy-" + name
    for name in (
        b"expected-rq-timeout-ms",
        b"force-trace",
        b"hedge-on-per-try-timeout",
        b"ip-tags",
        b"max-retries",
        b"original-url",
        b"retriable-header-names",
        b"retriable-status-codes",
        b"retry-grpc-on",
        b"retry-on",
        b"upstream-alt-stat-name",
        b"upstream-rq-per-try-timeout-ms",
        b"upstream-rq-timeout-alt-response",
        b"upstream-rq-timeout-ms",
        b"upstream-stream-duration-ms",
    )
)
"""Request headers that only internal requests keep."""

_NOT_FROM_THE_EDGE = frozenset((
    b"x-envoy-decorator-operation",
    b"x-envoy-downstream-service-cluster",
    b"x-envoy-downstream-service-node",
    b"x-envoy-external-address",
    b"x-envoy-original-host",
    b"x-envoy-original-path",
))  # fmt: skip

_DROPS_INTERNAL = _NEVER_FORWARDED
_DROPS_EXTERNAL = _NEVER_FORWARDED | INTERNAL_ONLY
_DROPS_EDGE = _DROPS_EXTERNAL | _NOT_FROM_THE_EDGE
NOT_EVERYBODYS = _DROPS_EDGE
"""Request headers that are taken away, or not, by who sent them."""

Address = IPv4Address | IPv6Address
_LOOPBACK = (b"127.0.0.1", b"::1")


@dataclass(frozen=True, slots=True)
class RemoteRules:
    """A listener's rules, compiled; `own_address` is the machine's, written instead of a loopback peer."""

    use_remote_address: bool
    trusted_hops: int
    append: bool
    own_address: bytes
    internal: tuple[IPv4Network | IPv6Network, ...]
    new_id_at_edge: bool
    generate_id: bool


@dataclass(frozen=True, slots=True)
class Client:
    """Who sent a request, and what follows.

    `address` is `ip:port`, `ip` without port. Only where `internal` may the request's `x-envoy-*` headers
    be asked (retries.py). `drops` are headers not to forward; `forwarded_for` is the value to forward, None
    to leave it; `sets_proto` says that the scheme replaces `x-forwarded-proto` even if it is there;
    `new_id` that the request id is replaced, or made where there is none only.
    """

    address: bytes
    ip: bytes
    internal: bool
    edge: bool
    drops: frozenset[bytes]
    forwarded_for: bytes | None
    sets_proto: bool
    new_id: bool


def compile_remote(options: ListenerOptions, own_address: bytes = b"") -> RemoteRules:
    """Return a listener's rules. Raises ValueError for an internal address that is no CIDR range."""
    return RemoteRules(
        use_remote_address=options.use_remote_address,
        trusted_hops=options.xff_trusted_hops,
        append=options.use_remote_address and not options.skip_xff_append,
        own_address=own_address,
        internal=tuple(ip_network(text, strict=False) for text in options.internal_addresses),
        new_id_at_edge=options.generate_request_id and not options.preserve_external_request_id,
        generate_id=options.generate_request_id,
    )


def identify(rules: RemoteRules, head: RequestHead, peer: bytes) -> Client:
    """Return the client of a request whose connection comes from `peer` (`ip:port`).

    Without `x-forwarded-for` the result depends on the peer alone, so a connection may keep it.
    """
    sent = line(head, b"x-forwarded-for") if b"x-forwarded-for" in head.headers else None
    address = _forwarded(sent, _hops(rules)) if sent else None
    single = sent is None if rules.use_remote_address else _is_single(sent, rules.trusted_hops)
    peer_ip = peer.rpartition(b":")[0].strip(b"[]")
    if rules.use_remote_address and address is None:
        address, written = _parse(peer_ip), peer
    else:
        written = peer if address is None else _with_port(address)
    internal = single and address is not None and any(address in network for network in rules.internal)
    edge = rules.use_remote_address and not internal
    return Client(
        address=written,
        ip=peer_ip if written is peer else str(address).encode(),
        internal=internal,
        edge=edge,
        drops=_DROPS_INTERNAL if internal else _DROPS_EDGE if edge else _DROPS_EXTERNAL,
        forwarded_for=_appended(rules, sent, peer_ip) if rules.append else None,
        sets_proto=rules.use_remote_address and not rules.trusted_hops,
        new_id=edge and rules.new_id_at_edge,
    )


def fields_to_set(client: Client, head: RequestHead, scheme: bytes) -> Fields:
    """Return the fields to forward in place of what the client sent under these names."""
    fields: Fields = []
    if client.sets_proto or b"x-forwarded-proto" not in head.headers:
        fields.append((b"x-forwarded-proto", scheme))
    if client.forwarded_for is not None:
        fields.append((b"x-forwarded-for", client.forwarded_for))
    if client.internal:
        fields.append((b"x-envoy-internal", b"true"))
    elif client.edge:
        fields.append((b"x-envoy-external-address", client.ip))
    return fields


def needs_request_id(rules: RemoteRules, client: Client, head: RequestHead) -> bool:
    """Say whether a request gets a new `x-request-id`, in place of one it may have brought."""
    return rules.generate_id and (client.new_id or b"x-request-id" not in head.headers)


def seen_by_routes(client: Client, head: RequestHead, scheme: bytes, request_id: bytes | None = None) -> RequestHead:
    """Return a head as routes see it: with the fields made for it, without those its client may not send."""
    made = dict(fields_to_set(client, head, scheme))
    if request_id is not None:
        made[b"x-request-id"] = request_id
    headers = {name: value for name, value in head.headers.items() if name not in client.drops} | made
    repeated = head.repeated and {name: lines for name, lines in head.repeated.items() if name not in made}
    return RequestHead(head.method, head.authority, head.path, head.query, headers, repeated or None)


def _hops(rules: RemoteRules) -> int | None:
    """Return how many addresses to skip from the end of x-forwarded-for, None to take none of them."""
    if not rules.use_remote_address:
        return rules.trusted_hops
    return rules.trusted_hops - 1 if rules.trusted_hops else None


def _forwarded(sent: bytes, hops: int | None) -> Address | None:
    if hops is None:
        return None
    addresses = sent.split(b",")
    return _parse(addresses[-1 - hops].strip()) if hops < len(addresses) else None


def _is_single(sent: bytes | None, hops: int) -> bool:
    return sent is not None and not hops and b"," not in sent


def _parse(text: bytes) -> Address | None:
    try:
        return ip_address(text.decode("latin-1"))
    except ValueError:
        return None


def _with_port(address: Address) -> bytes:
    return f"[{address}]:0".encode() if address.version == 6 else f"{address}:0".encode()


def _appended(rules: RemoteRules, sent: bytes | None, peer_ip: bytes) -> bytes:
    own = rules.own_address if rules.own_address and peer_ip in _LOOPBACK else peer_ip
    return sent + b"," + own if sent else own
