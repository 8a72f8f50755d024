"""Lists of other programs, both ways."""

import hashlib
import io
import json
import zipfile

import pytest
from click.testing import CliRunner
from tests.support.release_server import body, status

from radcommons.client.by_series import download_series
from radcommons.client.commands import download as download_command
from radcommons.client.errors import ListError
from radcommons.client.list_commands import manifest as manifest_command
from radcommons.client.lists import read_gen3, read_series_list
from radcommons.client.remote import Remote

CALL = "/nbia-api/services/v1/getImageWithMD5Hash?SeriesInstanceUID="


def series_zip(files, *, hashes=None):
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr("LICENSE", "CC BY 4.0")
        lines = ["Filename,MD5Hash"]
        for name, data in files.items():
            archive.writestr(name, data)
            lines.append(f"{name},{hashlib.md5(data, usedforsecurity=False).hexdigest()}")
        archive.writestr("md5hashes.csv", hashes or "\n".join(lines) + "\n")
    return sink.getvalue()


def tcia(folder, url, *uids):
    path = folder / "wanted.tcia"
    head = f"downloadServerUrl={url}/nbia-download/servlet/DownloadServlet\nincludeAnnotation=true\nnoOfrRetry=4\n"
    path.write_text(f"{head}databasketId=x.tcia\nmanifestVersion=3.0\nListOfSeriesToDownload=\n" + "\n".join(uids))
    return path


def run(*arguments):
    return CliRunner().invoke(download_command, [*map(str, arguments), "--json"])


def series(folder):
    return {path.relative_to(folder / "images").as_posix(): path.read_bytes() for path in folder.glob("images/*/*.dcm")}


def test_the_series_of_a_tcia_list_arrive_verified_and_once(repository, tmp_path):
    first, second = {"1-1.dcm": b"one", "1-2.dcm": b"two"}, {"1-1.dcm": b"three"}
    repository.faults["=1.2.1$"] = [status(503), body(series_zip(first))]
    repository.faults["=1.2.2$"] = [body(series_zip(second))]
    wanted = tcia(tmp_path, repository.url, "1.2.1", "1.2.2", "1.2.1")
    done = run(wanted, tmp_path / "copy")
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["files"] == 3
    assert series(tmp_path / "copy") == {"1.2.1/1-1.dcm": b"one", "1.2.1/1-2.dcm": b"two", "1.2.2/1-1.dcm": b"three"}
    repository.requests.clear()
    assert json.loads(run(wanted, tmp_path / "copy").output)["already_there"] == 2
    assert not repository.requests


@pytest.mark.parametrize(
    "answer",
    [
        b"<html>Please log in</html>",
        series_zip({"1-1.dcm": b"one"})[:-30],
        series_zip({"1-1.dcm": b"one"}, hashes="Filename,MD5Hash\n1-1.dcm,00\n"),
        series_zip({"1-1.dcm": b"one"}, hashes="Filename,MD5Hash\n"),
        series_zip({"../../escaped.dcm": b"one"}),
        b"",
    ],
)
def test_what_is_no_whole_series_is_never_kept(repository, tmp_path, answer):
    repository.faults["=1.2.1$"] = [body(answer)] * 40
    with Remote(repository.url, first_wait_s=0.001) as remote:
        outcome = download_series(["1.2.1"], tmp_path / "copy", remote)
    assert not outcome.is_complete
    assert outcome.failures
    assert not list((tmp_path / "copy").rglob("*.dcm"))
    assert not list(tmp_path.glob("*escaped*"))


def test_the_objects_of_a_gen3_list_arrive_verified(repository, tmp_path, contents):
    entries = []
    for number, content in enumerate(contents[:3]):
        sha256 = hashlib.sha256(content).hexdigest()
        url = f"{repository.url}/files/releases/chest-ct/1.0.0/instances/{sha256}.dcm"
        described = {
            "size": len(content),
            "checksums": [{"type": "sha-256", "checksum": sha256}],
            "access_methods": [{"type": "https", "access_url": {"url": url}}],
        }
        repository.faults[f"objects/{sha256}$"] = [body(json.dumps(described).encode())] * 5
        entries.append({"object_id": sha256, "file_name": f"{number}.dcm", "commons_url": repository.url})
    path = tmp_path / "wanted.json"
    path.write_text(json.dumps([*entries, {**entries[0], "object_id": "0" * 64, "file_name": "lost.dcm"}]))
    done = run(path, tmp_path / "copy")
    assert done.exit_code == 3
    assert json.loads(done.output)["failures"] == {"client.refused": 1}
    assert [path.read_bytes() for path in sorted((tmp_path / "copy/files").iterdir())] == contents[:3]
    path.write_text(json.dumps(entries))
    assert run(path, tmp_path / "other").exit_code == 0


@pytest.mark.parametrize("text", ["", "not a uid\n", "ListOfSeriesToDownload=\n1.2.3\nhello\n"])
def test_a_list_that_is_none_is_refused(text):
    with pytest.raises(ListError):
        read_series_list(text)
    with pytest.raises(ListError):
        read_gen3(text.encode())


def test_a_list_without_a_server_needs_one(tmp_path):
    path = tmp_path / "wanted.csv"
    path.write_text("Subject ID,Series Instance UID\nA,1.2.3\n")
    assert read_series_list(path.read_text()).series_instance_uids == ("1.2.3",)
    assert run(path, tmp_path / "copy").exception.code == "client.bad-list"


@pytest.mark.parametrize("kind", ["sha256sums", "aria2", "bagit-fetch", "gen3", "tcia", "csv"])
def test_a_list_of_a_selection_names_exactly_that(repository, contents, kind):
    where = "modality = 'CT'"
    options = ["chest-ct@1.0.0", "--from", repository.url, "--where", where, "--for", kind]
    done = CliRunner().invoke(manifest_command, options)
    assert done.exit_code == 0, done.output
    wanted = {hashlib.sha256(content).hexdigest() for content in contents[::2]}
    others = {hashlib.sha256(content).hexdigest() for content in contents[1::2]}
    if kind in {"tcia", "csv"}:
        assert read_series_list(done.stdout).series_instance_uids == ("2.25.20",)
    else:
        assert all(sha256 in done.stdout for sha256 in wanted)
        assert not [sha256 for sha256 in others if sha256 in done.stdout]
    if kind == "gen3":
        assert len(read_gen3(done.stdout.encode())) == 5
    assert not [path for path in repository.requests if "/instances/" in path]


def test_the_s5cmd_list_is_the_repositorys_own_cut_to_the_selection(repository, contents, tmp_path):
    lines = [f"cp s3://b/series/v/{hashlib.sha256(content).hexdigest()}.dcm x/y.dcm" for content in contents]
    (repository.folder / "lists").mkdir()
    (repository.folder / "lists" / "s5cmd.txt").write_text("# s5cmd run FILE\n" + "\n".join(lines))
    options = ["chest-ct", "--from", repository.url, "--where", "modality = 'CR'", "--for", "s5cmd"]
    done = CliRunner().invoke(manifest_command, [*options, "-o", str(tmp_path / "list.txt"), "--layout", "series"])
    assert done.exit_code == 0, done.output
    written = (tmp_path / "list.txt").read_text().splitlines()
    assert len(written) == 5
    assert all(line.split()[2].startswith("images/2.25.21/") for line in written)
