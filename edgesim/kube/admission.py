"""What the gateway's webhook says of a write before it is stored: Gloo Edge, "Resource validation".

It is asked where Settings say `gateway.validation.alwaysAccept: false`, and refuses what would break what was sound.
A dry run is always asked, so that `kubectl apply --dry-run=server` tells what would come of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from edgesim.config.api_errors import ApiError
from edgesim.control import Instance, Put, Write
from edgesim.control.builtin import SETTINGS
from edgesim.control.reported import wording
from edgesim.dialects import INSTALL_NAMESPACE
from edgesim.dialects.gloo.webhook import Webhook, webhook_of
from edgesim.dialects.schema.settings import Settings
from edgesim.model import Problem, ResourceKey, Severity

MOST_WARNINGS: Final = 10
"""Warnings of one write: more than anybody reads."""

_GLOO: Final = frozenset({
    "Gateway", "RouteOption", "RouteTable", "Upstream", "UpstreamGroup", "VirtualHostOption", "VirtualService",
})  # fmt: skip
_CORE: Final = frozenset({"Namespace", "Secret"})
"""Kinds of which only the deletion is validated."""


async def admitted(instance: Instance, writes: Sequence[Write], warnings: list[str], *, dry_run: bool) -> bool:
    """Tell whether writes are to be stored; a dry run is asked of everything, and stores nothing.

    Raises:
        ApiError: the webhook refuses.
        ConflictError: an object is not of the version the writer expected.
    """
    webhook = _webhook(instance)
    if (dry_run or webhook.refuses) and any(_is_asked(instance, each) for each in writes):
        found = await _new_problems(instance, writes)
        if webhook.refuses and not webhook.grave(instance.problems):
            _refuse(instance, writes, webhook.grave(found))
        if dry_run:
            warnings.extend(_told(instance, found))
    return not dry_run


def _webhook(instance: Instance) -> Webhook:
    entry = instance.store.get(SETTINGS)
    typed = None if entry is None else entry.resource.typed
    return webhook_of(typed if isinstance(typed, Settings) else None)


def _is_asked(instance: Instance, write: Write) -> bool:
    """Tell whether a write may change what Gloo makes of everything."""
    if not isinstance(write, Put):
        return write.key.kind in _GLOO | _CORE
    entry = instance.store.get(write.key)
    return write.key.kind in _GLOO and (entry is None or entry.resource.manifest != write.resource.manifest)


async def _new_problems(instance: Instance, writes: Sequence[Write]) -> list[Problem]:
    """Return what would be wrong that is not now. Raises ConflictError."""
    found = (await instance.rehearse(writes)).problems
    return [each for each in found if each.severity is not Severity.NOTE]


def _refuse(instance: Instance, writes: Sequence[Write], problems: Sequence[Problem]) -> None:
    """Raise ApiError where there are problems: a webhook's refusal has neither reason nor details."""
    if not problems:
        return
    key = writes[0].key
    webhook = f"{'kube' if key.kind in _CORE else 'gloo'}.{INSTALL_NAMESPACE}.svc"
    said = _details(instance, key, problems)
    message = (
        f'admission webhook "{webhook}" denied the request: resource incompatible with current Gloo snapshot: [{said}]'
    )
    error = ApiError("", message)
    error.code = 400
    raise error


def _details(instance: Instance, key: ResourceKey, problems: Sequence[Problem]) -> str:
    kind = f"*v1.{key.kind}"
    what = f'Validating {kind} failed: validating {kind} name:"{key.name}" namespace:"{key.namespace}": '
    lines = [f"\t* {what}{_worded(instance, each, key)}\n" for each in problems]
    count = "1 error" if len(lines) == 1 else f"{len(lines)} errors"
    return f"Validating {kind} failed: {count} occurred:\n{''.join(lines)}\n"


def _worded(instance: Instance, problem: Problem, key: ResourceKey) -> str:
    text = wording(problem, problem.resource or key, _manifest(instance, problem.resource))
    return f"WARN: \n  [{text}]" if problem.severity is Severity.WARNING else text


def _manifest(instance: Instance, key: ResourceKey | None) -> dict[str, Any] | None:
    entry = None if key is None else instance.store.get(key)
    return None if entry is None else entry.resource.manifest


def _told(instance: Instance, problems: Sequence[Problem]) -> list[str]:
    """Return what a dry run warns of."""
    return [_sentence(instance, each) for each in problems[:MOST_WARNINGS]]


def _sentence(instance: Instance, problem: Problem) -> str:
    outcome = "Rejected" if problem.severity is Severity.ERROR else "accepted with a warning"
    whose = f"{problem.resource} would be {outcome}: " if problem.resource else ""
    text = (
        problem.message
        if problem.resource is None
        else wording(problem, problem.resource, _manifest(instance, problem.resource))
    )
    return f"{whose}{' '.join(text.split())} ({problem.code})"
