"""Forms of the portal's own pages."""

from django import forms
from django.contrib.auth.validators import UnicodeUsernameValidator

from radcommons.server.platform.policy import Role
from radcommons.server.sites.models import Site

ROLE_TEXTS = {
    Role.ADMINISTRATOR: "Administrator: accounts, sites, audit",
    Role.SITE_COORDINATOR: "Site coordinator: one site's batches, keys and studies",
    Role.CURATOR: "Curator: looks at every study and decides",
    Role.RELEASE_MANAGER: "Release manager: cohorts and releases",
    Role.READER: "Reader: blinded reads",
    Role.ADJUDICATOR: "Adjudicator: decides where readers disagree",
    Role.PROJECT_MANAGER: "Project manager: label schemas and reading projects",
    Role.RESEARCHER: "Researcher: tokens and downloads",
}


class RoleForm(forms.Form):
    """A role, with the site that a coordinator's role is for."""

    role = forms.ChoiceField(label="Role", choices=[(role.value, text) for role, text in ROLE_TEXTS.items()])
    site_code = forms.ChoiceField(label="Site", required=False, help_text="Only for a site coordinator.")

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        codes = Site.objects.order_by("code").values_list("code", "name")
        choices = [("", "no site"), *((code, f"{code} – {name}") for code, name in codes)]
        self.fields["site_code"].choices = choices  # type: ignore[attr-defined]


class InvitationForm(RoleForm):
    """A new account."""

    field_order = ["username", "email", "role", "site_code"]
    username = forms.CharField(
        label="User name",
        max_length=150,
        validators=[UnicodeUsernameValidator()],
        help_text="Letters, digits and @ . + - _ only. It stands in the audit log for ever.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    email = forms.EmailField(label="E-mail", required=False)


class SetupForm(forms.Form):
    """A password, chosen by the person who holds a one-time link."""

    password = forms.CharField(
        label="Password",
        help_text="At least 12 characters. Four or five unrelated words do well.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    repeated = forms.CharField(
        label="The same password again", widget=forms.PasswordInput(attrs={"autocomplete": "new-password"})
    )

    def clean_repeated(self) -> str:
        """Demand the same password twice."""
        repeated: str = self.cleaned_data["repeated"]
        if repeated != self.cleaned_data.get("password"):
            raise forms.ValidationError("The two passwords differ.")
        return repeated


class FirstAdministratorForm(SetupForm):
    """The first account of a repository."""

    field_order = ["username", "password", "repeated"]
    username = forms.CharField(
        label="User name",
        max_length=150,
        validators=[UnicodeUsernameValidator()],
        widget=forms.TextInput(attrs={"autocomplete": "username"}),
    )


class TokenForm(forms.Form):
    """What a new token will be used for."""

    name = forms.CharField(label="What is it for?", max_length=100, help_text="For example: notebook on my laptop.")


_NO_DATE = {"invalid": "This is no date. Write it as 2026-01-31."}


class AuditFilterForm(forms.Form):
    """Which events the audit page shows; all of it stands in the address."""

    actor = forms.CharField(label="Who", required=False)
    action = forms.CharField(label="What", required=False)
    object_id = forms.CharField(label="Concerning", required=False)
    since = forms.DateField(label="From", required=False, error_messages=_NO_DATE)
    until = forms.DateField(label="To", required=False, error_messages=_NO_DATE)
