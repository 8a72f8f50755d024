"""Lists of a version for other programs."""

import hashlib
import io
import json
from dataclasses import replace

import duckdb
import idc_index_data
import pytest
from tests.support.published import RECALLED, SLUG, series_uid

from radcommons.server.access.indexes import bucket as bucket_module
from radcommons.server.access.indexes import idc
from radcommons.server.access.indexes.bucket import Bucket, bucket, path_part
from radcommons.server.access.nbia.manifests import read_manifest
from radcommons.server.platform.settings import settings


@pytest.fixture
def listed(ask):
    def get(name, status=200, version="1.1.0", slug=SLUG):
        response = ask.get(f"/files/releases/{slug}/{version}/lists/{name}")
        assert response.status_code == status, response.text
        return response

    return get


@pytest.fixture
def in_a_bucket(monkeypatch):
    """The same objects, as if they lay in a bucket: only addresses are looked at."""
    elsewhere = replace(settings(), objects_url="s3://images/centre/")
    monkeypatch.setattr(bucket_module, "settings", lambda: elsewhere)


def index(response, tmp_path):
    path = tmp_path / "index.parquet"
    path.write_bytes(response.content)
    return duckdb.read_parquet(str(path))


def test_the_index_has_the_columns_and_types_of_idc_index(listed, tmp_path):
    found = index(listed("idc_index.parquet"), tmp_path)
    theirs = duckdb.read_parquet(str(idc_index_data.IDC_INDEX_PARQUET_FILEPATH))
    assert found.columns == theirs.columns == list(idc.COLUMNS)
    assert [str(kind) for kind in found.types] == [str(kind) for kind in theirs.types]


def test_a_row_of_the_index_tells_what_its_series_holds(listed, tmp_path):
    found = index(listed("idc_index.parquet"), tmp_path)
    rows = {row[3]: dict(zip(found.columns, row, strict=True)) for row in found.fetchall()}
    assert len(rows) == 4
    one = rows[series_uid("one")]
    assert (one["collection_id"], one["PatientID"], one["PatientAge"]) == (SLUG, "S-one", "058Y")
    assert (one["StudyDate"], one["instanceCount"], one["license_short_name"]) == ("2020-04-12", 3, "CC BY 4.0")
    assert (one["sop_class_name"], one["transfer_syntax_name"]) == ("CT Image Storage", "Explicit VR Little Endian")
    assert (one["PhotometricInterpretation"], one["PixelRepresentation"]) == ("MONOCHROME2", "1")
    assert (one["series_init_idc_version"], one["series_revised_idc_version"]) == (1, 1)
    assert rows[series_uid("two")]["series_init_idc_version"] == 2
    assert one["series_size_MB"] > 0
    assert one["aws_bucket"] is one["series_aws_url"] is one["SeriesDescription"] is None


def test_equal_series_have_equal_identifiers_in_every_version(listed, tmp_path):
    def identifiers(version):
        found = index(listed("idc_index.parquet", version=version), tmp_path)
        return dict(found.project("SeriesInstanceUID, crdc_series_uuid").fetchall())

    first, second = identifiers("1.0.0"), identifiers("1.1.0")
    assert first[series_uid("one")] == second[series_uid("one")]
    assert len(set(second.values())) == 4


def test_manifests_of_series_are_read_back(listed):
    tcia, csv = listed("series.tcia"), listed("series.csv")
    assert tcia.headers["content-type"] == "application/x-nbia-manifest-file"
    assert read_manifest(tcia.text) == read_manifest(csv.text)
    assert len(read_manifest(csv.text)) == 4
    assert tcia.text.startswith(f"downloadServerUrl={settings().public_url}/nbia-download/servlet/DownloadServlet\n")


def test_a_gen3_manifest_names_every_file_by_its_drs_identifier(listed, ask, published):
    entries = json.load(io.BytesIO(listed("gen3.json").content))
    assert len(entries) == published.releases["1.1.0"].instances
    for entry in entries:
        found = ask.get(f"/ga4gh/drs/v1/objects/{entry['object_id']}").json()
        assert (found["size"], found["name"]) == (entry["file_size"], entry["file_name"])
        assert entry["commons_url"] in found["self_uri"]


def test_lists_of_a_bucket_are_refused_where_there_is_none(listed):
    for name in ("s5cmd.txt", "rclone.txt"):
        problem = listed(name, 409).json()
        assert problem["code"] == "access.objects-on-disk"
        assert "radcommons download" in problem["message"]


@pytest.mark.usefixtures("in_a_bucket")
def test_lists_of_a_bucket_name_every_file_once(listed, published):
    lines = [line for line in listed("s5cmd.txt").text.splitlines() if not line.startswith("#")]
    sources = [line.split(" ")[1] for line in lines]
    places = [line.split(" ")[2] for line in lines]
    assert len(set(sources)) == len(set(places)) == published.releases["1.1.0"].instances
    assert all(source.startswith("s3://images/centre/series/") for source in sources)
    assert all(place.startswith(f"{SLUG}/1.1.0/S-") and place.count("/") == 5 for place in places)
    keys = [line for line in listed("rclone.txt").text.splitlines() if not line.startswith("#")]
    assert {f"s3://images/{key}" for key in keys} == set(sources)


def kept():
    """The lists in the object store, with when each was written."""
    folder = settings().data_dir / "objects" / "lists"
    return {
        path.relative_to(folder).as_posix(): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()
    }


def test_a_list_is_written_once_and_asked_for_again(listed, ask):
    first = listed("series.csv", version="1.0.0")
    assert first.headers["cache-control"] == "public, no-cache"
    assert first.headers["etag"] == f'"{hashlib.sha256(first.content).hexdigest()}"'
    written = kept()
    assert len([name for name in written if name.startswith(f"{SLUG}/1.0.0/") and "series.csv" in name]) == 2
    assert listed("series.csv", version="1.0.0").content == first.content
    assert kept() == written
    address = f"/files/releases/{SLUG}/1.0.0/lists/series.csv"
    unchanged = ask.get(address, headers={"If-None-Match": first.headers["etag"]})
    assert (unchanged.status_code, unchanged.content) == (304, b"")


def test_there_is_no_list_of_another_name_or_of_what_was_withdrawn_and_none_is_written(listed):
    written = kept()
    assert listed("passwords.txt", 404).json()["code"] == "platform.not-found"
    gone = listed("series.csv", 410, version="1.0.0", slug=RECALLED).json()
    assert (gone["code"], "A subject withdrew consent." in gone["message"]) == ("releases.withdrawn", True)
    assert listed("series.csv", 404, version="9.0.0").json()["code"] == "platform.not-found"
    assert kept() == written
    assert not [name for name in written if RECALLED in name]


def test_a_part_of_a_path_is_safe_on_any_system():
    assert path_part("S-1_a.b") == "S-1_a.b"
    assert path_part('../a b"c\n') == ".._a_b_c_"
    assert path_part("..") == path_part("") == "_"
    assert len(path_part("x" * 500)) == 100


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("", None),
        ("gs://images/x", None),
        ("s3://images", Bucket("images", "")),
        ("s3://images/a/b/", Bucket("images", "a/b")),
    ],
)
def test_only_an_s3_address_is_a_bucket(monkeypatch, url, expected):
    elsewhere = replace(settings(), objects_url=url)
    monkeypatch.setattr(bucket_module, "settings", lambda: elsewhere)
    assert bucket() == expected
    assert Bucket("images", "").url("series/v/*") == "s3://images/series/v/*"
