"""Keyed replacements for identifiers: the same everywhere, without a table to keep or to lose.

Everything derives from one secret by HMAC-SHA256. Who has the secret can tell which replacement belongs to an original
at hand; nobody can go back from a replacement, and without the secret nobody can try originals out.
"""

import hmac
from dataclasses import dataclass
from functools import lru_cache

UID_ROOT = "2.25."
MIN_SECRET_BYTES = 16
_WEEK_DAYS = 7
_LONGEST_SHIFT_DAYS = 36_500
_CODE_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


@dataclass(frozen=True, slots=True)
class DateShiftRule:
    """How far the dates of a patient move, always into the past.

    Parameters
    ----------
    min_days, max_days
        Limits of the shift, both possible.
    is_whole_weeks
        Move by a multiple of seven days, so that weekdays stay; one shift in seven is left to guess then.

    Raises
    ------
    ValueError
        When the limits leave no choice.
    """

    min_days: int = 30
    max_days: int = 3650
    is_whole_weeks: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.min_days < self.max_days <= _LONGEST_SHIFT_DAYS or self._choices() < self._fewest():
            raise ValueError("A date shift needs 1 <= min_days < max_days <= 36500 and a year to choose from.")

    def shift_days(self, number: int) -> int:
        """The shift that a random number chooses, negative."""
        step, first = self._steps()
        return -step * (first + number % self._choices())

    def _steps(self) -> tuple[int, int]:
        step = _WEEK_DAYS if self.is_whole_weeks else 1
        return step, -(-self.min_days // step)

    def _choices(self) -> int:
        step, first = self._steps()
        return self.max_days // step - first + 1

    def _fewest(self) -> int:
        return 52 if self.is_whole_weeks else 365


class PseudonymKey:
    """The secret of one site and project, and what is derived from it.

    Parameters
    ----------
    secret
        At least 16 random bytes. It never leaves the hospital.
    date_shift
        How far dates move.

    Raises
    ------
    ValueError
        When the secret is too short to be one.
    """

    __slots__ = ("_date_shift", "_secret")

    def __init__(self, secret: bytes, *, date_shift: DateShiftRule | None = None) -> None:
        if len(secret) < MIN_SECRET_BYTES:
            raise ValueError(f"A pseudonym key needs at least {MIN_SECRET_BYTES} bytes.")
        self._secret = bytes(secret)
        self._date_shift = date_shift or DateShiftRule()

    def __repr__(self) -> str:
        return "PseudonymKey(…)"

    def derive(self, label: str) -> bytes:
        """Thirty-two bytes that belong to a label; different labels give unrelated bytes."""
        code = _begun(self._secret).copy()
        code.update(label.encode("utf-8", errors="surrogatepass"))
        return code.digest()

    def map_uid(self, uid: str) -> str:
        """The replacement of a UID: ``2.25.`` and a UUID of version 8 as a decimal number (PS3.5 B.2).

        One original always gives one replacement, in whatever object it occurs, so that references still lead somewhere.
        """
        digest = bytearray(self.derive(f"uid:{uid}")[:16])
        digest[6] = (digest[6] & 0x0F) | 0x80
        digest[8] = (digest[8] & 0x3F) | 0x80
        return UID_ROOT + str(int.from_bytes(digest, "big"))

    def date_shift_days(self, patient_id: str) -> int:
        """By how many days all dates of a patient move: into the past, as far as the rule says."""
        number = int.from_bytes(self.derive(f"shift:{normal_patient_id(patient_id)}")[:8], "big")
        return self._date_shift.shift_days(number)

    def token(self, label: str, *, length: int = 10) -> str:
        """A short code of capital letters and digits that stands for a label, for serial numbers and the like."""
        number = int.from_bytes(self.derive(f"token:{label}"), "big")
        letters = []
        for _ in range(length):
            number, index = divmod(number, len(_CODE_LETTERS))
            letters.append(_CODE_LETTERS[index])
        return "".join(letters)


@lru_cache(maxsize=8)
def _begun(secret: bytes) -> hmac.HMAC:
    """The code of a secret before anything is said; to begin one takes five times as long as to go on with it."""
    return hmac.new(secret, digestmod="sha256")


def normal_patient_id(patient_id: str) -> str:
    """A patient identifier without the differences that typing makes: case and surrounding blanks."""
    return " ".join(patient_id.replace("\0", " ").split()).casefold()
