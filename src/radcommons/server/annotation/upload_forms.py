"""Forms of what managers send: documents with reads of the past, and results of an algorithm."""

from typing import Any

from django import forms
from django.conf import settings

from radcommons.server.annotation.models import LabelSchema
from radcommons.server.annotation.rules.wishes import SLUG
from radcommons.transfer.annotation.mrale_csv import SCHEMA_NAME
from radcommons.transfer.annotation.results import ResultKind
from radcommons.transfer.annotation.ricord import RICORD

KINDS = {
    ResultKind.SEG: "DICOM segmentations",
    ResultKind.SR: "DICOM reports (TID 1500)",
    ResultKind.RTSTRUCT: "RT structure sets",
    ResultKind.NIFTI: "NIfTI label maps",
    ResultKind.COCO: "COCO data sets",
    ResultKind.JSON: "readings as JSON",
}


# What is around the files takes a little of what a request may hold.
MOST_BYTES = int(settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0) - 2**20
_BY_PARTS = "Send them in parts: results of the same program and version are one reader's."
_BY_COMMAND = "An operator can take it in by 'radcommons annotation import' on the server."


def _limited(too_much: str, **attributes: str) -> dict[str, str]:
    """Attributes of a control that says before sending that its files are more than the server takes at once."""
    megabytes = MOST_BYTES // 2**20
    return {**attributes, "data-most-bytes": str(MOST_BYTES), "data-too-much": f"At most {megabytes} MB. {too_much}"}


class ManyFiles(forms.ClearableFileInput):
    """A control that takes several files at once."""

    allow_multiple_selected = True


class FilesField(forms.FileField):
    """One or more files; empty ones are refused like one."""

    widget = ManyFiles

    def clean(self, data: Any, initial: Any = None) -> Any:
        """All files that were sent."""
        files = data if isinstance(data, list | tuple) else [data]
        clean = super().clean
        return [clean(file, initial) for file in files] if files else clean(None, initial)


class DocumentWishForm(forms.Form):
    """How reads of the past are to be called."""

    title = forms.CharField(max_length=200)
    slug = forms.RegexField(SLUG, max_length=64, label="Name in addresses", help_text="Small letters, digits, dashes.")
    schema = forms.ChoiceField(
        required=False,
        label="Answers are kept as",
        help_text="MD.ai can be translated to a ready schema. COCO needs the schema whose labels its categories are.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kept = [f"{row.name}/{row.version}" for row in LabelSchema.objects.all()]
        choices = [("", "the document says"), ("Ready schemas", [(name, name) for name in (*RICORD, SCHEMA_NAME)])]
        if kept:
            choices.append(("Schemas kept here", [(name, name) for name in kept]))
        self.fields["schema"].choices = choices  # type: ignore[attr-defined]

    def wish(self) -> dict[str, Any]:
        """What is kept with the upload."""
        return {name: self.cleaned_data[name] for name in ("title", "slug", "schema")}


class DocumentForm(DocumentWishForm):
    """Reads of the past with their document."""

    sent = FilesField(
        label="Document",
        help_text="MD.ai (JSON), LIDC (XML), mRALE (CSV), MIDRC records, COCO, or what another centre exported: what it is, is seen by what stands in it.",
        widget=forms.FileInput(attrs=_limited(_BY_COMMAND, accept=".json,.xml,.csv")),
    )
    field_order = ("sent", "title", "slug", "schema")


class ResultsWishForm(forms.Form):
    """What results of an algorithm are."""

    software = forms.CharField(
        max_length=200, label="Program and version", help_text="Another version is another reader."
    )
    kind = forms.ChoiceField(label="The files are", choices=[(kind.value, text) for kind, text in KINDS.items()])
    labels = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        label="Which label each drawing is",
        help_text="Nothing: names, numbers and codes decide. One a line: NAME = label; NAME = leaves it out; * = leaves out what is no label; a label alone is for all.",
    )

    def wish(self) -> dict[str, Any]:
        """What is kept with the upload."""
        given = self.cleaned_data
        lines = [line.partition("=") for line in given["labels"].splitlines() if line.strip()]
        words = [f"{name.strip()}{sign}{label.strip()}" for name, sign, label in lines]
        return {"software": given["software"], "kind": given["kind"], "labels": words}


class ResultsForm(ResultsWishForm):
    """Results of an algorithm with their files."""

    sent = FilesField(
        label="Files",
        help_text=f"As many as you like at once; together at most {MOST_BYTES // 2**20} MB. {_BY_PARTS}",
        widget=ManyFiles(attrs=_limited(_BY_PARTS)),
    )
    field_order = ("sent", "software", "kind", "labels")
