"""The records of a release, read by other people's software."""

import json
import re
from datetime import UTC, date, datetime

import mlcroissant
import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from datacite import schema45
from lxml import etree
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey
from tests.support.release_server import KEY, heading, release_rows

from radcommons.server.releases.folder import build
from radcommons.server.releases.metadata.citation import bibtex, citation_cff, citation_text, ris
from radcommons.server.releases.metadata.croissant import croissant, json_ld
from radcommons.server.releases.metadata.datacite import NAMESPACE, datacite, datacite_xml
from radcommons.server.releases.metadata.description import Description
from radcommons.transfer.release.attestation import PAYLOAD_TYPE


@pytest.fixture
def core(tmp_path):
    return build(tmp_path / "release", heading(), release_rows([b"one", b"two", b"three"]), KEY)


def described(core, **changes):
    values = {
        "slug": "chest-ct",
        "version": "1.0.0",
        "title": 'Chest "CT" <of> the tests & more',
        "description": "Nothing but random bytes.",
        "licence_id": "CC-BY-4.0",
        "creators": ("The test hospital", "Another one"),
        "publisher": "Test repository",
        "doi": "",
        "landing_url": "https://data.example.org/releases/chest-ct/1.0.0/",
        "files_url": "https://data.example.org/files/releases/chest-ct/1.0.0/",
        "published_at": datetime(2026, 11, 21, 12, 0, tzinfo=UTC),
        "counts": core.manifest.counts,
        "modalities": ("CR", "CT"),
        "root_hash": core.manifest.root_hash,
        "files": core.manifest.files,
        "parent": "0.9.0",
        "parent_url": "https://data.example.org/releases/chest-ct/0.9.0/",
        **changes,
    }
    return Description(**values)


def test_mlcroissant_loads_every_table_and_compares_its_digest(core, tmp_path):
    """The addresses are pointed at the folder; everything else is as published."""
    record = croissant(described(core))
    for file in record["distribution"]:
        file["contentUrl"] = file["@id"]
    path = tmp_path / "release" / "croissant.json"
    path.write_text(json.dumps(record))
    dataset = mlcroissant.Dataset(jsonld=path)
    assert not dataset.metadata.ctx.issues.errors
    assert not dataset.metadata.ctx.issues.warnings
    assert str(dataset.metadata.version) == "1.0.0"
    numbers = {name: len(list(dataset.records(name))) for name in ("subject", "study", "series", "instance")}
    assert numbers == {"subject": 2, "study": 2, "series": 2, "instance": 3}
    row = next(iter(dataset.records("series")))
    assert row["series/modality"] == b"CT"


def test_mlcroissant_refuses_a_changed_table(core, tmp_path):
    record = croissant(described(core))
    for file in record["distribution"]:
        file["contentUrl"] = file["@id"]
        if file["@id"] == "tables/study.parquet":
            file["sha256"] = "0" * 64
    path = tmp_path / "release" / "croissant.json"
    path.write_text(json.dumps(record))
    with pytest.raises(mlcroissant.GenerationError):
        list(mlcroissant.Dataset(jsonld=path).records("study"))


def test_the_published_croissant_record_validates_without_a_warning(core):
    dataset = mlcroissant.Dataset(jsonld=croissant(described(core)))
    assert not dataset.metadata.ctx.issues.errors
    assert not dataset.metadata.ctx.issues.warnings


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"doi": "10.1234/abcd"},
        {"parent": None, "parent_url": None, "description": ""},
        {"replaced_by": "1.1.0", "replaced_by_url": "https://data.example.org/releases/chest-ct/1.1.0/"},
        {"withdrawn_on": date(2026, 12, 1), "withdrawal_reason": "A name was found."},
    ],
)
def test_the_datacite_record_validates(core, changes):
    # 4.5 is the newest schema that the package has; the record uses nothing that came after it.
    record = datacite(described(core, **changes))
    assert list(schema45.validator.iter_errors(record)) == []
    assert list(schema45.validator.iter_errors({**record, "titles": []}))


def test_the_datacite_xml_says_the_same_in_the_order_of_the_schema(core):
    description = described(core, doi="10.1234/abcd", withdrawn_on=date(2026, 12, 1), withdrawal_reason="A name.")
    root = etree.fromstring(datacite_xml(description))
    names = [element.tag.removeprefix(f"{{{NAMESPACE}}}") for element in root]
    required = ["identifier", "creators", "titles", "publisher", "publicationYear", "resourceType"]
    assert names[:6] == required
    assert len(set(names)) == len(names)
    assert root.findtext(f".//{{{NAMESPACE}}}title") == description.title
    assert root.findtext(f"{{{NAMESPACE}}}identifier") == "10.1234/abcd"
    rights = root.find(f".//{{{NAMESPACE}}}rights")
    assert rights.attrib["rightsURI"] == "https://creativecommons.org/licenses/by/4.0/"


def test_without_a_doi_the_xml_says_that_it_is_to_come(core):
    root = etree.fromstring(datacite_xml(described(core)))
    assert root.findtext(f"{{{NAMESPACE}}}identifier") == "(:tba)"


def test_securesystemslib_verifies_the_signature(core):
    files = {entry.path: path for entry, path in core.files}
    envelope = Envelope.from_dict(json.loads(files["release.dsse.json"].read_bytes()))
    assert envelope.payload_type == PAYLOAD_TYPE
    accepted = envelope.verify([_key_of(KEY, envelope)], threshold=1)
    assert len(accepted) == 1
    statement = json.loads(envelope.payload)
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["subject"] == [{"name": "release.json", "digest": {"sha256": core.manifest_sha256}}]


def test_securesystemslib_refuses_another_key(core):
    files = {entry.path: path for entry, path in core.files}
    envelope = Envelope.from_dict(json.loads(files["release.dsse.json"].read_bytes()))
    with pytest.raises(Exception, match="signature"):
        envelope.verify([_key_of(Ed25519PrivateKey.generate(), envelope)], threshold=1)


def _key_of(private, envelope):
    raw = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
    return SSlibKey(next(iter(envelope.signatures)), "ed25519", "ed25519", {"public": raw})


def test_sha256sums_is_understood_by_sha256sum(core, tmp_path):
    lines = (tmp_path / "release" / "SHA256SUMS").read_text().splitlines()
    assert all(re.fullmatch(r"[0-9a-f]{64}  [A-Za-z0-9./_-]+", line) for line in lines)
    assert {line.split("  ")[1] for line in lines} >= {"tables/series.parquet", "DATASHEET.md", "CHANGELOG.md"}


def test_citation_cff_is_yaml_with_the_required_keys(core):
    document = yaml.safe_load(citation_cff(described(core, doi="10.1234/abcd")))
    assert document["cff-version"] == "1.2.0"
    assert document["type"] == "dataset"
    assert document["title"] == 'Chest "CT" <of> the tests & more'
    assert [author["name"] for author in document["authors"]] == ["The test hospital", "Another one"]
    assert document["doi"] == "10.1234/abcd"


def test_a_citation_names_version_year_and_address(core):
    text = citation_text(described(core, doi="10.1234/abcd"))
    assert text.startswith("The test hospital; Another one (2026):")
    assert "Version 1.0.0" in text
    assert text.endswith("https://doi.org/10.1234/abcd")
    assert bibtex(described(core)).startswith("@dataset{chest-ct-1.0.0,")
    sly = described(core, title="100 % {CT}\n\\input & more_#1", creators=("A_B",))
    entry = bibtex(sly)
    assert r"title = {{100 \% \textbraceleft{}CT\textbraceright{} \textbackslash{}input \& more\_\#1}}" in entry
    assert r"author = {{A\_B}}" in entry


def test_a_reference_manager_imports_the_citation(core):
    lines = ris(described(core, title="One\r\nER  - two", doi="10.1234/abc")).split("\r\n")
    assert lines[0] == "TY  - DATA"
    assert lines[-2:] == ["ER  - ", ""]
    assert "TI  - One ER - two" in lines
    assert "DO  - 10.1234/abc" in lines
    assert all(line[2:6] == "  - " for line in lines[:-1])


def test_the_landing_page_block_is_a_schema_org_dataset(core):
    block = json_ld(described(core))
    assert block["@context"] == "https://schema.org/"
    assert block["@type"] == "Dataset"
    assert {"name", "description", "license", "creator", "distribution", "datePublished"} <= set(block)
    assert len(block["name"]) <= 50
