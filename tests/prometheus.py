"""Prometheus' text format, read strictly: https://prometheus.io/docs/instrumenting/exposition_formats/."""

from __future__ import annotations

import re
from dataclasses import dataclass

_TYPE = re.compile(r"# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram)")
_SAMPLE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)\{(.*)\} ([-+0-9.e]+)", re.DOTALL)
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)', re.DOTALL)
_ESCAPE = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class Sample:
    """One value; `family` is the name behind `# TYPE`, which may lack a histogram's suffix."""

    name: str
    labels: tuple[tuple[str, str], ...]
    value: float
    family: str
    kind: str


def samples(text: str) -> list[Sample]:
    """Return every sample; each family must be typed once, ahead of its samples, and no sample may come twice."""
    found: list[Sample] = []
    families: set[str] = set()
    family = kind = ""
    assert text.endswith("\n")
    for line in text.split("\n")[:-1]:
        if line.startswith("#"):
            typed = _TYPE.fullmatch(line)
            assert typed is not None, line
            family, kind = typed.groups()
            assert family not in families, line
            families.add(family)
        else:
            found.append(_sample(line, family, kind))
    assert len({(each.name, each.labels) for each in found}) == len(found)
    return found


def _sample(line: str, family: str, kind: str) -> Sample:
    parts = _SAMPLE.fullmatch(line)
    assert parts is not None, line
    name, inside, value = parts.groups()
    assert name == family or (kind == "histogram" and name.removeprefix(family) in {"_bucket", "_sum", "_count"}), line
    labels = tuple((label, _ESCAPE.sub(_plain, text)) for label, text in _LABEL.findall(inside))
    assert _LABEL.sub("", inside) == "", line
    return Sample(name, labels, float(value), family, kind)


def _plain(escape: re.Match[str]) -> str:
    return "\n" if escape[1] == "n" else escape[1]
