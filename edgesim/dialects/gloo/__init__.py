"""Gloo Edge's rules: its resources become the model. Source: Gloo at main (2026-08), and the reference notes."""

from __future__ import annotations
