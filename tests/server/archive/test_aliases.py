"""Identifiers of one view: well-formed, its own, taken back only for what it holds."""

from pydicom.uid import UID

from radcommons.server.archive.aliases import NOBODY, Aliases
from radcommons.server.archive.scopes import Veil

STUDY, IMAGE, FRAME = "1.2.3.4", "1.2.3.4.5", "1.2.3.9"
CT = "1.2.840.10008.5.1.4.1.1.2"
ONE, OTHER = (Aliases(key, [STUDY, IMAGE]) for key in (b"one", b"other"))


def test_an_alias_is_a_uid_of_its_own_view_and_leads_back_only_there():
    alias = ONE.alias(IMAGE)
    assert UID(alias).is_valid
    assert alias not in {IMAGE, ONE.alias(STUDY), OTHER.alias(IMAGE)}
    assert ONE.real(alias) == IMAGE
    assert [ONE.real(uid) for uid in (IMAGE, OTHER.alias(IMAGE), ONE.alias(FRAME), "")] == [NOBODY] * 4


def test_references_frames_and_addresses_are_replaced_alike_at_every_depth_and_classes_stay():
    def uids(*values):
        return {"vr": "UI", "Value": list(values)}

    root = "https://host/dicom-web/tasks/a/studies"
    attributes = {
        "00080016": uids(CT),
        "00080018": uids(IMAGE),
        "00081140": {"vr": "SQ", "Value": [{"00081150": uids("1.2.99.1"), "00081155": uids(IMAGE, FRAME)}]},
        "00081190": {"vr": "UR", "Value": [f"{root}/{STUDY}"]},
        "00200052": uids(FRAME),
        "00281201": {"vr": "OW", "BulkDataURI": f"{root}/{STUDY}/series/{FRAME}/instances/{IMAGE}/bulkdata/00281201"},
        "00080020": {"vr": "DA", "Value": ["20200101"]},
    }
    shown = Veil(frozenset(attributes) | {"00081150", "00081155"} - {"00080020"}, frozenset(), ONE).over(attributes)
    study, image, frame = (ONE.alias(uid) for uid in (STUDY, IMAGE, FRAME))
    assert shown["00080016"] == uids(CT)
    assert shown["00080018"] == uids(image)
    assert shown["00081140"]["Value"] == [{"00081150": uids("1.2.99.1"), "00081155": uids(image, frame)}]
    assert shown["00081190"]["Value"] == [f"{root}/{study}"]
    assert shown["00200052"] == uids(frame)
    assert shown["00281201"]["BulkDataURI"] == f"{root}/{study}/series/{frame}/instances/{image}/bulkdata/00281201"
    assert str(shown).find(STUDY) == -1


def test_the_name_of_a_digest_differs_from_view_to_view():
    assert ONE.token("ab") == ONE.token("ab")
    assert len({ONE.token("ab"), OTHER.token("ab"), ONE.token("cd"), "ab"}) == 4
