"""Studies in the archive, stored from real files as intake would store them."""

from pathlib import Path

from tests.support.batches import uid, write_instance

from radcommons.dicom.instance import describe_file
from radcommons.server.archive import services as archive
from radcommons.server.archive.models import Study
from radcommons.server.platform.policy import Actor
from radcommons.server.sites.models import Site

OPERATOR = Actor.system("tests")


def site_of(code: str = "ALPHA") -> Site:
    """A contributing hospital."""
    return Site.objects.get_or_create(code=code, defaults={"name": f"Hospital {code}", "country": "DE"})[0]


def store_study(folder: Path, name: str, *, slices: int = 1, site: str = "ALPHA", **changes: object) -> str:
    """Store a study of one series and return its Study Instance UID; ``changes`` set attributes of every instance.

    Calling it again with more ``slices`` adds the missing ones.
    """
    changes.setdefault("PatientID", f"S-{name}")
    for number in range(1, slices + 1):
        path = write_instance(folder / f"{name}-{number}.dcm", study=name, number=number, **changes)
        description, _ = describe_file(path)
        archive.store_instance(description, path, site=site_of(site), project="covid19", actor=OPERATOR)
    return uid("study", name)


def study_row(study_instance_uid: str) -> Study:
    """The archive's row of a study."""
    return Study.objects.get(study_instance_uid=study_instance_uid)
