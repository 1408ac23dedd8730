"""Envoy's response flags: why an answer is not simply the upstream's (reference, section 13.5).

A request's flags are one integer, a bit for each row of the table; they are written in the table's order,
joined by commas. Envoy writes them in the order they were set in: a fault's come first, then what is said of
retries, then how the last try ended. Short and long names were checked against the binary of Envoy 1.40.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class ResponseFlag:
    """One flag: `short` as in `%RESPONSE_FLAGS%`, `long` as in `%RESPONSE_FLAGS_LONG%`."""

    short: str
    long: str
    meaning: str


FLAGS = (
    ResponseFlag("DI", "DelayInjected", "A fault delayed the request."),
    ResponseFlag("FI", "FaultInjected", "A fault aborted the request."),
    ResponseFlag("URX", "UpstreamRetryLimitExceeded", "Every allowed retry failed as well."),
    ResponseFlag("UO", "UpstreamOverflow", "A circuit breaker is full; 503."),
    ResponseFlag("LH", "FailedLocalHealthCheck", "Local service failed a health check request; 503."),
    ResponseFlag("UH", "NoHealthyUpstream", "No healthy endpoint in the cluster or the subset; 503."),
    ResponseFlag("UT", "UpstreamRequestTimeout", "The route's or the try's timeout passed; 504."),
    ResponseFlag("LR", "LocalReset", "The connection was reset from this side; 503."),
    ResponseFlag("UR", "UpstreamRemoteReset", "The upstream reset the connection; 503."),
    ResponseFlag("UF", "UpstreamConnectionFailure", "No connection to the upstream could be opened; 503."),
    ResponseFlag("UC", "UpstreamConnectionTermination", "The upstream closed the connection; 503."),
    ResponseFlag("NR", "NoRouteFound", "No virtual host or no route matches; 404."),
    ResponseFlag("RL", "RateLimited", "The request was over a rate limit; 429."),
    ResponseFlag("UAEX", "UnauthorizedExternalService", "The external authorization service denied the request."),
    ResponseFlag("RLSE", "RateLimitServiceError", "The rate limit service failed."),
    ResponseFlag("DC", "DownstreamConnectionTermination", "The client closed the connection."),
    ResponseFlag("SI", "StreamIdleTimeout", "Nothing moved for the idle timeout; 408 or 504."),
    ResponseFlag("IH", "InvalidEnvoyRequestHeaders", "A strictly checked header has a bad value; 400."),
    ResponseFlag("DPE", "DownstreamProtocolError", "The client's message is no valid HTTP."),
    ResponseFlag("UMSDR", "UpstreamMaxStreamDurationReached", "The exchange lasted longer than allowed."),
    ResponseFlag("RFCF", "ResponseFromCacheFilter", "The answer came from a cache filter."),
    ResponseFlag("NFCF", "NoFilterConfigFound", "A filter's configuration did not arrive in time."),
    ResponseFlag("DT", "DurationTimeout", "The connection or request lasted longer than allowed."),
    ResponseFlag("UPE", "UpstreamProtocolError", "The upstream's message is no valid HTTP; 502."),
    ResponseFlag("NC", "NoClusterFound", "The route's cluster does not exist; 503."),
    ResponseFlag("OM", "OverloadManagerTerminated", "The overload manager ended the request."),
    ResponseFlag("DF", "DnsResolutionFailed", "The upstream's name could not be resolved."),
    ResponseFlag("DO", "DropOverload", "Dropped by the cluster's drop_overload; 503."),
    ResponseFlag("DR", "DownstreamRemoteReset", "The client reset the stream."),
    ResponseFlag("UDO", "UnconditionalDropOverload", "Dropped by a drop_overload of 100%; 503."),
)

BITS = {flag.short: 1 << place for place, flag in enumerate(FLAGS)}
"""The bit of each flag, by its short name."""

UH = BITS["UH"]
UT = BITS["UT"]
LR = BITS["LR"]
UR = BITS["UR"]
UF = BITS["UF"]
UC = BITS["UC"]
UO = BITS["UO"]
NR = BITS["NR"]
DI = BITS["DI"]
FI = BITS["FI"]
RL = BITS["RL"]
DC = BITS["DC"]
URX = BITS["URX"]
SI = BITS["SI"]
DPE = BITS["DPE"]
UMSDR = BITS["UMSDR"]
DT = BITS["DT"]
UPE = BITS["UPE"]
NC = BITS["NC"]
OM = BITS["OM"]


@lru_cache(maxsize=1024)
def short_names(flags: int) -> bytes:
    """Return `%RESPONSE_FLAGS%`: short names joined by commas, `-` for none."""
    return ",".join(flag.short for flag in _set(flags)).encode() or b"-"


@lru_cache(maxsize=1024)
def long_names(flags: int) -> bytes:
    """Return `%RESPONSE_FLAGS_LONG%`: long names joined by commas, `-` for none."""
    return ",".join(flag.long for flag in _set(flags)).encode() or b"-"


def _set(flags: int) -> list[ResponseFlag]:
    return [flag for place, flag in enumerate(FLAGS) if flags >> place & 1]
