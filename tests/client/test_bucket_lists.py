"""Lists for s5cmd and rclone: what they may say, and their download from a real S3 store."""

import hashlib
import json
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from tests.support import seaweed
from tests.support.release_server import body

from radcommons.client.bucket_lists import BucketEntry, is_bucket_list, path_below, read_bucket_list
from radcommons.client.by_bucket import download_bucket_list
from radcommons.client.commands import download as download_command
from radcommons.client.errors import ListError, RemoteError
from radcommons.client.remote import Remote
from radcommons.client.s3 import Bucket, Keys, bucket_of
from radcommons.server.platform.objects import CloudObjects

SHA = "a" * 64


@pytest.mark.parametrize(
    ("line", "entry"),
    [
        (f"cp s3://images/series/v/{SHA}.dcm ct/1.dcm", BucketEntry("images", f"series/v/{SHA}.dcm", "ct/1.dcm")),
        ("cp s3://images/a/b.dcm .", BucketEntry("images", "a/b.dcm", "b.dcm")),
        ("cp s3://images/a/b.dcm ct/", BucketEntry("images", "a/b.dcm", "ct/b.dcm")),
        ("cp s3://idc-open-data/0a1b/* .", BucketEntry("idc-open-data", "0a1b/", "", is_prefix=True)),
        ("cp --sp 's3://images/a b/*' './my data/'", BucketEntry("images", "a b/", "x-", is_prefix=True)),
        ("sync --size-only s3://images/x/* y", BucketEntry("images", "x/", "y", is_prefix=True)),
        ("cp s3://images/a/b.dcm ../../b.dcm", BucketEntry("images", "a/b.dcm", "x-")),
    ],
)
def test_a_command_of_s5cmd_says_what_goes_where_and_never_leaves_the_folder(line, entry):
    (found,) = read_bucket_list(f"# a comment\n\n{line}\n")
    assert (found.bucket, found.key, found.is_prefix) == (entry.bucket, entry.key, entry.is_prefix)
    assert found.path.startswith(entry.path)
    assert ".." not in found.path


def test_a_list_for_rclone_names_its_bucket_in_its_head():
    text = "# rclone copy --files-from FILE REMOTE:images/centre FOLDER\nseries/v/1.dcm\n; a comment\n"
    assert read_bucket_list(text) == [BucketEntry("images", "centre/series/v/1.dcm", "series/v/1.dcm")]
    assert is_bucket_list(text)
    assert not is_bucket_list("1.2.840.1\n1.2.840.2\n")


@pytest.mark.parametrize(
    "text",
    [
        "cp s3://images/a/b.dcm /etc/passwd",
        r"cp s3://images/a/b.dcm C:\windows",
        "cp s3://images/a/b.dcm",
        "cp local.dcm s3://images/a",
        "rm s3://images/a/b.dcm x",
        "cp s3://images/a/*/b.dcm x",
        "cp s3://im'ages/a/b.dcm x",
        "cp s3://images/a.dcm a\nrm -rf s3://images/b b",
        "series/v/1.dcm",
    ],
)
def test_a_list_that_asks_for_anything_else_is_refused(text):
    with pytest.raises(ListError):
        read_bucket_list(text)


@given(st.text(max_size=80), st.sampled_from(["", "cp s3://b2b/", "cp s3://b2b/k ", "# rclone copy R:bucket F\n"]))
def test_no_text_ends_in_anything_but_entries_below_the_folder_or_a_refusal(noise, head):
    try:
        entries = read_bucket_list(head + noise)
    except ListError:
        return
    for entry in entries:
        parts = entry.path.split("/")
        assert not entry.path.startswith("/")
        assert ".." not in parts


def test_what_follows_the_last_slash_of_a_prefix_is_kept():
    assert path_below("ct", "a/b/c.dcm", "a/") == "ct/b/c.dcm"
    assert path_below("", "a/bcd.dcm", "a/b") == "bcd.dcm"


def test_an_address_is_signed_as_amazons_documentation_shows():
    """The example of "Authenticating Requests: Using Query Parameters", with this client's time of validity."""
    keys = Keys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    bucket = Bucket("examplebucket", keys=keys)
    url = bucket.address("test.txt", now=1369353600).url
    assert url.startswith("https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&")
    assert "X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request" in url
    assert "X-Amz-Date=20130524T000000Z" in url
    assert Bucket("a.b", region="eu-west-1").address("x y").url == "https://s3.eu-west-1.amazonaws.com/a.b/x%20y"
    assert bucket_of("b", None, {"AWS_ENDPOINT_URL": "http://h:1"}).address("k").url == "http://h:1/b/k"


@pytest.fixture
def filled(s3_url):
    """Objects below a folder of their own in a real bucket: their keys and contents; and the bucket as this client sees it."""
    url = urlsplit(s3_url())
    store = CloudObjects(url.geturl())
    contents = [bytes([number]) * (100_000 + number) for number in range(4)]
    digests = [hashlib.sha256(content).hexdigest() for content in contents]
    names = [f"series/v1/{digests[0]}.dcm", f"series/v1/{digests[1]}.dcm", "series/v1/plain.dcm", "other/one 1.dcm"]
    for name, content in zip(names, contents, strict=True):
        store.put_bytes(name, content)
    prefix, endpoint = url.path.strip("/"), parse_qs(url.query)["endpoint"][0]
    bucket = Bucket(seaweed.BUCKET, endpoint, keys=Keys(seaweed.ACCESS_KEY, seaweed.SECRET_KEY))
    return {f"{prefix}/{name}": content for name, content in zip(names, contents, strict=True)}, bucket


def below(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.dcm")}


def test_the_objects_of_an_s5cmd_list_arrive_where_it_says_and_once(filled, tmp_path):
    objects, bucket = filled
    prefix = next(iter(objects)).split("/")[0]
    lines = [
        f"cp s3://{bucket.name}/{prefix}/series/v1/* ct",
        f"cp 's3://{bucket.name}/{prefix}/other/one 1.dcm' a/b.dcm",
    ]
    entries = read_bucket_list("\n".join(lines))
    outcome = download_bucket_list(entries, tmp_path / "copy", lambda _: bucket)
    assert outcome.is_complete
    assert (outcome.objects, outcome.fetched, outcome.by_size_only) == (4, 4, 0)
    found = below(tmp_path / "copy")
    assert sorted(found.values()) == sorted(objects.values())
    assert found["a/b.dcm"] == objects[f"{prefix}/other/one 1.dcm"]
    assert found["ct/plain.dcm"] == objects[f"{prefix}/series/v1/plain.dcm"]
    again = download_bucket_list(entries, tmp_path / "copy", lambda _: bucket)
    assert again.is_complete
    assert (again.fetched, again.already_there) == (0, 4)


def test_a_file_that_was_damaged_since_is_noticed_and_fetched_again(filled, tmp_path):
    objects, bucket = filled
    entries = [BucketEntry(bucket.name, key, f"{number}.dcm") for number, key in enumerate(objects)]
    assert download_bucket_list(entries, tmp_path / "copy", lambda _: bucket).is_complete
    for number in (0, 2):
        (tmp_path / "copy" / f"{number}.dcm").write_bytes(b"x" * (100_000 + number))
    damaged = download_bucket_list(entries, tmp_path / "copy", lambda _: bucket)
    assert damaged.failures == {"client.digest-mismatch": 2}
    mended = download_bucket_list(entries, tmp_path / "copy", lambda _: bucket)
    assert mended.is_complete
    assert sorted(below(tmp_path / "copy").values()) == sorted(objects.values())


def test_objects_with_other_bytes_than_their_names_promise_are_never_kept(filled, s3_url, tmp_path):
    url = urlsplit(s3_url())
    name = f"series/{'b' * 64}.dcm"
    CloudObjects(url.geturl()).put_bytes(name, b"not these")
    entry = BucketEntry(seaweed.BUCKET, f"{url.path.strip('/')}/{name}", "x.dcm")
    outcome = download_bucket_list([entry], tmp_path / "copy", lambda _: filled[1])
    assert outcome.failures == {"client.digest-mismatch": 1}
    assert below(tmp_path / "copy") == {}


def test_what_is_not_in_the_bucket_is_counted_and_the_rest_arrives(filled, tmp_path):
    objects, bucket = filled
    key = next(iter(objects))
    entries = [
        BucketEntry(bucket.name, key, "there.dcm"),
        BucketEntry(bucket.name, f"{key}0", "gone.dcm"),
        BucketEntry(bucket.name, "nothing/at/all/", "x", is_prefix=True),
    ]
    outcome = download_bucket_list(entries, tmp_path / "copy", lambda _: bucket)
    assert not outcome.is_complete
    assert (outcome.fetched, outcome.failures) == (1, {"client.no-object": 2})


def test_two_objects_for_one_place_are_refused_before_anything_is_fetched(filled, tmp_path):
    objects, bucket = filled
    entries = [BucketEntry(bucket.name, key, "One.dcm" if number else "one.dcm") for number, key in enumerate(objects)]
    with pytest.raises(ListError):
        download_bucket_list(entries, tmp_path / "copy", lambda _: bucket)
    assert below(tmp_path / "copy") == {}


def test_a_listing_of_many_pages_is_read_to_its_end(s3_url, filled):
    url = urlsplit(s3_url())
    store = CloudObjects(url.geturl())
    for number in range(7):
        store.put_bytes(f"many/{number}.dcm", b"x")
    bucket = replace(filled[1])
    with Remote("http://nowhere.invalid") as remote:
        query = {"list-type": "2", "prefix": f"{url.path.strip('/')}/many/", "max-keys": "3"}
        page = remote.document(bucket.address(query=query).url)
        assert page.count(b"<Contents>") == 3
        found = [each.key.rpartition("/")[2] for each in bucket.objects(remote, f"{url.path.strip('/')}/many/")]
    assert found == [f"{number}.dcm" for number in range(7)]


def test_keys_that_do_not_open_the_bucket_are_refused_with_the_stores_status(filled, tmp_path):
    objects, bucket = filled
    wrong = replace(bucket, keys=Keys(seaweed.ACCESS_KEY, "another secret"))
    entries = [BucketEntry(bucket.name, next(iter(objects)), "x.dcm")]
    with pytest.raises(RemoteError) as refused:
        download_bucket_list(entries, tmp_path / "copy", lambda _: wrong)
    assert refused.value.facts["status"] == 403


@pytest.mark.parametrize(
    "answer", [b"<html>", b"not xml", b"<!DOCTYPE x [<!ENTITY a 'b'>]><ListBucketResult/>", b"<Error/>"]
)
def test_an_answer_that_is_no_listing_is_said_to_be_none(repository, answer):
    repository.faults["/b/"] = [body(answer)]
    with Remote("http://nowhere.invalid") as remote, pytest.raises(RemoteError) as refused:
        list(Bucket("b", repository.url).objects(remote, ""))
    assert refused.value.code == "client.no-listing"


def test_the_program_takes_the_list_and_the_usual_variables(filled, tmp_path, monkeypatch):
    objects, bucket = filled
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", seaweed.ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", seaweed.SECRET_KEY)
    listed = tmp_path / "rclone.txt"
    keys = "\n".join(objects)
    listed.write_text(f"# rclone copy --files-from FILE REMOTE:{bucket.name} FOLDER\n{keys}\n")
    arguments = [str(listed), str(tmp_path / "copy"), "--endpoint-url", bucket.endpoint, "--json"]
    done = CliRunner().invoke(download_command, arguments)
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["fetched"] == 4
    assert sorted(below(tmp_path / "copy").values()) == sorted(objects.values())


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--token", "x"], "--token needs --from"),
        (["--where", "modality = 'CT'"], "--where is for releases"),
        (["--layout", "digest"], "--layout is for releases"),
    ],
)
def test_what_a_list_cannot_take_is_said_and_not_left_out(tmp_path, options, word):
    listed = tmp_path / "series.csv"
    listed.write_text("SeriesInstanceUID\n1.2.3\n")
    done = CliRunner().invoke(download_command, [str(listed), str(tmp_path / "copy"), *options])
    assert done.exit_code == 2
    assert word in done.output


def test_a_list_that_is_not_there_is_not_taken_for_a_release(tmp_path):
    done = CliRunner().invoke(download_command, [str(tmp_path / "wanted.tcia"), str(tmp_path / "copy")])
    assert done.exit_code == 2
    assert "There is no list of that name here." in done.output
