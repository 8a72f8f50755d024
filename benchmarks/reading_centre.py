"""A centre with two long CT series to be read: stored, dealt to many readers by the house's own verbs, a reader for each run.

Run as a program of its own (``python -m benchmarks.reading_centre DATA FILES``), since it needs Django and the measuring side does not. It
ends with a JSON object on standard output: who can sign in.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from radcommons.apps import bootstrap
from radcommons.server.platform.postgres import EmbeddedPostgres

_TOGETHER = 100
_READERS = 20


def fill(data: Path, files: Sequence[Path]) -> dict[str, object]:
    """Store the files and make a project of their studies; the database is stopped afterwards."""
    database = EmbeddedPostgres(data / "postgres")
    bootstrap.setup(data, database_url=database.ensure_running())
    bootstrap.migrate()
    try:
        return _dealt(files)
    finally:
        database.stop()


def _dealt(files: Sequence[Path]) -> dict[str, object]:
    # Django must be ready before its models are read.
    from tests.support.reading import chest_schema, person  # noqa: PLC0415
    from tests.support.releases import signed_site  # noqa: PLC0415
    from tests.support.studies import OPERATOR  # noqa: PLC0415

    from radcommons.dicom.instance import describe_file  # noqa: PLC0415
    from radcommons.server.annotation.rules.states import Duty, ProjectVerb  # noqa: PLC0415
    from radcommons.server.annotation.rules.wishes import ProjectWish  # noqa: PLC0415
    from radcommons.server.annotation.services import projects, schemas  # noqa: PLC0415
    from radcommons.server.archive.services import Offer, store_instances  # noqa: PLC0415
    from radcommons.server.platform.policy import Role  # noqa: PLC0415
    from radcommons.transfer.annotation.record import Method  # noqa: PLC0415

    site, studies = signed_site(), set()
    for start in range(0, len(files), _TOGETHER):
        offers = []
        for path in files[start : start + _TOGETHER]:
            description, _ = describe_file(path)
            assert description is not None
            offers.append(Offer(description, path))
            studies.add(description.study_instance_uid)
        store_instances(offers, site=site, project="covid19", actor=OPERATOR)
    schema = schemas.add_schema(chest_schema(), actor=OPERATOR)
    names = ",".join(sorted(studies))
    wish = ProjectWish(
        "bench", "Reading", schema.name, schema.version, "named", names, readers_per_case=_READERS, seed=1
    )
    project = projects.create_project(wish, actor=OPERATOR)
    readers = [f"reader-{number + 1}" for number in range(_READERS)]
    for name in readers:
        person(name, Role.READER)
        projects.add_member(project, name, Duty.READ, method=Method.RETROSPECTIVE_EXPERT, actor=OPERATOR)
    projects.move_project(project, ProjectVerb.START_READING, actor=OPERATOR)
    return {"readers": readers, "password": "correct horse battery"}


if __name__ == "__main__":
    print(json.dumps(fill(Path(sys.argv[1]), sorted(Path(sys.argv[2]).glob("**/*.dcm")))))
