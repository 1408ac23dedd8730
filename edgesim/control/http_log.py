"""What the servers of HTTP log: mistakes of ours, and nothing that a client got wrong."""

from __future__ import annotations

import logging
from typing import Final

from aiohttp.http_exceptions import HttpProcessingError


def _is_ours(record: logging.LogRecord) -> bool:
    """Tell whether a record is about more than bytes that are no HTTP: those are answered 400, which says it all."""
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, HttpProcessingError)


HTTP_LOG: Final = logging.getLogger("edgesim.http")
"""For `aiohttp.web.AppRunner`, which would log each malformed request with a traceback."""

HTTP_LOG.addFilter(_is_ours)
