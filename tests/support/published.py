"""A data set in three versions, another that was withdrawn and a draft, committed once for a module of reading tests."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.core.management import call_command
from pydicom.dataset import Dataset
from tests.support.batches import uid, write_instance
from tests.support.releases import ACTOR, clear_study, frozen_cohort, signed_site, store_study, wish

from radcommons.dicom.instance import describe_file
from radcommons.server.archive.services import store_instance
from radcommons.server.platform.settings import settings
from radcommons.server.releases import services
from radcommons.server.releases.models import Release

SLUG, RECALLED, DRAFT = "chest-ct", "recalled-ct", "unheard-of-ct"
SEG = "1.2.840.10008.5.1.4.1.1.66.4"
RTSTRUCT = "1.2.840.10008.5.1.4.1.1.481.3"


@dataclass(frozen=True, slots=True)
class Published:
    """What was made. 1.0.0 holds study one; 1.1.0 also two, with a segmentation and a structure set; 1.2.0 the same otherwise."""

    releases: dict[str, Release]
    recalled: Release
    folder: Path


def series_uid(study: str, series: str = "a") -> str:
    """The Series Instance UID of a stored study."""
    return uid("series", study, (study, series))


@contextmanager
def published(folder: Path) -> Iterator[Published]:
    """Everything, through the real verbs; taken away afterwards."""
    empty_centre()
    site = signed_site()
    releases = {}
    clear_study(store_study(folder, site, "one", instances=3))
    releases["1.0.0"] = _publish(SLUG, "1.0.0")
    two = store_study(folder, site, "two")
    for series, dataset in (("seg", _segmentation()), ("rt", _structure_set())):
        path = write_instance(
            folder / f"{series}.dcm",
            study="two",
            series=("two", series),
            number=9,
            PatientID="S-two",
            PixelData=None,
            **dataset,
        )
        description, findings = describe_file(path)
        assert description is not None, findings
        store_instance(description, path, site=site, project="covid19", actor=ACTOR)
    clear_study(two)
    releases["1.1.0"] = _publish(SLUG, "1.1.0")
    releases["1.2.0"] = _publish(
        SLUG, "1.2.0", changes="Segmentations & structures.", licence="CC-BY-NC-4.0", doi="10.1234/ABC"
    )
    clear_study(store_study(folder, site, "gone"))
    recalled = _publish(RECALLED, "1.0.0")
    services.withdraw(recalled.pk, reason="A subject withdrew consent.", actor=ACTOR)
    clear_study(store_study(folder, site, "secret"))
    services.draft(wish(slug=DRAFT), frozen_cohort("of-the-draft"), actor=ACTOR)
    yield Published(releases, recalled, folder)
    empty_centre()


def _publish(slug: str, version: str, **changes: str) -> Release:
    draft = services.draft(wish(version, slug=slug, **changes), frozen_cohort(f"{slug}-{version}"), actor=ACTOR)
    return services.publish(draft.pk, actor=ACTOR)


def _segmentation() -> dict[str, object]:
    instance, series = Dataset(), Dataset()
    instance.ReferencedSOPClassUID, instance.ReferencedSOPInstanceUID = SEG, uid("instance", "two")
    series.ReferencedInstanceSequence, series.SeriesInstanceUID = [instance], series_uid("two")
    return {"SOPClassUID": SEG, "Modality": "SEG", "ReferencedSeriesSequence": [series]}


def _structure_set() -> dict[str, object]:
    frame, study, series = Dataset(), Dataset(), Dataset()
    series.SeriesInstanceUID = series_uid("two")
    study.ReferencedSOPClassUID, study.RTReferencedSeriesSequence = RTSTRUCT, [series]
    frame.FrameOfReferenceUID, frame.RTReferencedStudySequence = uid("frame", "two"), [study]
    return {"SOPClassUID": RTSTRUCT, "Modality": "RTSTRUCT", "ReferencedFrameOfReferenceSequence": [frame]}


def empty_centre() -> None:
    """Take everything away that a module committed."""
    call_command("flush", interactive=False, verbosity=0)
    shutil.rmtree(settings().data_dir / "objects", ignore_errors=True)
    shutil.rmtree(settings().staging_dir, ignore_errors=True)
