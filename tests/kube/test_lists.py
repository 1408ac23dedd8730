"""The order of lists."""

from __future__ import annotations

from tests.kube.api import CONFIG_MAPS, Api, config_map


async def test_a_list_is_in_the_order_of_names(api: Api) -> None:
    """By namespace and name, as a cluster lists them, whatever was written first."""
    for name in ("two", "one", "three"):
        await api.ask("POST", CONFIG_MAPS, config_map(name, a="1"))
    await api.ask("POST", CONFIG_MAPS.replace("default", "kube-system"), config_map("a"))
    listed = (await api.ask("GET", CONFIG_MAPS.replace("/namespaces/default", ""))).json["items"]
    assert [each["metadata"]["name"] for each in listed] == ["one", "three", "two", "a"]
