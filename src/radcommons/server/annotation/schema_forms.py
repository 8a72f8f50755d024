"""The form in which people write label schemas: everything that a label can say, lists as one line an entry."""

import re
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from typing import Any

from django import forms
from django.forms import BaseFormSet, formset_factory

from radcommons.transfer.annotation.codes import REVIEWED, Code
from radcommons.transfer.annotation.geometry import Geometry
from radcommons.transfer.annotation.schema import SCHEMA_FORMAT, Choice, Condition, Label, LabelSchema, Scope, ValueKind

SLUG = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}"
WORDS = {
    Scope.STUDY: "the whole study",
    Scope.SERIES: "a series",
    Scope.INSTANCE: "an image",
    Scope.REGION: "a region",
    ValueKind.FLAG: "yes or nothing",
    ValueKind.ONE_OF: "one of some choices",
    ValueKind.MANY_OF: "any of some choices",
    ValueKind.INTEGER: "a whole number",
    ValueKind.NUMBER: "a measured number",
    ValueKind.TEXT: "a text",
    Geometry.NONE: "not drawn",
}
_SHOWN = ("id", "name", "scope", "geometry", "is_required", "help", "color", "shortcut", "parent")
_MILLIMETRE = "mm | millimeter"


def _options(kind: Any) -> list[tuple[str, str]]:
    return [(one.value, WORDS.get(one, one.value)) for one in kind]


class SchemaForm(forms.Form):
    """A schema without its labels."""

    name = forms.RegexField(SLUG, max_length=64, label="Name in addresses", help_text="Letters, digits, dashes.")
    title = forms.CharField(max_length=200)
    description = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 2}))
    modalities = forms.CharField(required=False, help_text="DICOM terms separated by spaces, nothing for any.")
    # The version that the form was filled from, 0 for none: what somebody else kept meanwhile is not written over.
    begun_from = forms.IntegerField(required=False, min_value=0, initial=0, widget=forms.HiddenInput)


class LabelForm(forms.Form):
    """One label."""

    group = forms.CharField(max_length=100, label="Group")
    id = forms.RegexField(SLUG, max_length=64, label="Id", help_text="Stays the same in later versions.")
    name = forms.CharField(max_length=200, label="What readers see")
    scope = forms.ChoiceField(choices=_options(Scope), label="About")
    geometry = forms.ChoiceField(choices=_options(Geometry), label="Drawn as")
    kind = forms.ChoiceField(choices=_options(ValueKind), label="Answer")
    choices = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        label="Choices",
        help_text="One a line: id | what readers see | score (if any) | explanation (if any).",
    )
    is_ordered = forms.BooleanField(required=False, label="The choices are grades")
    minimum = forms.FloatField(required=False)
    maximum = forms.FloatField(required=False)
    unit = forms.CharField(
        required=False,
        max_length=200,
        help_text="Of a number, in UCUM: code | what readers see, as % | percent. Nothing: millimetres.",
    )
    is_required = forms.BooleanField(required=False, label="Every read must answer it")
    required_if = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        label="Must be answered if",
        help_text="One a line, of which one is enough: label = choice, choice. A label alone: when it is answered.",
    )
    parent = forms.RegexField(
        SLUG, max_length=64, required=False, label="Describes", help_text="The id of the label that it refines, if any."
    )
    computed = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        label="Computed as the sum of",
        help_text="One term a line, the scores of labels multiplied: extent * density. Readers then do not enter it.",
    )
    help = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 2}), label="Explanation")
    examples = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        label="Example pictures",
        help_text="One a line: digest | caption. Take a line out to drop the picture.",
    )
    picture = forms.FileField(
        required=False,
        label="Add an example picture",
        help_text="PNG, JPEG or WebP without anybody's name in it. It is kept when you save.",
        widget=forms.FileInput(attrs={"accept": "image/png,image/jpeg,image/webp"}),
    )
    caption = forms.CharField(required=False, max_length=200, label="Its caption")
    codes = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        label="What it means in terminologies",
        help_text="One a line: SCT | 60046008 | Pleural effusion; of a choice: its id = scheme | code | meaning. A name of the house's own table is enough, as pleural_effusion.",
    )
    color = forms.RegexField(r"#[0-9a-fA-F]{6}", required=False, label="Colour", help_text="#RRGGBB")
    shortcut = forms.CharField(required=False, max_length=1, label="Key")


# With some empty forms behind the others, for labels to be added.
WithNewLabels = formset_factory(LabelForm, extra=1, can_delete=True, can_order=True)


def initial_of(schema: LabelSchema) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What the forms begin with for a schema."""
    head = {
        "name": schema.name,
        "title": schema.title,
        "description": schema.description,
        "modalities": " ".join(schema.modalities),
    }
    return head, [_label_initial(group.name, label) for group in schema.groups for label in group.labels]


def _label_initial(group: str, label: Label) -> dict[str, Any]:
    plain = label.to_json()
    rule = label.value
    codes = [_code_line(code) for code in label.codes]
    codes += [f"{choice.id} = {_code_line(code)}" for choice in rule.choices for code in choice.codes]
    return {
        "group": group,
        **{name: plain[name] for name in _SHOWN},
        "kind": rule.kind.value,
        "choices": "\n".join(_choice_line(choice) for choice in rule.choices),
        "examples": "\n".join(f"{one.sha256} | {one.caption}" for one in label.examples),
        "is_ordered": rule.is_ordered,
        "minimum": rule.minimum,
        "maximum": rule.maximum,
        "unit": _unit_line(rule.unit) if rule.unit else "",
        "required_if": "\n".join(_condition_line(condition) for condition in label.required_if),
        "computed": "\n".join(" * ".join(term) for term in label.sum_of_products),
        "codes": "\n".join(codes),
    }


def _choice_line(choice: Choice) -> str:
    score = "" if choice.score is None else str(choice.score)
    parts = [choice.id, choice.name, score, " ".join(choice.help.split())]
    while not parts[-1]:
        parts.pop()
    return " | ".join(parts)


def _code_line(code: Code) -> str:
    return f"{code.scheme} | {code.value} | {code.meaning}"


def _unit_line(unit: Code) -> str:
    return f"{unit.value} | {unit.meaning}"


def _condition_line(condition: Condition) -> str:
    values = ", ".join(str(value) for value in condition.values)
    return f"{condition.label_id} = {values}" if values else condition.label_id


def schema_json(head: dict[str, Any], labels: "BaseFormSet[Any]", *, version: int) -> tuple[dict[str, Any], list[str]]:
    """The schema that somebody wrote, as plain JSON, and the ids of the labels that were taken out."""
    rows = [form.cleaned_data for form in labels.forms if form.cleaned_data]
    kept = [row for row in rows if not row.get("DELETE")]
    gone = [str(row["id"]) for row in rows if row.get("DELETE") and row.get("id")]
    kept.sort(key=lambda row: (row.get("ORDER") is None, row.get("ORDER") or 0))
    numbers = {row["id"] for row in kept if row["kind"] == ValueKind.INTEGER}
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in kept:
        groups.setdefault(row["group"].strip(), []).append(_label_json(row, numbers))
    return {
        "format": SCHEMA_FORMAT,
        "name": head["name"],
        "version": version,
        "title": head["title"],
        "description": head["description"],
        "modalities": head["modalities"].split(),
        "groups": [
            {"id": _slug(name, number), "name": name, "labels": own}
            for number, (name, own) in enumerate(groups.items(), start=1)
        ],
    }, gone


def _slug(name: str, number: int) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-").lower()[:60] or f"group-{number}"


def _label_json(row: dict[str, Any], numbers: AbstractSet[str]) -> dict[str, Any]:
    codes = [_code(line) for line in _lines(row["codes"])]
    value = {
        "kind": row["kind"],
        "choices": [_choice(line, codes) for line in _lines(row["choices"])],
        "is_ordered": row["is_ordered"],
        "minimum": row["minimum"],
        "maximum": row["maximum"],
        "unit": _unit(row["unit"] or (_MILLIMETRE if row["kind"] == ValueKind.NUMBER else "")),
    }
    return {
        **{name: row[name] for name in _SHOWN},
        "examples": [_example(line) for line in _lines(row["examples"])],
        "required_if": [_condition(line, numbers) for line in _lines(row["required_if"])],
        "sum_of_products": [[name.strip() for name in line.split("*")] for line in _lines(row["computed"])],
        "codes": [code for choice_id, code in codes if not choice_id],
        "value": value,
    }


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _example(line: str) -> dict[str, str]:
    digest, _, caption = line.partition("|")
    return {"sha256": digest.strip(), "caption": caption.strip()}


def _unit(line: str) -> dict[str, str] | None:
    value, _, meaning = (part.strip() for part in line.partition("|"))
    return {"scheme": "UCUM", "value": value, "meaning": meaning or value} if value else None


def _condition(line: str, numbers: AbstractSet[str]) -> dict[str, Any]:
    label, _, values = (part.strip() for part in line.partition("="))
    given = [value.strip() for value in values.split(",") if value.strip()]
    is_number = label in numbers and all(re.fullmatch(r"-?\d{1,9}", value) for value in given)
    return {"label_id": label, "values": [int(value) for value in given] if is_number else given}


def _code(line: str) -> tuple[str, dict[str, str]]:
    """The choice that a line is about, "" for the label itself, and the code; one that is incomplete is refused later."""
    first, sign, rest = (part.strip() for part in line.partition("="))
    choice_id, written = (first, rest) if sign and re.fullmatch(SLUG, first) else ("", line)
    if written in REVIEWED:
        found = REVIEWED[written].code
        return choice_id, {"scheme": found.scheme, "value": found.value, "meaning": found.meaning}
    scheme, value, meaning = (*(part.strip() for part in written.split("|", 2)), "", "")[:3]
    return choice_id, {"scheme": scheme, "value": value, "meaning": meaning}


def _choice(line: str, codes: Iterable[tuple[str, dict[str, str]]]) -> dict[str, Any]:
    choice_id, name, score, text = (*(part.strip() for part in line.split("|", 3)), "", "", "")[:4]
    choice: dict[str, Any] = {"id": choice_id, "name": name or choice_id, "help": text}
    choice["codes"] = [code for about, code in codes if about == choice_id]
    if re.fullmatch(r"-?\d{1,4}", score):
        choice["score"] = int(score)
    return choice
