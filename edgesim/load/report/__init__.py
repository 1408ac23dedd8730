"""The report of a run as one page of HTML with charts."""

from edgesim.load.report.page import page

__all__ = ["page"]
