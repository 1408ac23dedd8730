"""What is wrong with certificates and keys: the one door to the large library that can tell.

Whoever translates may pass another door (`Judge`), behind which the same is asked elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from edgesim.dialects.gloo.certificates import authority_fault, certificate_fault
from edgesim.policies.jwt_keys import KeysError, parse_keys

Judge = Callable[..., str]
"""As `fault_of`: a kind and texts, what is wrong with them."""


def fault_of(kind: str, *texts: str) -> str:
    """Say what is wrong with a `certificate` (chain, key), an `authority` or the `keys` of tokens; empty if nothing."""
    return _FAULTS[kind](*texts)


def _keys_fault(text: str) -> str:
    try:
        parse_keys(text)
    except KeysError as refused:
        return str(refused)
    return ""


_FAULTS: Mapping[str, Judge] = {
    "certificate": certificate_fault,
    "authority": authority_fault,
    "keys": _keys_fault,
}
