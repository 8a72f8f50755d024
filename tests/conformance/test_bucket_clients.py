"""Programs that read the bucket itself or take lists: s5cmd, rclone, idc-index, aria2, sha256sum, and this house's own client."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import duckdb
import httpx
import idc_index.index
import obstore
import pandas as pd
import pytest
from click.testing import CliRunner
from tests.support import seaweed
from tests.support.releases import publish

from radcommons.client.commands import download
from radcommons.client.list_commands import manifest

S5CMD = Path(sys.executable).with_name("s5cmd")


@pytest.fixture
def release(s3_objects, live_server_url, tmp_path):
    """A published version whose objects lie in a real bucket."""
    return publish(tmp_path / "source")


@pytest.fixture
def listed(release, live_server_url, tmp_path):
    def get(name):
        answer = httpx.get(f"{live_server_url}/files/releases/{release.slug}/{release.version}/lists/{name}")
        assert answer.status_code == 200, answer.text
        path = tmp_path / name
        path.write_bytes(answer.content)
        return path

    return get


@pytest.fixture
def digests(release):
    return sorted(release.members.values_list("instance__sha256", flat=True))


def of_files(folder):
    return sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*.dcm"))


@pytest.fixture
def endpoint(s3_objects):
    """Where the S3 store answers."""
    return parse_qs(urlsplit(os.environ["RADCOMMONS_OBJECTS_URL"]).query)["endpoint"][0]


def s5cmd(endpoint, folder, *arguments):
    folder.mkdir()
    subprocess.run([S5CMD, "--endpoint-url", endpoint, *arguments], cwd=folder, check=True, capture_output=True)


def test_s5cmd_runs_the_list_of_a_version(listed, digests, endpoint, tmp_path):
    s5cmd(endpoint, tmp_path / "copy", "run", str(listed("s5cmd.txt")))
    assert of_files(tmp_path / "copy") == digests


def test_the_index_leads_s5cmd_to_each_series_as_idc_index_does(listed, digests, endpoint, tmp_path):
    rows = duckdb.read_parquet(str(listed("idc_index.parquet")))
    chosen = rows.filter("Modality = 'CT'").project("series_aws_url, SeriesInstanceUID, instanceCount").fetchall()
    commands = tmp_path / "manifest.s5cmd"
    commands.write_text("".join(f"cp {url} {series}/\n" for url, series, _ in chosen))
    s5cmd(endpoint, tmp_path / "copy", "run", str(commands))
    assert of_files(tmp_path / "copy") == digests
    for _, series, count in chosen:
        assert len(list((tmp_path / "copy" / series).glob("*.dcm"))) == count


def test_rclone_copies_what_the_list_of_a_version_names_and_finds_nothing_to_do_again(
    listed, digests, endpoint, monkeypatch, tmp_path
):
    for name, value in {"TYPE": "s3", "PROVIDER": "Other", "ENDPOINT": endpoint, "ENV_AUTH": "true"}.items():
        monkeypatch.setenv(f"RCLONE_CONFIG_STORE_{name}", value)
    monkeypatch.setenv("RCLONE_CONFIG", str(tmp_path / "rclone.conf"))
    # Debian's rclone stops where a bundle of certificates is set.
    monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)
    wanted = listed("rclone.txt")
    first, copy = wanted.read_text().splitlines()[0].split(), tmp_path / "copy"
    # What the list says of itself is the command, word by word.
    known = {"FILE": str(wanted), f"REMOTE:{seaweed.BUCKET}": f"store:{seaweed.BUCKET}", "FOLDER": str(copy)}
    command = [known.get(word, word) for word in first[1:]]
    subprocess.run(command, check=True, capture_output=True)
    assert of_files(copy) == digests
    again = subprocess.run([*command, "--stats-one-line", "-v"], check=True, capture_output=True, text=True)
    assert "Copied (new)" not in again.stderr
    assert (
        subprocess.run(["rclone", "check", "--one-way", *command[2:]], check=False, capture_output=True).returncode == 0
    )


def test_idc_indexs_own_client_is_led_by_the_index_of_a_version(listed, digests, endpoint, monkeypatch, tmp_path):
    path = str(listed("idc_index.parquet"))
    for name in ("IDC_INDEX_PARQUET_FILEPATH", "PRIOR_VERSIONS_INDEX_PARQUET_FILEPATH"):
        monkeypatch.setattr(idc_index.index.idc_index_data, name, path)
    monkeypatch.setattr(idc_index.index, "aws_endpoint_url", endpoint)
    in_public_bucket(path, digests, endpoint)
    client = idc_index.index.IDCClient()
    client.index["series_aws_url"] = client.index["series_aws_url"].str.replace(
        seaweed.BUCKET, seaweed.PUBLIC_BUCKET, n=1
    )
    # The line of docs/guides/existing-clients.md: IDC's series lie at the top of its buckets, ours in a folder.
    client.index[["aws_bucket", "crdc_series_uuid"]] = client.index["series_aws_url"].str.extract(r"s3://(.+)/(.+)/\*")
    assert client.get_collections() == ["chest-ct"]
    assert client.get_patients("chest-ct", outputFormat="list") == ["S-one", "S-two"]
    (one, *_) = client.index["SeriesInstanceUID"]
    assert len(client.get_series_file_URLs(one)) == 2
    for folder, selection in {"all": {"collection_id": "chest-ct"}, "one": {"seriesInstanceUID": [one]}}.items():
        (tmp_path / folder).mkdir()
        client.download_from_selection(downloadDir=str(tmp_path / folder), show_progress_bar=False, **selection)
    assert of_files(tmp_path / "all") == digests
    assert len(of_files(tmp_path / "one")) == 2


def in_public_bucket(index, digests, endpoint):
    """The same objects where nobody needs a key, for IDC's client knows public buckets only."""
    bucket = seaweed.bucket_at(endpoint)
    public = seaweed.bucket_at(endpoint, seaweed.PUBLIC_BUCKET)
    for url in pd.read_parquet(index)["series_aws_url"]:
        prefix = url.removeprefix(f"s3://{seaweed.BUCKET}/").removesuffix("/*")
        for page in obstore.list(bucket, prefix):
            for entry in page:
                obstore.put(public, entry["path"], bytes(obstore.get(bucket, entry["path"]).bytes()))


def test_aria2_and_sha256sum_take_the_lists_of_a_selection(release, live_server_url, digests, tmp_path):
    arguments = [f"{release.slug}@{release.version}", "--from", live_server_url]
    for kind in ("aria2", "sha256sums"):
        done = CliRunner().invoke(manifest, [*arguments, "--for", kind, "-o", str(tmp_path / kind)])
        assert done.exit_code == 0, done.output
    copy = tmp_path / "copy"
    subprocess.run(
        ["aria2c", "--no-conf", "-q", "-d", str(copy), "-i", str(tmp_path / "aria2")], check=True, capture_output=True
    )
    assert of_files(copy) == digests
    check = ["sha256sum", "--check", "--strict", "--quiet", str(tmp_path / "sha256sums")]
    subprocess.run(check, cwd=copy, check=True, capture_output=True)
    victim = next(copy.rglob("*.dcm"))
    victim.write_bytes(victim.read_bytes()[:-1] + b"!")
    assert subprocess.run(check, cwd=copy, check=False, capture_output=True).returncode == 1


def test_this_houses_client_takes_the_same_lists_and_compares_every_byte(listed, digests, endpoint, tmp_path):
    for name in ("s5cmd.txt", "rclone.txt"):
        folder = tmp_path / f"copy-{name}"
        done = CliRunner().invoke(download, [str(listed(name)), str(folder), "--endpoint-url", endpoint, "--json"])
        assert done.exit_code == 0, done.output
        outcome = json.loads(done.output)
        assert (outcome["fetched"], outcome["compared_by_size_only"]) == (len(digests), 0)
        assert of_files(folder) == digests


def test_a_selection_is_listed_and_downloaded_as_the_index_would(release, live_server_url, digests, endpoint, tmp_path):
    wanted = tmp_path / "selection.txt"
    arguments = [f"{release.slug}@{release.version}", "--from", live_server_url, "--for", "s5cmd", "-o", str(wanted)]
    done = CliRunner().invoke(manifest, [*arguments, "--where", "subject_id = 'S-one'"])
    assert done.exit_code == 0, done.output
    s5cmd(endpoint, tmp_path / "copy", "run", str(wanted))
    chosen = release.members.filter(instance__series__study__subject__subject_id="S-one")
    assert of_files(tmp_path / "copy") == sorted(chosen.values_list("instance__sha256", flat=True)) != digests


def test_wrong_keys_are_refused_in_words(listed, endpoint, monkeypatch, tmp_path):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", seaweed.ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another secret")
    arguments = [str(listed("s5cmd.txt")), str(tmp_path / "copy"), "--endpoint-url", endpoint]
    done = subprocess.run(
        [sys.executable, "-m", "radcommons", "download", *arguments], check=False, capture_output=True, text=True
    )
    assert done.returncode != 0
    assert "403" in done.stderr
    assert "Traceback" not in done.stderr
