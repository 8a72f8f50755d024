"""Forms of the managers' pages."""

from collections.abc import Mapping
from typing import Any

from django import forms

from radcommons.server.annotation.errors import ProjectInvalidError
from radcommons.server.annotation.models import LabelSchema, Reader, ReadingProject
from radcommons.server.annotation.queries.projects import possible_members
from radcommons.server.annotation.rules.adjudicating import policies_written
from radcommons.server.annotation.rules.hanging import FASTEST_CINE, Hanging, Layout, windows_written
from radcommons.server.annotation.rules.states import Duty, ProjectState, TaskKind
from radcommons.server.annotation.rules.wishes import SLUG, Blinding, ProjectWish, Stopping
from radcommons.server.annotation.services.consensus import ConsensusMethod
from radcommons.server.annotation.sources import source_kinds
from radcommons.transfer.annotation.record import Method
from radcommons.transfer.annotation.schema import LabelSchema as LabelSchemaValue
from radcommons.transfer.annotation.schema import ValueKind

METHODS = (
    (Method.RETROSPECTIVE_EXPERT, "Expert, for research"),
    (Method.RETROSPECTIVE_GENERAL, "Trained reader, for research"),
    (Method.CLINICALLY_DERIVED, "Taken from clinical work"),
)
SOURCES = {"cohort": "A frozen cohort", "release": "A published version", "catalog": "The catalog as it is now"}
LAYOUTS = {
    Layout.ONE: "one pane",
    Layout.TWO: "two series of the case side by side",
    Layout.PRIOR: "the earlier study beside it",
}
PARTS = (
    ("What is read", ("title", "slug", "schema", "source_kind", "source_name", "task_kind", "instructions")),
    (
        "Who reads how much",
        ("readers_per_case", "overlap_share", "repeat_share", "washout_days", "pilot_cases", "return_after_days"),
    ),
    ("What readers see", ("shows_ai", "shows_clinical_data", "shows_site", "shows_priors")),
    ("How reading begins", ("layout", "windows", "cine_fps")),
    ("Training", ("training_from", "training_cases")),
    ("What needs an adjudicator", ("policies",)),
    ("When it ends", ("deadline", "stopping_cases", "stopping_label", "stopping_width")),
)
DATE = {"type": "date"}


class ProjectForm(forms.Form):
    """A new reading project."""

    title = forms.CharField(max_length=200)
    slug = forms.RegexField(SLUG, max_length=64, label="Name in addresses", help_text="Small letters, digits, dashes.")
    schema = forms.ModelChoiceField(LabelSchema.objects.all(), label="Label schema", empty_label=None)
    source_kind = forms.ChoiceField(label="Cases come from")
    source_name = forms.CharField(
        required=False,
        label="Its name",
        help_text="The cohort's name, or slug@version of a release; of the catalog modalities (CT or DX,CR), or nothing for all.",
    )
    instructions = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 4}), label="Instructions")
    task_kind = forms.ChoiceField(
        label="Asked of readers",
        choices=[
            (TaskKind.READ.value, "A read of their own"),
            (TaskKind.REVIEW.value, "To accept or reject proposed findings"),
        ],
    )
    readers_per_case = forms.IntegerField(min_value=1, max_value=20, initial=3, label="Readers of a case")
    overlap_share = forms.FloatField(
        min_value=0, max_value=1, initial=1.0, label="Share of cases that several readers get", help_text="0 to 1."
    )
    repeat_share = forms.FloatField(
        min_value=0, max_value=1, initial=0.0, label="Share that a reader gets twice, unannounced", help_text="0 to 1."
    )
    washout_days = forms.IntegerField(min_value=0, max_value=365, initial=14, label="Days before the second time")
    pilot_cases = forms.IntegerField(
        min_value=0, initial=0, label="Pilot cases", help_text="Drawn by lot; all readers read them first."
    )
    return_after_days = forms.IntegerField(
        min_value=1, max_value=365, initial=14, label="Days after which an untouched read is shown to you"
    )
    deadline = forms.DateField(required=False, widget=forms.DateInput(attrs=DATE))
    shows_ai = forms.BooleanField(required=False, label="Readers see results of algorithms")
    shows_clinical_data = forms.BooleanField(required=False, label="Readers see age, sex, dates and descriptions")
    shows_site = forms.BooleanField(required=False, label="Readers see the site, the subject and the machine")
    shows_priors = forms.BooleanField(required=False, label="Readers see earlier studies of the subject")
    layout = forms.ChoiceField(
        label="Reading begins with", choices=[(layout.value, words) for layout, words in LAYOUTS.items()]
    )
    windows = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        label="Windows",
        help_text="One a line: name | centre | width. The first is what reading begins with.",
    )
    cine_fps = forms.FloatField(
        required=False,
        min_value=0,
        max_value=FASTEST_CINE,
        label="Images a second of a cine",
        help_text="Empty: as the images say.",
    )
    stopping_cases = forms.IntegerField(
        min_value=0, initial=0, label="Enough after so many complete cases", help_text="0: no such rule."
    )

    stopping_label = forms.CharField(
        required=False, label="Or when readers agree on this label", help_text="Its name in the schema, as appearance."
    )
    stopping_width = forms.FloatField(
        required=False,
        min_value=0,
        label="with an interval (95 %) no wider than",
        help_text="For instance 0.2; looked at from 20 compared cases on.",
    )
    training_from = forms.ModelChoiceField(
        ReadingProject.objects.filter(state=ProjectState.CLOSED),
        required=False,
        empty_label="no training cases",
        label="Answers of training cases come from",
        help_text="A closed project of the same schema: what was agreed and decided there is the answer.",
    )
    training_cases = forms.IntegerField(min_value=1, initial=5, required=False, label="How many of its cases")
    policies = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        label="Policies",
        help_text="Nothing: the usual ones. One a line: label | policy | setting = number, as opacity | masks | dice = 0.8.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kinds = [(kind, SOURCES[kind]) for kind in source_kinds() if kind in SOURCES]
        self.fields["source_kind"].choices = kinds  # type: ignore[attr-defined]
        self.fields["schema"].label_from_instance = _schema_text  # type: ignore[attr-defined]

    def parts(self) -> list[tuple[str, list[forms.BoundField]]]:
        """The fields under headings, in the order in which a manager thinks of them."""
        return [(title, [self[name] for name in names]) for title, names in PARTS]

    def clean_windows(self) -> list[dict[str, object]]:
        """The windows as they are kept."""
        try:
            written = windows_written(self.cleaned_data["windows"])
            Hanging.from_mapping({"windows": written})
        except ProjectInvalidError as error:
            raise forms.ValidationError(error.message) from error
        return written

    def clean_policies(self) -> dict[str, dict[str, object]]:
        """The policies as they are kept; whether they fit the schema is seen when the project is made."""
        try:
            return policies_written(self.cleaned_data["policies"])
        except ProjectInvalidError as error:
            raise forms.ValidationError(error.message) from error

    def clean_cine_fps(self) -> float:
        """No pace is that of the images."""
        return float(self.cleaned_data["cine_fps"] or 0)

    def wish(self, *, training: Mapping[str, object]) -> ProjectWish:
        """The value that the verbs take; ``training`` are the answers of training cases by study."""
        given = dict(self.cleaned_data)
        schema = given.pop("schema")
        del given["training_from"], given["training_cases"]
        switches = {name: given.pop(name) for name in Blinding.__slots__}
        enough = {name: given.pop(f"stopping_{name}") for name in ("cases", "label", "width")}
        hanging = {name: given.pop(name) for name in ("windows", "layout", "cine_fps")}
        return ProjectWish(
            **given | {"task_kind": TaskKind(given["task_kind"])},
            schema_name=schema.name,
            schema_version=schema.version,
            blinding=Blinding(**switches),
            stopping=Stopping.from_mapping(enough | {"width": enough["width"] or 0.0}),
            training=training,
            hanging=Hanging.from_mapping(hanging),
        )


def _schema_text(schema: LabelSchema) -> str:
    return f"{schema.title} ({schema.name}/{schema.version})"


class AmendForm(forms.Form):
    """What may change while a project is read."""

    instructions = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 4}))
    deadline = forms.DateField(required=False, widget=forms.DateInput(attrs=DATE))


class ConsensusForm(forms.Form):
    """A consensus to be derived."""

    label = forms.ChoiceField()
    method = forms.ChoiceField(
        choices=[
            (ConsensusMethod.MAJORITY.value, "Majority"),
            (ConsensusMethod.DAWID_SKENE.value, "Dawid and Skene: answers, each reader weighed by their errors"),
            (ConsensusMethod.STAPLE.value, "STAPLE: areas, each reader weighed by their errors"),
        ]
    )

    def __init__(self, schema: LabelSchemaValue, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["label"].choices = [  # type: ignore[attr-defined]
            (label.id, schema.title_of(label)) for label in schema.labels if label.value.kind is not ValueKind.TEXT
        ]


class MemberForm(forms.Form):
    """Somebody who shall read or adjudicate."""

    username = forms.ChoiceField(label="Account")
    duty = forms.ChoiceField(choices=[(Duty.READ.value, "reads"), (Duty.ADJUDICATE.value, "adjudicates")])
    method = forms.ChoiceField(choices=[(method.value, text) for method, text in METHODS], label="As")

    def __init__(self, project: ReadingProject, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = [(name, name) for name in possible_members(project)]
        self.fields["username"].choices = names  # type: ignore[attr-defined]
        if project.state == ProjectState.CLOSED:
            self.fields["duty"].choices = [(Duty.ADJUDICATE.value, "adjudicates")]  # type: ignore[attr-defined]


class AbsenceForm(forms.Form):
    """Days on which a reader is away."""

    reader = forms.ModelChoiceField(Reader.objects.none(), empty_label=None)
    first_day = forms.DateField(label="From", widget=forms.DateInput(attrs=DATE))
    last_day = forms.DateField(label="To, included", widget=forms.DateInput(attrs=DATE))

    def __init__(self, project: ReadingProject, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["reader"]
        field.queryset = project.readers.filter(duty=Duty.READ, is_active=True, user__isnull=False)  # type: ignore[attr-defined]
        field.label_from_instance = lambda reader: reader.pseudonym  # type: ignore[attr-defined]
