"""Tables of annotation, by what they hold."""

from radcommons.server.annotation.models.deciding import AgreementReport, Consensus, Decision, Outcome
from radcommons.server.annotation.models.projects import Absence, Case, CaseInstance, Reader, ReadingProject
from radcommons.server.annotation.models.publishing import Publication, PublishedObject, PublishedReading
from radcommons.server.annotation.models.reads import Answer, ImportedDocument, Revision, Shape, Task
from radcommons.server.annotation.models.schemas import ExamplePicture, LabelSchema
from radcommons.server.annotation.models.uploads import Upload, UploadedFile

__all__ = [
    "Absence",
    "AgreementReport",
    "Answer",
    "Case",
    "CaseInstance",
    "Consensus",
    "Decision",
    "ExamplePicture",
    "ImportedDocument",
    "LabelSchema",
    "Outcome",
    "Publication",
    "PublishedObject",
    "PublishedReading",
    "Reader",
    "ReadingProject",
    "Revision",
    "Shape",
    "Task",
    "Upload",
    "UploadedFile",
]
