from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edgesim.config import read_text
from edgesim.config.declared import NOTHING_DECLARED, FileRecord, declare_all, difference, record_file
from edgesim.config.files import decode_all
from edgesim.model import ResourceKey


def namespace(name: str) -> str:
    return f"---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}}}\n"


def service(name: str, port: int = 80) -> str:
    head = f"---\napiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: shop}}\n"
    return f"{head}spec: {{ports: [{{port: {port}}}]}}\n"


def recorded(text: str, file: str = "a.yaml", before: FileRecord | None = None) -> FileRecord:
    read = read_text(text, file)
    return record_file(before, read.problems, decode_all(read.documents))


def names(record: FileRecord) -> list[str]:
    return [key.name for key in record.resources]


def test_a_file_declares_its_documents() -> None:
    """Every document that reads is declared; notes go with their resource."""
    record = recorded(service("a") + service("b"))
    assert names(record) == ["a", "b"]
    assert record.sound


def test_a_file_with_an_error_keeps_what_it_declared() -> None:
    """Good documents count, missing ones stay, and the problem is the file's until it is mended."""
    first = recorded(service("a") + service("b"))
    broken = recorded(service("b", 81) + "---\nkind: [\n", before=first)
    assert names(broken) == ["a", "b"]
    assert [one.code for one in broken.problems] == ["ES0001"]
    assert names(recorded(service("b", 81), before=broken)) == ["b"]


def test_a_document_that_is_refused_keeps_its_resource() -> None:
    """A misspelt field leaves the resource as it was."""
    first = recorded(service("a"))
    broken = recorded(service("a").replace("ports", "prots"), before=first)
    assert broken.resources == first.resources
    assert not broken.sound


def test_the_first_file_wins() -> None:
    """A resource two files declare is an error that names both places."""
    declared = declare_all([recorded(service("a")), recorded("\n" + service("a", 81), "b.yaml")])
    (problem,) = declared.problems
    assert problem.code == "ES0012"
    assert "a.yaml:" in problem.message
    assert problem.position is not None
    assert problem.position.file == "b.yaml"
    assert declared.resources[ResourceKey("Service", "shop", "a")].source.file == "a.yaml"


def test_namespaces_go_last() -> None:
    """What a file declared in a namespace is deleted before the namespace."""
    before = declare_all([recorded(namespace("shop") + service("a"))])
    found = difference(before, NOTHING_DECLARED)
    assert [key.kind for key, _ in found.deletes] == ["Service", "Namespace"]
    assert {writer for _, writer in found.deletes} == {"a.yaml"}


FILES = st.dictionaries(
    st.sampled_from(["a.yaml", "b.yaml"]), st.dictionaries(st.sampled_from("xyz"), st.integers(1, 2))
)


@given(st.lists(FILES, min_size=1))
def test_differences_add_up(states: list[dict[str, dict[str, int]]]) -> None:
    """Applying each difference in turn leaves exactly what the last files declare."""
    store: dict[str, int] = {}
    records: dict[str, FileRecord] = {}
    declared = NOTHING_DECLARED
    for files in states:
        records = {
            file: recorded("".join(service(*one) for one in content.items()), file, records.get(file))
            for file, content in sorted(files.items())
        }
        now = declare_all(records.values())
        found = difference(declared, now)
        for resource in found.puts:
            store[resource.name] = resource.typed.spec.ports[0].port
        for key, _ in found.deletes:
            del store[key.name]
        declared = now
    wanted: dict[str, int] = {}
    for _, content in sorted(states[-1].items()):
        wanted = content | wanted
    assert store == wanted
