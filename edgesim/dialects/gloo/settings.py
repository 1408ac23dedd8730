"""Settings, where they concern routing (reference section 10). Only `default` in the install namespace counts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from edgesim.dialects.gloo.connections import breakers_of
from edgesim.dialects.gloo.scope import Place, Replacement, Reporter, Scope
from edgesim.dialects.resource import Resource
from edgesim.dialects.schema import settings as schema
from edgesim.model import DirectResponseAction

INSTALL_NAMESPACE = "gloo-system"
SETTINGS_NAME = "default"

REPLACEMENT_CODE = 404
REPLACEMENT_BODY = (
    "Gloo Gateway has invalid configuration. Administrators should run `glooctl check` to find and fix config errors."
)
"""What Gloo's Helm chart sets for routes that are replaced."""

_POLICY = ("spec", "gloo", "invalidConfigPolicy")


def read_settings(resources: Iterable[Resource], scope: Scope) -> None:
    """Take what Settings say into the scope; what they leave out keeps the default of Gloo's Helm chart."""
    for resource in resources:
        if (resource.namespace, resource.name) == (INSTALL_NAMESPACE, SETTINGS_NAME):
            _apply(cast(schema.Settings, resource.typed).spec, resource, scope)
        else:
            text = f"only the Settings {INSTALL_NAMESPACE}.{SETTINGS_NAME} have an effect"
            path = ("metadata", "name" if resource.name != SETTINGS_NAME else "namespace")
            hint = f"add `namespace: {INSTALL_NAMESPACE}`" if resource.name == SETTINGS_NAME else ""
            Reporter(scope, resource).report("ES0610", path, text, hint)


def _apply(spec: schema.SettingsSpec, resource: Resource, scope: Scope) -> None:
    if spec.gloo is not None:
        _apply_gloo(spec.gloo, resource, scope)
    if spec.gateway is not None:
        _apply_gateway(spec.gateway, scope)
    if spec.upstream_options is not None:
        scope.upstream_parameters = spec.upstream_options.ssl_parameters


def _apply_gloo(given: schema.GlooOptions, resource: Resource, scope: Scope) -> None:
    if given.regex_max_program_size is not None:
        scope.regex_limit = given.regex_max_program_size
    if given.circuit_breakers is not None:
        scope.breakers = breakers_of(given.circuit_breakers)
    policy = given.invalid_config_policy
    if policy is not None and policy.replace_invalid_routes:
        scope.replacement = _replacement(policy, resource, scope)


def _apply_gateway(given: schema.GatewayOptions, scope: Scope) -> None:
    if given.validation is not None:
        scope.warn_missing_secret = given.validation.warn_missing_tls_secret is not False
        scope.warn_short_circuits = given.validation.warn_route_short_circuiting is True
    scope.all_gateways = given.read_gateways_from_all_namespaces is True
    if given.virtual_service_options is not None:
        scope.one_way_tls = given.virtual_service_options.one_way_tls is True


def _replacement(policy: schema.InvalidConfigPolicy, resource: Resource, scope: Scope) -> Replacement:
    """Read what replaced routes answer; a code that Envoy would refuse is reported, and the default stands in."""
    code = policy.invalid_route_response_code
    if code is not None and not 200 <= code <= 599:
        text = f"invalidRouteResponseCode must be 200..599, got {code}"
        Reporter(scope, resource).report("ES0527", (*_POLICY, "invalidRouteResponseCode"), text)
        code = None
    body = policy.invalid_route_response_body
    response = DirectResponseAction(
        REPLACEMENT_CODE if code is None else code, REPLACEMENT_BODY if body is None else body
    )
    return Replacement(response, (Place(resource, _POLICY).step,))
