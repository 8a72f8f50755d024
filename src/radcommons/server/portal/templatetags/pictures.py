"""Small pictures in lists: a thumbnail of fixed size, or a calm sign that says why there is none; links between objects."""

from collections.abc import Iterable, Mapping

from django import template
from django.templatetags.static import static
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from radcommons.server.portal.viewer.content import Reference
from radcommons.server.portal.viewer.kinds import Kind, kind_of_modality
from radcommons.server.portal.viewer.looking import Link

register = template.Library()

_LISTED = 40


@register.simple_tag
def kind_icon(kind: Kind) -> SafeString:
    """The symbol of a kind of series; the word belongs beside it."""
    return format_html(
        '<svg class="rc-kind" width="24" height="24" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        static("portal/kinds.svg"),
        kind.value,
    )


@register.simple_tag
def series_kind(modality: str, image_count: int = 1) -> SafeString:
    """Symbol and word for what a series holds."""
    kind = kind_of_modality(modality, has_images=bool(image_count))
    return format_html('<span class="rc-kind-word">{}{}</span>', kind_icon(kind), kind.word)


@register.simple_tag
def series_picture(
    root: str, study: str, series: str, modality: str, image_count: int = 1, *, alt: str = ""
) -> SafeString:
    """What stands for a series in a list: its middle image, or a sign of its kind.

    Parameters
    ----------
    root
        The scope, ``releases/<slug>/<version>`` for one.
    image_count
        How many of its objects have pixels.
    alt
        What the picture shows, where nothing beside it says so.
    """
    kind = kind_of_modality(modality, has_images=bool(image_count))
    if not series or not image_count or not kind.has_picture:
        return _sign(kind)
    return _picture(f"/dicom-web/{root}/studies/{study}/series/{series}/thumbnail", alt)


@register.simple_tag
def study_picture(root: str, study: str, modalities: Iterable[str] = (), alt: str = "") -> SafeString:
    """What stands for a study in a list: its middle image, or a sign of what it holds."""
    kinds = [kind_of_modality(modality) for modality in modalities]
    if kinds and not any(kind.has_picture for kind in kinds):
        return _sign(kinds[0])
    return _picture(f"/dicom-web/{root}/studies/{study}/thumbnail", alt)


@register.simple_tag
def study_sign(modalities: Iterable[str]) -> SafeString:
    """What stands for a study without any picture."""
    return _sign(next((kind_of_modality(modality, has_images=False) for modality in modalities), Kind.OTHER))


@register.simple_tag
def series_views(root: str, study: str, series: str, modality: str, frame_count: int) -> SafeString:
    """Links to the other ways of looking at a series: its contact sheet, played, its attributes."""
    address = f"/view/{root}/{study}/{series}/"
    wanted = [("header/", "Attributes")]
    if kind_of_modality(modality, has_images=bool(frame_count)) is Kind.IMAGES and frame_count > 1:
        wanted = [("sheet/", "Contact sheet"), ("?play=1", "Play"), *wanted]
    return format_html_join(" · ", '<a href="{}{}">{}</a>', ((address, path, word) for path, word in wanted))


@register.simple_tag
def reference_links(links: Mapping[str, Link], references: Iterable[Reference]) -> SafeString:
    """Links to referenced objects that this collection holds, and how many it does not."""
    wanted = list(references)
    held = [links[one.sop_instance_uid] for one in wanted if one.sop_instance_uid in links]
    absent, unlisted = len(wanted) - len(held), len(held[_LISTED:])
    parts = [format_html('<a href="{}">{}</a>', link.url, link.label) for link in held[:_LISTED]]
    if unlisted:
        parts.append(format_html("and {} more", unlisted))
    if absent:
        words = "an object" if absent == 1 else f"{absent} objects"
        parts.append(format_html('<span class="rc-quiet">{} outside this collection</span>', words))
    return format_html_join(", ", "{}", ((part,) for part in parts))


@register.simple_tag
def reference_picture(links: Mapping[str, Link], reference: Reference) -> SafeString:
    """A referenced object that the collection holds as a tile: its picture and a link."""
    link = links[reference.sop_instance_uid]
    return format_html(
        '<a class="rc-thumb" href="{}"><div class="rc-thumb-picture">{}</div>'
        '<div class="rc-thumb-caption"><span>{}</span></div></a>',
        link.url,
        _picture(link.picture, "") if link.picture else _sign(Kind.OTHER),
        link.label,
    )


def _picture(url: str, alt: str) -> SafeString:
    return format_html(
        '<img class="rc-thumb-image" width="256" height="256" loading="lazy" decoding="async" alt="{}" src="{}">',
        alt,
        url,
    )


def _sign(kind: Kind) -> SafeString:
    return format_html('<span class="rc-thumb-missing">{}<span>{}</span></span>', kind_icon(kind), kind.word)
