"""What the admin API answers when it cannot do as asked: Kubernetes Status objects.

The reasons and codes are those of `k8s.io/apimachinery/pkg/apis/meta/v1` (StatusReason).
"""

from __future__ import annotations

from typing import Any

CODES = {
    "BadRequest": 400,
    "Unauthorized": 401,
    "Forbidden": 403,
    "NotFound": 404,
    "MethodNotAllowed": 405,
    "AlreadyExists": 409,
    "Conflict": 409,
    "RequestEntityTooLarge": 413,
    "UnsupportedMediaType": 415,
    "Invalid": 422,
    "InternalError": 500,
    "ServiceUnavailable": 503,
}


class ApiError(Exception):
    """A request that cannot be done; becomes a Status object with the reason's code."""

    def __init__(self, reason: str, message: str, details: dict[str, Any] | None = None) -> None:
        """Take one of the reasons in CODES, a sentence, and Kubernetes' optional StatusDetails."""
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.details = details

    @property
    def code(self) -> int:
        """Return the HTTP status of the reason."""
        return CODES[self.reason]

    def status(self) -> dict[str, Any]:
        """Return the Status object."""
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            **({"details": self.details} if self.details else {}),
            "code": self.code,
        }


def success(details: dict[str, Any]) -> dict[str, Any]:
    """Return the Status of a deletion that was done."""
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
