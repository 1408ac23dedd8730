"""The report of a run as one page of HTML with charts."""

from edgesim.load.report.page import page
from edgesim.load.report.searched import search_page

__all__ = ["page", "search_page"]
