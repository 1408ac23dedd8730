"""Time formats of `%START_TIME(...)%`: strftime, with Envoy's `%3f` and absl's `%E3S`."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo

UTC_TIME = "%Y-%m-%dT%H:%M:%S.%3fZ"
LOCAL_TIME = "%Y-%m-%dT%H:%M:%S.%3f%z"
_OURS = re.compile(r"%(?:%|([1-9]?)f|E([1-9]|1[0-5]|\*)([Sf])|E4Y|Ez|s)")
_NEWLINE = re.compile(r"%[-_0^#]*[1-9]*[EO]?n")

TimeFormat = Callable[[float], bytes]


def has_newline(text: str) -> bool:
    """Say whether a format writes a line break, which Envoy refuses."""
    return "\n" in text or _NEWLINE.search(text) is not None


def time_format(text: str = UTC_TIME, zone: tzinfo = UTC) -> TimeFormat:
    """Return a function from unix seconds to the text.

    `%f` is nanoseconds, `%3f` the first three digits of them (cut, not rounded), `%E3S` seconds with
    them, `%s` whole unix seconds; the rest is strftime. What does not change within a second is kept.
    """
    digits: list[int] = []
    pattern = _OURS.sub(lambda found: _piece(found, digits), _CONTROL.sub("", text))
    cuts = tuple(digits)
    # Microseconds within which the text is the same: many lines of a busy log are written in one millisecond.
    step = 10 ** (6 - max(cuts)) if cuts and max(cuts) <= 6 else 1 if cuts else 1_000_000
    last_second = last_step = -1
    template = text_now = b""

    def write(when: float) -> bytes:
        nonlocal last_second, last_step, template, text_now
        micros = int(when * 1_000_000)
        if micros // step == last_step:
            return text_now
        last_step = micros // step
        second, micros = divmod(micros, 1_000_000)
        if second != last_second:
            template = _template(pattern, second, zone)
            last_second = second
        fraction = b"%06d000" % micros
        text_now = template % tuple([fraction[:cut] for cut in cuts])
        return text_now

    return write


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
