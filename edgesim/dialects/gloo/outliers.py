"""Outlier detection of an Upstream (reference section 7.5)."""

from __future__ import annotations

from edgesim.dialects.gloo.durations import seconds
from edgesim.dialects.gloo.scope import Reporter
from edgesim.dialects.schema import health as schema
from edgesim.model import OutlierDetection

_PATH = ("spec", "outlierDetection")
_DEFAULT = OutlierDetection()


def outlier_of(given: schema.OutlierDetection | None, reporter: Reporter) -> OutlierDetection | None:
    """Read when endpoints are ejected; what is not said is as Envoy has it."""
    if given is None:
        return None
    base = _positive(given.base_ejection_time, "baseEjectionTime", _DEFAULT.base_ejection_time, reporter)
    if given.interval is None:
        reporter.report("ES0315", _PATH, "The field OutlierDetection.HealthChecker.Interval cannot be nil")
    return OutlierDetection(
        consecutive_5xx=_or(given.consecutive5xx, _DEFAULT.consecutive_5xx),
        interval=_positive(given.interval, "interval", _DEFAULT.interval, reporter),
        base_ejection_time=base,
        max_ejection_time=max(base, _DEFAULT.max_ejection_time),
        max_ejection_percent=_percent(
            given.max_ejection_percent, "maxEjectionPercent", _DEFAULT.max_ejection_percent, reporter
        ),
        enforcing_consecutive_5xx=_percent(
            given.enforcing_consecutive5xx, "enforcingConsecutive5xx", _DEFAULT.enforcing_consecutive_5xx, reporter
        ),
        enforcing_success_rate=_percent(
            given.enforcing_success_rate, "enforcingSuccessRate", _DEFAULT.enforcing_success_rate, reporter
        ),
        success_rate_minimum_hosts=_or(given.success_rate_minimum_hosts, _DEFAULT.success_rate_minimum_hosts),
        success_rate_request_volume=_or(given.success_rate_request_volume, _DEFAULT.success_rate_request_volume),
        success_rate_stdev_factor=_or(given.success_rate_stdev_factor, _DEFAULT.success_rate_stdev_factor),
        consecutive_gateway_failure=_or(given.consecutive_gateway_failure, _DEFAULT.consecutive_gateway_failure),
        enforcing_consecutive_gateway_failure=_percent(
            given.enforcing_consecutive_gateway_failure,
            "enforcingConsecutiveGatewayFailure",
            _DEFAULT.enforcing_consecutive_gateway_failure,
            reporter,
        ),
        split_external_local_origin_errors=given.split_external_local_origin_errors is True,
        consecutive_local_origin_failure=_or(
            given.consecutive_local_origin_failure, _DEFAULT.consecutive_local_origin_failure
        ),
        enforcing_consecutive_local_origin_failure=_percent(
            given.enforcing_consecutive_local_origin_failure,
            "enforcingConsecutiveLocalOriginFailure",
            _DEFAULT.enforcing_consecutive_local_origin_failure,
            reporter,
        ),
        enforcing_local_origin_success_rate=_percent(
            given.enforcing_local_origin_success_rate,
            "enforcingLocalOriginSuccessRate",
            _DEFAULT.enforcing_local_origin_success_rate,
            reporter,
        ),
    )


def _or(given: int | None, default: int) -> int:
    return default if given is None else given


def _percent(given: int | None, name: str, default: int, reporter: Reporter) -> int:
    if given is not None and given > 100:
        reporter.report("ES0316", (*_PATH, name), f"{name} is a percentage, 0 to 100, got {given}")
    return _or(given, default)


def _positive(given: str | None, name: str, default: float, reporter: Reporter) -> float:
    if given is None:
        return default
    value = seconds(given)
    if value <= 0:
        reporter.report("ES0316", (*_PATH, name), f"{name} must be greater than 0, got {given}")
    return value
