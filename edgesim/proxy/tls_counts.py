"""What becomes of handshakes with clients, counted by Envoy's names behind `listener.ADDRESS.`.

https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/stats#tls-statistics
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections import Counter

_NO_CERTIFICATE: Final = "PEER_DID_NOT_RETURN_A_CERTIFICATE"
_NOT_VERIFIED: Final = "CERTIFICATE_VERIFY_FAILED"


def count_handshake(counts: Counter[str], shaken: ssl.SSLObject, *, certified: bool) -> None:
    """Count a handshake that succeeded; `certified` tells whether the client showed a certificate."""
    counts["ssl.handshake"] += 1
    counts["ssl.no_certificate"] += not certified
    counts["ssl.session_reused"] += bool(shaken.session_reused)
    counts[f"ssl.versions.{shaken.version()}"] += 1
    counts[f"ssl.ciphers.{(shaken.cipher() or ('',))[0]}"] += 1


def count_failure(counts: Counter[str], failed: OSError) -> None:
    """Count a handshake that failed; as in Envoy, a client that only left is no error."""
    if not isinstance(failed, ssl.SSLError) or isinstance(failed, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        return
    if failed.reason == _NO_CERTIFICATE:
        counts["ssl.fail_verify_no_cert"] += 1
    elif failed.reason == _NOT_VERIFIED:
        counts["ssl.fail_verify_error"] += 1
    else:
        counts["ssl.connection_error"] += 1
