"""The line that tells how far a download is."""

import io

import pytest

from radcommons.client.progress import Line, line_of, shown, size_of
from radcommons.client.run import Progress

MIB = 1 << 20


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (5 * MIB, "5.0 MiB"), (3 << 50, "3072.0 TiB")]
)
def test_sizes_are_written_as_people_read_them(size, text):
    assert size_of(size) == text


def test_the_line_tells_what_came_how_fast_and_how_long_it_still_takes():
    step = Progress(done_bytes=512 * MIB, total_bytes=1024 * MIB, files=3)
    assert line_of(step, 8.0 * MIB) == "3 files, 512.0 MiB of 1.0 GiB (50 %), 8.0 MiB/s, 1:04 left"
    assert line_of(step, 0.0) == "3 files, 512.0 MiB of 1.0 GiB (50 %)"
    assert line_of(Progress(MIB, 0, 1), 0.0) == "1 file, 1.0 MiB"
    assert line_of(Progress(MIB, 0, 2, "It is away."), 5.0) == "2 files. It is away. Trying again."


def test_the_line_never_wraps_and_goes_away():
    sink = io.StringIO()
    line = Line(sink, width=20)
    line.show(Progress(512 * MIB, 1024 * MIB, 300))
    line.show(Progress(513 * MIB, 1024 * MIB, 301))
    assert sink.getvalue() == "\r300 files, 512.0 Mi"
    line.show(Progress(513 * MIB, 1024 * MIB, 301, "It is away."))
    assert sink.getvalue().endswith("\r301 files. It is aw")
    line.clear()
    assert sink.getvalue().endswith("\r" + " " * 19 + "\r")


def test_where_nobody_sees_it_nothing_is_written(capsys):
    with shown(is_wanted=True) as report:
        report(Progress(1, 2, 3))
    assert capsys.readouterr().err == ""
