"""What a hash is made of (reference section 6.4)."""

from __future__ import annotations

from edgesim.dialects.gloo.durations import seconds
from edgesim.dialects.gloo.matchers import is_header_name
from edgesim.dialects.gloo.scope import Reporter
from edgesim.dialects.resource import FieldPath
from edgesim.dialects.schema import options
from edgesim.model.policies import HashKind, HashPolicy


def hash_policies(given: options.LbHash | None, path: FieldPath, reporter: Reporter) -> tuple[HashPolicy, ...]:
    """Read what is hashed, in order."""
    if given is None:
        return ()
    at = (*path, "lbHash", "hashPolicies")
    found = [_hash_policy(item, (*at, i), reporter) for i, item in enumerate(given.hash_policies)]
    return tuple(policy for policy in found if policy is not None)


def _hash_policy(given: options.HashPolicy, path: FieldPath, reporter: Reporter) -> HashPolicy | None:
    if given.header is not None:
        name = given.header.lower()
        if not is_header_name(name.removeprefix(":")):
            reporter.report("ES0237", (*path, "header"), f"{given.header!r} is not a header name")
        return HashPolicy(HashKind.HEADER, name, terminal=given.terminal)
    if given.cookie is not None:
        return _cookie(given.cookie, (*path, "cookie"), given.terminal, reporter)
    if given.source_ip:
        return HashPolicy(HashKind.SOURCE_IP, terminal=given.terminal)
    if given.source_ip is None:
        reporter.report("ES0237", path, "a hash policy needs one of `header`, `cookie`, `sourceIp`")
    return None  # `sourceIp: false` hashes nothing


def _cookie(given: options.HashCookie, path: FieldPath, terminal: bool, reporter: Reporter) -> HashPolicy:  # noqa: FBT001 - as the model has it
    ttl = None if given.ttl is None else seconds(given.ttl)
    if not is_header_name(given.name):
        text = f"{given.name!r} is not a cookie name" if given.name else "a cookie needs a name"
        reporter.report("ES0237", (*path, "name") if given.name else path, text)
    if ttl is not None and ttl < 0:
        reporter.report("ES0237", (*path, "ttl"), f"a cookie's ttl cannot be negative, got {given.ttl}")
    return HashPolicy(HashKind.COOKIE, given.name, ttl, given.path, terminal)
