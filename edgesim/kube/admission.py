"""What the gateway's webhook says of a write before it is stored: Gloo Edge, "Resource validation"."""

from __future__ import annotations

from collections.abc import Sequence

from edgesim.control import Instance, Write


async def admitted(instance: Instance, writes: Sequence[Write], warnings: list[str], *, dry_run: bool) -> bool:
    """Tell whether writes are to be stored; a dry run is asked of everything, and stores nothing.

    Raises:
        ApiError: the webhook refuses.
    """
    return not dry_run
