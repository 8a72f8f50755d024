import pytest

from radcommons.dicom.finding import Severity
from radcommons.server.releases.rules import (
    Change,
    DraftFacts,
    check,
    is_slug,
    may_relicense,
    parse_version,
    smallest_next,
)


def facts(**changes):
    return DraftFacts(**{"version": (1, 0, 0), "licence": "CC-BY-4.0", "instances": 3, **changes})


def codes(**changes):
    return [finding.code for finding in check(facts(**changes))]


def test_a_sound_draft_has_no_findings():
    assert codes(granted_licences={"ALPHA/covid19": "CC-BY-4.0"}) == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"instances": 0}, "releases.empty"),
        ({"sequestered_subjects": 1}, "releases.sequestered"),
        ({"uncleared_studies": {"2.25.1": "held"}}, "releases.not-cleared"),
        ({"unjudged_pixel_text": ["2.25.1"]}, "releases.pixel-text"),
        ({"shared_subject_ids": ["S-1"]}, "releases.shared-subject-id"),
        ({"licence": "WTFPL"}, "releases.unknown-licence"),
        ({"granted_licences": {"ALPHA/covid19": None}}, "releases.no-agreement"),
        ({"granted_licences": {"ALPHA/covid19": "CC-BY-NC-4.0"}}, "releases.licence-too-free"),
        ({"unstored": ["2.25.1"]}, "releases.not-stored"),
        ({"absent": ["2.25.1"]}, "releases.bytes-absent"),
        ({"corrupt": ["2.25.1"]}, "releases.bytes-corrupt"),
        ({"parent": (1, 0, 0), "change": Change(1, 0, 0)}, "releases.version-not-greater"),
        ({"version": (1, 0, 1), "parent": (1, 0, 0), "change": Change(1, 0, 0)}, "releases.version-too-small"),
        ({"version": (1, 1, 0), "parent": (1, 0, 0), "change": Change(5, 1, 0)}, "releases.version-too-small"),
    ],
)
def test_each_fault_is_an_error_of_its_own(changes, code):
    findings = check(facts(**changes))
    assert [finding.code for finding in findings] == [code]
    assert findings[0].severity is Severity.ERROR


def test_unchanged_data_are_a_warning_and_no_error():
    findings = check(facts(version=(1, 0, 1), parent=(1, 0, 0), change=Change(0, 0, 0)))
    assert [(finding.code, finding.severity) for finding in findings] == [("releases.unchanged", Severity.WARNING)]


@pytest.mark.parametrize(
    ("change", "version"),
    [
        (Change(0, 0, 0), (1, 2, 4)),
        (Change(3, 0, 0), (1, 3, 0)),
        (Change(3, 1, 0), (2, 0, 0)),
        (Change(0, 0, 1), (2, 0, 0)),
    ],
)
def test_what_changed_decides_the_least_version(change, version):
    assert smallest_next((1, 2, 3), change) == version


@pytest.mark.parametrize(
    ("granted", "released", "is_allowed"),
    [
        ("CC0-1.0", "CC-BY-4.0", True),
        ("CC-BY-4.0", "CC-BY-NC-4.0", True),
        ("CC-BY-NC-4.0", "CC-BY-4.0", False),
        ("CC-BY-4.0", "CC0-1.0", False),
        ("unheard of", "CC-BY-4.0", False),
    ],
)
def test_a_licence_is_never_loosened(granted, released, is_allowed):
    assert may_relicense(granted, released) is is_allowed


def test_at_most_a_hundred_studies_are_listed():
    assert len(codes(uncleared_studies={f"2.25.{n}": "open" for n in range(500)})) == 100


@pytest.mark.parametrize(
    "text", ["", "ab", "Chest", "-chest", "chest-", "drafts", "latest", "a/b", "x" * 64, "chest_ct"]
)
def test_odd_words_are_no_slugs(text):
    assert not is_slug(text)


@pytest.mark.parametrize("text", ["1", "1.0", "01.0.0", "1.0.0-rc1", "latest", "1.0.0.0", "１.0.0", ""])
def test_odd_words_are_no_versions(text):
    assert parse_version(text) is None


def test_versions_compare_as_numbers():
    assert parse_version("1.10.0") > parse_version("1.9.9")
