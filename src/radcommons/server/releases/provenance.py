"""Where the instances of a release come from: who de-identified them by which rules, and who vouches for it."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from django.db.models import Count

from radcommons.server.intake.models import BatchPart, Door, PartState
from radcommons.server.releases.models import Release, ReleaseInstance
from radcommons.transfer.release.canonical import canonical_json

SCHEMA = "radcommons.provenance/1"
_BATCH = {
    "site": "batch__site__code",
    "profile_name": "batch__profile_name",
    "profile_version": "batch__profile_version",
    "profile_sha256": "batch__profile_sha256",
    "software": "batch__software",
    "engine": "batch__summary__engine",
    "signing_key": "batch__signing_key__fingerprint",
}


def provenance_of(release: Release) -> tuple[dict[str, object], ...]:
    """One entry for each way in which instances of a release were de-identified, by site; what the centre made is not.

    Each names the profile with its digest, the engine, the fingerprint of the key that signed, how many instances came
    that way, and the digests of the signed summaries, which the centre keeps.
    """
    own = ReleaseInstance.objects.filter(release=release).values("instance__sop_instance_uid")
    rows = (
        BatchPart.objects.filter(state=PartState.STORED, sop_instance_uid__in=own)
        .exclude(batch__door=Door.DERIVED)
        .order_by(*_BATCH.values(), "batch__summary_sha256")
        .values(*_BATCH.values(), "batch__summary_sha256")
        .annotate(instances=Count("pk"))
    )
    return tuple(_entries(list(rows)))


def _entries(rows: Sequence[Mapping[str, object]]) -> Iterator[dict[str, object]]:
    for _, batches in groupby(rows, key=lambda row: [row[column] for column in _BATCH.values()]):
        group = list(batches)
        yield {
            **{name: group[0][column] for name, column in _BATCH.items()},
            "instances": sum(int(str(row["instances"])) for row in group),
            "summaries_sha256": sorted(
                str(row["batch__summary_sha256"]) for row in group if row["batch__summary_sha256"]
            ),
        }


def provenance_json(entries: Sequence[Mapping[str, object]], annotations: Sequence[Mapping[str, object]] = ()) -> bytes:
    """``provenance.json`` of a release; equal entries give equal bytes.

    Parameters
    ----------
    annotations
        The reading projects whose segmentations and reports are in the release.
    """
    told: dict[str, object] = {"schema": SCHEMA, "deidentification": list(entries)}
    if annotations:
        told["annotations"] = list(annotations)
    return canonical_json(told) + b"\n"
