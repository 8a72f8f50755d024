"""Taking in the files of one request and looking into them while others still arrive."""

from dataclasses import dataclass
from pathlib import Path

from radcommons.dicom.part10 import MAX_FILE_BYTES
from radcommons.server.intake import staging
from radcommons.server.intake.inspectors import LookAhead
from radcommons.server.intake.rules import Inspection, PartClaim
from radcommons.server.intake.services.opening import DirectUpload


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """One file of a request, whole."""

    path: Path
    sha256: str
    size_bytes: int


class FirstLook:
    """Takes in the files of one request, aside, and looks into them while others still arrive.

    Raises
    ------
    DiskFullError, PartTooLargeError
        As :class:`~.staging.Upload` and :class:`~.staging.FileSink`.
    """

    def __init__(self, upload: DirectUpload) -> None:
        self._upload = upload
        self._aside = staging.Upload()
        self._ahead = LookAhead()
        self.files: list[UploadedFile] = []
        self.claims: list[PartClaim] = []

    def new_file(self, *, maximum_bytes: int = MAX_FILE_BYTES) -> staging.FileSink:
        """What takes the bytes of another file."""
        return self._aside.new_file(maximum_bytes=maximum_bytes)

    def add(self, sink: staging.FileSink) -> None:
        """Say that a file is whole."""
        self._aside.keep(sink)
        file = UploadedFile(sink.path, sink.sha256, sink.size_bytes)
        claim = _claim(self._upload, file, len(self.files))
        self.files.append(file)
        self.claims.append(claim)
        self._ahead.add(claim)

    def found(self) -> list[Inspection]:
        """What was found in each, once all were given; they are on the disk then."""
        found = self._ahead.found()
        self._aside.wait()
        return found

    def close(self) -> None:
        """Look into no more of them, and leave nothing aside; what was stored or held back has its own place by then."""
        self._ahead.close()
        self._aside.close()


def _claim(upload: DirectUpload, file: UploadedFile, number: int) -> PartClaim:
    """What is known of a file before anybody looks into it: its digest and where it comes from."""
    return PartClaim(
        part_id=number,
        path=str(file.path),
        sha256=file.sha256,
        study_instance_uid="",
        series_instance_uid="",
        sop_instance_uid="",
        sop_class_uid="",
        pixel_text=upload.pixel_text.value,
        site=upload.site.code,
        profile=upload.profile_source,
        are_texts_approved=False,
        observers=upload.derivation.observers if upload.derivation is not None else (),
        words=upload.derivation.words if upload.derivation is not None else (),
        is_fresh=True,
    )
