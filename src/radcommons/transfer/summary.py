"""The signed summary of a batch: what de-identification did to it, in numbers, vouched for by the hospital's key.

An in-toto Statement v1 in a DSSE envelope over the digest of the batch's manifest; Ed25519, so that the same batch gives
the same bytes. It names attributes and counts, never a value, and brings its public key along: whoever receives a first
batch remembers the key, and knows a later one by it.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.transfer.manifest import BatchManifest, ProfileStamp, SoftwareStamp
from radcommons.transfer.release.attestation import (
    STATEMENT_TYPE,
    key_id,
    open_envelope,
    public_key_pem,
    read_public_key,
    sign,
    statement,
    unverified_payload,
)
from radcommons.transfer.release.canonical import canonical_json
from radcommons.transfer.release.errors import SignatureError
from radcommons.transfer.release.merkle import MerkleRoot, leaf_hash
from radcommons.transfer.shape import mapping, text, unknown_keys, whole_number

PREDICATE_TYPE = "https://radcommons.org/attestation/deidentification/v1"
MAXIMUM_ENVELOPE_BYTES = 8 * 2**20
_SUBJECT = "manifest.json"
_DIGEST = re.compile(r"[0-9a-f]{64}")
_WORD = re.compile(r"[A-Za-z0-9_ ,()-]{1,80}")
_MOST_ATTRIBUTES = 20_000
_LONGEST_KEY = 4096

Counts = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class BatchSummary:
    """What was done to the instances of one batch.

    Parameters
    ----------
    batch_id
        SHA-256 of the manifest.
    site, project, profile, software, report_sha256
        As in the manifest.
    engine
        The version of the rules by which headers are rewritten.
    files, size_bytes
        Instances and their bytes.
    files_root
        Root hash (RFC 6962) over the instances' digests in ascending order, hexadecimal.
    actions
        How often each action was taken, over all attributes of all instances.
    attributes
        The same by attribute keyword; private and unknown attributes together under ``private`` and ``unknown``.
    pixel_text
        Instances by the verdict on writing in their pixels.
    released
        Instances that no program can clean and a person let go, by why.
    """

    batch_id: str
    site: str
    project: str
    profile: ProfileStamp
    software: SoftwareStamp
    engine: str
    report_sha256: str
    files: int
    size_bytes: int
    files_root: str
    actions: Counts
    attributes: Mapping[str, Counts] = field(default_factory=dict)
    pixel_text: Counts = field(default_factory=dict)
    released: Counts = field(default_factory=dict)

    def predicate(self) -> dict[str, object]:
        """The summary as it is signed, without the key."""
        return {
            **({"released": dict(self.released)} if self.released else {}),
            "actions": dict(self.actions),
            "attributes": {name: dict(counts) for name, counts in self.attributes.items()},
            "engine": self.engine,
            "files": self.files,
            "files_root": self.files_root,
            "pixel_text": dict(self.pixel_text),
            "profile": {"digest": self.profile.digest, "name": self.profile.name, "version": self.profile.version},
            "project": self.project,
            "report_sha256": self.report_sha256,
            "site": self.site,
            "size_bytes": self.size_bytes,
            "software": {"name": self.software.name, "version": self.software.version},
        }


@dataclass(frozen=True, slots=True)
class SignedSummary:
    """A summary whose signature was checked, with the key that made it.

    Parameters
    ----------
    summary
        What was signed.
    public_key
        The key as PEM text.
    fingerprint
        SHA-256 of the key's SubjectPublicKeyInfo, hexadecimal; what two people compare over the telephone.
    """

    summary: BatchSummary
    public_key: str
    fingerprint: str


def summarise(
    manifest: BatchManifest, *, engine: str, actions: Counts, attributes: Mapping[str, Counts]
) -> BatchSummary:
    """The summary of a sealed batch from its manifest and the counts of its report."""
    verdicts, released, tree, size_bytes = Counter[str](), Counter[str](), MerkleRoot(), 0
    for file in manifest.files:
        verdicts[file.pixel_text.value] += 1
        size_bytes += file.size_bytes
        tree.add(leaf_hash(b"", bytes.fromhex(file.sha256)))
        if file.release is not None:
            released[file.release.why.value] += 1
    return BatchSummary(
        batch_id=manifest.batch_id,
        site=manifest.site,
        project=manifest.project,
        profile=manifest.profile,
        software=manifest.software,
        engine=engine,
        report_sha256=manifest.report_sha256,
        files=len(manifest.files),
        size_bytes=size_bytes,
        files_root=tree.digest().hex(),
        actions=dict(sorted(actions.items())),
        attributes={name: dict(sorted(counts.items())) for name, counts in sorted(attributes.items())},
        pixel_text=dict(sorted(verdicts.items())),
        released=dict(sorted(released.items())),
    )


def sign_summary(summary: BatchSummary, key: Ed25519PrivateKey) -> bytes:
    """The envelope to send with the batch."""
    public_key = public_key_pem(key.public_key()).decode("ascii")
    predicate = {**summary.predicate(), "public_key": public_key}
    return sign(statement({_SUBJECT: summary.batch_id}, predicate, predicate_type=PREDICATE_TYPE), key)


def open_summary(envelope: bytes) -> SignedSummary:
    """Read an envelope from a stranger, strictly, and check its signature by the key it names.

    Whether that key is the site's is for the reader to decide.

    Raises
    ------
    RadCommonsError
        ``transfer.summary-invalid`` when it is no signed summary or its signature is wrong.
    """
    if len(envelope) > MAXIMUM_ENVELOPE_BYTES:
        raise _invalid("it is too large")
    try:
        named = _key_of(orjson.loads(unverified_payload(envelope)))
        public_key = read_public_key(named.encode("ascii"))
        payload = open_envelope(envelope, public_key)
        summary = _summary(orjson.loads(payload))
    except SignatureError as error:
        raise _invalid("its signature does not hold") from error
    except ValueError as error:
        raise _invalid(str(error) if not isinstance(error, orjson.JSONDecodeError) else "it is not JSON") from error
    return SignedSummary(summary, named, key_id(public_key))


def verify_against_manifest(summary: BatchSummary, manifest: BatchManifest) -> None:
    """Demand that a summary speaks of exactly this batch.

    Raises
    ------
    RadCommonsError
        ``transfer.summary-mismatch`` names the first statement that differs.
    """
    expected = summarise(manifest, engine=summary.engine, actions=summary.actions, attributes=summary.attributes)
    stated = {"batch_id": summary.batch_id, "released": {}, **summary.predicate()}
    for name, value in {"batch_id": expected.batch_id, "released": {}, **expected.predicate()}.items():
        found = stated.get(name)
        if canonical_json(found) != canonical_json(value):
            raise RadCommonsError(
                Kind.INVALID,
                "transfer.summary-mismatch",
                "The signed summary speaks of another batch than the manifest. Seal and send again.",
                statement=name,
            )


def _invalid(reason: str) -> RadCommonsError:
    return RadCommonsError(
        Kind.INVALID, "transfer.summary-invalid", f"The signed summary cannot be used: {reason}.", reason=reason
    )


def _predicate_of(document: object) -> dict[str, object]:
    return mapping(mapping(document, "the statement").get("predicate"), "the predicate")


def _key_of(document: object) -> str:
    found = _predicate_of(document).get("public_key")
    if not isinstance(found, str) or not found.isascii() or len(found) > _LONGEST_KEY:
        raise ValueError("it brings no public key")
    return found


def _summary(document: object) -> BatchSummary:
    top = mapping(document, "the statement")
    if top.get("_type") != STATEMENT_TYPE or top.get("predicateType") != PREDICATE_TYPE:
        raise ValueError("it states something else")
    part = _predicate_of(document)
    names = {"actions", "attributes", "engine", "files", "files_root", "pixel_text", "profile", "project", "public_key"}
    names |= {"report_sha256", "site", "size_bytes", "software"}
    unknown_keys(part, "the predicate", required=names, optional={"released"})
    profile, software = mapping(part["profile"], "profile"), mapping(part["software"], "software")
    unknown_keys(profile, "profile", required={"name", "version", "digest"})
    unknown_keys(software, "software", required={"name", "version"})
    attributes = mapping(part["attributes"], "attributes")
    if len(attributes) > _MOST_ATTRIBUTES:
        raise ValueError("attributes has too many entries")
    return BatchSummary(
        batch_id=_batch_id(top.get("subject")),
        site=text(part, "site"),
        project=text(part, "project"),
        profile=ProfileStamp(text(profile, "name"), text(profile, "version"), text(profile, "digest", pattern=_DIGEST)),
        software=SoftwareStamp(text(software, "name"), text(software, "version")),
        engine=text(part, "engine"),
        report_sha256=text(part, "report_sha256", pattern=_DIGEST),
        files=whole_number(part, "files"),
        size_bytes=whole_number(part, "size_bytes"),
        files_root=text(part, "files_root", pattern=_DIGEST),
        actions=_counts(part["actions"], "actions"),
        attributes={_word(name): _counts(counts, "an attribute") for name, counts in attributes.items()},
        pixel_text=_counts(part["pixel_text"], "pixel_text"),
        released=_counts(part.get("released", {}), "released"),
    )


def _batch_id(subjects: object) -> str:
    if not isinstance(subjects, list) or len(subjects) != 1:
        raise ValueError("it does not speak of one manifest")
    subject = mapping(subjects[0], "the subject")
    if subject.get("name") != _SUBJECT:
        raise ValueError("it does not speak of a manifest")
    return text(mapping(subject.get("digest"), "the digest"), "sha256", pattern=_DIGEST)


def _counts(value: object, name: str) -> dict[str, int]:
    part = mapping(value, name)
    if len(part) > _MOST_ATTRIBUTES:
        raise ValueError(f"{name} has too many entries")
    return {_word(key): whole_number(part, key) for key in part}


def _word(value: str) -> str:
    if not _WORD.fullmatch(value):
        raise ValueError("a name in it is malformed")
    return value
