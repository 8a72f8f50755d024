"""The catalog follows the curators; facets count it; cohorts freeze it."""

import hashlib

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from tests.support.studies import store_study, study_row

from radcommons.server.archive.models import Instance
from radcommons.server.catalog import queries, services
from radcommons.server.catalog.errors import CohortEmptyError, CohortNameError, CohortNameTakenError
from radcommons.server.catalog.models import CatalogSeries, Cohort, CohortInstance
from radcommons.server.catalog.rules import CatalogQuery
from radcommons.server.catalog.scopes import catalog_scope
from radcommons.server.clinical.models import SubjectRecord
from radcommons.server.curation import services as curation
from radcommons.server.platform.errors import ForbiddenError, NotFoundError
from radcommons.server.platform.models import AuditEvent
from radcommons.server.platform.policy import Actor, Role

pytestmark = pytest.mark.usefixtures("tmp_store")
OPERATOR = Actor.system("tests")


def cleared(folder, name, **changes):
    study = store_study(folder, name, **changes)
    curation.open_case(study)
    curation.clear(study, actor=OPERATOR, reason="Looked at it.")
    services.catalog_study(study)
    return study


@pytest.fixture
def studies(db, tmp_path):
    """Two people with CT, the second also with a radiograph, and one study that nobody has cleared."""
    found = {
        "ct1": cleared(tmp_path, "ct1", slices=2, PatientID="S-1", PatientSex="F", PatientAge="045Y"),
        "ct2": cleared(tmp_path, "ct2", PatientID="S-2", PatientSex="M", PatientAge="092Y", site="BETA"),
        "cr2": cleared(tmp_path, "cr2", PatientID="S-2", PatientSex="M", PatientAge="092Y", Modality="CR", site="BETA"),
        "open": store_study(tmp_path, "open", PatientID="S-3"),
    }
    curation.open_case(found["open"])
    return found


def numbers(answer, name):
    facet = next(facet for facet in answer.facets if facet.name == name)
    return {value.value: (value.counts.subjects, value.counts.studies) for value in facet.values}


def test_only_cleared_studies_are_catalogued(studies):
    assert services.catalog_study(studies["open"]) == 0
    assert queries.catalogued_study_count() == 3
    with pytest.raises(NotFoundError):
        services.catalog_study("2.25.404")


def test_cataloguing_again_ends_at_the_same_rows(studies):
    before = list(CatalogSeries.objects.order_by("series").values_list("series", "instance_count", "size_bytes"))
    services.catalog_study(studies["ct1"])
    assert before == list(
        CatalogSeries.objects.order_by("series").values_list("series", "instance_count", "size_bytes")
    )


def test_a_study_held_again_leaves_the_catalog_whoever_asks_first(studies):
    curation.hold(studies["ct1"], actor=OPERATOR, reason="A name is visible.")
    assert services.catalog_study(studies["ct1"]) == 0
    assert services.remove_study(studies["ct1"]) == 0
    assert queries.catalogued_study_count() == 2


def test_facets_count_people_once_and_come_by_one_query(studies):
    with CaptureQueriesContext(connection) as captured:
        answer = queries.facets(CatalogQuery())
    assert len(captured) == 1
    assert (answer.selected.subjects, answer.selected.studies, answer.selected.instances) == (2, 3, 4)
    assert numbers(answer, "modality") == {"CT": (2, 2), "CR": (1, 1)}
    assert numbers(answer, "age_group") == {"40–49": (1, 1), "90 and over": (1, 2)}
    assert numbers(answer, "site") == {"BETA": (1, 2), "ALPHA": (1, 1)}


def test_a_facet_is_counted_under_the_other_choices_not_its_own(studies):
    answer = queries.facets(CatalogQuery(modality=("CT",), sex=("M",)))
    assert (answer.selected.subjects, answer.selected.studies) == (1, 1)
    assert answer.everything.studies == 3
    assert numbers(answer, "modality") == {"CT": (1, 1), "CR": (1, 1)}
    assert numbers(answer, "sex") == {"F": (1, 1), "M": (1, 1)}


def test_a_page_shows_the_latest_studies_first_and_none_that_left_since_they_were_counted(studies, monkeypatch):
    monkeypatch.setattr(queries, "PAGE_SIZE", 2)
    names = {study_row(uid).pk: name for name, uid in studies.items()}
    page, lines = queries.studies(CatalogQuery.from_lists({}))
    assert (page.paginator.count, [names[line.study.pk] for line in lines]) == (3, ["cr2", "ct2"])
    _, rest = queries.studies(CatalogQuery.from_lists({}), page_number=2)
    assert [names[line.study.pk] for line in rest] == ["ct1"]
    counted = queries.cube()
    services.remove_study(studies["cr2"])
    monkeypatch.setattr(queries, "cube", lambda: counted)
    _, later = queries.studies(CatalogQuery.from_lists({}))
    assert [names[line.study.pk] for line in later] == ["ct2"]


def test_a_choice_that_nothing_has_stays_visible(studies):
    facet = queries.facets(CatalogQuery(modality=("XA",))).facets[1]
    assert [(value.value, value.is_chosen, value.counts.subjects) for value in facet.first][-1] == ("XA", True, 0)


def test_the_status_that_a_site_stated_is_a_facet(studies):
    SubjectRecord.objects.create(subject=study_row(studies["ct1"]).subject, covid19_status="positive")
    services.catalog_study(studies["ct1"])
    assert numbers(queries.facets(CatalogQuery()), "covid19_status") == {"positive": (1, 1), "unknown": (1, 2)}


def test_values_from_an_address_are_data_never_sql(studies):
    assert queries.facets(CatalogQuery(sex=("'; DROP TABLE catalog_cohort; --",))).selected.subjects == 0
    assert Cohort.objects.count() == 0


def test_a_frozen_cohort_never_changes(studies):
    cohort = services.freeze_cohort("chest-ct", CatalogQuery(modality=("CT",)), actor=OPERATOR)
    curation.hold(studies["ct1"], actor=OPERATOR, reason="Later.")
    services.catalog_study(studies["ct1"])
    assert queries.cohort_instances(cohort).count() == cohort.instance_count == 3
    for change in (lambda: Cohort.objects.update(name="x"), lambda: CohortInstance.objects.all().delete()):
        with pytest.raises(DatabaseError, match="cohorts never change"), transaction.atomic():
            change()


def test_a_cohort_can_be_checked_by_its_digest_and_tells_its_question(studies):
    cohort = services.freeze_cohort("chest-ct", CatalogQuery(modality=("CT",)), actor=OPERATOR)
    rows = queries.cohort_instances(cohort).order_by("sop_instance_uid").values_list("sop_instance_uid", "sha256")
    lines = "".join(f"{uid} {sha256}\n" for uid, sha256 in rows)
    assert cohort.digest == hashlib.sha256(lines.encode()).hexdigest()
    assert cohort.query == {"modality": ["CT"]}
    assert (cohort.subject_count, cohort.study_count, cohort.series_count) == (2, 2, 2)
    assert cohort.size_bytes == sum(queries.cohort_instances(cohort).values_list("size_bytes", flat=True))
    assert AuditEvent.objects.get(action="cohort.frozen").facts["digest"] == cohort.digest


def test_what_a_curator_takes_back_is_not_frozen_even_before_the_catalog_learns(studies):
    curation.hold(studies["ct1"], actor=OPERATOR, reason="Now.")
    assert services.freeze_cohort("rest", CatalogQuery(), actor=OPERATOR).study_count == 2


def test_names_are_used_once_and_empty_cohorts_are_refused(studies, actor_of):
    services.freeze_cohort("one", CatalogQuery(), actor=OPERATOR)
    with pytest.raises(CohortNameTakenError):
        services.freeze_cohort("one", CatalogQuery(), actor=OPERATOR)
    with pytest.raises(CohortNameError):
        services.freeze_cohort("../one", CatalogQuery(), actor=OPERATOR)
    with pytest.raises(CohortEmptyError):
        services.freeze_cohort("two", CatalogQuery(modality=("XA",)), actor=OPERATOR)
    with pytest.raises(ForbiddenError):
        services.freeze_cohort("two", CatalogQuery(), actor=actor_of(Role.CURATOR))
    assert Cohort.objects.count() == 1


def test_the_scope_of_the_catalog_holds_what_is_catalogued(studies, actor_of):
    scope = catalog_scope("catalog", actor_of(Role.RELEASE_MANAGER))
    assert scope.instances.count() == 4 < Instance.objects.count()
    with pytest.raises(ForbiddenError):
        catalog_scope("catalog", actor_of(Role.RESEARCHER))


def test_the_page_keeps_its_selection_in_the_address(studies, client_of):
    browser = client_of(Role.RELEASE_MANAGER)
    response = browser.get("/catalog/?modality=CT&sex=M")
    text = response.content.decode()
    assert [line.study.study_instance_uid for line in response.context["lines"]] == [studies["ct2"]]
    assert 'href="/catalog/?sex=M"' in text
    assert '<input type="hidden" name="modality" value="CT">' in text
    assert f"/dicom-web/catalog/studies/{studies['ct2']}/series/" in text


def test_freezing_on_the_page_leads_to_the_cohort_and_its_next_step(studies, client_of):
    browser = client_of(Role.RELEASE_MANAGER)
    response = browser.post(reverse("catalog:freeze"), {"name": "from-page", "modality": "CT"}, follow=True)
    text = response.content.decode()
    cohort = Cohort.objects.get()
    assert response.redirect_chain[-1][0] == f"/cohorts/{cohort.pk}/"
    assert "Frozen as from-page." in text
    assert f'href="/releases/new/?cohort={cohort.pk}"' in text
    again = browser.post(reverse("catalog:freeze"), {"name": "from-page", "modality": "CT"}, follow=True)
    assert again.redirect_chain[-1][0] == "/catalog/?modality=CT"
    assert "There is a cohort named from-page already." in again.content.decode()
    assert "from-page" in browser.get("/cohorts/").content.decode()


def test_the_page_of_a_cohort_shows_its_studies_and_only_what_of_them_is_in_it(studies, client_of):
    cohort = services.freeze_cohort("ct", CatalogQuery(modality=("CT",)), actor=OPERATOR)
    page = queries.cohort_studies(cohort, page_number=2)
    found = page.object_list
    assert {row.study_instance_uid for row in found} == {studies["ct1"], studies["ct2"]}
    assert sum(row.instance_count for row in found) == cohort.instance_count
    assert {row.modalities for row in found} == {("CT",)}
    assert (page.number, page.paginator.num_pages) == (1, 1)
    text = client_of(Role.RELEASE_MANAGER).get(f"/cohorts/{cohort.pk}/").content.decode()
    assert all(f"/view/catalog/studies/{row.study_instance_uid}/" in text for row in found)


def test_a_curator_sees_cohorts_without_the_button_to_make_one(studies, client_of):
    curator = client_of(Role.CURATOR)
    assert "cohort-name" not in curator.get("/catalog/").content.decode()
    assert curator.post(reverse("catalog:freeze"), {"name": "x1"}).status_code == 403
    assert client_of("anonymous").get("/catalog/").headers["Location"].startswith("/accounts/login/")
