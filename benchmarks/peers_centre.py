"""A centre filled with files for a comparison: stored, cleared, frozen and published by the house's own verbs.

Run as a program of its own (``python -m benchmarks.peers_centre DATA FILES``), since it needs Django and the measuring side does not. It ends
with a JSON object on standard output: where the release is, and a token for what is not public.
"""

import json
import secrets
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from radcommons.apps import bootstrap
from radcommons.server.platform.postgres import EmbeddedPostgres

SLUG, VERSION, ROLE = "peers", "1.0.0", "release_manager"
_TOGETHER = 100


def fill(data: Path, files: Sequence[Path]) -> dict[str, object]:
    """Store and publish files; the database is stopped afterwards."""
    database = EmbeddedPostgres(data / "postgres")
    bootstrap.setup(data, database_url=database.ensure_running())
    bootstrap.migrate()
    try:
        return _published(files)
    finally:
        database.stop()


def _published(files: Sequence[Path]) -> dict[str, object]:
    # Django must be ready before its models are read.
    from tests.support.releases import ACTOR, clear_study, frozen_cohort, signed_site, wish  # noqa: PLC0415

    from radcommons.dicom.instance import describe_file  # noqa: PLC0415
    from radcommons.server.archive.services import Offer, store_instances  # noqa: PLC0415
    from radcommons.server.platform import accounts  # noqa: PLC0415
    from radcommons.server.platform.policy import Role  # noqa: PLC0415
    from radcommons.server.releases import services  # noqa: PLC0415

    site, studies, begin = signed_site(), set(), time.perf_counter()
    for start in range(0, len(files), _TOGETHER):
        offers = []
        for path in files[start : start + _TOGETHER]:
            description, _ = describe_file(path)
            assert description is not None
            offers.append(Offer(description, path))
            studies.add(description.study_instance_uid)
        store_instances(offers, site=site, project="covid19", actor=ACTOR)
    stored_s = time.perf_counter() - begin
    for study_instance_uid in sorted(studies):
        clear_study(study_instance_uid)
    begin = time.perf_counter()
    draft = services.draft(wish(VERSION, slug=SLUG), frozen_cohort(), actor=ACTOR)
    release = services.publish(draft.pk, actor=ACTOR)
    published_s = time.perf_counter() - begin
    user = accounts.create_account("peer", actor=ACTOR, password=secrets.token_urlsafe())
    accounts.grant_role("peer", Role(ROLE), actor=ACTOR)
    token = accounts.issue_api_token(user, "peers", actor=ACTOR)
    return {
        "root": f"/dicom-web/releases/{release.slug}/{release.version}",
        "token": token,
        "stored_s": round(stored_s, 2),
        "published_s": round(published_s, 2),
    }


if __name__ == "__main__":
    print(json.dumps(fill(Path(sys.argv[1]), sorted(Path(sys.argv[2]).glob("*.dcm")))))
