"""The gateway's webhook: what it refuses, what it lets pass, and what a dry run warns of."""

from __future__ import annotations

import pytest

from tests.kube.api import MERGE, VIRTUAL_SERVICES, Api, Json, virtual_service

SETTINGS = "/apis/gloo.solo.io/v1/namespaces/gloo-system/settings/default"
UPSTREAMS = "/apis/gloo.solo.io/v1/namespaces/default/upstreams"
DENIED = (
    'admission webhook "gloo.gloo-system.svc" denied the request: resource incompatible with current Gloo snapshot: '
)


def broken(name: str) -> Json:
    """A VirtualService with a regex that is none."""
    made = virtual_service(name)
    made["spec"]["virtualHost"]["routes"][0]["matchers"] = [{"regex": "["}]
    return made


def dangling(name: str, upstream: str = "none") -> Json:
    """A VirtualService whose upstream may be missing."""
    made = virtual_service(name)
    single = {"upstream": {"name": upstream, "namespace": "default"}}
    made["spec"]["virtualHost"]["routes"] = [{"matchers": [{"prefix": "/"}], "routeAction": {"single": single}}]
    return made


async def strict(api: Api, **validation: bool) -> None:
    """Have the webhook refuse."""
    spec = {"gateway": {"validation": {"alwaysAccept": False, **validation}}}
    assert (await api.ask("PATCH", SETTINGS, {"spec": spec}, Content_Type=MERGE)).status == 200


async def test_without_the_webhook_everything_is_stored(api: Api) -> None:
    """With alwaysAccept what is broken is stored: its status tells."""
    assert (await api.ask("POST", VIRTUAL_SERVICES, broken("vs"))).status == 201


@pytest.mark.parametrize("query", ["", "?dryRun=All"])
async def test_the_webhook_refuses_what_is_broken(api: Api, query: str) -> None:
    """With alwaysAccept false an error refuses a write, dry or not, in the webhook's words; nothing is stored."""
    await strict(api)
    version = api.instance.store.version
    refused = (await api.ask("POST", VIRTUAL_SERVICES + query, broken("vs"))).json
    assert (refused["code"], refused["reason"]) == (400, "")
    assert refused["message"].startswith(f"{DENIED}[Validating *v1.VirtualService failed: 1 error occurred:\n\t* ")
    assert 'validating *v1.VirtualService name:"vs" namespace:"default": ' in refused["message"]
    assert api.instance.store.version == version
    assert (await api.ask("POST", VIRTUAL_SERVICES + query, virtual_service("vs"))).status == 201


async def test_patches_are_refused_as_well(api: Api) -> None:
    """A patch that would break a sound object is refused, and the object stays as it was."""
    await strict(api)
    made = (await api.ask("POST", VIRTUAL_SERVICES, virtual_service("vs"))).json
    path = f"{VIRTUAL_SERVICES}/vs"
    refused = await api.ask("PATCH", path, {"spec": broken("vs")["spec"]}, Content_Type=MERGE)
    assert refused.json["message"].startswith(DENIED)
    assert (await api.ask("GET", path)).json["spec"] == made["spec"]


async def test_warnings_pass_unless_settings_say_otherwise(api: Api) -> None:
    """A missing upstream is a warning, which refuses only with allowWarnings false."""
    await strict(api)
    assert (await api.ask("POST", VIRTUAL_SERVICES, dangling("one"))).status == 201
    await api.ask("DELETE", f"{VIRTUAL_SERVICES}/one")
    await strict(api, allowWarnings=False)
    refused = await api.ask("POST", VIRTUAL_SERVICES, dangling("two"))
    assert refused.json["message"].startswith(DENIED)
    assert "WARN: \n  [" in refused.json["message"]


async def test_an_upstream_in_use_stays(api: Api) -> None:
    """With allowWarnings false an upstream that a route uses cannot be deleted; one that none uses can."""
    for name in ("used", "unused"):
        spec = {"static": {"hosts": [{"addr": "127.0.0.1", "port": 9}]}}
        await api.ask("POST", UPSTREAMS, {"metadata": {"name": name}, "spec": spec})
    await api.ask("POST", VIRTUAL_SERVICES, dangling("vs", "used"))
    await strict(api, allowWarnings=False)
    refused = await api.ask("DELETE", f"{UPSTREAMS}/used")
    assert refused.json["message"].startswith(f"{DENIED}[Validating *v1.Upstream failed: ")
    assert (await api.ask("DELETE", f"{UPSTREAMS}/unused")).json["status"] == "Success"


async def test_what_is_broken_already_may_be_mended_step_by_step(api: Api) -> None:
    """While what is stored is invalid the webhook is off, so that it can be mended."""
    await api.ask("POST", VIRTUAL_SERVICES, broken("old"))
    await strict(api)
    assert (await api.ask("POST", VIRTUAL_SERVICES, broken("new"))).status == 201


async def test_a_dry_run_warns_of_what_would_come(api: Api) -> None:
    """With alwaysAccept a dry run answers as the write would, and warns of what would be rejected."""
    answered = await api.ask("POST", f"{VIRTUAL_SERVICES}?dryRun=All", broken("vs"))
    assert answered.status == 201
    assert len(answered.warnings) == 1
    assert "VirtualService default/vs would be Rejected: " in answered.warnings[0]
    sound = await api.ask("POST", f"{VIRTUAL_SERVICES}?dryRun=All", virtual_service("vs"))
    assert (sound.status, sound.warnings) == (201, ())
    missing = await api.ask("POST", f"{VIRTUAL_SERVICES}?dryRun=All", dangling("vs"))
    assert "would be accepted with a warning: " in missing.warnings[0]
