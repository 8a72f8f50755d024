"""The form in which people write label schemas; what it does not show of a label is carried through unchanged."""

import json
import re
from typing import Any

from django import forms
from django.forms import BaseFormSet, formset_factory

from radcommons.transfer.annotation.geometry import Geometry
from radcommons.transfer.annotation.schema import SCHEMA_FORMAT, Choice, Label, LabelSchema, Scope, ValueKind

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
CHOICE_PARTS = 3
_NOT_SHOWN = ("codes", "required_if", "sum_of_products", "parent")


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
        help_text="One a line: id | what readers see | score (if any).",
    )
    is_ordered = forms.BooleanField(required=False, label="The choices are grades")
    minimum = forms.FloatField(required=False)
    maximum = forms.FloatField(required=False)
    is_required = forms.BooleanField(required=False, label="Every read must answer it")
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
    color = forms.RegexField(r"#[0-9a-fA-F]{6}", required=False, label="Colour", help_text="#RRGGBB")
    shortcut = forms.CharField(required=False, max_length=1, label="Key")
    rest = forms.CharField(required=False, widget=forms.HiddenInput)


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
    hidden = {name: plain[name] for name in _NOT_SHOWN}
    codes = {choice.id: {"codes": choice.to_json()["codes"], "help": choice.help} for choice in rule.choices}
    return {
        "group": group,
        **{
            name: plain[name]
            for name in ("id", "name", "scope", "geometry", "is_required", "help", "color", "shortcut")
        },
        "kind": rule.kind.value,
        "choices": "\n".join(_choice_line(choice) for choice in rule.choices),
        "examples": "\n".join(f"{one.sha256} | {one.caption}" for one in label.examples),
        "is_ordered": rule.is_ordered,
        "minimum": rule.minimum,
        "maximum": rule.maximum,
        "rest": json.dumps({**hidden, "choices": codes, "unit": rule.to_json()["unit"]}),
    }


def _choice_line(choice: Choice) -> str:
    score = "" if choice.score is None else f" | {choice.score}"
    return f"{choice.id} | {choice.name}{score}"


def schema_json(head: dict[str, Any], labels: "BaseFormSet[Any]", *, version: int) -> tuple[dict[str, Any], list[str]]:
    """The schema that somebody wrote, as plain JSON, and the ids of the labels that were taken out."""
    rows = [form.cleaned_data for form in labels.forms if form.cleaned_data]
    kept = [row for row in rows if not row.get("DELETE")]
    gone = [str(row["id"]) for row in rows if row.get("DELETE") and row.get("id")]
    kept.sort(key=lambda row: (row.get("ORDER") is None, row.get("ORDER") or 0))
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in kept:
        groups.setdefault(row["group"].strip(), []).append(_label_json(row))
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


def _label_json(row: dict[str, Any]) -> dict[str, Any]:
    rest = _rest(row["rest"])
    known = rest.get("choices", {})
    value = {
        "kind": row["kind"],
        "choices": [_choice(line, known) for line in row["choices"].splitlines() if line.strip()],
        "is_ordered": row["is_ordered"],
        "minimum": row["minimum"],
        "maximum": row["maximum"],
        "unit": rest.get("unit") or _unit_of(row["kind"]),
    }
    shown = ("id", "name", "scope", "geometry", "is_required", "help", "color", "shortcut")
    return {
        **{name: rest[name] for name in _NOT_SHOWN if name in rest},
        **{name: row[name] for name in shown},
        "examples": [_example(line) for line in row["examples"].splitlines() if line.strip()],
        "value": value,
    }


def _example(line: str) -> dict[str, str]:
    digest, _, caption = line.partition("|")
    return {"sha256": digest.strip(), "caption": caption.strip()}


def _unit_of(kind: str) -> dict[str, str] | None:
    return {"scheme": "UCUM", "value": "mm", "meaning": "millimeter"} if kind == ValueKind.NUMBER else None


def _rest(text: str) -> dict[str, Any]:
    """What the form carried through; nothing where it does not read as it was written."""
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _choice(line: str, known: Any) -> dict[str, Any]:
    parts = [part.strip() for part in line.split("|")]
    choice: dict[str, Any] = {"id": parts[0], "name": parts[1] if len(parts) > 1 and parts[1] else parts[0]}
    if len(parts) >= CHOICE_PARTS and re.fullmatch(r"-?\d{1,4}", parts[2]):
        choice["score"] = int(parts[2])
    extra = known.get(parts[0]) if isinstance(known, dict) else None
    return {**(extra if isinstance(extra, dict) else {}), **choice}
