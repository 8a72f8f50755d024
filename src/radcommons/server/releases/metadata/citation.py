"""How to cite a release: one line for a reference list, CITATION.cff for software, BibTeX and RIS for reference managers."""

import orjson

from radcommons.server.releases.metadata.description import Description

_TEX = {
    **{character: f"\\{character}" for character in "&%$#_"},
    # BibTeX counts braces, those behind a backslash too.
    "{": r"\textbraceleft{}",
    "}": r"\textbraceright{}",
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
}


def citation_text(description: Description) -> str:
    """The reference in the form DataCite recommends: creators (year): title. version. publisher. type. address."""
    creators = "; ".join(description.creators)
    year = description.published_at.year
    return (
        f"{creators} ({year}): {description.title}. Version {description.version}. "
        f"{description.publisher}. Dataset. {description.address}"
    )


def citation_cff(description: Description) -> str:
    """``CITATION.cff`` 1.2.0; JSON strings are valid YAML scalars, so every value is quoted that way."""
    lines = [
        "cff-version: 1.2.0",
        "message: If you use these data, please cite them as below.",
        "type: dataset",
        f"title: {_quoted(description.title)}",
        f"version: {_quoted(description.version)}",
        f"date-released: {description.published_at.date().isoformat()}",
        f"license: {description.licence_id}",
        f"url: {_quoted(description.landing_url)}",
        "authors:",
        *(f"  - name: {_quoted(creator)}" for creator in description.creators),
    ]
    if description.doi:
        lines.append(f"doi: {_quoted(description.doi)}")
    return "\n".join(lines) + "\n"


def bibtex(description: Description) -> str:
    """A ``@dataset`` entry."""
    fields = {
        "author": " and ".join(f"{{{_plain(creator)}}}" for creator in description.creators),
        "title": f"{{{_plain(description.title)}}}",
        "version": description.version,
        "publisher": _plain(description.publisher),
        "year": str(description.published_at.year),
        "url": description.address,
    }
    if description.doi:
        fields["doi"] = description.doi
    body = ",\n".join(f"  {name} = {{{value}}}" for name, value in fields.items())
    return f"@dataset{{{description.slug}-{description.version},\n{body}\n}}\n"


def ris(description: Description) -> str:
    """An entry in RIS, as reference managers import it: a tag and a value a line."""
    lines = [
        ("TY", "DATA"),
        *(("AU", creator) for creator in description.creators),
        ("TI", description.title),
        ("ET", description.version),
        ("PB", description.publisher),
        ("PY", str(description.published_at.year)),
        ("DA", description.published_at.strftime("%Y/%m/%d")),
        *([("DO", description.doi)] if description.doi else []),
        ("UR", description.address),
        ("ER", ""),
    ]
    return "".join(f"{tag}  - {' '.join(value.split())}\r\n" for tag, value in lines)


def _quoted(text: str) -> str:
    return orjson.dumps(text).decode()


def _plain(text: str) -> str:
    """Text that TeX prints as it is, on one line."""
    return " ".join("".join(_TEX.get(character, character) for character in text).split())
