"""The files an Envoy reads its resources from, and looks at again when another takes their place.

Envoy reads a file when one is moved there (`path_config_source`), so that it never sees half of one. Endpoints, routes
and secrets have a file each: a subscription by name takes exactly one resource.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from edgesim.dialects.envoy import Json, Kind, Part

_ALL: Mapping[Kind, str] = {Kind.LISTENER: "listeners", Kind.CLUSTER: "clusters"}
"""The kinds that are read all at once."""
_ONE: Mapping[Kind, str] = {Kind.ROUTES: "routes", Kind.ENDPOINTS: "endpoints", Kind.SECRET: "secret"}
_UNPLAIN = re.compile(r"[^A-Za-z0-9.-]+")
_READABLE = 80


@dataclass(frozen=True, slots=True)
class Subscription:
    """What Envoy follows a file for: all resources of a kind, or (`name`) one."""

    kind: Kind
    name: str = ""


class Folder:
    """The files, and which version of what is in each."""

    def __init__(self, path: Path) -> None:
        """Begin with a folder where nothing is."""
        self.path = path
        self._written: dict[Subscription, str] = {}
        self._number = 0

    def source(self, kind: Kind, name: str) -> Json:
        """Return the ConfigSource of a resource."""
        return {"path_config_source": {"path": str(self._file(Subscription(kind, name)))}, "resource_api_version": "V3"}

    def _file(self, of: Subscription) -> Path:
        if of.kind in _ALL:
            return self.path / f"{_ALL[of.kind]}.json"
        plain = _UNPLAIN.sub("_", of.name)[:_READABLE]
        digest = sha256(of.name.encode()).hexdigest()[:12]
        return self.path / f"{_ONE[of.kind]}-{plain}-{digest}.json"

    def begin(self) -> None:
        """Count versions on: what is written next is newer than all before."""
        self._number += 1

    def write_all(self, kind: Kind, resources: Mapping[str, Part]) -> dict[Subscription, str]:
        """Write all resources of a kind; returns the version that Envoy must get to, nothing where nothing is new."""
        return self._write(Subscription(kind), resources.values())

    def write_each(self, kind: Kind, resources: Mapping[str, Part]) -> dict[Subscription, str]:
        """Write each resource to its own file; returns the versions of those that are new."""
        versions: dict[Subscription, str] = {}
        for name, resource in resources.items():
            versions |= self._write(Subscription(kind, name), [resource])
        return versions

    def _write(self, of: Subscription, resources: Iterable[Part]) -> dict[Subscription, str]:
        listed = [{"@type": of.kind.type_url, **each} for each in resources]
        content = json.dumps(listed, separators=(",", ":"))
        digest = sha256(content.encode()).hexdigest()
        if self._written.get(of) == digest:
            return {}
        version = f"{self._number}-{digest[:16]}"
        self._replace(of, f'{{"version_info":"{version}","resources":{content}}}')
        self._written[of] = digest
        return {of: version}

    def _replace(self, of: Subscription, text: str) -> None:
        file = self._file(of)
        new = file.with_suffix(".new")
        new.write_text(text)
        new.rename(file)

    def forget(self, kind: Kind, kept: Iterable[str]) -> None:
        """Remove the files of resources that nobody follows any more."""
        gone = {of for of in self._written if of.kind is kind} - {Subscription(kind, name) for name in kept}
        for of in gone:
            del self._written[of]
            self._file(of).unlink(missing_ok=True)
