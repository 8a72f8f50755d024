"""How values look on every page."""

from datetime import UTC, datetime

import pytest

from radcommons.server.portal.templatetags import portal as tags

THIN = "\u202f"


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0"), (999, "999"), (1234567, f"1{THIN}234{THIN}567"), (None, "–"), ("", "–")]
)
def test_numbers_have_thin_spaces(number, text):
    assert tags.count(number) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (99_400, "99.4 kB"),
        (99_600, "100 kB"),
        (999_600, "1.0 MB"),
        (66_700_000, "66.7 MB"),
        (3 * 10**15, "3.0 PB"),
        (5 * 10**18, "5000 PB"),
    ],
)
def test_sizes_have_units(number, text):
    assert tags.size(number) == text.replace(" ", THIN)
    assert tags.size(None) == "–"


@pytest.mark.parametrize(
    ("number", "noun", "text"),
    [(1, "study", "1 study"), (2, "study", "2 studies"), (0, "image", "0 images"), (3, "series", "3 series")],
)
def test_nouns_follow_their_number(number, noun, text):
    assert tags.plural(number, noun) == text


@pytest.mark.parametrize(
    ("actor", "text"),
    [
        ("user:anna", "anna"),
        ("site:ALPHA", "site ALPHA"),
        ("system:cli", "the operator"),
        ("system:setup", "the repository (setup)"),
        ("anonymous", "anonymous"),
    ],
)
def test_actors_have_names_for_people(actor, text):
    assert tags.person(actor) == text


def test_states_are_a_word_and_a_shape_and_escape_what_is_put_in():
    assert tags.state("held") == '<span class="rc-state rc-state-warn">held</span>'
    assert tags.state("site_unknown", "<b>") == '<span class="rc-state rc-state-plain">&lt;b&gt;</span>'


def test_moments_are_for_people_and_programs():
    at = datetime(2026, 1, 5, 7, 3, tzinfo=UTC)
    assert tags.moment(at) == '<time datetime="2026-01-05T07:03:00+00:00">5 Jan 2026, 07:03 UTC</time>'
    assert tags.moment(None) == "–"


def test_long_identifiers_are_shortened_where_they_differ():
    assert tags.digest("ab" * 32) == "abababababab…"
    assert tags.ending("2.25.1234567890123456789012") == "…123456789012"
    assert tags.digest("short") == tags.ending("short") == "short"


def test_findings_that_say_the_same_stand_once_with_all_their_places():
    private = {"severity": "error", "code": "deid.private-attribute", "message": "It is private."}
    other = {"severity": "error", "code": "deid.uid", "message": "It is no UID.", "where": "0020,000D"}
    found = tags.alike([private | {"where": "0009,1001"}, other, private | {"where": "0009,1002"}])
    assert found == [
        private | {"places": ["0009,1001", "0009,1002"]},
        {"severity": "error", "code": "deid.uid", "message": "It is no UID.", "places": ["0020,000D"]},
    ]
