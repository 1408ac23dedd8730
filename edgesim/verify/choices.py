"""Whether two engines choose among the same endpoints: which of them it is at a time is no difference."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from edgesim.verify.comparing import Seen

Pair = tuple[Seen, Seen]
_LOOKS_EACH = 20
"""So often a request is asked again for each endpoint there is: by draws, one is missed then once in 10^8 times."""
_MOST_LOOKS = 400


async def same_choice(ask: Callable[[], Awaitable[Pair]], first: Pair, endpoints: int) -> bool:
    """Tell whether each engine sends such a request to where the other did, too; `endpoints` is how many there are."""
    own, other = (each.metadata for each in first)
    owns, others = {own}, {other}
    for _ in range(min(_LOOKS_EACH * endpoints, _MOST_LOOKS)):
        if own in others and other in owns:
            return True
        for seen, each in zip((owns, others), await ask(), strict=True):
            seen.add(each.metadata)
    return own in others and other in owns
