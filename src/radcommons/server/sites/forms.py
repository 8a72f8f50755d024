"""The forms of the sites room."""

from datetime import date

from django import forms
from django.utils import timezone

from radcommons.server.sites import rules
from radcommons.server.sites.countries import COUNTRIES
from radcommons.server.sites.models import AgreementText
from radcommons.server.sites.services import Signature

COUNTRY_CHOICES = [("", "Choose a country"), *COUNTRIES.items()]
MODALITIES = (
    ("CT", "CT"),
    ("XR", "Radiographs (CR, DX)"),
    ("US", "Ultrasound"),
    ("MR", "MR"),
    ("PT", "PET or SPECT"),
    ("SM", "Whole-slide pathology"),
    ("OT", "Other"),
)
VOLUMES = (
    ("unknown", "Not known yet"),
    ("<100", "Fewer than 100"),
    ("100-999", "100 to 999"),
    ("1000-9999", "1,000 to 9,999"),
    (">=10000", "10,000 or more"),
)
CLINICAL_DATA = (
    ("demographics", "Age and sex"),
    ("tests", "Test results (RT-PCR, antibodies)"),
    ("laboratory", "Laboratory values"),
    ("outcomes", "Outcomes (admission, intensive care, death)"),
    ("comorbidities", "Comorbidities"),
    ("reports", "Radiology reports"),
)
ANNOTATIONS = (
    ("none", "None, and none planned"),
    ("existing", "We have annotations and can share them"),
    ("willing", "None yet, but our radiologists would annotate"),
)
LEGAL_BASES = (
    ("unknown", "Not settled yet"),
    ("ethics-waiver", "Ethics committee approval with waiver of consent"),
    ("ethics-consent", "Ethics committee approval and informed consent"),
    ("law", "A law or public-health order permits it"),
    ("exempt", "Determined to be exempt: de-identified data only"),
)


class SurveyForm(forms.Form):
    """What an institution tells about itself; anybody may fill it in."""

    organisation = forms.CharField(max_length=200, label="Institution")
    country = forms.ChoiceField(choices=COUNTRY_CHOICES)
    contact_name = forms.CharField(max_length=200, label="Contact person")
    contact_role = forms.CharField(max_length=200, required=False, label="Their role")
    contact_email = forms.EmailField(
        label="Their e-mail address", help_text="Used to answer you, and for nothing else."
    )
    modalities = forms.MultipleChoiceField(
        choices=MODALITIES, widget=forms.CheckboxSelectMultiple, label="Which images could you contribute?"
    )
    studies_available = forms.ChoiceField(choices=VOLUMES, label="How many studies in all?")
    positive_studies = forms.ChoiceField(choices=VOLUMES, label="How many of them of subjects with the disease?")
    period = forms.CharField(
        max_length=200, required=False, label="From which period?", help_text="For example: March 2020 to June 2021."
    )
    clinical_data = forms.MultipleChoiceField(
        choices=CLINICAL_DATA,
        widget=forms.CheckboxSelectMultiple,
        required=False,
        label="Which other data could come with them?",
    )
    annotations = forms.ChoiceField(choices=ANNOTATIONS, label="Annotations by radiologists")
    legal_basis = forms.ChoiceField(choices=LEGAL_BASES, label="On which basis may you share?")
    legal_notes = forms.CharField(
        required=False, max_length=4000, widget=forms.Textarea, label="Anything about approvals we should know"
    )
    comments = forms.CharField(
        required=False,
        max_length=4000,
        widget=forms.Textarea,
        label="Anything else",
        help_text="Please do not write anything here that identifies a patient.",
    )
    # Programs that fill in every field betray themselves here; people never see it.
    website = forms.CharField(required=False, widget=forms.HiddenInput)

    @property
    def is_spam(self) -> bool:
        """Whether a program filled in the field that people do not see."""
        return bool(self.cleaned_data.get("website"))

    def answers(self) -> dict[str, object]:
        """The answers as the verb takes them, without the signs by which a text reads otherwise than it is written."""
        values = {name: value for name, value in self.cleaned_data.items() if name != "website"}
        return {name: rules.as_written(value) if isinstance(value, str) else value for name, value in values.items()}


class SiteForm(forms.Form):
    """A new site."""

    code = forms.CharField(
        max_length=32, help_text="Capital letters, digits and hyphens. It stands in every pseudonym."
    )
    name = forms.CharField(max_length=200)
    country = forms.ChoiceField(choices=COUNTRY_CHOICES)

    def clean_code(self) -> str:
        """The code, when it is written as it must be."""
        code = str(self.cleaned_data["code"]).strip().upper()
        if not rules.is_site_code(code):
            raise forms.ValidationError("Use 1 to 32 capital letters, digits and hyphens, for example ALPHA.")
        return code


class AgreementForm(forms.Form):
    """A signed agreement."""

    text = forms.ModelChoiceField(queryset=AgreementText.objects.all(), empty_label=None, label="Signed text")
    project = forms.CharField(max_length=64, initial="covid19", help_text="Small letters, digits and hyphens.")
    licence = forms.ChoiceField(choices=[(name, name) for name in rules.LICENCES], label="Licence granted")
    signatory_name = forms.CharField(max_length=200, label="Signed by")
    signatory_title = forms.CharField(max_length=200, label="Their title")
    signed_on = forms.DateField(
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"), initial=timezone.localdate
    )
    ends_on = forms.DateField(
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        label="Last day",
        help_text="Batches are accepted up to and including this day. Leave it empty for no end.",
    )

    def clean_project(self) -> str:
        """The project, when it is written as it must be."""
        project = str(self.cleaned_data["project"]).strip()
        if not rules.is_project(project):
            raise forms.ValidationError("Use small letters, digits and hyphens, for example covid19.")
        return project

    def clean(self) -> dict[str, object]:
        """The agreement must not end before it starts."""
        values: dict[str, object] = super().clean() or {}
        start, end = values.get("signed_on"), values.get("ends_on")
        if isinstance(start, date) and isinstance(end, date) and end < start:
            self.add_error("ends_on", "The last day lies before the day of signing.")
        return values

    def signature(self) -> Signature:
        """The signature as the verb takes it."""
        names = ("project", "signatory_name", "signatory_title", "signed_on", "licence", "ends_on")
        return Signature(**{name: self.cleaned_data[name] for name in names})


class KeyForm(forms.Form):
    """A new contributor key."""

    name = forms.CharField(max_length=100, label="Name of the sending machine")
