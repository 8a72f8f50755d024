"""Who may use which route: the table that the test of routes and roles reads.

A route is written as the code declares it. Its parameters are replaced by the things of ALPHA in the test's content, so
"the site" is ALPHA throughout; ``given`` names other things for a parameter, ``at`` is the address where that is not
enough. A row whose visitors are fewer than the policy's action lets in says so with ``action=None`` (nobody).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from tests.server.route_content import PUBLIC, RECALLED, SEALED

from radcommons.server.platform.policy import Action

A = Action
SITE = "ALPHA"
LONG = "correct horse battery"
_DIRECT = {"site": SITE, "project": "covid19", "study": "1.2"}


@dataclass(frozen=True, slots=True)
class Row:
    """One method of one route, the action that opens it, and the site whose thing is asked for.

    Parameters
    ----------
    action
        None when nobody may.
    site
        The site for which the action is needed; None when anywhere will do.
    is_session_only
        Whether accounts are known here by their browser only.
    is_token_only
        Whether a session counts for nothing here, so that no page from elsewhere can use it.
    form, content
        A body that passes the door and changes nothing.
    is_gone
        Whether a public tombstone is the answer to everybody.
    is_static
        Whether it is the same file for everybody, whatever they send along.
    is_like_others
        Whether other rows ask the same door with every visitor, so that a few are enough here.
    is_restricted
        Whether it serves what is in a restricted version: to those who were granted access, and never to be kept.
    is_reading
        Whether a POST changes nothing, so that a form from elsewhere does no harm.
    query
        What stands behind the question mark of the address, with the words of the content.
    """

    method: str
    route: str
    action: A | None
    site: str | None = None
    given: Mapping[str, str] = field(default_factory=dict)
    at: str = ""
    form: Mapping[str, str] = field(default_factory=dict)
    content: str = ""
    is_session_only: bool = False
    is_token_only: bool = False
    is_gone: bool = False
    is_static: bool = False
    is_like_others: bool = False
    is_reading: bool = False
    is_restricted: bool = False
    query: str = ""

    @property
    def name(self) -> str:
        """How the row is called in reports."""
        given = ",".join(
            (
                *self.given.values(),
                *([self.query] if self.query else ()),
                *(self.form.values() if self.is_reading else ()),
            )
        )
        return f"{self.method} {self.at or self.route}{f' [{given}]' if given else ''}"


PAGES = (
    # --- portal
    Row("GET", "", A.PORTAL_VIEW),
    Row("GET", "about/", A.PORTAL_VIEW),
    Row("GET", "setup/<str:token>/", A.PORTAL_VIEW),
    Row("POST", "setup/<str:token>/", A.PORTAL_VIEW),
    Row("GET", "setup/<str:token>/", None, given={"token": "rcl_made-up"}),
    Row("GET", "account/", A.PLATFORM_OWN_ACCOUNT),
    Row("POST", "account/tokens/", A.PLATFORM_OWN_ACCOUNT),
    Row("POST", "account/tokens/<int:token_id>/revoke/", None, given={"token_id": "{other_token_id}"}),
    Row("GET", "people/", A.PLATFORM_MANAGE_PEOPLE),
    Row("POST", "people/invite/", A.PLATFORM_MANAGE_PEOPLE),
    Row("GET", "people/<str:username>/", A.PLATFORM_MANAGE_PEOPLE),
    Row("POST", "people/<str:username>/link/", A.PLATFORM_MANAGE_PEOPLE),
    Row("POST", "people/<str:username>/grant/", A.PLATFORM_MANAGE_PEOPLE),
    Row("POST", "people/<str:username>/revoke/", A.PLATFORM_MANAGE_PEOPLE, form={"role": "reader"}),
    Row("POST", "people/<str:username>/second-factor/", A.PLATFORM_MANAGE_PEOPLE),
    Row("POST", "people/<str:username>/active/", A.PLATFORM_MANAGE_PEOPLE, form={"is_active": "yes"}),
    Row("GET", "audit/", A.PLATFORM_READ_AUDIT),
    Row("GET", "storage/", A.ARCHIVE_READ_STORAGE),
    Row("GET", "jobs/", A.PLATFORM_TEND_JOBS),
    Row("POST", "jobs/<int:job>/retry/", A.PLATFORM_TEND_JOBS, given={"job": "987654"}),
    Row("POST", "jobs/<int:job>/dismiss/", A.PLATFORM_TEND_JOBS, given={"job": "987654"}),
    # --- sites
    Row("GET", "survey/", A.SITES_SUBMIT_SURVEY),
    Row("POST", "survey/", A.SITES_SUBMIT_SURVEY),
    Row("GET", "survey/thanks/", A.SITES_SUBMIT_SURVEY),
    Row("GET", "sites/", A.SITES_READ),
    Row("GET", "sites/add/", A.SITES_MANAGE),
    Row("POST", "sites/add/", A.SITES_MANAGE),
    Row("GET", "sites/surveys/", A.SITES_READ_SURVEYS),
    Row("GET", "sites/surveys/<int:survey_id>/", A.SITES_READ_SURVEYS),
    Row("GET", "sites/<str:code>/", A.SITES_READ, SITE),
    Row("GET", "sites/<str:code>/agreements/sign/", A.SITES_MANAGE, SITE),
    Row("POST", "sites/<str:code>/agreements/sign/", A.SITES_MANAGE, SITE),
    Row("GET", "sites/<str:code>/agreements/<int:agreement_id>/", A.SITES_READ, SITE),
    # A site's own address opens no other site's agreement.
    Row("GET", "sites/<str:code>/agreements/<int:agreement_id>/", None, given={"code": "BETA"}),
    Row("POST", "sites/<str:code>/agreements/<int:agreement_id>/revoke/", A.SITES_MANAGE, SITE),
    Row("POST", "sites/<str:code>/keys/", A.SITES_MANAGE_KEYS, SITE),
    Row("POST", "sites/<str:code>/keys/<int:key_id>/revoke/", A.SITES_MANAGE_KEYS, SITE),
    Row("POST", "sites/<str:code>/active/", A.SITES_MANAGE, SITE, form={"is_active": "1"}),
    # --- intake
    Row("GET", "batches/", A.INTAKE_READ_BATCH),
    Row("GET", "batches/<str:batch_id>/", A.INTAKE_READ_BATCH, SITE),
    Row("GET", "quarantine/", A.INTAKE_DECIDE_QUARANTINE),
    Row("GET", "quarantine/<int:quarantined_id>/", A.INTAKE_DECIDE_QUARANTINE),
    Row(
        "GET",
        "quarantine/<int:quarantined_id>/pictures/<int:frame_number>/",
        A.INTAKE_DECIDE_QUARANTINE,
        given={"frame_number": "1"},
    ),
    Row("POST", "quarantine/<int:quarantined_id>/release/", A.INTAKE_DECIDE_QUARANTINE),
    Row("POST", "quarantine/<int:quarantined_id>/discard/", A.INTAKE_DECIDE_QUARANTINE),
    Row("POST", "signing-keys/<int:key_id>/trust/", A.SITES_MANAGE, given={"key_id": "{signing_key_id}"}),
    Row("POST", "signing-keys/<int:key_id>/refuse/", A.SITES_MANAGE, given={"key_id": "{signing_key_id}"}),
    # --- journey
    Row("GET", "studies/<str:study_instance_uid>/timeline/", A.JOURNEY_READ_TIMELINE, SITE),
    Row("GET", "journey/failed/", A.JOURNEY_RETRY),
    # --- curation
    Row("GET", "curation/", A.CURATION_READ),
    Row("POST", "curation/clear/", A.CURATION_DECIDE),
    Row("GET", "curation/values/", A.CURATION_READ),
    Row("GET", "curation/studies/<str:study_instance_uid>/", A.CURATION_READ),
    Row("POST", "curation/studies/<str:study_instance_uid>/<str:verb>/", A.CURATION_DECIDE, given={"verb": "reject"}),
    # --- catalog
    Row("GET", "catalog/", A.CATALOG_READ),
    Row("POST", "catalog/freeze/", A.CATALOG_FREEZE),
    Row("GET", "cohorts/", A.CATALOG_READ),
    Row("GET", "cohorts/<int:cohort_id>/", A.CATALOG_READ),
    # --- releases
    Row("GET", "releases/", A.RELEASES_READ),
    Row("GET", "releases/new/", A.RELEASES_MANAGE),
    Row("POST", "releases/new/", A.RELEASES_MANAGE),
    Row("GET", "releases/drafts/", A.RELEASES_READ_DRAFTS),
    Row("GET", "releases/drafts/<int:release_id>/", A.RELEASES_READ_DRAFTS),
    Row("POST", "releases/drafts/<int:release_id>/<slug:verb>/", A.RELEASES_MANAGE, given={"verb": "withdraw"}),
    Row("GET", "releases/<slug:slug>/", A.RELEASES_READ),
    Row("GET", "releases/<slug:slug>/", A.RELEASES_READ, given={"slug": RECALLED}),
    Row("GET", "releases/<slug:slug>/", None, given={"slug": "{draft}"}),
    *(
        row
        for route in (
            "releases/<slug:slug>/<str:version>/",
            "releases/<slug:slug>/<str:version>/studies/",
            "releases/<slug:slug>/<str:version>/studies/<str:study_instance_uid>/",
        )
        for row in (
            Row("GET", route, A.RELEASES_READ, given={"study_instance_uid": "{public_study}"}),
            Row("GET", route, None, given={"slug": RECALLED, "study_instance_uid": "{recalled_study}"}, is_gone=True),
            Row("GET", route, None, given={"slug": "{draft}", "study_instance_uid": "{drafted_study}"}),
        )
    ),
    Row("GET", "releases/<slug:slug>/<str:version>/studies/<str:study_instance_uid>/", None),
    *(
        Row(
            "GET",
            "releases/<slug:slug>/<str:version>/selection/<slug:kind>/",
            action,
            given={**of, "kind": "csv"},
            is_gone=gone,
        )
        for of, action, gone in (
            ({}, A.RELEASES_READ, False),
            ({"slug": RECALLED}, None, True),
            ({"slug": "{draft}"}, None, False),
        )
    ),
)

API = (
    Row("GET", "api/v1/", None),
    Row("GET", "api/v1/openapi.json", A.PORTAL_VIEW),
    Row("POST", "api/v1/intake/batches", A.INTAKE_SEND, SITE, content="manifest"),
    Row("POST", "api/v1/intake/batches/<batch_id>/seal", A.INTAKE_SEND, SITE),
    Row("GET", "api/v1/intake/batches/<batch_id>", A.INTAKE_READ_BATCH, SITE),
    Row("POST", "/api/v1/intake/batches/{batch_id}/parts", A.INTAKE_SEND, SITE, content="parts"),
    Row("PUT", "/api/v1/intake/batches/{batch_id}/parts/{sha256}", A.INTAKE_SEND, SITE, content="part"),
    *(
        Row("POST", route, A.INTAKE_STORE, SITE, given=_DIRECT, is_token_only=True)
        for route in (
            "/dicom-web/intake/{site}/{project}/studies",
            "/dicom-web/intake/{site}/{project}/studies/{study}",
        )
    ),
    *(
        Row("OPTIONS", f"/dicom-web/intake/{{site}}/{{project}}{rest}", A.PORTAL_VIEW, given=_DIRECT, is_static=True)
        for rest in ("", "/studies", "/studies/{study}")
    ),
    Row("GET", "api/v1/releases", A.RELEASES_READ),
    Row("GET", "api/v1/releases/<slug>", A.RELEASES_READ),
    Row("GET", "api/v1/releases/<slug>", None, given={"slug": "{draft}"}),
    Row("GET", "api/v1/releases/<slug>/<version>", A.RELEASES_READ),
    Row("GET", "api/v1/releases/<slug>/<version>", None, given={"slug": RECALLED}, is_gone=True),
    Row("GET", "api/v1/releases/<slug>/<version>", None, given={"slug": "{draft}"}),
)

_PROJECTS = "annotation/projects/"
_SCHEMAS = "annotation/schemas/"
_UPLOADS = "annotation/uploads/"
READING_PAGES = (
    Row("GET", "annotation/reads/", A.ANNOTATION_READ),
    Row("GET", "annotation/reads/figures/", A.ANNOTATION_READ),
    Row("GET", "annotation/reads/<slug:slug>/next/", A.ANNOTATION_READ, given={"slug": "{reading}"}),
    Row("GET", "annotation/tasks/<slug:task>/", A.ANNOTATION_READ),
    # Another reader's read does not exist.
    Row("GET", "annotation/tasks/<slug:task>/", None, given={"task": "{other_task}"}),
    Row("GET", "annotation/adjudication/", A.ANNOTATION_ADJUDICATE),
    Row("GET", "annotation/adjudication/<slug:case>/", A.ANNOTATION_ADJUDICATE),
    Row("GET", _PROJECTS, A.ANNOTATION_SEE),
    Row("GET", f"{_PROJECTS}new/", A.ANNOTATION_MANAGE),
    Row("POST", f"{_PROJECTS}new/", A.ANNOTATION_MANAGE),
    *(
        Row(method, f"{_PROJECTS}<slug:slug>/{rest}", action, given={"slug": "{reading}", **given})
        for method, rest, action, given in (
            ("GET", "", A.ANNOTATION_SEE, {}),
            ("POST", "moves/<slug:verb>/", A.ANNOTATION_MANAGE, {"verb": "start-pilot"}),
            ("POST", "members/", A.ANNOTATION_MANAGE, {}),
            ("POST", "absences/", A.ANNOTATION_MANAGE, {}),
            ("POST", "amend/", A.ANNOTATION_MANAGE, {}),
            ("GET", "cases/<slug:case>/", A.ANNOTATION_SEE, {}),
            ("POST", "tasks/<slug:task>/reassign/", A.ANNOTATION_MANAGE, {}),
            ("POST", "tasks/<slug:task>/return/", A.ANNOTATION_MANAGE, {}),
            ("POST", "members/<slug:pseudonym>/dismiss/", A.ANNOTATION_MANAGE, {"pseudonym": "R2"}),
            ("GET", "consensus/", A.ANNOTATION_SEE, {}),
            ("POST", "consensus/derive/", A.ANNOTATION_MANAGE, {}),
            ("GET", "agreement/", A.ANNOTATION_SEE, {}),
            ("POST", "agreement/compute/", A.ANNOTATION_SEE, {}),
            ("GET", "publications/", A.ANNOTATION_SEE, {}),
            ("GET", "exports/", A.ANNOTATION_SEE, {}),
            ("GET", "results/", A.ANNOTATION_MANAGE, {}),
            ("POST", "results/", A.ANNOTATION_MANAGE, {}),
            ("POST", "publications/publish/", A.ANNOTATION_PUBLISH, {}),
        )
    ),
    Row("GET", f"{_UPLOADS}new/", A.ANNOTATION_MANAGE),
    Row("POST", f"{_UPLOADS}new/", A.ANNOTATION_MANAGE),
    Row("GET", f"{_UPLOADS}<slug:key>/", A.ANNOTATION_MANAGE, given={"key": "{upload}"}),
    *(
        Row("POST", f"{_UPLOADS}<slug:key>/{rest}", A.ANNOTATION_MANAGE, given={"key": "{upload}"})
        for rest in ("", "confirm/", "discard/")
    ),
    Row("GET", _SCHEMAS, A.ANNOTATION_SEE),
    Row("GET", f"{_SCHEMAS}edit/", A.ANNOTATION_MANAGE),
    Row("POST", f"{_SCHEMAS}edit/", A.ANNOTATION_MANAGE),
    Row("POST", f"{_SCHEMAS}ready/<slug:name>/", A.ANNOTATION_MANAGE, given={"name": "ricord-1a"}),
    Row("GET", f"{_SCHEMAS}<slug:name>/<int:version>/", A.ANNOTATION_SEE, given={"name": "chest", "version": "1"}),
)

_READING = "api/v1/annotation"
ANNOTATION_API = (
    Row("GET", f"{_READING}/projects", A.ANNOTATION_READ),
    Row("GET", f"{_READING}/projects/<slug>/next", A.ANNOTATION_READ, given={"slug": "{reading}"}),
    Row("GET", f"{_READING}/tasks", A.ANNOTATION_READ),
    Row("GET", f"{_READING}/tasks/<task>", A.ANNOTATION_READ),
    # Another reader's read does not exist.
    Row("GET", f"{_READING}/tasks/<task>", None, given={"task": "{other_task}"}),
    Row("POST", f"{_READING}/tasks/<task>/lease", A.ANNOTATION_READ),
    Row("DELETE", f"{_READING}/tasks/<task>/lease/<window>", A.ANNOTATION_READ, given={"window": "w"}),
    Row("PUT", f"{_READING}/tasks/<task>/read", A.ANNOTATION_READ),
    Row("POST", f"{_READING}/tasks/<task>/submit", A.ANNOTATION_READ),
    Row("POST", f"{_READING}/tasks/<task>/reopen", A.ANNOTATION_READ),
    Row("GET", f"{_READING}/examples/<sha256>", A.ANNOTATION_EXAMPLE, given={"sha256": "{example}"}),
    Row("POST", f"{_READING}/examples", A.ANNOTATION_MANAGE),
    Row("GET", f"{_READING}/schemas", A.ANNOTATION_SEE),
    Row("POST", f"{_READING}/schemas", A.ANNOTATION_MANAGE),
    Row("GET", f"{_READING}/schemas/<name>/<version>", A.ANNOTATION_SEE, given={"name": "chest", "version": "1"}),
    Row("GET", f"{_READING}/managed", A.ANNOTATION_SEE),
    Row("POST", f"{_READING}/managed", A.ANNOTATION_MANAGE),
    *(
        Row(method, f"{_READING}/managed/<slug>{rest}", action, given={"slug": "{reading}", **given})
        for method, rest, action, given in (
            ("GET", "", A.ANNOTATION_SEE, {}),
            ("POST", "/moves/<verb>", A.ANNOTATION_MANAGE, {"verb": "start-pilot"}),
            ("PUT", "/members", A.ANNOTATION_MANAGE, {}),
            ("PUT", "/members/<pseudonym>/absences", A.ANNOTATION_MANAGE, {"pseudonym": "R2"}),
            ("DELETE", "/members/<pseudonym>", A.ANNOTATION_MANAGE, {"pseudonym": "R2"}),
            ("GET", "/cases", A.ANNOTATION_SEE, {}),
            ("POST", "/tasks/<task>/reassign", A.ANNOTATION_MANAGE, {}),
            ("POST", "/tasks/<task>/return", A.ANNOTATION_MANAGE, {}),
            ("POST", "/model-reads", A.ANNOTATION_MANAGE, {}),
            ("GET", "/agreement", A.ANNOTATION_SEE, {}),
            ("POST", "/agreement", A.ANNOTATION_SEE, {}),
            ("GET", "/answers.csv", A.ANNOTATION_SEE, {}),
            ("GET", "/readings", A.ANNOTATION_SEE, {}),
            ("GET", "/drafts", A.ANNOTATION_SEE, {}),
            ("GET", "/labels", A.ANNOTATION_SEE, {}),
            ("POST", "/exports/<kind>", A.ANNOTATION_SEE, {"kind": "coco"}),
            ("POST", "/whole/<kind>", A.ANNOTATION_SEE, {"kind": "csv"}),
            ("GET", "/consensus", A.ANNOTATION_SEE, {}),
            ("POST", "/consensus", A.ANNOTATION_MANAGE, {}),
        )
    ),
    Row("GET", f"{_READING}/adjudication", A.ANNOTATION_ADJUDICATE),
    Row("GET", f"{_READING}/adjudication/projects/<slug>/queue", A.ANNOTATION_ADJUDICATE, given={"slug": "{reading}"}),
    Row("GET", f"{_READING}/adjudication/cases/<case>", A.ANNOTATION_ADJUDICATE),
    Row("POST", f"{_READING}/adjudication/cases/<case>/decisions", A.ANNOTATION_ADJUDICATE),
)

_FILE = "/files/releases/{slug}/{version}/{path:path}"
_ADDRESSES = "/files/releases/{slug}/{version}/addresses"
FILES = (
    Row("POST", _ADDRESSES, A.ACCESS_DOWNLOAD, is_reading=True),
    Row("POST", _ADDRESSES, None, given={"slug": "{draft}"}, is_reading=True),
    Row("POST", _ADDRESSES, None, given={"slug": RECALLED}, is_reading=True, is_gone=True),
    *(
        Row("GET", _FILE, A.ACCESS_DOWNLOAD, given={"path": path})
        for path in (
            "release.json",
            "status.json",
            "instances/{public_sha256}.dcm",
            "lists/idc_index.parquet",
            "lists/series.tcia",
            "lists/series.csv",
            "lists/gen3.json",
        )
    ),
    *(
        Row("GET", _FILE, None, given={"path": f"instances/{{{state}_sha256}}.dcm"})
        for state in ("open", "drafted", "recalled", "held")
    ),
    *(
        Row("GET", _FILE, None, given={"slug": "{draft}", "path": path})
        for path in ("release.json", "status.json", "instances/{drafted_sha256}.dcm")
    ),
    # What is dated stays, to say that the version was withdrawn.
    Row("GET", _FILE, A.ACCESS_DOWNLOAD, given={"slug": RECALLED, "path": "status.json"}),
    *(
        Row("GET", _FILE, None, given={"slug": RECALLED, "path": path}, is_gone=True)
        for path in ("release.json", "instances/{recalled_sha256}.dcm", "lists/series.tcia", "lists/gen3.json")
    ),
)

_NBIA = "/nbia-api/services/{version}/{call}"
_NBIA_OF_SERIES = ("getImage", "getImageWithMD5Hash", "getDCMImage", "getSeriesSize", "getSOPInstanceUIDs")
_NBIA_FORMS = {
    "getSeriesMetadata": "list",
    "getManifestText": "list",
    "getManifestForCollection": "collection",
    "getMD5Hierarchy": "SeriesInstanceUID",
}


def _nbia(
    call: str, action: A | None, *, query: str = "", form: Mapping[str, str] | None = None, gone: bool = False
) -> Row:
    method = "GET" if form is None else "POST"
    given = {"version": "v4", "call": call}
    return Row(
        method, _NBIA, action, given=given, query=query, form=form or {}, is_gone=gone, is_reading=form is not None
    )


NBIA = (
    Row("POST", "/nbia-api/oauth/token", A.PORTAL_VIEW, form={"grant_type": "other"}, is_reading=True),
    *(_nbia(call, A.ACCESS_DOWNLOAD, query="SeriesInstanceUID={public_series}") for call in _NBIA_OF_SERIES),
    *(
        _nbia(call, None, query=f"SeriesInstanceUID={{{state}_series}}")
        for call in _NBIA_OF_SERIES[:3]
        for state in ("open", "drafted", "held", "beta_open")
    ),
    # An empty answer is NBIA's word for "nothing"; other rows look what it tells.
    *(
        _nbia("getSeries", A.RELEASES_READ, query=f"SeriesInstanceUID={{{state}_series}}")
        for state in ("public", "open", "drafted", "recalled", "held")
    ),
    *(_nbia(call, None, query="SeriesInstanceUID={recalled_series}", gone=True) for call in _NBIA_OF_SERIES),
    _nbia("getSeries", None, query=f"Collection={RECALLED}", gone=True),
    *(
        _nbia(call, A.RELEASES_READ)
        for call in (
            "getCollectionValues",
            "getPatient",
            "getSeries",
            "getCollectionDescriptions",
            "getManufacturerTree",
        )
    ),
    _nbia("getPatientStudy", A.RELEASES_READ, query="Collection={draft}"),
    *(
        _nbia(call, A.RELEASES_READ, form={name: f"{{{state}}}"})
        for call, name in _NBIA_FORMS.items()
        for state in (("draft",) if name == "collection" else ("drafted_series", "held_series", "public_series"))
    ),
    _nbia("getSimpleSearch", A.RELEASES_READ, form={"size": "100"}),
    _nbia("getNothing", None),
)
_DRS = "/ga4gh/drs/v1"
_OBJECT = f"{_DRS}/objects/{{object_id}}"
DRS = (
    Row("GET", f"{_DRS}/service-info", A.RELEASES_READ),
    Row("POST", f"{_DRS}/objects", A.RELEASES_READ, is_reading=True),
    Row("POST", f"{_DRS}/objects/access", A.RELEASES_READ, is_reading=True),
    *(
        Row(method, route, action, given={"object_id": name, "access_id": "https"}, is_gone=gone, is_reading=True)
        for name, action, gone in (
            ("{public_sha256}", A.RELEASES_READ, False),
            ("{open_sha256}", None, False),
            ("{drafted_sha256}", None, False),
            ("{held_sha256}", None, False),
            ("{recalled_sha256}", None, True),
        )
        for method, route in (
            ("GET", _OBJECT),
            ("POST", _OBJECT),
            ("OPTIONS", _OBJECT),
            ("GET", f"{_OBJECT}/access/{{access_id}}"),
            ("POST", f"{_OBJECT}/access/{{access_id}}"),
        )
    ),
    Row("GET", _OBJECT, A.RELEASES_READ, given={"object_id": f"{PUBLIC}~1.0.0~study~{{public_study}}"}),
    Row("GET", _OBJECT, None, given={"object_id": f"{PUBLIC}~1.0.0~study~{{drafted_study}}"}),
    Row("GET", _OBJECT, None, given={"object_id": "{draft}~1.0.0"}),
    Row("GET", _OBJECT, None, given={"object_id": f"{RECALLED}~1.0.0"}, is_gone=True),
)

VIEWER = (
    Row("GET", "/viewer/app-config.js", A.PORTAL_VIEW, is_static=True),
    Row("GET", "/viewer/reading/{name}.js", A.PORTAL_VIEW, given={"name": "extension"}, is_static=True),
    Row("GET", "/viewer/{path:path}", A.PORTAL_VIEW, given={"path": ""}, is_static=True),
    *(
        Row("GET", "/viewer/{path:path}", A.PORTAL_VIEW, given={"path": f"s/{scope}/viewer"}, is_static=True)
        for scope in ("curation", "catalog", "batches/{batch_id}", "releases/{draft}/1.0.0")
    ),
)


@dataclass(frozen=True, slots=True)
class ScopeRow:
    """A scope, who may read it, and a study asked for there, which is a stray when the scope does not hold it."""

    path: str
    action: A | None
    state: str
    site: str | None = None
    is_gone: bool = False
    is_stray: bool = False
    has_pages: bool = True


SCOPES = (
    ScopeRow(f"releases/{PUBLIC}/1.0.0", A.RELEASES_READ, "public"),
    ScopeRow("catalog", A.CATALOG_READ, "drafted"),
    ScopeRow("curation", A.CURATION_READ, "open"),
    ScopeRow("batches/{batch_id}", A.INTAKE_READ_BATCH, "open", SITE),
    ScopeRow(f"intake/{SITE}/covid19", A.INTAKE_READ_BATCH, "open", SITE),
    # Blinded roots know images by names of their own, and have no pages but the one for reading.
    ScopeRow("tasks/{task}", A.ANNOTATION_READ, "task", has_pages=False),
    ScopeRow("tasks/{task}", None, "public", is_stray=True),
    ScopeRow("tasks/{other_task}", None, "public"),
    ScopeRow("adjudications/{case}", A.ANNOTATION_ADJUDICATE, "case", has_pages=False),
    ScopeRow("adjudications/{case}", None, "public", is_stray=True),
    ScopeRow("cases/{case}", A.ANNOTATION_SEE, "public"),
    ScopeRow("cases/{case}", None, "drafted", is_stray=True),
    # What is not in a scope does not exist there, and a release that is not out is no scope.
    ScopeRow("releases/{draft}/1.0.0", None, "drafted"),
    ScopeRow(f"releases/{RECALLED}/1.0.0", None, "recalled", is_gone=True),
    ScopeRow("archive", None, "open"),
    ScopeRow(f"releases/{PUBLIC}/1.0.0", None, "drafted", is_stray=True),
    ScopeRow("batches/{batch_id}", None, "beta_open", is_stray=True),
    ScopeRow("batches/{batch_id}", None, "held", is_stray=True),
    ScopeRow("catalog", None, "open", is_stray=True),
    ScopeRow("tasks/{task}", None, "drafted", is_stray=True),
    ScopeRow("adjudications/{case}", None, "drafted", is_stray=True),
)

# One address for each line of DICOMweb's grammar; the first three search the whole scope.
DICOMWEB = (
    "studies",
    "series",
    "instances",
    "studies/{study}/series",
    "studies/{study}/instances",
    "studies/{study}/series/{series}/instances",
    "studies/{study}",
    "studies/{study}/series/{series}",
    "studies/{study}/series/{series}/instances/{instance}",
    "studies/{study}/metadata",
    "studies/{study}/series/{series}/metadata",
    "studies/{study}/series/{series}/instances/{instance}/metadata",
    "studies/{study}/bulkdata",
    "studies/{study}/series/{series}/bulkdata",
    "studies/{study}/series/{series}/instances/{instance}/bulkdata",
    "studies/{study}/pixeldata",
    "studies/{study}/series/{series}/pixeldata",
    "studies/{study}/series/{series}/instances/{instance}/pixeldata",
    "studies/{study}/thumbnail",
    "studies/{study}/series/{series}/thumbnail",
    "studies/{study}/series/{series}/instances/{instance}/thumbnail",
    "studies/{study}/series/{series}/instances/{instance}/frames/1/thumbnail",
    "studies/{study}/rendered",
    "studies/{study}/series/{series}/rendered",
    "studies/{study}/series/{series}/instances/{instance}/rendered",
    "studies/{study}/series/{series}/instances/{instance}/frames/1/rendered",
    "studies/{study}/series/{series}/instances/{instance}/frames/1",
    "studies/{study}/series/{series}/instances/{instance}/bulkdata/7FE00010",
)
_WIRE = "/dicom-web/{path:path}"
_VIEWS = (
    "view/<scope-path:scope>/studies/<dicom-uid:study_instance_uid>/",
    "view/<scope-path:scope>/studies/<dicom-uid:study_instance_uid>/ohif/",
    "view/<scope-path:scope>/<dicom-uid:study_instance_uid>/<dicom-uid:series_instance_uid>/",
    "view/<scope-path:scope>/<dicom-uid:study_instance_uid>/<dicom-uid:series_instance_uid>/header/",
    "view/<scope-path:scope>/<dicom-uid:study_instance_uid>/<dicom-uid:series_instance_uid>/sheet/",
    "view/<scope-path:scope>/<dicom-uid:study_instance_uid>/<dicom-uid:series_instance_uid>/document/",
)
# No series of the content is a document, so that nobody finds a page.
_PAGE = "view/<scope-path:scope>/<dicom-uid:study_instance_uid>/<dicom-uid:series_instance_uid>/document/pages/<int:number>/"


# Where there is no scope at all the door is one for every resource; these stand for all.
_A_FEW = ("instances", "studies/{study}", "studies/{study}/metadata", DICOMWEB[-2])


def _of_scopes() -> Iterator[Row]:
    for scope in SCOPES:
        asked = {name: f"{{{scope.state}_{name}}}" for name in ("study", "series", "instance")}
        for address in DICOMWEB if scope.action or scope.is_stray else _A_FEW:
            # A search that may be asked finds nothing of a stray, which is an answer: other rows look what it tells.
            if scope.is_stray and address.endswith(("studies", "series", "instances")):
                continue
            path = f"{scope.path}/{address.format(**asked)}"
            given, is_like_others = {"path": path}, address not in _A_FEW
            yield Row(
                "GET",
                _WIRE,
                scope.action,
                scope.site,
                given=given,
                is_gone=scope.is_gone,
                is_like_others=is_like_others,
            )
        given = {"scope": scope.path, "study_instance_uid": asked["study"], "series_instance_uid": asked["series"]}
        action = scope.action if scope.has_pages else None
        for route in _VIEWS:
            yield Row("GET", route, action, scope.site, given=given, is_gone=scope.is_gone)
        # Whoever may see the series may be told that it has no pages.
        if scope.action is not A.RELEASES_READ:
            yield Row("GET", _PAGE, None, given=given | {"number": "1"}, is_gone=scope.is_gone)


READ_ONLY = tuple(
    Row(method, _WIRE, None, given={"path": "curation/studies"}) for method in ("POST", "PUT", "PATCH", "DELETE")
)

_OPEN = (
    "accounts/login/",
    "accounts/logout/",
    "accounts/inactive/",
    "accounts/signup/",
    "accounts/confirm-email/",
    "accounts/password/reset/",
    "accounts/password/reset/done/",
    "accounts/password/reset/key/done/",
    "accounts/3rdparty/login/cancelled/",
)
_OWN = (
    "accounts/reauthenticate/",
    "accounts/email/",
    "accounts/password/change/",
    "accounts/password/set/",
    "accounts/login/code/confirm/",
    "accounts/2fa/",
    "accounts/2fa/authenticate/",
    "accounts/2fa/reauthenticate/",
    "accounts/2fa/totp/activate/",
    "accounts/2fa/recovery-codes/generate/",
    "accounts/3rdparty/",
)
# Steps for which nobody here fulfils the conditions, and addresses of old that no door was given.
_NOBODY = (
    "accounts/2fa/totp/deactivate/",
    "accounts/2fa/recovery-codes/",
    "accounts/2fa/recovery-codes/download/",
    "accounts/3rdparty/signup/",
    "accounts/3rdparty/login/error/",
    "accounts/social/login/cancelled/",
    "accounts/social/login/error/",
    "accounts/social/signup/",
    "accounts/social/connections/",
)
_CONFIRM = r"accounts/^confirm-email/(?P<key>[-:\w]+)/$"
_RESET = r"accounts/^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$"
ACCOUNTS = (
    *(Row("GET", route, A.PORTAL_VIEW) for route in _OPEN),
    *(Row("GET", route, A.PLATFORM_OWN_ACCOUNT, is_session_only=True) for route in _OWN),
    *(Row("GET", route, None) for route in _NOBODY),
    Row("GET", _CONFIRM, A.PORTAL_VIEW, at="/accounts/confirm-email/abc/"),
    Row("GET", _RESET, A.PORTAL_VIEW, at="/accounts/password/reset/key/1-abc/"),
    *(
        Row("GET", f"accounts/oidc/^(?P<provider_id>[^/]+)/{step}/", None, at=f"/accounts/oidc/elsewhere/{step}/")
        for step in ("login", "login/callback")
    ),
    # Nobody makes an account here for himself.
    Row("POST", "accounts/signup/", A.PORTAL_VIEW, form={"username": "x", "password1": LONG, "password2": LONG}),
    Row("POST", "accounts/password/reset/", None),
    Row("POST", "accounts/email/", None),
    Row("POST", "accounts/password/change/", A.PLATFORM_OWN_ACCOUNT, is_session_only=True),
)


def _sealed(row: Row) -> Row | None:
    """The same question about a restricted version; None where a row is not about what is in a version."""
    is_of_version = "slug" in row.route and row.given.get("slug", PUBLIC) == PUBLIC and "annotation" not in row.route
    texts = (*row.given.values(), *row.form.values(), row.query)
    is_named = any("{public_" in text or PUBLIC in text for text in texts)
    if row.action not in (A.RELEASES_READ, A.ACCESS_DOWNLOAD) or not (is_of_version or is_named):
        return None

    def swap(text: str) -> str:
        return text.replace("{public_", "{sealed_").replace(PUBLIC, SEALED)

    given = {name: swap(value) for name, value in row.given.items()}
    if is_of_version:
        given["slug"] = SEALED
    sealed = replace(
        row, given=given, query=swap(row.query), form={name: swap(value) for name, value in row.form.items()}
    )
    # NBIA's lists are asked by everybody; of what somebody may not read they are empty.
    is_list = row.route == _NBIA and row.given["call"] not in _NBIA_OF_SERIES[:3]
    return replace(sealed, is_restricted=not is_list and (row.route, row.given.get("path")) not in _TOLD)


# What everybody is told of a restricted version.
_TOLD = {
    ("releases/<slug:slug>/", None),
    ("releases/<slug:slug>/<str:version>/", None),
    ("api/v1/releases/<slug>", None),
    (_FILE, "status.json"),
}
ASKING = (
    Row("GET", "access/", A.ACCESS_ASK),
    Row("GET", "access/requests/", A.ACCESS_DECIDE),
    Row("GET", "access/requests/<int:request_id>/", A.ACCESS_DECIDE),
    Row("POST", "access/requests/<int:request_id>/<slug:verb>/", A.ACCESS_DECIDE, given={"verb": "approve"}),
    *(
        Row(method, "releases/<slug:slug>/<str:version>/access/", A.ACCESS_ASK, given={"slug": SEALED})
        for method in ("GET", "POST")
    ),
    Row("GET", "releases/<slug:slug>/<str:version>/access/", None, given={"slug": "{draft}"}),
)
TABLE = (
    *PAGES,
    *READING_PAGES,
    *API,
    *ANNOTATION_API,
    *FILES,
    *NBIA,
    *DRS,
    *VIEWER,
    *_of_scopes(),
    *READ_ONLY,
    *ACCOUNTS,
    *ASKING,
)
SEALED_ROWS = tuple(row for row in map(_sealed, TABLE) if row is not None)
