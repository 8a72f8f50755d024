"""A program's look at the pixels of one source, and which boxes follow from it under the rules of the house."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from radcommons.deid.pixel_text import PixelText
from radcommons.deid.pixels.boxes import Box
from radcommons.deid.pixels.detection import Candidate, Kind, judged_sightings
from radcommons.deid.pixels.sightings import Sighting
from radcommons.dicom.finding import Finding

_SORTED = orjson.OPT_SORT_KEYS
# Kinds of candidates that a detector saw; the others are known beforehand.
_SEEN: tuple[Kind, ...] = ("text", "shape")


@dataclass(frozen=True, slots=True)
class Device:
    """What makes and how large it draws: images of one device and size have their writing in the same place."""

    manufacturer: str
    model: str
    rows: int
    columns: int

    @property
    def is_named(self) -> bool:
        """Whether anything tells this device from others of the same size."""
        return bool(self.manufacturer or self.model)


@dataclass(frozen=True, slots=True)
class Look:
    """What a program saw in one source.

    Parameters
    ----------
    candidates
        What may be writing, with the text that was read. It never leaves the home.
    verdict
        What the look alone is worth.
    findings
        Why.
    size
        Rows, columns and frames.
    device
        What made the image.
    """

    candidates: tuple[Candidate, ...]
    verdict: PixelText
    findings: tuple[Finding, ...]
    size: tuple[int, int, int]
    device: Device

    def to_text(self) -> str:
        """The look as the home seals and stores it."""
        value = {
            "candidates": [candidate_json(each) for each in self.candidates],
            "device": [self.device.manufacturer, self.device.model, self.device.rows, self.device.columns],
            "findings": [each.to_json() for each in self.findings],
            "size": list(self.size),
            "verdict": self.verdict.value,
        }
        return orjson.dumps(value).decode("utf-8")

    @classmethod
    def from_text(cls, text: str) -> "Look":
        """Read what :meth:`to_text` wrote."""
        value: dict[str, Any] = orjson.loads(text)
        rows, columns, frames = value["size"]
        return cls(
            tuple(_candidate(each) for each in value["candidates"]),
            PixelText(value["verdict"]),
            tuple(Finding.from_json(each) for each in value["findings"]),
            (rows, columns, frames),
            Device(*value["device"]),
        )


@dataclass(frozen=True, slots=True)
class SiteRectangle:
    """A box that a person wants blackened in every image of one device and size."""

    device: Device
    box: Box

    def to_text(self) -> str:
        """The rectangle as the home seals and stores it."""
        device = self.device
        value = {"box": self.box.to_json(), "device": [device.manufacturer, device.model, device.rows, device.columns]}
        return orjson.dumps(value).decode("utf-8")

    @classmethod
    def from_text(cls, text: str) -> "SiteRectangle":
        """Read what :meth:`to_text` wrote."""
        value: dict[str, Any] = orjson.loads(text)
        return cls(Device(*value["device"]), Box.from_json(value["box"]))


@dataclass(frozen=True, slots=True)
class HouseRules:
    """What the profile and the persons of this home say of pixels in general.

    Parameters
    ----------
    markers
        Words that may stay, beside the built-in ones.
    rectangles
        Boxes for devices.
    """

    markers: tuple[str, ...] = ()
    rectangles: tuple[SiteRectangle, ...] = ()

    def candidates(self, look: Look) -> tuple[Candidate, ...]:
        """What was seen, judged by the rules as they are now, with the rectangles for the device."""
        known = [each for each in look.candidates if each.kind not in _SEEN]
        known += [Candidate(each.box, "site") for each in self.rectangles if each.device == look.device]
        for kind in _SEEN:
            sightings = [
                Sighting(each.box, each.text, each.confidence, is_cut=each.is_doubtful, is_name=each.is_name)
                for each in look.candidates
                if each.kind == kind
            ]
            known += judged_sightings(sightings, self.markers, kind=kind, size=look.size)
        return tuple(known)

    def boxes(self, look: Look) -> tuple[Box, ...] | None:
        """What is blackened unless a person says otherwise; ``None`` when the look found nothing and vouches for nothing."""
        found = tuple(each.box for each in self.candidates(look) if each.is_blackened)
        is_sure = look.verdict in {PixelText.CLEAN, PixelText.REDACTED}
        return found if found or is_sure else None


def boxes_json(boxes: Sequence[Box] | None) -> str:
    """Boxes in one fixed spelling, in which they can be compared; empty for ``None``."""
    if boxes is None:
        return ""
    values = sorted((each.to_json() for each in boxes), key=lambda value: orjson.dumps(value, option=_SORTED))
    return orjson.dumps(values, option=_SORTED).decode("ascii")


def boxes_of(text: str) -> tuple[Box, ...] | None:
    """Read what :func:`boxes_json` wrote."""
    return None if not text else tuple(Box.from_json(each) for each in orjson.loads(text))


def candidate_json(candidate: Candidate) -> dict[str, object]:
    """A candidate as the review page gets it and the home seals it; it never leaves the hospital."""
    return {
        "box": candidate.box.to_json(),
        "confidence": round(float(candidate.confidence), 3),
        "is_doubtful": candidate.is_doubtful,
        "is_marker": candidate.is_marker,
        "is_name": candidate.is_name,
        "kind": candidate.kind,
        "text": candidate.text,
    }


def _candidate(value: dict[str, Any]) -> Candidate:
    words = (value["kind"], value["text"], value["confidence"], value["is_marker"])
    doubts = {name: value.get(name, False) for name in ("is_doubtful", "is_name")}
    return Candidate(Box.from_json(value["box"]), *words, **doubts)
