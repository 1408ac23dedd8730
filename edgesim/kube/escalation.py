"""Nobody grants more than they have: what is asked before a role or a binding is written.

Kubernetes, "Using RBAC Authorization", privilege escalation prevention. The verbs `escalate` (on roles) and `bind` (on the
role that is bound) lift it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from typing import Any, Final

from edgesim.config.api_errors import ApiError
from edgesim.kube.rbac import GROUP, Attributes, Policy, Rule, role_of, rules_of
from edgesim.kube.users import User

Manifest = Mapping[str, Any]
_PLURALS: Final = {
    "Role": "roles",
    "ClusterRole": "clusterroles",
    "RoleBinding": "rolebindings",
    "ClusterRoleBinding": "clusterrolebindings",
}


def check_grant(policy: Policy, user: User, manifest: Manifest, before: Manifest | None) -> None:
    """Refuse a role or binding that grants what its writer has not; objects of other kinds are let pass.

    `manifest` names kind, name and namespace; `before` is what it replaces.

    Raises:
        ApiError: Forbidden, in Kubernetes' words; NotFound for a binding to a role that is not there.
    """
    kind = str(manifest.get("kind"))
    if not policy.on or kind not in _PLURALS:
        return
    metadata = manifest["metadata"]
    wanted = Attributes("escalate", GROUP, _PLURALS[kind], "", metadata.get("namespace", ""), metadata["name"])
    if kind in {"Role", "ClusterRole"}:
        _check_role(policy, user, wanted, manifest, before)
    elif before is None or any(before.get(name) != manifest.get(name) for name in ("roleRef", "subjects")):
        _check_binding(policy, user, wanted, manifest)


def _check_role(policy: Policy, user: User, wanted: Attributes, manifest: Manifest, before: Manifest | None) -> None:
    same = before is not None and all(before.get(name) == manifest.get(name) for name in ("rules", "aggregationRule"))
    if same or policy.allows(user, wanted):
        return
    # What an aggregating role will hold nobody knows yet, so that only who has everything may make one.
    rules = (Rule(("*",), ("*",), ("*",)),) if manifest.get("aggregationRule") else rules_of(manifest)
    _check(policy, user, wanted, rules)


def _check_binding(policy: Policy, user: User, wanted: Attributes, manifest: Manifest) -> None:
    home, name = role_of({"metadata": {"namespace": wanted.namespace}, "roleRef": manifest.get("roleRef")})
    resource = "roles" if home else "clusterroles"
    if policy.allows(user, Attributes("bind", GROUP, resource, "", wanted.namespace, name)):
        return
    if (home, name) not in policy.roles:
        details = {"name": name, "group": GROUP, "kind": resource}
        raise ApiError("NotFound", f'{resource}.{GROUP} "{name}" not found', details)
    _check(policy, user, wanted, policy.roles[home, name])


def _check(policy: Policy, user: User, wanted: Attributes, rules: Iterable[Rule]) -> None:
    owned = policy.rules(user, wanted.namespace)
    missing = [atom for rule in rules for atom in _atoms(rule) if not any(_covers(have, atom) for have in owned)]
    if missing:
        raise _escalates(user, wanted, missing)


def _atoms(rule: Rule) -> Iterator[Rule]:
    """Yield a rule in its smallest parts: one verb on one resource of one group, or on one path."""
    for verb, url in product(rule.verbs, rule.urls):
        yield Rule((verb,), urls=(url,))
    for verb, group, resource in product(rule.verbs, rule.groups, rule.resources):
        for name in rule.names or ("",):
            yield Rule((verb,), (group,), (resource,), (name,) if name else ())


def _covers(have: Rule, atom: Rule) -> bool:
    """Tell whether whoever has a rule has this part of another, whose stars are stars."""
    if not _holds(have.verbs, atom.verbs[0]):
        return False
    if atom.urls:
        return any(
            url == atom.urls[0] or (url.endswith("*") and atom.urls[0].startswith(url[:-1])) for url in have.urls
        )
    named = not have.names or (bool(atom.names) and atom.names[0] in have.names)
    return named and _holds(have.groups, atom.groups[0]) and _holds_resource(have.resources, atom.resources[0])


def _holds(have: tuple[str, ...], wanted: str) -> bool:
    return "*" in have or wanted in have


def _holds_resource(have: tuple[str, ...], wanted: str) -> bool:
    _resource, slash, subresource = wanted.partition("/")
    return _holds(have, wanted) or (bool(slash) and f"*/{subresource}" in have)


# --- how it is told ----------------------------------------------------------------------------------


def _escalates(user: User, wanted: Attributes, missing: list[Rule]) -> ApiError:
    lines = "\n".join(sorted(map(_compact, _together(missing))))
    said = f"user {_quoted(user.name)} (groups={_list(user.groups)}) is attempting to grant"
    message = (
        f'{wanted.resource}.{GROUP} "{wanted.name}" is forbidden: {said} RBAC permissions not currently held:\n{lines}'
    )
    return ApiError("Forbidden", message, {"name": wanted.name, "group": GROUP, "kind": wanted.resource})


def _together(atoms: Iterable[Rule]) -> Iterator[Rule]:
    """Yield parts that differ in nothing but their verb as one."""
    verbs: dict[Rule, list[str]] = {}
    for atom in atoms:
        rest = Rule((), atom.groups, atom.resources, atom.names, atom.urls)
        verbs.setdefault(rest, []).extend(atom.verbs)
    for rest, found in verbs.items():
        yield Rule(tuple(dict.fromkeys(found)), rest.groups, rest.resources, rest.names, rest.urls)


def _compact(rule: Rule) -> str:
    """Return a rule as Kubernetes' `PolicyRule.CompactString` writes it."""
    parts = {
        "APIGroups": rule.groups,
        "Resources": rule.resources,
        "NonResourceURLs": rule.urls,
        "ResourceNames": rule.names,
        "Verbs": rule.verbs,
    }
    return "{" + ", ".join(f"{name}:{_list(words)}" for name, words in parts.items() if words) + "}"


def _list(words: Iterable[str]) -> str:
    return "[" + " ".join(map(_quoted, words)) + "]"


def _quoted(word: str) -> str:
    return json.dumps(word, ensure_ascii=False)
