"""What a pod answers to gRPC: whether it is ready. It has no other service."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from edgesim.backends.answers import Answer, Request
from edgesim.policies.grpc_health import CHECK, Serving, check_response

GRPC: Final = b"content-type: application/grpc\r\n"
"""The fields of an answer with a message; trailers with the status 0 come behind that."""
_UNIMPLEMENTED: Final = Answer(
    200, GRPC + b"grpc-status: 12\r\ngrpc-message: this pod answers Health/Check only\r\n", b""
)


class GrpcService:
    """`grpc.health.v1.Health`, of whatever service it is asked for: a pod answers for all it could be.

    `Watch` is not implemented, which clients take for healthy (doc/health-checking.md of gRPC).
    """

    __slots__ = ("_is_ready",)

    def __init__(self, is_ready: Callable[[], bool]) -> None:
        """Take what tells whether the pod is ready."""
        self._is_ready = is_ready

    def answer(self, request: Request) -> Answer:
        """Answer a call; those of other methods with the status 12."""
        if request.target != CHECK:
            return _UNIMPLEMENTED
        return Answer(200, GRPC, check_response(Serving.SERVING if self._is_ready() else Serving.NOT_SERVING))
