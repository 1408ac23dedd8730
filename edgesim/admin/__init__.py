"""The admin API of a running instance: Kubernetes-shaped resources, readiness, check and route."""

from __future__ import annotations

from edgesim.admin.app import ENDPOINTS, create_app
from edgesim.admin.context import Context
from edgesim.admin.guard import is_loopback

__all__ = ["ENDPOINTS", "Context", "create_app", "is_loopback"]
