"""Not being a burden to the PACS: so many studies an hour, and none in the hours when it is needed. Pure."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta

_HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast studies may be asked for.

    Parameters
    ----------
    per_hour
        Studies an hour; 0 for as many as will come.
    pauses
        Times of day between which nothing is asked for, as start and end; one may span midnight.
    """

    per_hour: float = 0
    pauses: tuple[tuple[time, time], ...] = ()

    def wait_s(self, now: datetime, last: datetime | None) -> float:
        """Seconds until the next study may be asked for.

        Parameters
        ----------
        last
            When the last one was asked for; None when none was.
        """
        begin = now
        if last is not None and self.per_hour:
            begin = max(now, last + timedelta(seconds=_HOUR_S / self.per_hour))
        # Pauses may follow each other; as many steps as there are pauses lead out of all of them.
        for _ in range(len(self.pauses) + 1):
            begin = self._after_pauses(begin)
        return max(0.0, (begin - now).total_seconds())

    def _after_pauses(self, moment: datetime) -> datetime:
        for start, end in self.pauses:
            today = moment.time()
            is_inside = start <= today < end if start <= end else today >= start or today < end
            if is_inside:
                resumed = datetime.combine(moment.date(), end, tzinfo=moment.tzinfo)
                return resumed if resumed > moment else resumed + timedelta(days=1)
        return moment


def parse_pause(text: str) -> tuple[time, time]:
    """A pause as ``07:30-18:00``.

    Raises
    ------
    ValueError
        When it is none.
    """
    start, _, end = text.partition("-")
    pause = time.fromisoformat(start.strip()), time.fromisoformat(end.strip())
    if any(each.tzinfo for each in pause):
        raise ValueError("A pause is told by the clock of the hospital.")
    return pause
