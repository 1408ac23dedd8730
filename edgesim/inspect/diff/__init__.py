"""Which requests go elsewhere under another configuration: not a text diff, but classes of requests. Pure."""

from __future__ import annotations
