"""Example pictures: written anew in a process with limits, named by digest, shown where a schema asks."""

import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image, PngImagePlugin
from tests.support.reading import browser, chest_schema, make_project, person
from tests.support.studies import OPERATOR

from radcommons.server.annotation.errors import ExampleInvalidError
from radcommons.server.annotation.models import ExamplePicture, LabelSchema
from radcommons.server.annotation.services import schemas
from radcommons.server.annotation.services.examples import LARGEST_BYTES, add_example
from radcommons.server.platform.errors import ForbiddenError
from radcommons.server.platform.policy import Role

pytestmark = pytest.mark.django_db
API = "/api/v1/annotation/examples"


def picture(size=(1500, 300), mode="L", kind="PNG", **options):
    """A picture as a file."""
    target = io.BytesIO()
    Image.new(mode, size, 120).save(target, kind, **options)
    return target.getvalue()


def test_what_is_shown_is_written_anew_without_a_word_of_the_file_and_kept_once():
    words = PngImagePlugin.PngInfo()
    words.add_text("Comment", "Mrs Planted")
    content = picture(pnginfo=words) + b"Mr Appended"
    row = add_example(content, actor=OPERATOR)
    assert Image.open(io.BytesIO(bytes(row.body))).size == (1024, 205)
    assert not [word for word in (b"Planted", b"Appended") if word in bytes(row.body)]
    assert add_example(content, actor=OPERATOR).pk == row.pk
    photograph = add_example(picture(mode="RGB", kind="JPEG", comment=b"Mrs Planted"), actor=OPERATOR)
    assert (photograph.media_type, b"Planted" in bytes(photograph.body)) == ("image/jpeg", False)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        picture()[:200],
        picture(kind="GIF"),
        b"\0" * (LARGEST_BYTES + 1),
    ],
    ids=["empty", "svg", "cut", "gif", "large"],
)
def test_what_is_no_picture_is_refused(content):
    with pytest.raises(ExampleInvalidError):
        add_example(content, actor=OPERATOR)


def test_a_picture_of_too_many_pixels_is_not_decoded():
    # 50 million pixels that take 6 kB in the file.
    with pytest.raises(ExampleInvalidError):
        add_example(picture((10_000, 5000), mode="1"), actor=OPERATOR)


def test_readers_see_pictures_and_only_managers_add_them(tmp_path):
    make_project(tmp_path, studies=1, readers=("anna",))
    person("mara", Role.PROJECT_MANAGER)
    added = browser("mara").post(API, picture(), content_type="image/png")
    assert added.status_code == 201
    shown = browser("anna").get(f"{API}/{added.json()['sha256']}")
    assert (shown.status_code, shown["Content-Type"], shown["X-Content-Type-Options"]) == (200, "image/png", "nosniff")
    assert browser("anna").get(f"{API}/{'0' * 64}").status_code == 404
    assert browser("anna").post(API, picture(), content_type="image/png").status_code == 403
    assert browser("mara").post(API, b"no picture", content_type="image/png").status_code == 422
    with pytest.raises(ForbiddenError):
        add_example(picture(), actor=person("anna"))


def test_the_editor_keeps_a_picture_with_its_label_and_carries_it_into_the_next_version():
    person("mara", Role.PROJECT_MANAGER)
    schemas.add_schema(chest_schema(), actor=OPERATOR)
    mara = browser("mara")
    page = mara.get("/annotation/schemas/edit/?name=chest")
    forms = page.context["labels"]
    fields = {f"label-{name}": value for name, value in forms.management_form.initial.items()}
    fields |= {"name": "chest", "title": "Chest", "description": "", "modalities": "", "begun_from": 1}
    for form in forms.initial_forms:
        fields |= {form.add_prefix(name): value for name, value in form.initial.items() if value not in (None, False)}
    upload = SimpleUploadedFile("typical.png", picture(), content_type="image/png")
    sent = {**fields, "label-0-picture": upload, "label-0-caption": "Peripheral opacities"}
    preview = mara.post("/annotation/schemas/edit/", sent, headers={"HX-Request": "true"})
    assert (preview.status_code, ExamplePicture.objects.count()) == (200, 0)
    upload.seek(0)
    assert mara.post("/annotation/schemas/edit/", sent).status_code == 302
    row, kept = LabelSchema.objects.get(name="chest", version=2), ExamplePicture.objects.get()
    label = row.definition["groups"][0]["labels"][0]
    assert label["examples"] == [{"sha256": kept.sha256, "caption": "Peripheral opacities"}]
    shown = mara.get("/annotation/schemas/chest/2/").content.decode()
    assert f'src="{API}/{kept.sha256}" alt="Peripheral opacities"' in shown
    again = mara.get("/annotation/schemas/edit/?name=chest").context["labels"].initial_forms[0]
    assert again.initial["examples"] == f"{kept.sha256} | Peripheral opacities"
