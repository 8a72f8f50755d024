"""Running the checks against a server."""

import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from PIL import Image
from pydicom.errors import InvalidDicomError

from radcommons.client.conformance import (
    behaving,
    encoding,
    packing,
    picturing,
    retrieving,
    searching,
    searching_below,
    storing,
    xml_model,
)
from radcommons.client.conformance.checks import (
    CHECKS,
    Check,
    CheckFailedError,
    CheckSkippedError,
    Demand,
    Result,
    Verdict,
)
from radcommons.client.conformance.sample import Sample

# Checks register themselves when their module is read.
ROOMS = (searching, searching_below, retrieving, encoding, packing, xml_model, picturing, behaving, storing)

# What readers of JSON, XML, pictures and files raise at what is none: a server may answer anything, and whatever cannot be read is a
# failure of the server, not of the check.
_UNREADABLE = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    InvalidDicomError,
    Image.DecompressionBombError,
)


@dataclass(frozen=True, slots=True)
class Report:
    """All results of one run."""

    root: str
    results: tuple[Result, ...]

    def count(self, verdict: Verdict, demand: Demand | None = None) -> int:
        """How many checks ended so."""
        return sum(each.verdict is verdict and (demand is None or each.check.demand is demand) for each in self.results)

    @property
    def is_conformant(self) -> bool:
        """Whether something was checked and nothing required failed."""
        return bool(self.count(Verdict.PASSED)) and not self.count(Verdict.FAILED, Demand.REQUIRED)

    def to_json(self) -> dict[str, object]:
        """The report as ``--json`` shows it."""
        return {
            "root": self.root,
            "is_conformant": self.is_conformant,
            **{verdict.value: self.count(verdict) for verdict in Verdict},
            "required_failed": self.count(Verdict.FAILED, Demand.REQUIRED),
            "results": [each.to_json() for each in self.results],
        }


def chosen_checks(only: Sequence[str] = ()) -> list[Check]:
    """The checks whose names begin with one of some words; all without words."""
    return [each for each in CHECKS.values() if not only or each.name.startswith(tuple(only))]


def run_checks(sample: Sample, checks: Sequence[Check], progress: Callable[[Result], None] | None = None) -> Report:
    """Make the checks one after the other."""
    return Report(sample.server.root, tuple(_results(sample, checks, progress)))


def _results(sample: Sample, checks: Sequence[Check], progress: Callable[[Result], None] | None) -> Iterator[Result]:
    for each in checks:
        result = _result(sample, each)
        if progress is not None:
            progress(result)
        yield result


def _result(sample: Sample, checked: Check) -> Result:
    try:
        checked.run(sample)
    except CheckFailedError as error:
        return Result(checked, Verdict.FAILED, str(error))
    except CheckSkippedError as error:
        return Result(checked, Verdict.SKIPPED, str(error))
    except _UNREADABLE as error:
        return Result(checked, Verdict.FAILED, f"the answer cannot be read ({type(error).__name__})")
    return Result(checked, Verdict.PASSED)
