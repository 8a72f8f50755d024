"""The sealed batch: a canonical JSON list of what a site sends, named by the digest of its own bytes.

Only new (de-identified) unique identifiers and digests appear in a manifest; it is the one document besides the
instances that leaves the hospital. The same content sealed by the same reviewer gives the same bytes everywhere, so
sending a batch twice is harmless and both ends can name it without asking each other.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from radcommons.deid.pixel_text import PixelText
from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.transfer.shape import mapping, text, unknown_keys, whole_number

SCHEMA = "radcommons.batch/1"
MAXIMUM_FILES = 1_000_000
_FILES_A_PIECE = 512
# Verdicts about writing in pixels with which an instance leaves its hospital.
LEAVING = frozenset({PixelText.NOT_APPLICABLE, PixelText.CLEAN, PixelText.REDACTED, PixelText.APPROVED})

_DIGEST = re.compile(r"[0-9a-f]{64}")
_UID = re.compile(r"(?=.{1,64}\Z)(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))+")
_SOP_CLASS = re.compile(r"[0-9.]{1,64}")
_CODE = re.compile(r"[A-Z0-9][A-Z0-9_-]{0,31}")
_SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_SUBJECT = re.compile(r"[A-Z0-9][A-Z0-9_-]{0,63}")
_ROLE = re.compile(r"[a-z][a-z-]{0,31}")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\+00:00")


class Covid19Status(StrEnum):
    """The site's statement about a subject."""

    POSITIVE = "positive"
    NEGATIVE = "negative"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ProfileStamp:
    """Which de-identification profile made the instances; ``digest`` is of the compiled profile."""

    name: str
    version: str
    digest: str


@dataclass(frozen=True, slots=True)
class SoftwareStamp:
    """Which program made the batch."""

    name: str
    version: str


@dataclass(frozen=True, slots=True)
class ReviewStamp:
    """Who at the site looked at the de-identified content and answers for sending it."""

    by: str
    decision: str


class ReleaseReason(StrEnum):
    """Why a person let an object go that no program can clean; the person's own words stay at the hospital."""

    READ = "read"
    NO_PATIENT = "no-patient"
    CLEANED_BEFORE = "cleaned-before"


@dataclass(frozen=True, slots=True, order=True)
class ReleaseStamp:
    """That a person let one object go although no program can clean it as a whole.

    Parameters
    ----------
    role
        Of the person at the site; never a name.
    at
        When, in UTC, to the second.
    why
        In one of three words.
    """

    role: str
    at: str
    why: ReleaseReason

    def to_json(self) -> dict[str, str]:
        """The release as it stands in the manifest."""
        return {"at": self.at, "role": self.role, "why": self.why.value}


@dataclass(frozen=True, slots=True, order=True)
class BatchFile:
    """One instance of a batch; every UID is a new one under 2.25. ``release`` only where no program can clean it."""

    sha256: str
    size_bytes: int
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    sop_class_uid: str
    pixel_text: PixelText
    release: ReleaseStamp | None = None

    def to_json(self) -> dict[str, object]:
        """The file's line as it stands in the manifest."""
        release = {} if self.release is None else {"release": self.release.to_json()}
        return {
            **release,
            "pixel_text": self.pixel_text.value,
            "series_instance_uid": self.series_instance_uid,
            "sha256": self.sha256,
            "size_bytes": self.size_bytes,
            "sop_class_uid": self.sop_class_uid,
            "sop_instance_uid": self.sop_instance_uid,
            "study_instance_uid": self.study_instance_uid,
        }


@dataclass(frozen=True)
class BatchManifest:
    """Everything a centre needs to accept one batch.

    Parameters
    ----------
    site, project
        Codes agreed with the centre.
    profile, software, review
        How the content came about and who approved it.
    report_sha256
        Digest of the site's own report of actions, which stays at the site.
    files
        Instances, ascending by digest, each digest and each SOP Instance UID once.
    subjects
        What the site states about subjects, by subject id; may be empty.
    """

    site: str
    project: str
    profile: ProfileStamp
    software: SoftwareStamp
    report_sha256: str
    review: ReviewStamp
    files: tuple[BatchFile, ...]
    subjects: Mapping[str, Covid19Status] = field(default_factory=dict)

    def pieces(self) -> Iterator[bytes]:
        """Canonical JSON in pieces: sorted keys, no spaces, UTF-8. The same content always gives the same bytes.

        A batch of a hundred thousand files is written and sent without ever being in memory as a whole.
        """
        rest: dict[str, object] = {
            "profile": {
                "digest": self.profile.digest,
                "name": self.profile.name,
                "version": self.profile.version,
            },
            "project": self.project,
            "report_sha256": self.report_sha256,
            "review": {"by": self.review.by, "decision": self.review.decision},
            "schema": SCHEMA,
            "site": self.site,
            "software": {"name": self.software.name, "version": self.software.version},
        }
        if self.subjects:
            rest["subjects"] = {key: {"covid19_status": status.value} for key, status in self.subjects.items()}
        # The files come first: no other key sorts before theirs.
        yield b'{"files":['
        for start in range(0, len(self.files), _FILES_A_PIECE):
            lines = (_canonical(each.to_json()) for each in self.files[start : start + _FILES_A_PIECE])
            yield (b"," if start else b"") + b",".join(lines)
        yield b"]," + _canonical(rest)[1:]

    @property
    def canonical_bytes(self) -> bytes:
        """All pieces joined."""
        return b"".join(self.pieces())

    @cached_property
    def canonical_size(self) -> int:
        """How many bytes they are."""
        return sum(map(len, self.pieces()))

    @cached_property
    def batch_id(self) -> str:
        """SHA-256 of the canonical bytes, as 64 hexadecimal digits: the batch's name at both ends."""
        digest = hashlib.sha256()
        for piece in self.pieces():
            digest.update(piece)
        return digest.hexdigest()

    @property
    def size_bytes(self) -> int:
        """Sum of the sizes of all files."""
        return sum(each.size_bytes for each in self.files)

    @classmethod
    def from_bytes(cls, data: bytes) -> "BatchManifest":
        """Read a manifest from a stranger, strictly.

        Raises
        ------
        RadCommonsError
            ``transfer.manifest-invalid`` (kind invalid) names the first key that is wrong: unknown or missing keys,
            malformed values, unsorted or repeated files, or bytes that are not canonical.
        """
        try:
            value = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise _invalid("it is not JSON") from error
        try:
            manifest = _manifest(value)
        except ValueError as error:
            raise _invalid(str(error)) from error
        if manifest.canonical_bytes != data:
            raise _invalid("its bytes are not canonical JSON (sorted keys, no spaces, UTF-8)")
        return manifest


def _canonical(value: Mapping[str, object]) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode("utf-8")


def _invalid(reason: str) -> RadCommonsError:
    return RadCommonsError(
        Kind.INVALID, "transfer.manifest-invalid", f"The batch manifest cannot be used: {reason}.", reason=reason
    )


def _manifest(value: object) -> BatchManifest:
    top = mapping(value, "the manifest")
    expected = {"schema", "site", "project", "profile", "software", "report_sha256", "review", "files"}
    unknown_keys(top, "the manifest", required=expected, optional={"subjects"})
    if top["schema"] != SCHEMA:
        raise ValueError(f"schema is not {SCHEMA}")
    return BatchManifest(
        site=text(top, "site", pattern=_CODE),
        project=text(top, "project", pattern=_SLUG),
        profile=_profile(top["profile"]),
        software=_software(top["software"]),
        report_sha256=text(top, "report_sha256", pattern=_DIGEST),
        review=_review(top["review"]),
        files=_files(top["files"]),
        subjects=_subjects(top.get("subjects", {})),
    )


def _profile(value: object) -> ProfileStamp:
    part = mapping(value, "profile")
    unknown_keys(part, "profile", required={"name", "version", "digest"})
    return ProfileStamp(text(part, "name"), text(part, "version"), text(part, "digest", pattern=_DIGEST))


def _software(value: object) -> SoftwareStamp:
    part = mapping(value, "software")
    unknown_keys(part, "software", required={"name", "version"})
    return SoftwareStamp(text(part, "name"), text(part, "version"))


def _review(value: object) -> ReviewStamp:
    part = mapping(value, "review")
    unknown_keys(part, "review", required={"by", "decision"})
    if part["decision"] != "approved":
        raise ValueError("review.decision is not approved")
    return ReviewStamp(text(part, "by"), "approved")


def _files(value: object) -> tuple[BatchFile, ...]:
    if not isinstance(value, list) or not value:
        raise ValueError("files is not a list with at least one file")
    if len(value) > MAXIMUM_FILES:
        raise ValueError(f"files has more than {MAXIMUM_FILES} entries")
    files = tuple(_file(each) for each in value)
    digests = [each.sha256 for each in files]
    if digests != sorted(set(digests)):
        raise ValueError("files are not ascending by sha256, each once")
    if len({each.sop_instance_uid for each in files}) != len(files):
        raise ValueError("a sop_instance_uid appears twice")
    return files


def _file(value: object) -> BatchFile:
    part = mapping(value, "a file")
    uids = ("study_instance_uid", "series_instance_uid", "sop_instance_uid")
    required = {"sha256", "size_bytes", "pixel_text", "sop_class_uid", *uids}
    unknown_keys(part, "a file", required=required, optional={"release"})
    study, series, sop = (text(part, name, pattern=_UID) for name in uids)
    return BatchFile(
        sha256=text(part, "sha256", pattern=_DIGEST),
        size_bytes=whole_number(part, "size_bytes"),
        study_instance_uid=study,
        series_instance_uid=series,
        sop_instance_uid=sop,
        sop_class_uid=text(part, "sop_class_uid", pattern=_SOP_CLASS),
        pixel_text=_pixel_text(part),
        release=_release(part["release"]) if "release" in part else None,
    )


def _release(value: object) -> ReleaseStamp:
    part = mapping(value, "a release")
    unknown_keys(part, "a release", required={"at", "role", "why"})
    at, role = text(part, "at", pattern=_MOMENT), text(part, "role", pattern=_ROLE)
    return ReleaseStamp(role, at, ReleaseReason(text(part, "why")))


def _pixel_text(part: Mapping[str, object]) -> PixelText:
    verdict = PixelText(text(part, "pixel_text"))
    if verdict not in LEAVING:
        raise ValueError(f"an instance whose pixel_text is {verdict.value} must not leave its hospital")
    return verdict


def _subjects(value: object) -> dict[str, Covid19Status]:
    found: dict[str, Covid19Status] = {}
    for subject_id, facts in mapping(value, "subjects").items():
        if not _SUBJECT.fullmatch(subject_id):
            raise ValueError("a subject id is malformed")
        part = mapping(facts, "a subject")
        unknown_keys(part, "a subject", required={"covid19_status"})
        found[subject_id] = Covid19Status(text(part, "covid19_status"))
    return found
