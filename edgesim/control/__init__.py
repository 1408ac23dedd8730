"""The running instance: one write path from a change to what is served."""

from __future__ import annotations

from edgesim.control.changes import ClosedError, ConflictError, Delete, Put, Write
from edgesim.control.files import Files
from edgesim.control.instance import Instance
from edgesim.control.protocols import Controllers, Engine

__all__ = ["ClosedError", "ConflictError", "Controllers", "Delete", "Engine", "Files", "Instance", "Put", "Write"]
