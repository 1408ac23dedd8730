"""Every write as the API server judges it: decoding, defaults, and the rules of each kind, in Kubernetes' own words."""

from __future__ import annotations

from edgesim.kube.validation.validate import Validated, validate

__all__ = ["Validated", "validate"]
