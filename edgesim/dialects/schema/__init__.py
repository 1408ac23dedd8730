"""The schemas of every kind edgesim reads, as msgspec structs: the one table of fields.

A field that edgesim reads but does not act on yet is annotated `NotSimulated`; using it gives one note.
To simulate a field, take the marker off that line.
"""

from __future__ import annotations
