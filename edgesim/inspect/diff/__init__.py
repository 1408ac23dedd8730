"""Which requests go elsewhere under another configuration: not a text diff, but classes of requests. Pure.

`compare(before, after, wheres)` cuts all requests of a listener into hosts (`hosts`), regions of paths (`regions`)
and conditions, walks both route lists through each region in first-match order (`walk`), and keeps where they come
to something else (`outcomes`). `traffic(lines, compared)` lays an access log over what was found.
"""

from __future__ import annotations

from edgesim.inspect.diff.compare import Compared, Wheres, compare
from edgesim.inspect.diff.outcomes import Effect
from edgesim.inspect.diff.report import Change, Decided, DiffReport, ListenerChange
from edgesim.inspect.diff.traffic import Traffic, traffic

__all__ = [
    "Change",
    "Compared",
    "Decided",
    "DiffReport",
    "Effect",
    "ListenerChange",
    "Traffic",
    "Wheres",
    "compare",
    "traffic",
]
