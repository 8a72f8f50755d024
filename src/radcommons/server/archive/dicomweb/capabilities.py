"""What this root can do, for machines (PS3.18 8.9): the description in WADL."""

from xml.sax.saxutils import quoteattr

from radcommons.server.archive.dicomweb.sending import Answer

WADL = "application/vnd.sun.wadl+xml"
_JSON = "application/dicom+json"
_XML = "multipart/related; type=application/dicom+xml"
_DICOM = "multipart/related; type=application/dicom"
_OCTETS = "multipart/related; type=application/octet-stream"
_SEARCH = ("limit", "offset", "includefield", "fuzzymatching")
_PICTURE = ("annotation", "window", "viewport", "quality")
_STUDY, _SERIES, _INSTANCE = "studies/{study}", "studies/{study}/series/{series}", (
    "studies/{study}/series/{series}/instances/{instance}"
)  # fmt: skip
_RESOURCES: tuple[tuple[str, str, tuple[str, ...], tuple[str, ...]], ...] = (
    *((path, "SearchTransaction", (_JSON, _XML), _SEARCH) for path in (
        "studies", "series", "instances", f"{_STUDY}/series", f"{_STUDY}/instances", f"{_SERIES}/instances")),
    *((path, "RetrieveTransaction", (_DICOM,), ()) for path in (_STUDY, _SERIES, _INSTANCE)),
    *((f"{path}/metadata", "RetrieveTransaction", (_JSON, _XML), ()) for path in (_STUDY, _SERIES, _INSTANCE)),
    (f"{_INSTANCE}/frames/{{frames}}", "RetrieveTransaction", (_OCTETS,), ()),
    (f"{_INSTANCE}/bulkdata/{{bulkdata}}", "RetrieveTransaction", (_OCTETS,), ()),
    *((f"{path}/{kind}", "RetrieveTransaction", (_OCTETS,), ()) for path in (_STUDY, _SERIES, _INSTANCE) for kind in (
        "bulkdata", "pixeldata")),
    *((f"{path}/rendered", "RetrieveTransaction", ("image/jpeg", "image/png"), _PICTURE) for path in (
        _STUDY, _SERIES, _INSTANCE, f"{_INSTANCE}/frames/{{frames}}")),
    *((f"{path}/thumbnail", "RetrieveTransaction", ("image/jpeg",), ("viewport",)) for path in (
        _STUDY, _SERIES, _INSTANCE, f"{_INSTANCE}/frames/{{frames}}")),
)  # fmt: skip


def describe(root: str) -> Answer:
    """The description of a root where images are read."""
    return Answer(description(root), media_type=WADL, headers={"Cache-Control": "public, max-age=3600"})


def description(root: str, *, may_store: bool = False) -> bytes:
    """The description of a root.

    Parameters
    ----------
    root
        Its absolute address.
    may_store
        Whether instances can be stored there.
    """
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<application xmlns="http://wadl.dev.java.net/2009/02">',
        f"  <resources base={quoteattr(root.rstrip('/') + '/')}>",
        *(line for resource in _RESOURCES for line in _resource(*resource)),
        *(line for path in ("studies", _STUDY) if may_store for line in _storing(path)),
        "  </resources>",
        "</application>",
        "",
    ]
    return "\n".join(lines).encode()


def _storing(path: str) -> list[str]:
    return [
        f'    <resource path="{path}">',
        '      <method name="POST" id="StoreTransaction">',
        "        <request>",
        *(f'          <representation mediaType="{media_type}"/>' for media_type in (_DICOM, "application/dicom")),
        "        </request>",
        '        <response status="200 202 409">',
        *(f'          <representation mediaType="{media_type}"/>' for media_type in (_JSON, "application/dicom+xml")),
        "        </response>",
        "      </method>",
        "    </resource>",
    ]


def _resource(path: str, method: str, media_types: tuple[str, ...], parameters: tuple[str, ...]) -> list[str]:
    asked = [f'          <param name="{name}" style="query"/>' for name in parameters]
    sent = [f'          <representation mediaType="{media_type}"/>' for media_type in media_types]
    return [
        f'    <resource path="{path}">',
        f'      <method name="GET" id="{method}">',
        *(["        <request>", *asked, "        </request>"] if asked else []),
        '        <response status="200">',
        *sent,
        "        </response>",
        "      </method>",
        "    </resource>",
    ]
