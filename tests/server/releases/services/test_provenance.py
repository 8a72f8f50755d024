"""A release says by which rules its instances were de-identified and who vouches for that."""

import json

import pytest
from tests.support.batches import make_batch, make_site, signing_key
from tests.support.releases import ACTOR, clear_study, frozen_cohort, store_study, wish

from radcommons.deid.profile.engine import ENGINE_VERSION
from radcommons.server.intake import services as intake
from radcommons.server.intake import staging
from radcommons.server.intake.models import Batch, BatchPart
from radcommons.server.platform.objects import object_store
from radcommons.server.platform.policy import Actor
from radcommons.server.releases import services
from radcommons.server.releases.models import ReleaseFile
from radcommons.transfer.release.attestation import key_id

pytestmark = pytest.mark.usefixtures("db", "tmp_store")


def _sent(folder, code):
    """The files of a study as a signed batch whose parts are stored."""
    made = make_batch(sorted(folder.glob("*.dcm")), site=code)
    actor = Actor.contributor(code)
    intake.open_batch(made.manifest.canonical_bytes, actor=actor)
    for sha256, path in made.paths.items():
        sink = staging.PartSink(made.manifest.batch_id, sha256, size_bytes=path.stat().st_size)
        sink.write(path.read_bytes())
        sink.commit()
    batch = intake.seal_batch(made.manifest.batch_id, envelope=made.envelope, actor=actor)
    BatchPart.objects.filter(batch=batch).update(state="stored")
    return batch


def _provenance(release):
    file = ReleaseFile.objects.get(release=release, path="provenance.json")
    return json.loads(object_store().read(file.object_key))


def test_each_sites_way_of_de_identifying_is_named_with_its_key(tmp_path):
    for code, study in (("ALPHA", "one"), ("BETA", "two")):
        clear_study(store_study(tmp_path / code, make_site(code), study))
        _sent(tmp_path / code, code)
    draft = services.draft(wish(), frozen_cohort(), actor=ACTOR)

    release = services.publish(draft.pk, actor=ACTOR)

    alpha, beta = _provenance(release)["deidentification"]
    assert [each["site"] for each in (alpha, beta)] == ["ALPHA", "BETA"]
    assert alpha["signing_key"] == key_id(signing_key("ALPHA").public_key())
    assert (alpha["profile_name"], alpha["instances"], alpha["engine"]) == ("ricord", 2, str(ENGINE_VERSION))
    assert alpha["summaries_sha256"] == [Batch.objects.get(site__code="ALPHA").summary_sha256]
    assert alpha["signing_key"] != beta["signing_key"]


def test_what_no_batch_brought_has_no_entry(tmp_path):
    clear_study(store_study(tmp_path, make_site(), "one"))
    draft = services.draft(wish(), frozen_cohort(), actor=ACTOR)

    release = services.publish(draft.pk, actor=ACTOR)

    assert _provenance(release) == {"schema": "radcommons.provenance/1", "deidentification": []}
