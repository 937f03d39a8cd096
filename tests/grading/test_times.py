"""Times of submission: what is taken for one, and that no text opens a file or stops a class."""

from datetime import datetime

import pytest

from course_utils.grading.times import parse_time

TEN = datetime(2026, 11, 2, 10, 15)


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-02 10:15:00.000000 UTC",
        " 2026-11-02 10:15:00 UTC\n",
        "2026-11-02 10:15:00",
        "2026-11-02T10:15:00Z",
        "2026-11-02 11:15:00 +0100",
        "2026-11-02T05:45:00-04:30",
        "2026-11-02 11:15:00 Europe/Berlin",
        "2026-11-02 05:15:00 EST",
        "Nov 2, 2026 5:15 am EST",
    ],
)
def test_a_time_is_read(text):
    assert parse_time(text) == TEN


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "0001-01-01 00:00:00 UTC",
        "99999-01-01 00:00:00 UTC",
        "1709294400000",
        "[1709294400000]",
        "9" * 200,
        "2026-13-45 00:00:00 UTC",
        "10:15",
        "12",
        "2026-11-02 10:15:00 PST",
        "2026-11-02 10:15:00 +9999",
        "2026-11-02 10:15:00 /etc/passwd",
        "2026-11-02 10:15:00 ../../secret",
        "2026-11-02 10:15:00 :/etc/localtime",
        "\x00\x1b[31m",
    ],
)
def test_what_is_no_time_is_none(text, monkeypatch):
    parse_time("2026-11-02 10:15:00 UTC")  # the names of zones are known from here on
    opened: list[object] = []
    monkeypatch.setattr("builtins.open", lambda *arguments, **options: opened.append(arguments))
    assert parse_time(text) is None
    assert opened == []
