"""What the served pages share: head, navigation with what is left, the bar of progress, pages and the name that signs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from importlib import resources
from string import Template

from radcommons.edge.home import EdgeHome

_PACKAGE = "radcommons.edge.review"
_SCRIPTS = ("editor.js", "look.js", "overview.js", "talk.js", "views.js")
_STYLES = ("look.css", "overview.css", "style.css")
ASSETS = {**dict.fromkeys(_STYLES, "text/css"), **dict.fromkeys(_SCRIPTS, "text/javascript")}
"""What the pages load, and its type."""
_PAGES = {"start": ("/", "Where it stands"), "pictures": ("/pictures", "Pictures"), "texts": ("/texts", "Texts")}
_PAGES |= {"series": ("/all-series", "All series")}
NO_DEFAULT = "<button disabled hidden></button>"
"""First in a form of many decisions: Enter in a field, such as the name, then presses none of them."""
_COMMON_KEYS = {"U": "Take the last decision back", "?": "These keys"}


@dataclass(frozen=True, slots=True)
class Sitting:
    """What every page needs to know of the person before it.

    Parameters
    ----------
    home
        Whose pages.
    token
        The session's.
    by
        The name that was given last, so that nobody has to write it again.
    said
        What the last form did.
    content
        Digest of what lies in OUT now.
    """

    home: EdgeHome
    token: str
    by: str = ""
    said: str = ""
    content: str = ""

    def hidden(self, **values: str) -> str:
        """The hidden fields of a form."""
        return hidden_fields({"token": self.token, "content": self.content, **values})

    @property
    def name_field(self) -> str:
        """Where the person signs."""
        return (
            f'<label class="name">Your name<input name="by" required maxlength="120" autocomplete="name"'
            f' value="{escape(self.by)}"></label>'
        )

    @property
    def status(self) -> str:
        """What the last form did, told to whoever cannot see it too."""
        return f'<p id="said" role="status" aria-live="polite">{escape(self.said)}</p>'


def page_html(sitting: Sitting, *, name: str, title: str, main: str, keys: Mapping[str, str]) -> str:
    """One whole page."""
    links = (f'<a href="{address}"{_current(name == each)}>{words}</a>' for each, (address, words) in _PAGES.items())
    help_button = '<button type="button" id="help-button">Keys <kbd>?</kbd></button>'
    return Template(asset("layout.html")).substitute(
        title=escape(title),
        site=escape(sitting.home.site),
        project=escape(sitting.home.project),
        name=name,
        nav="".join(links) + help_button,
        main=main,
        keys="".join(
            f"<div><dt>{_keys(key)}</dt><dd>{escape(what)}</dd></div>" for key, what in {**keys, **_COMMON_KEYS}.items()
        ),
    )


def asset(name: str) -> str:
    """The text of a file that the pages load."""
    return (resources.files(_PACKAGE) / name).read_text("utf-8")


def progress_bar(done: int, total: int, *, noun: str, left: str = "") -> str:
    """How far somebody is, as words and as a bar."""
    if not total:
        return ""
    words = f"{done:,} of {total:,} {noun} decided" + (f", {left}" if left else "")
    return (
        f'<div class="progress"><progress value="{done}" max="{total}" aria-label="{noun} decided"></progress>'
        f"<span>{words}</span></div>"
    )


def filter_links(name: str, options: Iterable[tuple[str, str, str, int]], *, chosen: str) -> str:
    """One row of filters as (value, words, address, how many); the chosen one is said to be so."""
    links = "".join(
        f'<li><a href="{escape(address)}"{_current(value == chosen)}>{escape(words)} <span class="n">{number:,}</span></a></li>'
        for value, words, address, number in options
    )
    return f'<ul class="filters" aria-label="{escape(name)}">{links}</ul>'


def page_links(first: str, following: str, *, words: str) -> str:
    """The way to the first and to the next page; empty addresses are left out."""
    parts = [f"<span>{words}</span>"]
    if first:
        parts.append(f'<a href="{escape(first)}" rel="first">First page <kbd>P</kbd></a>')
    if following:
        parts.append(f'<a href="{escape(following)}" rel="next">Next page <kbd>N</kbd></a>')
    return f'<nav class="pages" aria-label="Pages of the list">{"".join(parts)}</nav>'


def counted(number: int, noun: str, plural: str = "") -> str:
    """A number with its noun."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {plural or noun + 's'}"


def hidden_fields(values: Mapping[str, str]) -> str:
    """Hidden fields of a form."""
    return "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in values.items()
    )


def _current(is_current: bool) -> str:  # noqa: FBT001 - one meaning
    return ' aria-current="page"' if is_current else ""


def _keys(words: str) -> str:
    return " ".join(f"<kbd>{escape(each)}</kbd>" for each in words.split())
