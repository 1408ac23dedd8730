"""The text is read by a strict reader of our own: each line has a family that was named before it, and once."""

from __future__ import annotations

import re
from collections import defaultdict

from edgesim.load.formats_prometheus import prometheus
from tests.load import samples

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_SAMPLE = re.compile(rf"({_NAME})(?:\{{(.*)\}})? (\S+)")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)')

Labels = tuple[tuple[str, str], ...]


def _read(text: str) -> tuple[dict[str, str], dict[tuple[str, Labels], float]]:
    kinds: dict[str, str] = {}
    found: dict[tuple[str, Labels], float] = {}
    helped: set[str] = set()
    assert text.endswith("\n")
    for line in text.split("\n")[:-1]:
        if line.startswith("# HELP "):
            name = line.split()[2]
            assert name not in helped
            helped.add(name)
        elif line.startswith("# TYPE "):
            name, kind = line.split()[2:]
            assert name in helped
            assert name not in kinds
            kinds[name] = kind
        else:
            match = _SAMPLE.fullmatch(line)
            assert match is not None, line
            key = (match[1], _labels(match[2] or ""))
            family = re.sub("_(bucket|sum|count)$", "", match[1])
            assert list(kinds)[-1] in {match[1], family}, line
            assert key not in found, line
            found[key] = float(match[3])
    return kinds, found


def _labels(text: str) -> Labels:
    found = []
    while text:
        match = _LABEL.match(text)
        assert match is not None, text
        found.append((match[1], match[2]))
        text = text[match.end() :]
    return tuple(found)


def test_every_line_has_its_family() -> None:
    """Families have help and type and stand together; counters end in _total, and units are seconds and bytes."""
    kinds, found = _read(prometheus(samples.outcome(samples.limited())).decode())
    assert all(name.startswith("edgesim_load_") for name in kinds)
    assert all(name.endswith("_total") == (kind == "counter") for name, kind in kinds.items())
    assert found["edgesim_load_requests_asked_total", ()] == 5600
    assert found["edgesim_load_client_limits", ()] == 1
    assert sum(value for (name, _), value in found.items() if name == "edgesim_load_verdict") == 3
    assert found["edgesim_load_condition_met", (("condition", "p99>50ms"),)] == 1


def test_buckets_rise_to_the_count() -> None:
    """Of every histogram the buckets rise, and the last one, +Inf, is the count."""
    _, found = _read(prometheus(samples.outcome()).decode())
    buckets: dict[tuple[str, Labels], list[float]] = defaultdict(list)
    for (name, labels), value in found.items():
        if name.endswith("_bucket"):
            buckets[name.removesuffix("_bucket"), labels[:-1]].append(value)
    assert len(buckets) == 2 * 6 + 1
    for (name, labels), values in buckets.items():
        assert values == sorted(values)
        assert values[-1] == found[f"{name}_count", labels]
        assert found[f"{name}_sum", labels] >= 0


def test_names_are_escaped() -> None:
    """Quotes, backslashes and line breaks in a name neither end its label nor its line."""
    outcome = samples.outcome(samples.result(6, versions=("v1", 'a"b\\c\nd'), name=samples.HOSTILE))
    _, found = _read(prometheus(outcome).decode())
    assert any(("destination", r"a\"b\\c\nd") in labels for _, labels in found)
