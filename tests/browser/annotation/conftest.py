"""One server and one filled archive for all tests of a module: only browsers and projects are made anew."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
from django.core.management import call_command
from tests.browser import phantoms
from tests.browser.annotation import annotating
from tests.support.real_server import running_server

from radcommons.server.platform.settings import settings


@pytest.fixture(scope="module")
def transactional_db(django_db_setup: None, django_db_blocker: object) -> Iterator[None]:
    """The database, emptied once for a module instead of once for a test."""
    with django_db_blocker.unblock():  # type: ignore[attr-defined]  # pytest-django does not say what it is
        call_command("flush", interactive=False, verbosity=0)
        yield
        call_command("flush", interactive=False, verbosity=0)


@pytest.fixture(scope="module")
def live_server_url(transactional_db: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The real application over a CT of twelve slices, two radiographs, and a study of two radiographs."""
    folder = tmp_path_factory.mktemp("studies")
    written = phantoms.write_study(folder)
    radiograph = next(path for path in written if pydicom.dcmread(path).Modality == "CR")
    studies = {annotating.RADIOGRAPH: "20200401", annotating.SECOND_RADIOGRAPH: "20200301"}
    files = [*written[: phantoms.SLICES], *(_as_study(radiograph, study, day) for study, day in studies.items())]
    files += [_as_study(radiograph, annotating.TWO_SERIES, "20200501", series) for series in (1, 2)]
    annotating.store(files)
    with running_server() as url:
        yield url
    shutil.rmtree(settings().data_dir / "objects", ignore_errors=True)


def _as_study(source: Path, study_instance_uid: str, study_date: str, series: int = 1) -> Path:
    """A file as a series of a study of its own."""
    dataset = pydicom.dcmread(source)
    dataset.StudyDate = study_date
    dataset.StudyInstanceUID = study_instance_uid
    dataset.SeriesInstanceUID, dataset.SeriesNumber = f"{study_instance_uid}.{series}", series
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"{study_instance_uid}.{series}.1"
    path = source.with_name(f"{study_instance_uid}.{series}.dcm")
    dataset.save_as(path)
    return path
