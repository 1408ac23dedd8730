"""The listener: Envoy's HTTP connection manager settings and TLS contexts.

Defaults are those Gloo sends to Envoy or, where Gloo sends none, Envoy's (reference, sections 2.3, 11,
13.6). Durations are in seconds, 0 switching a timeout off.
"""

from __future__ import annotations

from dataclasses import dataclass

from edgesim.model.policies import Csrf, LocalRateLimit
from edgesim.model.problems import Origin


@dataclass(frozen=True, slots=True)
class ListenerOptions:
    """How requests are taken from clients, whatever their route.

    `use_remote_address` makes edgesim an edge proxy: it appends the client to `x-forwarded-for` and
    trusts `x-envoy-*` request headers only from internal addresses. `buffer_bytes` is the listener's
    buffer filter, which makes per-route limits effective. `csrf` and `local_rate_limit` hold where no
    more specific level says something. Only clients in `internal_addresses` (CIDR ranges; none, as in Envoy
    since 1.33) may use the `x-envoy-*` headers that change timeouts and retries.
    """

    use_remote_address: bool = False
    internal_addresses: tuple[str, ...] = ()
    xff_trusted_hops: int = 0
    skip_xff_append: bool = False
    generate_request_id: bool = True
    preserve_external_request_id: bool = False
    server_name: str = "envoy"
    suppress_envoy_headers: bool = False
    most_specific_mutations_win: bool = False
    accept_http_10: bool = False
    default_host_for_http_10: str = ""
    normalize_path: bool = True
    merge_slashes: bool = False
    strip_any_host_port: bool = False
    allow_connect: bool = False
    websocket: bool = True
    max_headers_bytes: int = 60 * 1024
    max_headers: int = 100
    max_connections: int = 0
    header_timeout: float = 0.0
    request_timeout: float = 0.0
    idle_timeout: float = 3600.0
    stream_idle_timeout: float = 300.0
    max_stream_duration: float = 0.0
    buffer_bytes: int | None = None
    csrf: Csrf | None = None
    local_rate_limit: LocalRateLimit | None = None


DEFAULT_LISTENER = ListenerOptions()


@dataclass(frozen=True, slots=True)
class Listener:
    """One port and what is served on it: a Gateway of Gloo's, an Envoy listener with one connection manager.

    `port` and `address` are as written; the command line says what stands in for 8080, 8443 and `::`.
    `virtual_hosts` names those that are served here; None means all of the listener's sort, with TLS or
    without. A TLS listener without any virtual host is not opened.
    """

    name: str
    port: int
    tls: bool = False
    options: ListenerOptions = DEFAULT_LISTENER
    address: str = "::"
    virtual_hosts: frozenset[str] | None = None
    origin: Origin = ()


PLAIN_LISTENER = Listener("listener-::-8080", 8080)
TLS_LISTENER = Listener("listener-::-8443", 8443, tls=True)
DEFAULT_LISTENERS = (PLAIN_LISTENER, TLS_LISTENER)
"""What an installation of Gloo listens on."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate chain and its key, as PEM texts."""

    chain: str
    key: str


@dataclass(frozen=True, slots=True)
class DownstreamTls:
    """TLS towards clients. Without `sni` every server name is taken; a `root_ca` asks for client certificates.

    Versions are Envoy's names (`TLSv1_2`), empty for no limit.
    """

    certificate: Certificate
    sni: tuple[str, ...] = ()
    root_ca: str = ""
    one_way: bool = False
    alpn: tuple[str, ...] = ("http/1.1",)
    minimum_version: str = ""
    maximum_version: str = ""
    verify_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class UpstreamTls:
    """TLS towards endpoints. Without `root_ca` nothing is verified, as in Envoy."""

    sni: str = ""
    root_ca: str = ""
    certificate: Certificate | None = None
    verify_names: tuple[str, ...] = ()
    alpn: tuple[str, ...] = ("http/1.1",)
    minimum_version: str = ""
    maximum_version: str = ""
