"""What the pages tell a reader to type prints what the pages say it prints."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.docs.console import Saved, Shell, Step, same, steps
from tests.running import ROOT

PAGES = sorted(
    page.relative_to(ROOT).as_posix()
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md"))
    if "```console" in page.read_text()
)
QUICK = frozenset({"README.md", "docs/check.md", "docs/diff.md", "docs/run.md", "docs/state.md"})
"""Pages that are run each time; the others start many instances, load them, or need the real kubectl."""


@pytest.mark.parametrize(
    "page", [pytest.param(page, marks=[] if page in QUICK else [pytest.mark.slow]) for page in PAGES]
)
def test_commands_print_what_the_page_says(page: str, tmp_path: Path) -> None:
    """Every command of a page's console blocks, run in order against a real instance, prints what stands below it."""
    text = (ROOT / page).read_text()
    for tool in ("curl", "openssl"):
        if re.search(rf"\b{tool}\b", text) and shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    shell = Shell(tmp_path)
    try:
        for step in steps(text):
            if isinstance(step, Saved):
                shell.save(step)
                continue
            printed = shell.run(step)
            told = "\n".join(printed)
            assert same(step.output, printed), f"{page}:{step.line}: $ {step.command}\nprints\n{told}"
    finally:
        shell.close()


def test_the_readme_opens_with_two_commands() -> None:
    """The first block of the README is `make demo` and `make test`, and nothing but a title is above it."""
    lines = [line for line in (ROOT / "README.md").read_text().splitlines() if line]
    assert lines[:2] == ["# edgesim", "```sh"]
    assert [line.partition("#")[0].strip() for line in lines[2 : lines.index("```")]] == ["make demo", "make test"]


@pytest.mark.parametrize(
    "page", ["README.md", "CONTRIBUTING.md", *sorted(f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md"))]
)
def test_links_lead_somewhere(page: str) -> None:
    """Every relative link of a page names a file that is there, and every anchor a heading of it."""
    for target in re.findall(r"\]\(([^)\s]+)\)", (ROOT / page).read_text()):
        path, _, anchor = target.partition("#")
        if "://" in path:
            continue
        file = (ROOT / page).parent / path if path else ROOT / page
        assert file.exists(), f"{page} links to {target}"
        if anchor:
            assert anchor in _anchors(file.read_text()), f"{page} links to {target}"


def _anchors(markdown: str) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", markdown, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_blocks_are_read() -> None:
    """A console block gives its commands with their lines and outputs, a named YAML block a file, others nothing."""
    page = "text\n\n```console\n$ one \\\n> two\nout\n$ three\n```\n```yaml\n$ no\n```\n```yaml\n# a.yaml\nb: 1\n```\n"
    saved = Saved("a.yaml", "# a.yaml\nb: 1\n")
    assert list(steps(page)) == [Step(4, "one \\\ntwo", ("out",)), Step(7, "three", ()), saved]


@pytest.mark.parametrize(
    ("promised", "printed", "result"),
    [
        (["a", "b"], ["a", "b", ""], True),
        (["a"], ["a", "b"], False),
        (["a", "...", "z"], ["a", "b", "c", "z"], True),
        (["echo-v1-92mfv8v6jf-z9mm5   1/1   4s"], ["echo-v1-zk994qgc8r-vjknc   1/1   2m3s"], True),
        (["echo-v1-92mfv8v6jf-z9mm5"], ["echo-v2-zk994qgc8r-vjknc"], False),
        (["  48 v1", "  52 v2"], ["  55 v1", "  45 v2"], True),
        (["  48 v1", "  52 v2"], ["  98 v1", "   2 v2"], False),
        (["  48 v1", "  52 v2"], [" 100 v1"], False),
        ([" 100 v1"], [" 100 v1"], True),
    ],
)
def test_what_counts_as_the_same(promised: list[str], printed: list[str], result: bool) -> None:
    """Names of pods, ages and the luck of a draw may differ; everything else is compared."""
    assert same(promised, printed) is result
