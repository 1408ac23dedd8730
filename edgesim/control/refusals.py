"""What is told of an update that is not served: who is at fault, or what is served instead. Pure."""

from __future__ import annotations

from edgesim.config.revisions import Revision
from edgesim.config.serving import Policy
from edgesim.dialects import Translation
from edgesim.model import Model, Problem, UpdateRefusedError
from edgesim.model.codes import problem
from edgesim.model.update import CANNOT_SERVE


def refusal(refused: UpdateRefusedError, model: Model, translation: Translation) -> Problem:
    """Return what the engine said as a problem of the resource whose virtual host, listener or cluster it names."""
    origins = {each.name: each.origin for each in model.clusters}
    origins |= {each.name: each.origin for each in model.listeners}
    origins |= {each.name: each.origin for each in model.virtual_hosts}
    step = next(iter(origins.get(refused.culprit, ())), None)
    if step is None:
        return problem(CANNOT_SERVE, refused.reason)
    return problem(CANNOT_SERVE, refused.reason, resource=step.resource, position=translation.where(step))


def fallen_back(revision: Revision, policy: Policy) -> Problem:
    """Return the note that what is held back is served as it was before the restart."""
    what = "what has an error is " if policy is Policy.ISOLATE else ""
    which = f"revision {revision.number} of {revision.time}"
    return problem("ES0724", f"{what}served as before the restart ({which}) until the problems are mended")
