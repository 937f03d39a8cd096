"""The time in a timestamp.txt. nbgrader's own reader opens a file if a stranger gives its path for a zone."""

from __future__ import annotations

import functools
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, available_timezones

import dateutil.parser

YEARS = range(2000, 2100)
BLANK = (datetime(2000, 1, 1), datetime(2001, 2, 2))  # what dateutil takes for missing parts


def parse_time(text: str) -> datetime | None:
    """The time in UTC without a zone; None unless the text has a day in a year of this century.

    Examples
    --------
    >>> parse_time("2026-11-02 10:15:00.5 Europe/Berlin")
    datetime.datetime(2026, 11, 2, 9, 15, 0, 500000)
    >>> parse_time("99999") is None
    True
    """
    text, zone = _split(text.strip())
    try:
        when, other = (dateutil.parser.parse(text, default=blank, tzinfos=_zone) for blank in BLANK)
        if when != other or when.year not in YEARS:  # a part is missing, or out of the world
            return None
        return (when if when.tzinfo else when.replace(tzinfo=zone)).astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError, TypeError):
        return None


def _split(text: str) -> tuple[str, ZoneInfo]:
    """The time and its zone, where the last word is the name of one that Python knows; else UTC."""
    time, _, name = text.rpartition(" ")
    return (time, ZoneInfo(name)) if name in _names() else (text, ZoneInfo("UTC"))


def _zone(name: str | None, offset: int | None) -> ZoneInfo | int | None:
    """The zone that dateutil has found in a text, if any."""
    if name is None or offset is not None:
        return offset
    if name not in _names():
        raise ValueError("an unknown zone would be taken for UTC")
    return ZoneInfo(name)


@functools.cache
def _names() -> frozenset[str]:
    return frozenset(available_timezones())
