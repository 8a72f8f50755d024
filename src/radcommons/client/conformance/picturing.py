"""Checks of frames, rendered pictures and thumbnails (WADO-RS, PS3.18 10.4.1.1.3, 10.4.1.1.4, 10.4.1.1.6)."""

import io
from urllib.parse import quote

from PIL import Image, UnidentifiedImageError

from radcommons.client.conformance.answers import Answer, first_of
from radcommons.client.conformance.checks import CheckFailedError, check, expect, need
from radcommons.client.conformance.sample import Sample

OCTETS = "application/octet-stream"
STORED = f'multipart/related; type="{OCTETS}"; transfer-syntax=*'
PLAIN = f'multipart/related; type="{OCTETS}"'
_HTJ2K = "1.2.840.10008.1.2.4.201"
_JPEG_LS = "1.2.840.10008.1.2.4.80"


def _frame(sample: Sample, accept: str | None = STORED, numbers: str = "1") -> Answer:
    return sample.server.ask(f"{sample.image.path}/frames/{numbers}", accept=accept)


def picture(answer: Answer) -> Image.Image:
    """The body as a picture.

    Raises
    ------
    CheckFailedError
        When it is none.
    """
    try:
        opened = Image.open(io.BytesIO(answer.body))
        opened.load()
    except (UnidentifiedImageError, OSError) as error:
        raise CheckFailedError("the body is no picture") from error
    return opened


@check("frames.stored", "10.4.1.1.6", "A frame is sent as it is stored")
def _(sample: Sample) -> None:
    answer = _frame(sample).must_be(200, "multipart/related")
    expect(len(answer.parts) == 1 and answer.parts[0].body, "not one part with a frame")


@check("frames.plain", "8.7.3.5.2", "A frame is sent as plain pixels without naming a transfer syntax")
def _(sample: Sample) -> None:
    (part,) = _frame(sample, PLAIN).must_be(200).parts
    expect(len(part.body) >= _frame_length(sample), "fewer bytes than the frame has")


def _frame_length(sample: Sample) -> int:
    dataset = sample.stored
    return int(dataset.Rows * dataset.Columns * dataset.get("SamplesPerPixel", 1) * dataset.BitsAllocated // 8)


@check("frames.same-as-file", "10.4.1.1.6", "The bytes of a frame are those of the file")
def _(sample: Sample) -> None:
    need(not sample.stored.file_meta.TransferSyntaxUID.is_compressed, "the image is compressed")
    (part,) = _frame(sample, PLAIN).must_be(200).parts
    length = _frame_length(sample)
    expect(part.body[:length] == sample.stored.PixelData[:length], "other bytes")


@check("frames.any-type", "8.7.3", "Any type of part is accepted for a frame")
def _(sample: Sample) -> None:
    _frame(sample, 'multipart/related; type="*/*"').must_be(200, "multipart/related")


@check("frames.unquoted", "8.7.3", "Parameters of Accept may stand without quotation marks")
def _(sample: Sample) -> None:
    _frame(sample, f"multipart/related; type={OCTETS}; transfer-syntax=*").must_be(200)


@check("frames.default", "8.7.3.2", "Without Accept a frame is sent")
def _(sample: Sample) -> None:
    _frame(sample, None).must_be(200)


@check("frames.single", "8.7.3", "One frame is sent as one body when asked for", is_optional=True)
def _(sample: Sample) -> None:
    answer = _frame(sample, OCTETS).must_be(200, OCTETS)
    expect(len(answer.body) >= _frame_length(sample), "fewer bytes than the frame has")


@check("frames.several", "10.4.1.1.6", "Several frames come in the order asked for")
def _(sample: Sample) -> None:
    path = sample.multiframe.path
    both = sample.server.ask(f"{path}/frames/1,2", accept=STORED).must_be(200).parts
    second = sample.server.ask(f"{path}/frames/2", accept=STORED).must_be(200).parts
    expect(len(both) == 2, f"{len(both)} parts")  # noqa: PLR2004
    expect(both[1].body == second[0].body, "the second part is not the second frame")


@check("frames.zero", "10.4.1.1.6", "Frames are counted from 1")
def _(sample: Sample) -> None:
    expect(_frame(sample, numbers="0").status in {400, 404}, "a frame 0 is sent")


@check("frames.beyond", "10.4.1.1.6", "A frame that is not there answers 404 (or 400)")
def _(sample: Sample) -> None:
    expect(_frame(sample, numbers=str(sample.image.number_of_frames + 1)).status in {400, 404}, "a frame is sent")


@check("frames.malformed", "10.4.1.1.6", "A list of frames that is none answers 400 or 404")
def _(sample: Sample) -> None:
    expect(_frame(sample, numbers="one").status in {400, 404}, "a frame is sent")


def _transcoded(sample: Sample, syntax: str, media_type: str) -> None:
    answer = _frame(sample, f'multipart/related; type="{media_type}"; transfer-syntax={syntax}')
    expect(answer.status in {200, 406}, f"status {answer.status}")
    if answer.status == 200:  # noqa: PLR2004
        named = answer.parts[0].headers.get("content-type", "")
        expect(named.startswith(media_type), f"a part of type {named.split(';')[0]}")


@check("frames.htj2k", "8.7.3.3.2", "HTJ2K is given when asked for, or refused with 406")
def _(sample: Sample) -> None:
    _transcoded(sample, _HTJ2K, "image/jphc")


@check("frames.jpeg-ls", "8.7.3.3.2", "JPEG-LS is given when asked for, or refused with 406")
def _(sample: Sample) -> None:
    _transcoded(sample, _JPEG_LS, "image/jls")


@check("frames.refused", "8.7.5", "A frame in a type that cannot be given is refused with 406")
def _(sample: Sample) -> None:
    _frame(sample, "text/plain").must_be(406)


def _rendered(sample: Sample, query: str = "", accept: str | None = "image/jpeg") -> Answer:
    return sample.server.ask(f"{sample.image.path}/rendered{query}", accept=accept)


@check("rendered.jpeg", "10.4.1.1.3", "An instance is rendered as JPEG")
def _(sample: Sample) -> None:
    expect(picture(_rendered(sample).must_be(200, "image/jpeg")).format == "JPEG", "no JPEG")


@check("rendered.default", "8.7.4", "Without Accept a picture is sent")
def _(sample: Sample) -> None:
    picture(_rendered(sample, accept=None).must_be(200))


@check("rendered.png", "8.7.4", "An instance is rendered as PNG")
def _(sample: Sample) -> None:
    expect(picture(_rendered(sample, accept="image/png").must_be(200, "image/png")).format == "PNG", "no PNG")


@check("rendered.gif", "8.7.4", "GIF is given when asked for, or refused with 406")
def _(sample: Sample) -> None:
    expect(_rendered(sample, accept="image/gif").status in {200, 406}, "neither")


@check("rendered.refused", "8.7.5", "A picture in a type that cannot be given is refused with 406")
def _(sample: Sample) -> None:
    _rendered(sample, accept="image/foo").must_be(406)


@check("rendered.size", "10.4.1.1.3", "The picture has the size of the image")
def _(sample: Sample) -> None:
    wanted = (int(first_of(sample.image.instance, "00280011")), int(first_of(sample.image.instance, "00280010")))
    need(max(wanted) <= 4096, "the image is very large")  # noqa: PLR2004
    expect(picture(_rendered(sample).must_be(200)).size == wanted, "another size")


@check("rendered.viewport", "8.3.5.1.3", "viewport bounds the size of the picture")
def _(sample: Sample) -> None:
    width, height = picture(_rendered(sample, "?viewport=64,64").must_be(200)).size
    expect(max(width, height) <= 64, f"{width} × {height}")  # noqa: PLR2004


@check("rendered.viewport-invalid", "8.3.5.1.3", "A viewport that is none is refused")
def _(sample: Sample) -> None:
    _rendered(sample, "?viewport=wide").must_be(400)


def _cropped(sample: Sample, part: str) -> Image.Image:
    return picture(_rendered(sample, f"?viewport=64,64,{part}", accept="image/png").must_be(200)).convert("L")


@check("rendered.viewport-part", "8.3.5.1.3", "viewport shows a part of the image")
def _(sample: Sample) -> None:
    width, height = (int(first_of(sample.image.instance, tag)) for tag in ("00280011", "00280010"))
    need(width >= 8 and height >= 8, "the image is very small")  # noqa: PLR2004
    whole = picture(_rendered(sample, accept="image/png").must_be(200)).convert("L")
    part = _cropped(sample, f"0,0,{width // 2},{height // 2}")
    expect(part.size != whole.size or part.tobytes() != whole.tobytes(), "the whole image")


@check("rendered.viewport-mirrored", "8.3.5.1.3", "A negative width of viewport mirrors the image", is_optional=True)
def _(sample: Sample) -> None:
    width, height = (int(first_of(sample.image.instance, tag)) for tag in ("00280011", "00280010"))
    plain, mirrored = _cropped(sample, f"0,0,{width},{height}"), _cropped(sample, f"0,0,-{width},{height}")
    expect(mirrored.tobytes() == plain.transpose(Image.Transpose.FLIP_LEFT_RIGHT).tobytes(), "not mirrored")


@check("rendered.annotation", "8.3.5.1.1", "annotation writes into the picture, or a Warning says that it did not")
def _(sample: Sample) -> None:
    need(int(first_of(sample.image.instance, "00280011") or 0) >= 64, "the image is very small")  # noqa: PLR2004
    plain = _rendered(sample, accept="image/png").must_be(200)
    written = _rendered(sample, "?annotation=patient,technique", accept="image/png").must_be(200)
    expect(written.body != plain.body or "warning" in written.headers, "the same picture, and no Warning")


@check("rendered.window", "8.3.5.1.4", "window changes the picture")
def _(sample: Sample) -> None:
    need(int(first_of(sample.image.instance, "00280100") or 8) > 8, "the image has 8 bits")  # noqa: PLR2004
    dark = _rendered(sample, "?window=100000,10,linear").must_be(200)
    light = _rendered(sample, "?window=-100000,10,linear").must_be(200)
    expect(picture(dark).convert("L").getextrema() != picture(light).convert("L").getextrema(), "the same picture")


@check("rendered.window-invalid", "8.3.5.1.4", "A window that is none is refused")
def _(sample: Sample) -> None:
    _rendered(sample, "?window=bright").must_be(400)


@check("rendered.quality", "8.3.5.1.2", "quality changes the size of a JPEG")
def _(sample: Sample) -> None:
    low, high = _rendered(sample, "?quality=5").must_be(200), _rendered(sample, "?quality=95").must_be(200)
    expect(len(low.body) < len(high.body), "a low quality is no smaller")


@check("rendered.quality-invalid", "8.3.5.1.2", "A quality that is none is refused")
def _(sample: Sample) -> None:
    _rendered(sample, "?quality=best").must_be(400)


@check("rendered.frame", "10.4.1.1.3", "A frame is rendered")
def _(sample: Sample) -> None:
    picture(sample.server.ask(f"{sample.image.path}/frames/1/rendered", accept="image/jpeg").must_be(200))


@check("rendered.frame-beyond", "10.4.1.1.3", "A frame that is not there is not rendered")
def _(sample: Sample) -> None:
    path = f"{sample.image.path}/frames/{sample.image.number_of_frames + 1}/rendered"
    expect(sample.server.ask(path, accept="image/jpeg").status in {400, 404}, "a picture is sent")


@check("rendered.series", "10.4.1.1.3", "A series is rendered", is_optional=True)
def _(sample: Sample) -> None:
    sample.server.ask(f"{sample.image.series_path}/rendered", accept="image/jpeg, multipart/related").must_be(200)


@check("rendered.study", "10.4.1.1.3", "A study is rendered", is_optional=True)
def _(sample: Sample) -> None:
    sample.server.ask(f"{sample.image.study_path}/rendered", accept="image/jpeg, multipart/related").must_be(200)


def _thumbnail(sample: Sample, path: str) -> None:
    picture(sample.server.ask(f"{path}/thumbnail", accept="image/jpeg").must_be(200))


@check("thumbnail.instance", "10.4.1.1.4", "An instance has a thumbnail", is_optional=True)
def _(sample: Sample) -> None:
    _thumbnail(sample, sample.image.path)


@check("thumbnail.series", "10.4.1.1.4", "A series has a thumbnail", is_optional=True)
def _(sample: Sample) -> None:
    _thumbnail(sample, sample.image.series_path)


@check("thumbnail.study", "10.4.1.1.4", "A study has a thumbnail", is_optional=True)
def _(sample: Sample) -> None:
    _thumbnail(sample, sample.image.study_path)


@check("thumbnail.frame", "10.4.1.1.4", "A frame has a thumbnail", is_optional=True)
def _(sample: Sample) -> None:
    _thumbnail(sample, f"{sample.image.path}/frames/1")


@check("thumbnail.viewport", "10.4.1.2", "viewport bounds the size of a thumbnail", is_optional=True)
def _(sample: Sample) -> None:
    shown = picture(
        sample.server.ask(f"{sample.image.path}/thumbnail?viewport=24,24", accept="image/jpeg").must_be(200)
    )
    expect(max(shown.size) <= 24, f"the picture has {shown.width} × {shown.height} pixels")  # noqa: PLR2004


@check("uri.retrieve", "9.4", "The URI service gives an instance", is_optional=True)
def _(sample: Sample) -> None:
    answer = sample.server.ask(_uri(sample, "application/dicom"), accept="*/*").must_be(200)
    expect(answer.dataset.SOPInstanceUID == sample.stored.SOPInstanceUID, "another instance")


@check("uri.rendered", "9.5", "The URI service gives a picture", is_optional=True)
def _(sample: Sample) -> None:
    picture(sample.server.ask(_uri(sample, "image/jpeg"), accept="*/*").must_be(200))


def _uri(sample: Sample, content_type: str) -> str:
    image = sample.stored
    return (
        f"?requestType=WADO&studyUID={image.StudyInstanceUID}&seriesUID={image.SeriesInstanceUID}"
        f"&objectUID={image.SOPInstanceUID}&contentType={quote(content_type, safe='')}"
    )
