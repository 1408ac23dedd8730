"""Policies of forwarding that Envoy's router takes itself, as fields of a RouteAction."""

from __future__ import annotations

from edgesim.dialects.envoy.form import Json, given, listed, optional_seconds, runtime_fraction, seconds, used
from edgesim.model import Policies
from edgesim.model.policies import HashKind, HashPolicy, Mirror, RetryPolicy


def forwarding_policies(policies: Policies) -> Json:
    """Return the fields that say something."""
    mirror = policies.mirror
    return given(
        retry_policy=None if policies.retries is None else retry_policy(policies.retries),
        request_mirror_policies=None if mirror is None or not mirror.millionths else [_mirror(mirror)],
        hash_policy=listed([*map(_hash_policy, policies.hash_policies)]),
        idle_timeout=optional_seconds(policies.idle_timeout),
        max_stream_duration=_duration(policies.max_stream_duration),
        upgrade_configs=listed([upgrade(name, on=on) for name, on in policies.upgrades]),
        append_x_forwarded_host=policies.append_x_forwarded_host or None,
    )


def retry_policy(policy: RetryPolicy) -> Json:
    """Return a RetryPolicy."""
    most = optional_seconds(policy.max_interval)
    back_off = {"base_interval": seconds(policy.base_interval), **given(max_interval=most)}
    return given(
        retry_on=",".join(policy.retry_on) or None,
        num_retries=policy.num_retries,
        per_try_timeout=optional_seconds(policy.per_try_timeout),
        retriable_status_codes=listed(policy.retriable_status_codes),
        retry_back_off=back_off,
    )


def _mirror(mirror: Mirror) -> Json:
    return {
        "cluster": mirror.cluster,
        "runtime_fraction": runtime_fraction(mirror.millionths),
        **used(disable_shadow_host_suffix_append=not mirror.append_suffix, host_rewrite_literal=mirror.host),
    }


def _hash_policy(policy: HashPolicy) -> Json:
    terminal = used(terminal=policy.terminal)
    if policy.kind is HashKind.HEADER:
        return {"header": {"header_name": policy.name}, **terminal}
    if policy.kind is HashKind.SOURCE_IP:
        return {"connection_properties": {"source_ip": True}, **terminal}
    cookie = {"name": policy.name, **used(path=policy.path), **given(ttl=optional_seconds(policy.ttl))}
    return {"cookie": cookie, **terminal}


def _duration(most: float | None) -> Json | None:
    return None if most is None else {"max_stream_duration": seconds(most)}


def upgrade(name: str, *, on: bool) -> Json:
    """Return an UpgradeConfig; a CONNECT is named as its method."""
    return {"upgrade_type": "CONNECT" if name == "connect" else name, **({} if on else {"enabled": False})}
