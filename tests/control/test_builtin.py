from __future__ import annotations

from edgesim.config.store import Store
from edgesim.control import Delete, Instance
from edgesim.control.builtin import IMPLIED, SETTINGS, built_in
from edgesim.control.changes import install
from edgesim.dialects import REPLACEMENT_BODY, Document, decode, nowhere
from edgesim.model import ResourceKey
from tests.control.scenes import puts

OWN = """
apiVersion: gloo.solo.io/v1
kind: Settings
metadata: {name: default, namespace: gloo-system}
spec: {gloo: {regexMaxProgramSize: 9}}
"""


def limit(store: Store) -> object:
    """Return the regex limit of the Settings there are."""
    entry = store.get(SETTINGS)
    assert entry is not None
    return entry.resource.manifest["spec"]["gloo"]["regexMaxProgramSize"]


def test_what_is_built_in_says_nothing() -> None:
    """The Settings of an installation have no problem, not even a note, and show the Helm chart's defaults."""
    resource = built_in()[SETTINGS]
    assert decode(Document(resource.manifest, nowhere("x"))).problems == ()
    policy = resource.manifest["spec"]["gloo"]["invalidConfigPolicy"]
    assert policy == {
        "replaceInvalidRoutes": False,
        "invalidRouteResponseCode": 404,
        "invalidRouteResponseBody": REPLACEMENT_BODY,
    }


def test_settings_are_there_from_the_start(store: Store) -> None:
    """With their namespace; nobody declared them, and installing again changes nothing."""
    install(store)
    entry = store.get(SETTINGS)
    assert entry is not None
    assert entry.writer == IMPLIED
    assert store.get(ResourceKey("Namespace", "", "gloo-system")) is not None
    install(store)
    assert store.get(SETTINGS) is entry


async def test_a_file_may_declare_them_and_take_them_back(instance: Instance, store: Store) -> None:
    """While a file declares them they are the file's; when it no longer does, those of the installation are back."""
    install(store)
    await instance.write(puts(OWN, "settings.yaml"))
    assert limit(store) == 9
    await instance.write([Delete(SETTINGS, "other.yaml")])
    assert limit(store) == 9
    (change,) = await instance.write([Delete(SETTINGS, "settings.yaml")])
    assert change.verb == "deleted"
    assert limit(store) == 1024


async def test_deleting_restores_them(instance: Instance, store: Store) -> None:
    """By their name, and with their namespace."""
    install(store)
    for key in (SETTINGS, ResourceKey("Namespace", "", "gloo-system")):
        await instance.write(puts(OWN, "api"))
        await instance.write([Delete(key)])
        assert limit(store) == 1024
    assert store.get(ResourceKey("Namespace", "", "gloo-system")) is not None
