"""Bad input, one kind a function: what a user may get wrong in a VirtualService."""

from __future__ import annotations


def virtual_service(*weights: object, name: str = "echo", domain: str = "*") -> str:
    """Write a VirtualService that splits by these weights, each on a line of its own from line 12 on."""
    arms = "".join(
        f"          - {{weight: {weight}, destination: {{upstream: {{name: echo}}}}}}\n" for weight in weights
    )
    return f"""\
apiVersion: gateway.solo.io/v1
kind: VirtualService
metadata: {{name: {name}}}
spec:
  virtualHost:
    domains: ["{domain}"]
    routes:
    - matchers: [{{prefix: /}}]
      routeAction:
        multi:
          destinations:
{arms}"""


GOOD = virtual_service(1)

UNREADABLE: dict[str, tuple[str, str]] = {
    "YAML error": ("a: [1\nb: 2\n", ":2:2: error ES0001"),
    "unknown field": (GOOD.replace("weight", "wieght"), ":12:14: error ES0103"),
    "wrong type": (GOOD.replace("domains: [", "domains: 7 #"), ":6:5: error ES0104"),
    "weight as text": (virtual_service('"5"'), ":12:14: error ES0104"),
    "negative weight": (virtual_service(-1, 2), ":12:14: error ES0106"),
}
"""Cannot be read as its kind: refused everywhere."""

WRONG: dict[str, tuple[str, str]] = {
    "weights that sum to 0": (virtual_service(0, 0), ":11:11: error ES0213"),
    "upstream that is not there": (GOOD.replace("{name: echo}}}", "{name: ecoh}}}"), ":12:39: warning ES0214"),
    "bad regex": (GOOD.replace("prefix: /", 'regex: "("'), ":8:19: error ES0208"),
    "no action": (GOOD[: GOOD.index("      routeAction")], "error ES02"),
}
"""Reads well but is wrong, or refers to what is not there: stored, and not served."""

DUPLICATE = (f"{GOOD}---\n{GOOD}", ":14:1: error ES0012")
Case = tuple[str, str]
