"""Reloads of every sort, one after the other, and what may be answered after each.

Every answer carries what made it: the number of the virtual service (`x-host`), name and number of the route table
(`x-table`), and its upstream (the body). A number is given out once, so an answer names its configuration.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

COLOURS: Final = ("blue", "green")
PATHS: Final = ("/echo", "/foxtrot")

Answer = tuple[str, str, str]
"""`x-host`, `x-table` and the body."""


@dataclass(frozen=True, slots=True)
class State:
    """What is declared: numbers of the documents, and who has which path."""

    host: int = 0
    echo_a: int = 0
    echo_b: int = 0
    foxtrot: int = 0
    echo: str = "echo-a"
    by_label: bool = False
    colour: str = "blue"
    foxtrot_to: str = "blue"
    regex: str = "/foxtrot.*"

    def answer(self, path: str) -> Answer:
        """Return what a request gets while this is served."""
        name = self.echo if path == "/echo" else "foxtrot"
        number = {"echo-a": self.echo_a, "echo-b": self.echo_b, "foxtrot": self.foxtrot}[name]
        return str(self.host), f"{name} {number}", self.colour if path == "/echo" else self.foxtrot_to


@dataclass(frozen=True, slots=True)
class Reload:
    """A write, and what is served once it is answered; `refused` is one that must not even be stored."""

    name: str
    served: State
    manifests: str = ""
    deleted: tuple[str, ...] = ()
    refused: bool = False


def documents(state: State) -> dict[str, str]:
    """Return the documents of a state by name."""
    tables = {
        "echo-a": _table("echo-a", "/echo", state.echo_a, state.colour, taken=state.echo == "echo-a"),
        "echo-b": _table("echo-b", "/echo", state.echo_b, state.colour, taken=state.echo == "echo-b"),
        "foxtrot": _table("foxtrot", "/foxtrot", state.foxtrot, state.foxtrot_to, taken=True),
    }
    routes = _BY_LABEL if state.by_label else _BY_NAME.format(echo=state.echo)
    return {**tables, "host": _HOST.format(number=state.host, regex=state.regex) + routes}


def everything(state: State) -> str:
    """Return a whole configuration, with what it deploys."""
    return "---\n".join([*map(_deployed, COLOURS), *map(_upstream, COLOURS), *documents(state).values()])


def reloads(count: int, state: State) -> Iterator[Reload]:
    """Yield so many reloads: valid, invalid, of one document or all, delegations moved, upstreams gone and back."""
    made = 0
    while made < count:
        for reload, declared in itertools.islice(_round(made, state), count - made):
            made, state = made + 1, declared
            yield reload


def _round(number: int, sound: State) -> Iterator[tuple[Reload, State]]:
    """Yield one of each sort, and what is declared after it; every number is above those of the round before."""
    fresh = iter(range(number + 1, number + 1000))

    def valid(name: str, before: State, after: State) -> tuple[Reload, State]:
        return Reload(name, after, _changed(before, after)), after

    now = next(fresh)
    sound, before = replace(sound, host=now, echo_a=now, echo_b=now, foxtrot=now), sound
    yield valid("everything", before, sound)
    sound, before = _touched(sound, next(fresh)), sound
    yield valid("one table", before, sound)

    broken = replace(sound, foxtrot=next(fresh), foxtrot_to="nowhere")
    yield Reload("a missing upstream", sound, _changed(sound, broken)), broken
    held = _touched(broken, next(fresh))
    yield Reload("held up by another", sound, _changed(broken, held)), held
    yield Reload("an unknown field", sound, _UNKNOWN_FIELD, refused=True), held
    worse = replace(held, host=next(fresh), regex="/foxtrot(")
    yield Reload("a bad regex", sound, _changed(held, worse)), worse
    mended = replace(worse, foxtrot=next(fresh), foxtrot_to=sound.foxtrot_to, regex=sound.regex)
    yield valid("mended", worse, mended)

    sound, before = replace(mended, echo="echo-b" if mended.echo == "echo-a" else "echo-a"), mended
    yield valid("delegated to another table", before, sound)
    sound, before = replace(sound, by_label=not sound.by_label, host=next(fresh)), sound
    yield valid("selected in the other way", before, sound)

    old, new = sound.colour, COLOURS[sound.colour == "blue"]
    sound, before = replace(sound, colour=new, foxtrot_to=new, foxtrot=next(fresh)), sound
    yield valid("to the other upstream", before, sound)
    yield Reload("an unused upstream deleted", sound, deleted=(old,)), sound
    yield Reload("a used upstream deleted", sound, deleted=(new,)), sound
    held = _touched(sound, next(fresh))
    yield Reload("held up by the lack of it", sound, _changed(sound, held)), held
    yield Reload("upstreams back", held, "---\n".join(map(_upstream, COLOURS))), held


def _touched(state: State, number: int) -> State:
    """Change nothing but the number of the table that has /echo."""
    return replace(state, echo_a=number) if state.echo == "echo-a" else replace(state, echo_b=number)


def _changed(before: State, after: State) -> str:
    old = documents(before)
    return "---\n".join(text for name, text in documents(after).items() if old[name] != text)


def _table(name: str, path: str, number: int, upstream: str, *, taken: bool) -> str:
    return _TABLE.format(name=name, path=path, number=number, upstream=upstream, taken=str(taken).lower())


def _deployed(colour: str) -> str:
    return _DEPLOYED.format(colour=colour)


def _upstream(colour: str) -> str:
    return _UPSTREAM.format(colour=colour)


_DEPLOYED = """\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {colour}, namespace: gloo-system}}
spec:
  replicas: 2
  selector: {{matchLabels: {{app: {colour}}}}}
  template:
    metadata: {{labels: {{app: {colour}}}}}
    spec:
      containers:
      - {{name: echo, image: hashicorp/http-echo, args: ["-text={colour}"], ports: [{{containerPort: 5678}}]}}
---
apiVersion: v1
kind: Service
metadata: {{name: {colour}, namespace: gloo-system}}
spec:
  selector: {{app: {colour}}}
  ports: [{{port: 80, targetPort: 5678}}]
"""
_UPSTREAM = """\
apiVersion: gloo.solo.io/v1
kind: Upstream
metadata: {{name: {colour}, namespace: gloo-system}}
spec: {{kube: {{serviceName: {colour}, serviceNamespace: gloo-system, servicePort: 80}}}}
"""
_HOST = """\
apiVersion: gateway.solo.io/v1
kind: VirtualService
metadata: {{name: shared, namespace: gloo-system}}
spec:
  virtualHost:
    domains: ['*']
    options: {{headerManipulation: {{responseHeadersToAdd: [{{header: {{key: x-host, value: '{number}'}}}}]}}}}
    routes:
    - matchers: [{{regex: '/never{regex}'}}]
      directResponseAction: {{status: 200, body: never}}
"""
_BY_NAME = """\
    - matchers: [{{prefix: /echo}}]
      delegateAction: {{ref: {{name: {echo}, namespace: gloo-system}}}}
    - matchers: [{{prefix: /foxtrot}}]
      delegateAction: {{ref: {{name: foxtrot, namespace: gloo-system}}}}
"""
_BY_LABEL = """\
    - matchers: [{prefix: /}]
      delegateAction: {selector: {labels: {taken: 'true'}, namespaces: ['*']}}
"""
_TABLE = """\
apiVersion: gateway.solo.io/v1
kind: RouteTable
metadata: {{name: {name}, namespace: gloo-system, labels: {{taken: '{taken}'}}}}
spec:
  routes:
  - matchers: [{{prefix: {path}}}]
    options: {{headerManipulation: {{responseHeadersToAdd: [{{header: {{key: x-table, value: '{name} {number}'}}}}]}}}}
    routeAction: {{single: {{upstream: {{name: {upstream}, namespace: gloo-system}}}}}}
"""
_UNKNOWN_FIELD = _HOST.format(number=-1, regex="") + "      routeActoin: {}\n"
