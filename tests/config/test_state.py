from __future__ import annotations

import os
import pickle
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edgesim.config import state as state_module
from edgesim.config.encoding import DamagedError, pack, shape, unpack
from edgesim.config.revisions import BATCH, Revision
from edgesim.config.state import State
from edgesim.config.state_folder import ASIDE, MOST_ASIDE, open_default
from edgesim.config.state_rows import StateError
from edgesim.model import PathKind, Problem, ResourceKey, Severity, VirtualHost
from tests.config.snapshots import PROBLEM, resource, snapshot
from tests.config.test_isolation import cluster, host, listener, model


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    made = State(str(tmp_path / "state.db"))
    yield made
    made.close()


def reopened(one: State) -> State:
    one.close()
    return State(one.path)


def test_what_was_served_comes_back_exactly(state: State) -> None:
    """The last revision after reopening has the identical model, resources and time."""
    newest = model(host("echo", "a", "b"), host("foxtrot"), listeners=(listener("gateway", "echo"),))
    state.record(snapshot(newest, resource("echo")))
    again = reopened(state)
    last = again.last()
    assert last == Revision(1, "2026-01-01T00:00:00.000Z", newest, (), (resource("echo"),))
    again.close()


@pytest.mark.parametrize("namespace", ["default", ""])
def test_a_label_is_the_text_of_the_key(namespace: str) -> None:
    """Rows are found by it, whoever made it."""
    kept = replace(resource("echo"), namespace=namespace)
    assert kept.label == str(kept.key)


def test_the_same_again_is_no_revision(state: State) -> None:
    """What does not differ is not recorded anew, also after reopening; what differs is, with what changed."""
    newest = model(host("echo"))
    assert state.record(snapshot(newest, resource("echo"))) == 1
    assert state.record(snapshot(model(host("echo")), resource("echo"), minute=1)) == 1
    again = reopened(state)
    assert again.record(snapshot(newest, resource("echo"), minute=2)) == 1
    assert again.record(snapshot(newest, resource("echo", 2), resource("other"), minute=3)) == 2
    assert again.record(snapshot(newest, resource("other"), minute=4)) == 3
    changes = [[(each.verb, each.resource.name) for each in info.changes] for info in again.history()]
    assert changes == [[("deleted", "echo")], [("configured", "echo"), ("created", "other")], [("created", "echo")]]
    again.close()


def test_another_order_is_no_revision(state: State) -> None:
    """A cluster that went behind a freeze and came back is the last one; what is served is the same, in that order."""
    first = replace(model(host("echo")), clusters=(cluster("a"), cluster("b")))
    assert state.record(snapshot(first)) == 1
    turned = replace(first, clusters=first.clusters[::-1])
    assert state.record(snapshot(turned, minute=1)) == 1
    again = reopened(state)
    assert again.last() == Revision(1, "2026-01-01T00:00:00.000Z", turned, (), ())
    again.verify()
    again.close()


def test_one_change_writes_one_piece(state: State) -> None:
    """One changed virtual host among many adds one row, and every revision can still be read."""
    hosts = [host(f"h{number}") for number in range(50)]
    state.record(snapshot(model(*hosts)))
    count = "SELECT count(*) FROM piece"
    before = state._connection.execute(count).fetchone()[0]
    changed = model(*hosts[:-1], host("h49", version=2))
    state.record(snapshot(changed))
    assert state._connection.execute(count).fetchone()[0] == before + 1
    first, second = state.revision(1), state.revision(2)
    assert first is not None
    assert second is not None
    assert (first.model, second.model) == (model(*hosts), changed)
    assert state.revision(3) is None


def test_many_routes_are_kept_in_batches(state: State) -> None:
    """One changed route among a thousand writes one batch; every revision has all of them, in their order."""
    many = host("echo")
    routes = tuple(replace(many.routes[0], number=number) for number in range(3 * BATCH + 1))
    before = model(replace(many, routes=routes), host("foxtrot"))
    after = model(replace(many, routes=(*routes[:5], many.routes[0], *routes[6:])), host("foxtrot"))
    state.record(snapshot(before))
    count = "SELECT count(*) FROM piece"
    (rows,) = state._connection.execute(count).fetchone()
    state.record(snapshot(after))
    assert state._connection.execute(count).fetchone() == (rows + 1,)
    again = reopened(state)
    found = [again.revision(number) for number in (1, 2)]
    assert [one.model for one in found if one is not None] == [before, after]
    again._connection.execute("DELETE FROM piece WHERE kind = 'routes' AND name LIKE ?", (f"% {2 * BATCH}",))
    again.close()
    with pytest.raises(StateError, match="pieces"):
        State(again.path).verify()


def test_what_waits_behind_a_freeze_is_in_no_revision(state: State) -> None:
    """While everything is held back the resources stay those of the revision, and who blocks is taken down."""
    newest = model(host("echo"))
    state.record(snapshot(newest, resource("echo")))
    waiting = (ResourceKey("VirtualService", "default", "other"),)
    blocked = {"current": False, "problems": (PROBLEM,), "waiting": waiting}
    for minute in (1, 2):
        assert state.record(snapshot(newest, resource("echo", 2), resource("other"), minute=minute, **blocked)) == 1
    (info,) = state.history()
    assert [(each.since[11:16], each.until, each.problems) for each in info.blockages] == [("00:01", None, (PROBLEM,))]
    assert info.blockages[0].waiting == waiting
    assert state.record(snapshot(newest, resource("echo"), minute=3)) == 1
    (info,) = state.history()
    assert [each.until for each in info.blockages] == ["2026-01-01T00:03:00.000Z"]
    found = state.revision(1)
    assert found is not None
    assert found.resources == (resource("echo"),)


def test_a_blockage_goes_on_after_a_restart(state: State) -> None:
    """The same problems after reopening are the same blockage; other ones are another."""
    state.record(snapshot(model(), current=False, problems=(PROBLEM,)))
    again = reopened(state)
    again.record(snapshot(model(), minute=1, current=False, problems=(PROBLEM,)))
    assert len(again.history()[0].blockages) == 1
    other = Problem("ES0200", Severity.ERROR, "an error")
    again.record(snapshot(model(), minute=2, current=False, problems=(other,)))
    assert [each.until is None for each in again.history()[0].blockages] == [False, True]
    again.close()


def test_old_revisions_are_forgotten(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    """There are never more than so many revisions, and what only the old ones had is gone from disk."""
    monkeypatch.setattr(state_module, "MOST_REVISIONS", 3)
    for number in range(10):
        state.record(snapshot(model(host("echo", version=number)), current=True, problems=(PROBLEM,) * (number % 2)))
    assert [info.number for info in state.history()] == [10, 9, 8]
    assert state.revision(7) is None
    oldest = state.revision(8)
    assert oldest is not None
    assert oldest.model == model(host("echo", version=7))
    assert state._connection.execute("SELECT count(*) FROM piece WHERE kind = 'host'").fetchone()[0] == 3


def test_a_full_database_makes_room(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where history takes too much room the older half of it goes, never the current revision."""
    monkeypatch.setattr(state_module, "MOST_BYTES", 1)
    for number in range(5):
        state.record(snapshot(model(host("echo", version=number))))
    assert next(info.number for info in state.history()) == 5
    assert len(state.history()) < 4
    assert state.last() is not None


def test_a_disk_that_takes_nothing_changes_nothing(state: State) -> None:
    """When recording fails the revision before is still the last, and the next attempt does it all."""
    state.record(snapshot(model(host("echo")), resource("echo")))
    pages = state._connection.execute("PRAGMA page_count").fetchone()[0]
    state._connection.execute(f"PRAGMA max_page_count = {pages}")
    many = [resource(f"r{number}") for number in range(500)]
    with pytest.raises(sqlite3.OperationalError, match="full"):
        state.record(snapshot(model(host("echo", version=2)), *many, minute=1))
    assert state.number == 1
    last = state.last()
    assert last is not None
    assert last.model == model(host("echo"))
    state._connection.execute("PRAGMA max_page_count = 1000000")
    assert state.record(snapshot(model(host("echo", version=2)), *many, minute=2)) == 2


def test_written_objects_come_back_in_order(state: State) -> None:
    """What the API wrote comes back as it was; what is no longer there does not."""
    state.write([resource("a", writer="api"), resource("b", writer="api")], [])
    state.write([resource("c", writer="api"), resource("b", 2, writer="api")], [resource("a").key])
    again = reopened(state)
    assert again.written() == (resource("c", writer="api"), resource("b", 2, writer="api"))
    again.write([resource("c", writer="api")], [])
    assert [each.name for each in again.written()] == ["c", "b"]
    again.close()


# --- damage ---------------------------------------------------------------------------------------


def test_a_changed_byte_is_noticed(state: State) -> None:
    """A row that is not what was written is damage, not another model."""
    state.record(snapshot(model(host("echo"))))
    state._connection.execute("UPDATE piece SET data = ? WHERE kind = 'host'", (pack(host("evil")),))
    with pytest.raises(StateError, match="checksum"):
        reopened(state).last()


def test_a_member_is_read_as_any_python_writes_it() -> None:
    """Python 3.11.2 writes an attribute of the class, later ones the class and a value; no other attribute is read."""
    by_name = b"cbuiltins\ngetattr\n(cedgesim.model.routes\nPathKind\nVREGEX\ntR."
    by_value = b"cedgesim.model.routes\nPathKind\n(Vregex\ntR."
    assert unpack(by_name, PathKind) is unpack(by_value, PathKind) is PathKind.REGEX
    for evil in (by_name.replace(b"REGEX", b"mro"), by_name.replace(b"PathKind", b"Route").replace(b"REGEX", b"mro")):
        with pytest.raises(DamagedError):
            unpack(evil, PathKind)


def test_only_the_model_is_unpickled() -> None:
    """A pickle that names anything but classes of the model is refused before anything of it is called."""
    for evil in (os.system, print, Path("x"), pickle.loads, pytest.raises):
        with pytest.raises(DamagedError):
            unpack(pickle.dumps(evil), VirtualHost)
    with pytest.raises(DamagedError, match="VirtualHost"):
        unpack(pack(cluster("echo")), VirtualHost)


@given(st.binary(max_size=200))
def test_any_bytes_are_damage(data: bytes) -> None:
    """Whatever bytes there are instead of a piece, they are damage and no crash."""
    with pytest.raises(DamagedError):
        unpack(data, VirtualHost)


@given(st.binary(min_size=1, max_size=300), st.integers(0, 40_000))
@example(junk=b"\x03", at=18)  # of a format that only later versions of SQLite write
def test_any_damage_to_the_file_is_survived(tmp_path_factory: pytest.TempPathFactory, junk: bytes, at: int) -> None:
    """However a file is damaged: it opens with what was good, or is set aside with a note."""
    folder = tmp_path_factory.mktemp("damaged")
    opened = open_default(folder)
    newest = model(host("echo"), host("foxtrot"))
    opened.state.record(snapshot(newest, resource("echo")))
    opened.close()
    path = folder / "state.db"
    data = bytearray(path.read_bytes())
    data[at % len(data) : at % len(data) + len(junk)] = junk
    path.write_bytes(data)
    again = open_default(folder)
    last = again.state.last()
    if last is None:
        assert [note.code for note in again.notes] in ([], ["ES0722"])
    else:
        assert (last.model, last.resources) == (newest, (resource("echo"),))
    again.state.record(snapshot(newest, resource("echo"), resource("other")))
    again.close()


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE revision SET data = 5",
        "UPDATE piece SET data = 'text' WHERE kind = 'host'",
        "UPDATE piece SET name = CAST(x'ff' AS TEXT) WHERE kind = 'resource'",
        "DELETE FROM piece WHERE kind = 'resource'",
        "UPDATE piece SET until = 1 WHERE kind = 'resource'",
        "UPDATE written SET sum = x'00'",
        "DROP INDEX present",
        "DROP TABLE meta",
    ],
)
def test_what_was_changed_behind_its_back_is_damage(tmp_path: Path, damage: str) -> None:
    """Cells of another type or text, rows and tables that are gone: none of it is believed."""
    opened = open_default(tmp_path)
    opened.state.record(snapshot(model(host("echo")), resource("echo")))
    opened.state.write([resource("echo")], ())
    opened.state._connection.execute(damage)
    opened.close()
    again = open_default(tmp_path)
    assert ([note.code for note in again.notes], again.state.number) == (["ES0722"], 0)
    again.close()


def test_a_damaged_database_is_set_aside(tmp_path: Path) -> None:
    """A file that is no database stays beside the new one, and a note says so."""
    (tmp_path / "state.db").write_bytes(b"no database" * 1000)
    opened = open_default(tmp_path)
    assert [note.code for note in opened.notes] == ["ES0722"]
    assert (tmp_path / ASIDE).read_bytes().startswith(b"no database")
    assert opened.state.record(snapshot(model(host("echo")))) == 1
    opened.close()


def test_those_set_aside_are_numbered(tmp_path: Path) -> None:
    """Another damaged database does not take the place of the one before; of many the oldest goes."""
    for number in range(1, MOST_ASIDE + 2):
        (tmp_path / "state.db").write_bytes(b"no database %d" % number)
        os.utime(tmp_path / "state.db", (number, number))
        opened = open_default(tmp_path)
        opened.close()
    names = [ASIDE, *(f"{ASIDE}.{number}" for number in range(2, MOST_ASIDE + 1))]
    assert sorted(each.name for each in tmp_path.glob(f"{ASIDE}*")) == sorted(names)
    assert opened.notes[0].message.endswith(f"it is kept as {ASIDE}, and a new one begun")
    numbers = [(tmp_path / name).read_bytes().decode().rpartition(" ")[2] for name in names]
    assert numbers == [str(MOST_ASIDE + 1), *map(str, range(2, MOST_ASIDE + 1))]


def test_another_version_is_set_aside(tmp_path: Path) -> None:
    """A database of another format, or of models of another shape, is set aside with a note."""
    for name in ("format", "shape"):
        opened = open_default(tmp_path)
        opened.state.record(snapshot(model(host("echo"))))
        opened.state._connection.execute("UPDATE meta SET value = 'other' WHERE name = ?", (name,))
        opened.close()
        again = open_default(tmp_path)
        assert [note.code for note in again.notes] == ["ES0722"]
        assert "another version" in again.notes[0].message
        assert again.state.last() is None
        again.close()


def test_the_shape_is_that_of_the_model() -> None:
    """The digest is the same from run to run, so that a state survives a restart."""
    assert shape() == shape()
    assert len(shape()) == 16
