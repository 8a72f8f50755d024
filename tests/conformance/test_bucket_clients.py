"""Programs that read the bucket itself: s5cmd as people and as idc-index run it, and this house's own client with their lists."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import duckdb
import httpx
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
