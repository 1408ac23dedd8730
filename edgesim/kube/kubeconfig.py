"""Kubeconfig files: what is in one, and where it is.

Kubernetes, "Organizing Cluster Access Using kubeconfig Files". kubectl ignores a user's credentials where the server is
plain http, so a user with a token always gets a server with TLS.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

NAME: Final = "edgesim"
"""The name of cluster and context."""
_PLAIN: Final = re.compile(r"[a-z0-9][a-z0-9.-]{0,60}")


@dataclass(frozen=True, slots=True)
class Login:
    """Where a user logs in: `authority` is the PEM of the server's authority, empty for plain http."""

    user: str
    server: str
    authority: str = ""
    token: str = field(default="", repr=False)


def kubeconfig(login: Login) -> str:
    """Return a kubeconfig of one cluster, user and context, in the namespace `default`."""
    cluster: dict[str, Any] = {"server": login.server}
    if login.authority:
        cluster["certificate-authority-data"] = base64.b64encode(login.authority.encode()).decode()
    context = {"cluster": NAME, "namespace": "default", "user": login.user}
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": NAME, "cluster": cluster}],
        "contexts": [{"name": NAME, "context": context}],
        "current-context": NAME,
        "preferences": {},
        "users": [{"name": login.user, "user": {"token": login.token} if login.token else {}}],
    }
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)


def file_name(port: int, user: str = "") -> str:
    """Return the name of a user's file, the same for the same port and user; without a user it is the administrator's."""
    if not user:
        return f"kubeconfig-{port}"
    readable = re.sub(r"[^a-z0-9.-]+", "-", user.lower())[:60].strip("-.") or "user"
    if _PLAIN.fullmatch(user) and readable == user:
        return f"kubeconfig-{port}-{user}"
    # The underscore keeps it apart from every name that stands for itself.
    digest = hashlib.blake2b(user.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()
    return f"kubeconfig-{port}-{readable}_{digest}"


def folders(environ: Mapping[str, str], uid: int) -> Iterator[Path]:
    """Yield where files may be, the best place first: XDG Base Directory Specification, then the temporary folder."""
    runtime, state = environ.get("XDG_RUNTIME_DIR", ""), environ.get("XDG_STATE_HOME", "")
    if runtime.startswith("/"):
        yield Path(runtime) / NAME
    home = Path(state) if state.startswith("/") else Path(environ.get("HOME") or "/") / ".local" / "state"
    yield home / NAME / "kube"
    yield Path(tempfile.gettempdir()) / f"{NAME}-{uid}"


def write_private(name: str, text: str, places: Iterator[Path]) -> Path:
    """Write a file that only its owner reads, in the first folder that takes it, and return its path.

    Raises:
        OSError: none of the folders takes it.
    """
    refused: OSError | None = None
    for folder in places:
        try:
            return _write(folder, name, text)
        except OSError as error:
            refused = error
    raise refused or OSError("there is no folder to write to")


def _write(folder: Path, name: str, text: str) -> Path:
    """Write to a new file and rename it: whoever reads meanwhile reads the old one or the new one whole."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_uid != os.getuid():  # somebody else's, in the temporary folder
        message = f"{folder} belongs to somebody else"
        raise PermissionError(message)
    number, new = tempfile.mkstemp(prefix=f".{name[:40]}.", dir=folder)  # 0600
    try:
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.write(text)
        Path(new).replace(folder / name)
    except BaseException:
        with suppress(OSError):
            Path(new).unlink()
        raise
    return folder / name
