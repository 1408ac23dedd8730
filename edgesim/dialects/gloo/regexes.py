"""Regexes as Envoy compiles them: RE2, with a limit on the size of the program.

Gloo checks those of paths and rewrites only; here every regex is checked, because Envoy refuses the
whole route configuration for one bad header regex.
"""

from __future__ import annotations

from functools import lru_cache

from edgesim.dialects.gloo.scope import Reporter
from edgesim.dialects.resource import FieldPath
from edgesim.routing.regexes import library


@lru_cache(maxsize=65536)
def _compiled(pattern: str) -> tuple[int, str]:
    """Return the program size of a pattern, and what is wrong with it."""
    options = library().Options()
    options.log_errors = False
    try:
        return library().compile(pattern, options).programsize, ""
    except library().error as error:
        message = error.args[0]
        return 0, message.decode("utf-8", "replace") if isinstance(message, bytes) else str(message)


def check_regex(pattern: str, path: FieldPath, reporter: Reporter, groups: str = "") -> bool:
    """Report a regex that RE2 refuses or that is too large; `groups` is a substitution to check with it."""
    size, error = _compiled(pattern)
    limit = reporter.scope.regex_limit
    if not pattern:
        reporter.report("ES0208", path, "the regex is empty")
    elif error:
        reporter.report("ES0208", path, f"invalid regex: {error}")
    elif size > limit:
        text = f"the regex is too large: its RE2 program has {size} instructions, the limit is {limit}"
        reporter.report("ES0209", path, text, "Settings `gloo.regexMaxProgramSize` sets the limit")
    elif not _substitutes(pattern, groups):
        reporter.report("ES0232", path, f"the substitution {groups!r} does not fit the regex: it names a missing group")
    else:
        return True
    return False


def _substitutes(pattern: str, substitution: str) -> bool:
    r"""Tell whether each `\N` of an RE2 substitution is a group of the pattern; `\\` is a backslash."""
    count = _groups(pattern)
    at = substitution.find("\\")
    while at >= 0:
        escaped = substitution[at + 1 : at + 2]
        if escaped != "\\" and not (escaped.isascii() and escaped.isdigit() and int(escaped) <= count):
            return False
        at = substitution.find("\\", at + 2)
    return True


@lru_cache(maxsize=4096)
def _groups(pattern: str) -> int:
    return int(library().compile(pattern).groups)


def regex_error(pattern: str) -> str:
    """Return what RE2 has against a pattern, empty for nothing."""
    return _compiled(pattern)[1]
