"""The manifest of one batch as a value: its canonical bytes, its name, and reading one from a stranger."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.transfer.manifest.files import (
    FILES_A_PIECE,
    NOT_CANONICAL,
    OPENING,
    Read,
    bytes_reader,
    canonical_json,
    canonical_span,
    file_reader,
    find_file,
    read_files,
)
from radcommons.transfer.manifest.stamps import BatchFile, Covid19Status, ProfileStamp, ReviewStamp, SoftwareStamp
from radcommons.transfer.shape import mapping, text, unknown_keys

SCHEMA = "radcommons.batch/1"
_KEYS = frozenset({"schema", "site", "project", "profile", "software", "report_sha256", "review"})
# What does not begin as a manifest does is looked at more closely only to say what it lacks.
_LARGEST_OTHER_BYTES = 2**20
_DIGEST = re.compile(r"[0-9a-f]{64}")
_CODE = re.compile(r"[A-Z0-9][A-Z0-9_-]{0,31}")
_SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_SUBJECT = re.compile(r"[A-Z0-9][A-Z0-9_-]{0,63}")


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
        Instances, ascending by digest, each digest and each SOP Instance UID once. Those of a manifest that was read
        are read again each time, so that a hundred thousand are never in memory together.
    subjects
        What the site states about subjects, by subject id; may be empty.
    """

    site: str
    project: str
    profile: ProfileStamp
    software: SoftwareStamp
    report_sha256: str
    review: ReviewStamp
    files: Sequence[BatchFile]
    subjects: Mapping[str, Covid19Status] = field(default_factory=dict)

    def pieces(self) -> Iterator[bytes]:
        """Canonical JSON in pieces: sorted keys, no spaces, UTF-8. The same content always gives the same bytes."""
        yield OPENING
        for start in range(0, len(self.files), FILES_A_PIECE):
            stop = min(start + FILES_A_PIECE, len(self.files))
            yield (b"," if start else b"") + canonical_span(self.files, start, stop)
        yield b"]," + canonical_json(self.rest())[1:]

    def rest(self) -> dict[str, object]:
        """Everything but the files, as it stands after them."""
        rest: dict[str, object] = {
            "profile": {"digest": self.profile.digest, "name": self.profile.name, "version": self.profile.version},
            "project": self.project,
            "report_sha256": self.report_sha256,
            "review": {"by": self.review.by, "decision": self.review.decision},
            "schema": SCHEMA,
            "site": self.site,
            "software": {"name": self.software.name, "version": self.software.version},
        }
        if self.subjects:
            rest["subjects"] = {key: {"covid19_status": status.value} for key, status in self.subjects.items()}
        return rest

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

    @cached_property
    def size_bytes(self) -> int:
        """Sum of the sizes of all files."""
        return sum(each.size_bytes for each in self.files)

    def file(self, sha256: str) -> BatchFile:
        """The file with this digest.

        Raises
        ------
        KeyError
            When there is none.
        """
        return find_file(self.files, sha256)

    @classmethod
    def from_bytes(cls, data: bytes) -> "BatchManifest":
        """Read a manifest from a stranger, strictly; its files are read again from ``data`` each time.

        Raises
        ------
        RadCommonsError
            ``transfer.manifest-invalid`` (kind invalid) names the first key that is wrong: unknown or missing keys,
            malformed values, unsorted or repeated files, or bytes that are not canonical.
        """
        return _read(bytes_reader(data), len(data))

    @classmethod
    def from_file(cls, path: Path) -> "BatchManifest":
        """As :meth:`from_bytes`, with the bytes left where they are; the file has to stay as it is."""
        return _read(file_reader(path), path.stat().st_size)


def _read(read: Read, size_bytes: int) -> BatchManifest:
    try:
        return _read_strictly(read, size_bytes)
    except ValueError as error:
        reason = str(error)
        raise RadCommonsError(
            Kind.INVALID, "transfer.manifest-invalid", f"The batch manifest cannot be used: {reason}.", reason=reason
        ) from error


def _read_strictly(read: Read, size_bytes: int) -> BatchManifest:
    if read(0, len(OPENING)) != OPENING:
        raise ValueError(_why_not(read, size_bytes))
    files, end = read_files(read)
    if not files:
        raise ValueError("files is not a list with at least one file")
    rest = read(end, size_bytes - end)
    manifest = _manifest(_parsed(b"{" + rest.removeprefix(b"],")), files)
    if rest != b"]," + canonical_json(manifest.rest())[1:]:
        raise ValueError(NOT_CANONICAL)
    return manifest


def _why_not(read: Read, size_bytes: int) -> str:
    """What is wrong with bytes that do not begin with a list of files."""
    if size_bytes > _LARGEST_OTHER_BYTES:
        return NOT_CANONICAL
    top = mapping(_parsed(read(0, size_bytes)), "the manifest")
    unknown_keys(top, "the manifest", required=_KEYS | {"files"}, optional={"subjects"})
    return NOT_CANONICAL if isinstance(top["files"], list) else "files is not a list with at least one file"


def _parsed(data: bytes) -> object:
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ValueError("it is not JSON") from error


def _manifest(value: object, files: Sequence[BatchFile]) -> BatchManifest:
    top = mapping(value, "the manifest")
    unknown_keys(top, "the manifest", required=_KEYS, optional={"subjects"})
    if top["schema"] != SCHEMA:
        raise ValueError(f"schema is not {SCHEMA}")
    return BatchManifest(
        site=text(top, "site", pattern=_CODE),
        project=text(top, "project", pattern=_SLUG),
        profile=_profile(top["profile"]),
        software=_software(top["software"]),
        report_sha256=text(top, "report_sha256", pattern=_DIGEST),
        review=_review(top["review"]),
        files=files,
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


def _subjects(value: object) -> dict[str, Covid19Status]:
    found: dict[str, Covid19Status] = {}
    for subject_id, facts in mapping(value, "subjects").items():
        if not _SUBJECT.fullmatch(subject_id):
            raise ValueError("a subject id is malformed")
        part = mapping(facts, "a subject")
        unknown_keys(part, "a subject", required={"covid19_status"})
        found[subject_id] = Covid19Status(text(part, "covid19_status"))
    return found
