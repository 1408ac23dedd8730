"""Which resource a refusal of Envoy's is about."""

from __future__ import annotations

import pytest

from edgesim.dialects.envoy import Kind, Part, Resources
from edgesim.envoy.refusals import brief, culprit, refused_in


def resources(*hosts: tuple[str, str], clusters: tuple[str, ...] = ()) -> Resources:
    """Make a listener `edge` with virtual hosts of a name and a content, and clusters."""
    listed = [{"name": name, "domains": [content]} for name, content in hosts]
    routes = Part({"name": "edge-routes", "virtual_hosts": listed})
    named = {name: Part({"name": name}) for name in clusters}
    return Resources({"edge": Part({"name": "edge"})}, {"edge-routes": routes}, named, {}, {})


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("warning Filesystem config update rejected: it is bad\\nand worse", "it is bad and worse"),
        (r"warning x config update rejected: \"^[^\\x00\\n]*$\" is\r\n\'it\'", r""""^[^\x00\n]*$" is 'it'"""),
        ("warning something else", None),
    ],
)
def test_a_line_of_the_log_tells_why(line: str, reason: str | None) -> None:
    """What was refused is read from Envoy's log, on one line; other lines say nothing of it."""
    assert refused_in(line) == reason


def test_the_cluster_that_is_named_is_at_fault() -> None:
    """Among clusters that are new the one whose name is in the reason is at fault, the longest where several are."""
    after = resources(clusters=("a", "echo", "echo-2"))
    assert culprit("Error adding/updating cluster(s) echo-2: bad", Kind.CLUSTER, None, after) == "echo-2"


def test_the_virtual_host_that_changed_is_at_fault() -> None:
    """Where routes are refused without a name, the virtual host that is not as before is at fault."""
    before, after = resources(("one", "x"), ("two", "y")), resources(("one", "x"), ("two", "z"))
    assert culprit("no such thing", Kind.ROUTES, before, after) == "two"


def test_a_route_configuration_stands_for_its_listener() -> None:
    """Where no virtual host changed, the listener is at fault whose routes they are."""
    before = resources(("one", "x"))
    changed = resources(("one", "x"))
    changed.routes["edge-routes"]["max_direct_response_body_size_bytes"] = 1
    assert culprit("no such thing", Kind.ROUTES, before, changed) == "edge"


def test_nobody_is_at_fault_where_nothing_changed() -> None:
    """What was taken before is no resource's fault."""
    assert culprit("odd", Kind.CLUSTER, resources(clusters=("a",)), resources(clusters=("a",))) == ""


def test_a_reason_is_brief() -> None:
    """The message that Envoy writes before what is wrong with it is left out; of one that is cut off nothing is left."""
    dump = 'goo.gle/debugstr name: "a"\nvirtual_hosts {'
    assert (
        brief(f"{dump}}}\n: Proto constraint validation failed (x:\n bad)")
        == "Proto constraint validation failed (x: bad)"
    )
    assert brief(f"{dump}...(truncated)") == "its reason is longer than what it sends: its log has it whole"
    assert brief("plain\n") == "plain"
