"""Time formats of `%START_TIME(...)%`: strftime, with Envoy's `%3f` and absl's `%E3S`."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, tzinfo

UTC_TIME = "%Y-%m-%dT%H:%M:%S.%3fZ"
LOCAL_TIME = "%Y-%m-%dT%H:%M:%S.%3f%z"
_OURS = re.compile(r"%(?:%|([1-9]?)f|E([1-9]|1[0-5]|\*)([Sf])|E4Y|Ez|s)")
_NEWLINE = re.compile(r"%[-_0^#]*[1-9]*[EO]?n")
_MICROSECONDS = 6
"""Digits of the finest there is: what is behind them is zero."""
_MOST_TEXTS = 4096


def has_newline(text: str) -> bool:
    """Say whether a format writes a line break, which Envoy refuses."""
    return "\n" in text or _NEWLINE.search(text) is not None


class TimeFormat:
    """Writes unix seconds as text. What was written is kept: many lines of a busy log tell of the same millisecond."""

    def __init__(self, pattern: str, digits: Sequence[int], zone: tzinfo) -> None:
        """Take a pattern of ours, the digits of the fractions in it, and the time zone."""
        # Moments within one step of the finest fraction are written alike.
        finest = min(max(digits, default=0), _MICROSECONDS)
        self.per_second = 10**finest
        self._texts = _Texts(pattern, digits, finest, zone)
        self.step: Callable[[int], bytes] = self._texts.__getitem__
        """Write a moment counted in steps from the epoch, `per_second` of them."""

    def __call__(self, when: float) -> bytes:
        """Write one."""
        return self._texts[int(when * self.per_second)]


class _Texts(dict[int, bytes]):
    """The texts of steps, which are counted from the epoch; so many are kept as are long enough under way together."""

    def __init__(self, pattern: str, digits: Sequence[int], finest: int, zone: tzinfo) -> None:
        super().__init__()
        self._pattern, self._digits, self._finest, self._zone = pattern, digits, finest, zone
        self._second = -1
        self._template = b""

    def __missing__(self, step: int) -> bytes:
        second, fraction = divmod(step, 10**self._finest)
        if second != self._second:
            self._template = _template(self._pattern, second, self._zone)
            self._second = second
        nanos = (b"%0*d" % (self._finest, fraction)).ljust(9, b"0")
        if len(self) >= _MOST_TEXTS:
            self.clear()
        self[step] = text = self._template % tuple([nanos[:cut] for cut in self._digits])
        return text


def time_format(text: str = UTC_TIME, zone: tzinfo = UTC) -> TimeFormat:
    """Return a function from unix seconds to the text.

    `%f` is nanoseconds, `%3f` the first three digits of them (cut, not rounded), `%E3S` seconds with
    them, `%s` whole unix seconds; the rest is strftime.
    """
    digits: list[int] = []
    pattern = _OURS.sub(lambda found: _piece(found, digits), _CONTROL.sub("", text))
    return TimeFormat(pattern, digits, zone)


# Inside the pattern a fraction is \x01 and unix seconds are \x02: a format's own control characters are dropped.
_FRACTION, _EPOCH = "\x01", "\x02"
_CONTROL = re.compile("[\x00-\x1f]")


def _piece(found: re.Match[str], digits: list[int]) -> str:
    """Return what strftime is to be given for one directive of ours, noting the digits of a fraction."""
    directive = found[0]
    if directive == "%s":
        return _EPOCH
    if directive == "%E4Y":
        return "%Y"
    if directive == "%Ez":
        return "%:z"
    if directive == "%%":
        return directive
    wanted = found[1] if found[3] is None else found[2]
    digits.append(9 if wanted in {"", "*"} else min(int(wanted), 9))
    return f"%S.{_FRACTION}" if found[3] == "S" else _FRACTION


def _template(pattern: str, second: int, zone: tzinfo) -> bytes:
    moment = datetime.fromtimestamp(second, zone)
    # %:z is Python 3.12's: spelt out for 3.11.
    offset = moment.strftime("%z")
    written = moment.strftime(pattern.replace("%:z", f"{offset[:3]}:{offset[3:]}"))
    written = written.replace("%", "%%").replace(_FRACTION, "%b").replace(_EPOCH, str(second))
    return written.encode()
