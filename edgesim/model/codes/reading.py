"""ES0001 to ES0099: reading files."""

from __future__ import annotations

from edgesim.model.codes.code import SERVICE, Code, documents, error

_NAMESPACE = "apiVersion: v1\nkind: Namespace\nmetadata: {name: echo}\n"

READING: tuple[Code, ...] = (
    error(
        "ES0001",
        "YAML syntax",
        "The text is not YAML, so nothing of this document can be read. The other documents of the file are.",
        "apiVersion: v1\nkind: Namespace\nmetadata: {name: echo\n",
        _NAMESPACE,
    ),
    error(
        "ES0002",
        "A key is written twice",
        "A mapping holds the same key twice. YAML readers disagree on which one counts, so neither does here.",
        "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: echo\n  name: foxtrot\n",
        _NAMESPACE,
    ),
    error(
        "ES0003",
        "The document is not a mapping",
        "A manifest is a mapping with `apiVersion`, `kind` and `metadata`; this document is a list or a single value.",
        "- apiVersion: v1\n  kind: Namespace\n  metadata: {name: echo}\n",
        _NAMESPACE,
    ),
    error(
        "ES0004",
        "The text is not UTF-8",
        "The file holds bytes that are no UTF-8 text. Save it as UTF-8.",
        "$ printf 'kind: \\xff\\n' > bad.yaml\n$ edgesim check bad.yaml\n",
        "$ iconv -f latin1 -t utf-8 bad.yaml > good.yaml\n",
        console=True,
    ),
    error(
        "ES0005",
        "Nested too deeply",
        "The document nests more than 100 levels, or an anchor contains itself. No manifest needs that.",
        f"a: {'[' * 120}{']' * 120}\n",
        _NAMESPACE,
    ),
    error(
        "ES0006",
        "Aliases expand too far",
        'Anchors and aliases would expand to far more data than the text holds (a "billion laughs" file).',
        "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
        + "".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 10)}]\n" for a, b in zip("abcdef", "bcdefg", strict=True)),
        _NAMESPACE,
    ),
    error(
        "ES0007",
        "A key or tag that Kubernetes does not have",
        "Keys are text, and values have no tags but YAML's own for text, numbers, booleans, lists and mappings.",
        "apiVersion: v1\nkind: Namespace\nmetadata: !secret {name: echo}\n",
        _NAMESPACE,
    ),
    error(
        "ES0008",
        "JSON syntax",
        "The file is named `.json` but its text is no JSON.",
        "$ echo '{\"kind\": }' > bad.json\n$ edgesim check bad.json\n",
        '$ echo \'{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "echo"}}\' > good.json\n',
        console=True,
    ),
    error(
        "ES0009",
        "A List without items",
        "A `List` holds its documents under `items`; there is nothing to read without them.",
        "apiVersion: v1\nkind: List\nitems: {name: echo}\n",
        "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Namespace\n  metadata: {name: echo}\n",
    ),
    error(
        "ES0010",
        "No such file or folder",
        "A path on the command line does not exist.",
        "$ edgesim check manifsts/\n",
        "$ edgesim check manifests/\n",
        console=True,
    ),
    error(
        "ES0011",
        "The file cannot be read",
        "The system refuses to open or read the file; its own words are in the message.",
        "$ chmod 000 echo.yaml; edgesim check echo.yaml\n",
        "$ chmod 644 echo.yaml; edgesim check echo.yaml\n",
        console=True,
    ),
    error(
        "ES0012",
        "The same resource twice",
        "Two documents declare the same kind, namespace and name. Which one should count is not for edgesim to guess.",
        documents(SERVICE, SERVICE),
        SERVICE,
    ),
)
