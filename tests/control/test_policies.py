from __future__ import annotations

import itertools
from datetime import UTC, datetime

import pytest

from edgesim.backends import Controllers, PodRuntime
from edgesim.config.revisions import Revision
from edgesim.config.serving import Policy
from edgesim.config.store import Store
from edgesim.config.waiting import held_back
from edgesim.control import Delete, Instance
from edgesim.control.changes import install
from edgesim.control.statuses import Statuses
from edgesim.model import DirectResponseAction, Model, Problem, ResourceKey, Severity, VirtualHost
from tests.control.scenes import RecordingEngine, documents, puts

FREEZE, ISOLATE = Policy.FREEZE, Policy.ISOLATE
MISSING = "{matchers: [{prefix: /new}], routeAction: {single: {upstream: {name: nowhere, namespace: gloo-system}}}}"
REGEX = "{matchers: [{regex: '/('}], directResponseAction: {status: 200}}"
NO_ACTION = "{matchers: [{prefix: /new}]}"
UNREAD = Problem("ES0001", Severity.ERROR, "no YAML")
REPLACING = """
apiVersion: gloo.solo.io/v1
kind: Settings
metadata: {name: default, namespace: gloo-system}
spec: {gloo: {invalidConfigPolicy: {replaceInvalidRoutes: true, invalidRouteResponseCode: 404}}}
"""


def team(name: str, body: str, *routes: str, domain: str = "") -> str:
    """Return a VirtualService that answers by itself, with other routes before."""
    last = f"{{matchers: [{{prefix: /}}], directResponseAction: {{status: 200, body: {body}}}}}"
    listed = "".join(f"    - {each}\n" for each in (*routes, last))
    head = f"apiVersion: gateway.solo.io/v1\nkind: VirtualService\nmetadata: {{name: {name}, namespace: gloo-system}}"
    return f"{head}\nspec:\n  virtualHost:\n    domains: [{domain or name}]\n    routes:\n{listed}"


def key(name: str) -> ResourceKey:
    return ResourceKey("VirtualService", "gloo-system", name)


GOOD = documents(team("echo", "e1"), team("foxtrot", "f1"))


def broken(*routes: str) -> str:
    return documents(team("echo", "e2", *routes), team("foxtrot", "f2"))


def body(host: VirtualHost) -> str:
    action = host.routes[-1].action
    assert isinstance(action, DirectResponseAction)
    return action.body


def shown(model: Model) -> str:
    """Return what is served in a few words: the last route's body of each domain."""
    return " ".join(sorted(f"{domain}={body(host)}" for host in model.virtual_hosts for domain in host.domains))


def gateway(policy: Policy, kept: Revision | None = None, *, keep_going: bool = False) -> Instance:
    numbers = itertools.count(1)
    store = Store(lambda: datetime(2026, 1, 1, tzinfo=UTC), lambda: f"uid-{next(numbers)}")
    install(store)
    made = Instance(store, RecordingEngine(), Controllers(store, PodRuntime()), keep_going=keep_going, policy=policy)
    if kept is not None:
        made.restore(kept)
    return made


async def kept_revision() -> Revision:
    """Return what a sound start left behind."""
    before = gateway(FREEZE)
    await before.write(puts(GOOD))
    return Revision(1, "2026-01-01T00:00:00.000Z", before.served.model, (), ())


@pytest.mark.parametrize(
    ("policy", "routes", "kept", "served", "good"),
    [
        (FREEZE, (), False, "echo=e2 foxtrot=f2", True),
        (FREEZE, (MISSING,), False, "", False),
        (FREEZE, (MISSING,), True, "echo=e1 foxtrot=f1", True),
        (FREEZE, (REGEX,), False, "", False),
        (FREEZE, (REGEX,), True, "echo=e1 foxtrot=f1", True),
        (ISOLATE, (MISSING,), False, "echo=e2 foxtrot=f2", True),
        (ISOLATE, (MISSING,), True, "echo=e2 foxtrot=f2", True),
        (ISOLATE, (REGEX,), False, "foxtrot=f2", True),
        (ISOLATE, (REGEX,), True, "echo=e1 foxtrot=f2", True),
        (ISOLATE, (NO_ACTION,), True, "echo=e1 foxtrot=f2", True),
    ],
)
async def test_a_start_with_problems(
    policy: Policy, routes: tuple[str, ...], kept: bool, served: str, good: bool
) -> None:
    """What is served after a start, with and without something good kept, and whether the start holds."""
    instance = gateway(policy, await kept_revision() if kept else None)
    await instance.write(puts(broken(*routes)))
    assert (shown(instance.served.model), instance.served.good) == (served, good)
    assert (instance.restored is not None) == ("e1" in served)


@pytest.mark.parametrize(
    ("policy", "kept", "served", "good"),
    [
        (FREEZE, False, "", False),
        (FREEZE, True, "echo=e1 foxtrot=f1", True),
        (ISOLATE, False, "echo=e2 foxtrot=f2", False),
        (ISOLATE, True, "echo=e2 foxtrot=f2", True),
    ],
)
async def test_a_start_with_unreadable_documents(policy: Policy, kept: bool, served: str, good: bool) -> None:
    """Documents that cannot be read stop a start where nothing good is kept; where something is, a note says so."""
    instance = gateway(policy, await kept_revision() if kept else None)
    await instance.write(puts(broken()), file_problems=(UNREAD,))
    assert (shown(instance.served.model), instance.served.good) == (served, good)
    assert ("ES0724" in {each.code for each in instance.problems}) == kept
    await instance.write((), file_problems=())
    assert (instance.served.frozen, instance.restored, instance.problems) == (False, None, ())


async def test_going_on_until_something_good_takes_over() -> None:
    """With keep-going what can be served is, anew with each change, until it is sound; then freeze holds."""
    instance = gateway(FREEZE, keep_going=True)
    await instance.write(puts(broken(MISSING)))
    assert (shown(instance.served.model), instance.served.good) == ("echo=e2 foxtrot=f2", False)
    await instance.write(puts(documents(team("echo", "e3", MISSING))))
    assert shown(instance.served.model) == "echo=e3 foxtrot=f2"
    await instance.write(puts(GOOD))
    assert instance.served.good
    await instance.write(puts(broken(MISSING)))
    assert shown(instance.served.model) == "echo=e1 foxtrot=f1"


async def test_what_was_served_with_replacements_is_good() -> None:
    """A replaced route holds nothing up; with replacement off again, freeze keeps what was served, replaced or not."""
    instance = gateway(FREEZE)
    await instance.write(puts(documents(GOOD, REPLACING)))
    await instance.write(puts(broken(MISSING)))
    replaced = instance.served
    assert (shown(replaced.model), replaced.good, replaced.frozen) == ("echo=e2 foxtrot=f2", True, False)
    await instance.write(puts(REPLACING.replace("replaceInvalidRoutes: true", "replaceInvalidRoutes: false")))
    await instance.write(puts(team("foxtrot", "f3")))
    assert (instance.served.model, instance.served.frozen) == (replaced.model, True)


@pytest.mark.parametrize(("policy", "served"), [(FREEZE, "echo=e1 foxtrot=f1"), (ISOLATE, "echo=e1 foxtrot=f2")])
@pytest.mark.parametrize("route", [NO_ACTION, REGEX])
async def test_what_cannot_be_replaced_follows_the_policy(policy: Policy, served: str, route: str) -> None:
    """A route without action and a bad regex are errors of the VirtualService, with replacement on as well."""
    instance = gateway(policy)
    await instance.write(puts(documents(GOOD, REPLACING)))
    await instance.write(puts(broken(route)))
    assert shown(instance.served.model) == served


async def test_a_conflict_and_the_way_out_of_it() -> None:
    """Who had the domain keeps it, the newcomer gets nothing; who is deleted and comes back is the newcomer."""
    instance = gateway(ISOLATE)
    await instance.write(puts(GOOD))
    await instance.write(puts(documents(team("golf", "g", domain="echo"), team("foxtrot", "f2"))))
    assert shown(instance.served.model) == "echo=e1 foxtrot=f2"
    assert waiting(instance) == ["golf"]
    await instance.write([Delete(key("echo"))])
    assert (shown(instance.served.model), waiting(instance)) == ("echo=g foxtrot=f2", [])
    await instance.write(puts(team("echo", "e2")))
    assert (shown(instance.served.model), waiting(instance)) == ("echo=g foxtrot=f2", ["echo"])
    await instance.write(puts(team("golf", "g2", domain="golf")))
    assert (shown(instance.served.model), instance.served.frozen) == ("echo=e2 foxtrot=f2 golf=g2", False)


def waiting(instance: Instance) -> list[str]:
    return [each.resource.name for each in held_back(instance.served, instance.translation.model)]


async def test_the_status_says_who_holds_a_resource_up() -> None:
    """A resource whose newest version waits tells what has to be mended; Gloo's fields stay Gloo's."""
    instance, statuses = gateway(FREEZE), Statuses()
    await instance.write(puts(GOOD))
    await instance.write(puts(broken(REGEX)))
    entry = instance.store.get(key("foxtrot"))
    assert entry is not None
    reported = statuses.shown(instance, entry)["status"]["statuses"]["gloo-system"]
    assert reported["state"] == "Accepted"
    assert reported["details"] == {"heldUpBy": ["ES0208 of VirtualService gloo-system/echo (test.yaml:1:1)"]}
    await instance.write(puts(GOOD))
    assert "details" not in statuses.shown(instance, entry)["status"]["statuses"]["gloo-system"]
