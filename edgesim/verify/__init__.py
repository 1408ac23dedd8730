"""The same requests through edgesim's engine and real Envoy, and what differs between the answers."""

from __future__ import annotations

from edgesim.verify.comparing import Difference
from edgesim.verify.handshakes import Handshake
from edgesim.verify.known import Explained, Known, known
from edgesim.verify.requests import Asked
from edgesim.verify.run import Progress, Verified, verify

__all__ = ["Asked", "Difference", "Explained", "Handshake", "Known", "Progress", "Verified", "known", "verify"]
