"""The verbs of files that a manager sends by a page: keep them, look at what would come in, take it in, or let it go.

What would come in is found by taking it in and taking everything back: the account is that of the very verbs. Both happen
in the worker, and what reads strangers' bytes first is a process with limits (DESIGN, invariant 6).
"""

import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils import timezone

from radcommons.dicom.errors import RadCommonsError
from radcommons.dicom.finding import Finding
from radcommons.dicom.isolation import LimitedPool
from radcommons.server.annotation import queue
from radcommons.server.annotation.errors import ProjectInvalidError
from radcommons.server.annotation.models import ReadingProject, Upload, UploadedFile
from radcommons.server.annotation.rules.uploads import KEPT, UNDER_WAY, Labelling, UploadState, plain_name
from radcommons.server.annotation.services.agreeing import compute_agreement
from radcommons.server.annotation.services.documents import Format, Imported, ImportWish
from radcommons.server.annotation.services.importing import import_reads
from radcommons.server.annotation.services.results import add_results
from radcommons.server.annotation.services.settling import settle_project
from radcommons.server.platform.actors import actor_of_user
from radcommons.server.platform.errors import ConflictError
from radcommons.server.platform.policy import Action, Actor, authorise
from radcommons.server.platform.settings import settings
from radcommons.transfer.annotation.recognition import Recognised, recognise
from radcommons.transfer.annotation.results import ResultKind

MOST_FILES = 2000
SHOWN = 20
UNLIMITED = "An operator can take it in by 'radcommons annotation import' on the server, which has no such limits."


def begin_upload(
    project: ReadingProject | None,
    wish: Mapping[str, Any],
    files: Sequence[tuple[str, bytes]],
    *,
    actor: Actor,
) -> Upload:
    """Keep files and have them looked at.

    Parameters
    ----------
    project
        Whose results they are; None for a document with reads of the past, which becomes a project.
    wish
        ``title``, ``slug`` and ``schema`` of a document; ``kind``, ``software`` and ``labels`` of results.
    files
        Each with its name.

    Raises
    ------
    ProjectInvalidError
        When there is none, or there are too many.
    """
    authorise(actor, Action.ANNOTATION_MANAGE)
    if actor.user_id is None:
        raise ProjectInvalidError("Files are sent by somebody with an account.")
    if not 0 < len(files) <= MOST_FILES:
        raise ProjectInvalidError(f"Send one file, or up to {MOST_FILES} at a time.")
    now = timezone.now()
    with transaction.atomic():
        Upload.objects.filter(sent_at__lt=now - KEPT).delete()
        upload = Upload.objects.create(
            project=project, state=UploadState.WAITING, wish=dict(wish), sent_by_id=actor.user_id, sent_at=now
        )
        UploadedFile.objects.bulk_create(
            UploadedFile(upload=upload, name=plain_name(name), body=body) for name, body in files
        )
        queue.defer_upload(upload.pk)
    return upload


def wish_again(upload: Upload, wish: Mapping[str, Any], *, actor: Actor) -> None:
    """Have the files looked at once more, with other wishes.

    Raises
    ------
    ConflictError
        When they are being taken in, or were.
    """
    _move(upload, {UploadState.READY, UploadState.REFUSED}, UploadState.WAITING, actor, wish=dict(wish))


def confirm_upload(upload: Upload, *, actor: Actor) -> None:
    """Have taken in what was shown.

    Raises
    ------
    ConflictError
        When it was not looked at, was refused, or is taken in already.
    """
    _move(upload, {UploadState.READY}, UploadState.CONFIRMED, actor)


def discard_upload(upload: Upload, *, actor: Actor) -> None:
    """Forget an upload with its files."""
    authorise(actor, Action.ANNOTATION_MANAGE)
    Upload.objects.filter(pk=upload.pk).delete()


def _move(upload: Upload, before: set[UploadState], after: UploadState, actor: Actor, **changes: object) -> None:
    authorise(actor, Action.ANNOTATION_MANAGE)
    with transaction.atomic():
        rows = Upload.objects.filter(pk=upload.pk, state__in=before)
        if not rows.update(state=after, message="", **changes):
            raise ConflictError("annotation.upload-moved", "This upload is not where you saw it. Look at it again.")
        queue.defer_upload(upload.pk)


def work_on(upload_id: int) -> None:
    """Look at an upload or take it in, whichever it waits for; safe to run twice."""
    upload = Upload.objects.select_related("project", "sent_by").filter(pk=upload_id).first()
    if upload is None:
        return
    if upload.state in UNDER_WAY:
        _try(upload, is_final=upload.state == UploadState.CONFIRMED)
    # Also by a job that is run again because the one before died here.
    project = upload.project
    if upload.state == UploadState.IMPORTED and project and upload.account.get("is_compared") is False:
        settle_project(project.pk)
        compute_agreement(project.pk)
        upload.account["is_compared"] = True
        upload.save(update_fields=["account"])


def _try(upload: Upload, *, is_final: bool) -> None:
    try:
        _take_in(upload, is_final=is_final)
    except RadCommonsError as error:
        upload.state = UploadState.REFUSED
        findings = error.facts.get("findings")
        details = [str(one["message"]) for one in findings[:SHOWN]] if isinstance(findings, list) else []
        upload.message = " ".join([error.message, *details])
        upload.save(update_fields=["state", "message"])


def _take_in(upload: Upload, *, is_final: bool) -> None:
    """Take an upload in, and everything back again unless it was confirmed."""
    files = list(upload.files.all())
    kind = _recognised(files) if upload.project is None else ""
    with transaction.atomic():
        actor = actor_of_user(upload.sent_by)
        if upload.project is None:
            project, account = _document(upload.wish, kind, bytes(files[0].body), actor)
        else:
            project, account = upload.project, _results(upload.wish, upload.project, files, actor)
        if is_final:
            upload.state, upload.project, upload.account = UploadState.IMPORTED, project, account
            upload.save()
            upload.files.all().delete()
        else:
            transaction.set_rollback(True)
    if not is_final:
        upload.state, upload.account = UploadState.READY, account
        upload.save(update_fields=["state", "account"])


def _recognised(files: Sequence[UploadedFile]) -> str:
    if len(files) != 1:
        raise ProjectInvalidError("Reads of the past come in one document at a time.")
    limits = settings()
    with LimitedPool(
        recognise, processes=1, memory_bytes=limits.worker_memory_bytes, timeout_s=limits.parse_timeout_s
    ) as pool:
        _, told = next(iter(list(pool.run([bytes(files[0].body)]))))
    found = Recognised(refusal=f"{told.message} {UNLIMITED}") if isinstance(told, Finding) else told
    if found.refusal:
        raise ProjectInvalidError(found.refusal)
    return found.kind


def _document(wish: Mapping[str, Any], kind: str, data: bytes, actor: Actor) -> tuple[ReadingProject, dict[str, Any]]:
    asked = ImportWish(wish["slug"], wish["title"], Format(kind), wish["schema"])
    project, found = import_reads(data, asked, actor=actor)
    return project, _account_of(project, found, kind)


def _account_of(project: ReadingProject, found: Imported, kind: str) -> dict[str, Any]:
    cases = project.cases
    readers = Counter(project.tasks.values_list("reader__pseudonym", flat=True))
    odd: dict[str, list[Finding]] = {}
    for finding in found.findings:
        odd.setdefault(finding.code, []).append(finding)
    return {
        "is_compared": False,
        "format": kind,
        "schema": str(found.schema.reference),
        "labels": len(found.schema.labels),
        "better_schema": found.better_schema,
        "cases": cases.count(),
        "cases_with_images": cases.filter(study__isnull=False).count(),
        "cases_without_a_read": cases.filter(tasks=None).count(),
        "annotations": found.annotations,
        "reads": len(found.readings),
        "items": sum(len(reading.items) for reading in found.readings),
        "readers": sorted(readers.items()),
        "odd": [
            {"code": code, "severity": rows[0].severity.value, "count": len(rows), "message": rows[0].message}
            for code, rows in sorted(odd.items(), key=lambda pair: -len(pair[1]))
        ],
    }


def _results(
    wish: Mapping[str, Any], project: ReadingProject, files: Sequence[UploadedFile], actor: Actor
) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        paths = _written(root, files)
        # One file is meant as it is; of several, those that are other objects are passed over and counted.
        named = paths if len(paths) == 1 else [root]
        labelling = Labelling.from_words(wish["labels"])
        added = add_results(project, wish["software"], named, ResultKind(wish["kind"]), labelling, actor=actor)
    return {
        "reader": added.reader.pseudonym,
        "software": added.reader.software,
        "files": added.files,
        "other_objects": added.other_objects,
        "cases": project.cases.count(),
        "reads": added.reads,
        "items": added.items,
        "left_out": added.left_out,
        "by_label": sorted(added.by_label.items()),
    }


def _written(root: Path, files: Sequence[UploadedFile]) -> list[Path]:
    """The files in folders: those of the same name, as two series may have them, each in one of its own."""
    seen: Counter[str] = Counter()
    paths = []
    for file in files:
        path = root / str(seen[file.name]) / file.name
        seen[file.name] += 1
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(file.body)
        paths.append(path)
    return paths
