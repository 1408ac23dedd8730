from __future__ import annotations

import base64
import os
import tempfile
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from edgesim.kube.kubeconfig import Login, file_name, folders, kubeconfig, write_private


def test_what_is_in_it() -> None:
    """One cluster, user and context named edgesim, in the namespace default; the authority is in the file."""
    found = yaml.safe_load(kubeconfig(Login("bob", "https://127.0.0.1:7", "PEM", "secret")))
    cluster = {"server": "https://127.0.0.1:7", "certificate-authority-data": base64.b64encode(b"PEM").decode()}
    assert found["clusters"] == [{"name": "edgesim", "cluster": cluster}]
    assert found["users"] == [{"name": "bob", "user": {"token": "secret"}}]
    context = {"cluster": "edgesim", "namespace": "default", "user": "bob"}
    assert found["contexts"] == [{"name": "edgesim", "context": context}]
    assert found["current-context"] == "edgesim"
    plain = yaml.safe_load(kubeconfig(Login("admin", "http://127.0.0.1:7")))
    assert plain["clusters"][0]["cluster"] == {"server": "http://127.0.0.1:7"}
    assert plain["users"] == [{"name": "admin", "user": {}}]


@given(st.text(st.characters(categories=("L", "N", "P", "S", "Zs")), min_size=1, max_size=300))
def test_any_name_can_stand_in_it_and_before_it(user: str) -> None:
    """A user's name comes back as it was, and names a file in its folder whatever it holds."""
    assert yaml.safe_load(kubeconfig(Login(user, "http://x")))["users"][0]["name"] == user
    name = file_name(1, user)
    assert name.startswith("kubeconfig-1-")
    assert "/" not in name
    assert len(name.encode()) < 200


@given(st.sets(st.text("aA-_.:/é ", min_size=1, max_size=8), min_size=2))
def test_no_two_users_share_a_file(users: set[str]) -> None:
    """Also where a file system takes no notice of case."""
    assert len({file_name(1, user).lower() for user in users}) == len(users)


def test_names_that_can_stand_for_themselves_do() -> None:
    """A file is found by eye, and is the same for the same port and user."""
    assert file_name(8001) == "kubeconfig-8001"
    assert file_name(8001, "echo-team") == "kubeconfig-8001-echo-team"
    assert file_name(8001, "system:admin").startswith("kubeconfig-8001-system-admin_")


def test_where_files_are() -> None:
    """The folder of the session, else of the state, else the temporary one; relative paths are no folders."""
    environ = {"XDG_RUNTIME_DIR": "/run/user/7", "XDG_STATE_HOME": "/state", "HOME": "/home/x"}
    temporary = Path(tempfile.gettempdir()) / "edgesim-7"
    assert [*folders(environ, 7)] == [Path("/run/user/7/edgesim"), Path("/state/edgesim/kube"), temporary]
    relative = {**environ, "XDG_RUNTIME_DIR": "run", "XDG_STATE_HOME": "state"}
    assert [*folders(relative, 7)] == [Path("/home/x/.local/state/edgesim/kube"), temporary]


def test_only_the_owner_reads_it(tmp_path: Path) -> None:
    """The first folder that takes it has it, 0600, and nothing else is left there."""
    (tmp_path / "file").write_text("")
    places = [tmp_path / "file" / "below", tmp_path / "new"]
    for text in ("one", "two"):
        path = write_private("kubeconfig-1", text, iter(places))
        assert (path, path.read_text()) == (tmp_path / "new" / "kubeconfig-1", text)
        assert path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path / "new") == ["kubeconfig-1"]  # noqa: PTH208 - names are what is compared


def test_where_it_cannot_be_written_is_said(tmp_path: Path) -> None:
    """Without a folder that takes it the last refusal is raised."""
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError):
        write_private("x", "text", iter([tmp_path / "file" / "below"]))
    (tmp_path / "x").mkdir()
    with pytest.raises(IsADirectoryError):
        write_private("x", "text", iter([tmp_path]))
    assert [each.name for each in tmp_path.glob(".x*")] == []
