"""What the admin API answers when it cannot do as asked: Kubernetes Status objects.

The reasons and codes are those of `k8s.io/apimachinery/pkg/apis/meta/v1` (StatusReason).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgesim.model import EdgesimError, Problem

CODES = {
    "BadRequest": 400,
    "Unauthorized": 401,
    "Forbidden": 403,
    "NotFound": 404,
    "MethodNotAllowed": 405,
    "NotAcceptable": 406,
    "AlreadyExists": 409,
    "Conflict": 409,
    "Expired": 410,
    "RequestEntityTooLarge": 413,
    "UnsupportedMediaType": 415,
    "Invalid": 422,
    "TooManyRequests": 429,
    "InternalError": 500,
    "ServiceUnavailable": 503,
    "Timeout": 504,
}


REFUSED = "ES0727"
"""The code of what carries no other."""


class ApiError(EdgesimError):
    """A request that cannot be done: a Status object on the wire, raised on both sides of it.

    `code` is the HTTP status; `problems` are those of an object that was refused, on the server's side.
    """

    def __init__(
        self, reason: str, message: str, details: Mapping[str, Any] | None = None, problems: tuple[Problem, ...] = ()
    ) -> None:
        """Take one of the reasons in CODES, a sentence, and Kubernetes' optional StatusDetails."""
        super().__init__(*problems)
        self.reason = reason
        self.message = message
        self.details = details
        self.code = CODES.get(reason, 500)

    def __str__(self) -> str:
        return f"Error from server ({self.reason}): {self.message} ({self.stable_code})"  # as kubectl says it

    @property
    def stable_code(self) -> str:
        """Return the code whose page tells more: that of the first cause that has one, as Kubernetes tells causes."""
        causes = (self.details or {}).get("causes") or ()
        return next((each["reason"] for each in causes if str(each.get("reason")).startswith("ES")), REFUSED)

    def status(self) -> dict[str, Any]:
        """Return the Status object."""
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            **({} if self.details is None else {"details": self.details}),
            "code": self.code,
        }


def error_of(status: Mapping[str, Any], code: int) -> ApiError:
    """Return what a Status object means that came with an HTTP status."""
    return ApiError(str(status.get("reason") or code), str(status.get("message", "")), status.get("details"))


def no_revision(message: str) -> ApiError:
    """Return what to raise where a revision is asked for that there is not."""
    return ApiError("NotFound", message, {"causes": [{"reason": "ES0726", "message": message}]})


def success(details: dict[str, Any]) -> dict[str, Any]:
    """Return the Status of a deletion that was done."""
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
