"""What a server holds that checks can be made on: found by searching, nothing is assumed."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pydicom import Dataset

from radcommons.client.conformance.answers import Server, first_of, read_dataset
from radcommons.client.conformance.checks import CheckFailedError, CheckSkippedError

_LOOKED_THROUGH = 40
STUDY, SERIES, INSTANCE = "0020000D", "0020000E", "00080018"
_ANY_DICOM = 'multipart/related; type="application/dicom"; transfer-syntax=*'
Attributes = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Place:
    """An instance by its three identifiers, with the search results that led to it."""

    study: Attributes
    series: Attributes
    instance: Attributes

    @property
    def study_path(self) -> str:
        """The address of the study below the root."""
        return f"studies/{first_of(self.study, STUDY)}"

    @property
    def series_path(self) -> str:
        """The address of the series below the root."""
        return f"{self.study_path}/series/{first_of(self.series, SERIES)}"

    @property
    def path(self) -> str:
        """The address of the instance below the root."""
        return f"{self.series_path}/instances/{first_of(self.instance, INSTANCE)}"

    @property
    def number_of_frames(self) -> int:
        """Frames of the instance, at least 1."""
        return int(first_of(self.instance, "00280008") or 1)


class Sample:
    """A server and what was found on it; everything is asked for once.

    Parameters
    ----------
    files
        DICOM files that may be stored on the server, for checks of storing; none when nothing may be written.
    """

    def __init__(self, server: Server, files: tuple[Path, ...] = ()) -> None:
        self.server = server
        self.files = files

    @cached_property
    def studies(self) -> list[Attributes]:
        """The first studies."""
        try:
            return self.server.ask(f"studies?limit={_LOOKED_THROUGH}").results
        except CheckFailedError as error:
            raise CheckSkippedError(f"no studies can be found ({error})") from error

    @cached_property
    def places(self) -> list[Place]:
        """One instance of each of the first series."""
        found = []
        for study in self.studies[:_LOOKED_THROUGH]:
            uid = first_of(study, STUDY)
            for series in self.server.ask(f"studies/{uid}/series").results[:_LOOKED_THROUGH]:
                path = f"studies/{uid}/series/{first_of(series, SERIES)}/instances?includefield=NumberOfFrames"
                instances = self.server.ask(path).results
                found += [Place(study, series, instances[len(instances) // 2])] if instances else []
                if len(found) >= _LOOKED_THROUGH:
                    return found
        return found

    @cached_property
    def place(self) -> Place:
        """An instance, preferably an image of a series with several instances.

        Raises
        ------
        CheckSkippedError
            When the server is empty.
        """
        images = [place for place in self.places if first_of(place.instance, "00280010")]
        several = [place for place in images if int(first_of(place.series, "00201209") or 0) > 1]
        for candidates in (several, images, self.places):
            if candidates:
                return candidates[0]
        raise CheckSkippedError("the server holds no instance")

    @cached_property
    def image(self) -> Place:
        """An image of one frame whose pixels are not compressed, else any image."""
        images = [place for place in self.places if first_of(place.instance, "00280010")]
        native = [place for place in images if first_of(place.instance, "00083002") in {"", *NATIVE_SYNTAXES}]
        for candidates in ([self.place] if self.place in native else [], native, images):
            if candidates:
                return candidates[0]
        raise CheckSkippedError("the server holds no image")

    @cached_property
    def multiframe(self) -> Place:
        """An image of several frames."""
        for place in self.places:
            if place.number_of_frames > 1:
                return place
        raise CheckSkippedError("the server holds no image of several frames among the first series")

    @cached_property
    def stored(self) -> Dataset:
        """The image as it is stored."""
        return self.file_of(self.image)

    def file_of(self, place: Place) -> Dataset:
        """An instance as it is stored."""
        (part,) = self.server.ask(place.path, accept=_ANY_DICOM).must_be(200).parts
        return read_dataset(part.body)

    @cached_property
    def metadata(self) -> list[Attributes]:
        """The metadata of the series of the instance."""
        return self.server.ask(f"{self.place.series_path}/metadata").must_be(200).array


NATIVE_SYNTAXES = frozenset({"1.2.840.10008.1.2", "1.2.840.10008.1.2.1"})
