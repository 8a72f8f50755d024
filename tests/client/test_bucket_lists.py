"""Lists for s5cmd and rclone: what they may say, and their download from a real S3 store."""

import hashlib
import json
import subprocess
import sys
from contextlib import closing
from http.client import HTTPConnection
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from tests.support import seaweed
from tests.support.release_server import body

from radcommons.client.bucket_lists import BucketEntry, is_bucket_list, path_below, read_bucket_list
from radcommons.client.by_bucket import download_bucket_list, opened
from radcommons.client.commands import download as download_command
from radcommons.client.errors import ListError, MissingExtraError, RemoteError
from radcommons.client.list_commands import ListWish, download_list
from radcommons.client.s3 import Bucket
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


def test_amazons_buckets_are_asked_at_amazon_and_others_where_the_endpoint_says(monkeypatch):
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    assert Bucket("images").address("x y").url == "https://images.s3.amazonaws.com/x%20y"
    assert Bucket("a.b").address("x").url == "https://s3.eu-west-1.amazonaws.com/a.b/x"
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://elsewhere.example")
    assert Bucket("b", "https://s3.example:1/").address("k").url == "https://s3.example:1/b/k"


def test_an_address_of_a_public_bucket_never_ends_and_carries_nothing_of_anybodys(s3_credentials, monkeypatch):
    monkeypatch.setenv("AWS_SESSION_TOKEN", "a token")
    address = Bucket("b", "https://s3.example").address("a/k+%.dcm")
    assert (address.url, address.good_until) == ("https://s3.example/b/a/k%2B%25.dcm", None)


def test_an_address_of_another_is_signed_and_holds_no_secret(s3_credentials):
    address = Bucket("b", "https://s3.example", access_key=seaweed.ACCESS_KEY).address("k")
    query = parse_qs(urlsplit(address.url).query)
    assert query["X-Amz-Expires"] == ["43200"]
    assert seaweed.SECRET_KEY not in address.url
    assert address.good_until is not None
    assert address.is_good


def test_a_key_without_its_secret_is_said_before_anything_is_asked():
    with pytest.raises(ListError) as refused:
        Bucket("b", access_key="AKIA-OF-SOMEBODY")
    assert "AWS_SECRET_ACCESS_KEY" in refused.value.message
    assert "SOMEBODY" not in refused.value.message


@pytest.mark.parametrize("endpoint", ["s3.example", "ftp://s3.example"])
def test_an_endpoint_that_is_no_address_is_refused(endpoint):
    with pytest.raises(ListError):
        Bucket("b", endpoint)


@pytest.mark.parametrize("key", ["a//b.dcm", "/a.dcm", "a/../b.dcm", "a/./b.dcm", "a/"])
def test_a_key_that_would_be_taken_for_another_is_refused(key):
    bucket = Bucket("b", "http://127.0.0.1:9")
    for asked in (bucket.address, bucket.find):
        with pytest.raises(ListError):
            asked(key)


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
    bucket = Bucket(seaweed.BUCKET, endpoint, access_key=seaweed.ACCESS_KEY)
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
    store, prefix = CloudObjects(url.geturl()), url.path.strip("/")
    for number in range(1003):
        store.put_bytes(f"many/{number:04}.dcm", b"x")
    found = [each.key for each in filled[1].objects(f"{prefix}/many/")]
    assert sorted(found) == [f"{prefix}/many/{number:04}.dcm" for number in range(1003)]


@pytest.mark.parametrize(
    ("begun", "names"),
    [
        ("ct", ["ct-a/1.dcm", "ct/1.dcm", "ct/2.dcm", "ctb.dcm"]),
        ("ct-", ["ct-a/1.dcm"]),
        ("ct/", ["ct/1.dcm", "ct/2.dcm"]),
        ("c", ["c/3.dcm", "ct-a/1.dcm", "ct/1.dcm", "ct/2.dcm", "ctb.dcm"]),
        ("ct/1", ["ct/1.dcm"]),
        ("none", []),
    ],
)
def test_a_prefix_may_end_within_a_name(s3_url, filled, begun, names):
    url = urlsplit(s3_url())
    store, prefix = CloudObjects(url.geturl()), url.path.strip("/")
    for name in ("b.dcm", "c/3.dcm", "ct-a/1.dcm", "ct/1.dcm", "ct/2.dcm", "ctb.dcm", "d.dcm"):
        store.put_bytes(name, b"x")
    found = filled[1].objects(f"{prefix}/{begun}")
    assert sorted(each.key.removeprefix(f"{prefix}/") for each in found) == names


def test_many_objects_of_one_folder_are_found_in_its_listing_and_what_is_missing_is_missed(s3_url, filled, tmp_path):
    url = urlsplit(s3_url())
    store, prefix = CloudObjects(url.geturl()), url.path.strip("/")
    for number in range(15):
        store.put_bytes(f"{number}.dcm", bytes([number]))
    entries = [BucketEntry(seaweed.BUCKET, f"{prefix}/{number}.dcm", f"{number}.dcm") for number in range(1, 16)]
    outcome = download_bucket_list(entries, tmp_path / "copy", lambda _: filled[1])
    assert (outcome.fetched, outcome.failures) == (14, {"client.no-object": 1})
    assert below(tmp_path / "copy") == {f"{number}.dcm": bytes([number]) for number in range(1, 15)}


def test_a_public_bucket_needs_no_keys_and_somebodys_folders_are_no_files(filled, tmp_path):
    endpoint = filled[1].endpoint
    store = CloudObjects(f"s3://{seaweed.PUBLIC_BUCKET}?endpoint={quote(endpoint, safe='')}")
    for key, content in (("x/ct/1.dcm", b"abc"), ("x/ct/empty.dcm", b""), ("x/+ü #1.dcm", b"abc")):
        store.put_bytes(key, content)
    # obstore writes no key that ends in a slash; consoles of stores do.
    with closing(HTTPConnection(urlsplit(endpoint).netloc)) as connection:
        connection.request("PUT", f"/{seaweed.PUBLIC_BUCKET}/x/ct/", b"")
        assert connection.getresponse().status == 200
    assert ("x/ct", 0) in [(each.key, each.size_bytes) for each in store.list("x")]
    entries = read_bucket_list(f"cp s3://{seaweed.PUBLIC_BUCKET}/x/* y\n")
    outcome = download_bucket_list(entries, tmp_path / "copy", opened(endpoint, ""))
    assert outcome.is_complete
    found = below(tmp_path / "copy")
    assert sorted(found.values()) == [b"", b"abc", b"abc"]
    assert found["y/ct/empty.dcm"] == b""


@pytest.mark.parametrize("key", ["series/*", "series/one.dcm"])
@pytest.mark.parametrize("access_key", ["", seaweed.ACCESS_KEY])
def test_keys_that_do_not_open_the_bucket_are_refused_with_the_stores_status(
    filled, tmp_path, monkeypatch, key, access_key
):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another secret")
    entries = read_bucket_list(f"cp s3://{seaweed.BUCKET}/{key} x\n")
    with pytest.raises(RemoteError) as refused:
        download_bucket_list(entries, tmp_path / "copy", opened(filled[1].endpoint, access_key))
    assert (refused.value.code, refused.value.facts["status"]) == ("client.refused", 403)
    assert "another secret" not in refused.value.message


def test_a_bucket_that_is_not_there_is_said_to_be_none(filled):
    bucket = Bucket("nobodys", filled[1].endpoint, access_key=seaweed.ACCESS_KEY)
    with pytest.raises(RemoteError) as refused:
        list(bucket.objects("a/"))
    assert refused.value.code == "client.no-bucket"
    assert bucket.find("a/b.dcm") is None


def test_a_store_that_does_not_answer_is_said_to_be_unreachable():
    bucket = Bucket("b", "http://127.0.0.1:9", retry={"max_retries": 0})
    for asked in (lambda: list(bucket.objects("")), lambda: bucket.find("k")):
        with pytest.raises(RemoteError) as refused:
            asked()
        assert refused.value.code == "client.unreachable"


@pytest.mark.parametrize("answer", [b"<html>", b"not xml", b"<!DOCTYPE x [<!ENTITY a 'b'>]><Error>&a;</Error>"])
def test_an_answer_that_is_no_listing_is_said_to_be_none(repository, answer):
    repository.faults["/b"] = [body(answer)]
    with pytest.raises(RemoteError) as refused:
        list(Bucket("b", repository.url).objects(""))
    assert refused.value.code == "client.no-listing"


def test_without_the_extra_the_program_says_what_to_install(tmp_path, monkeypatch):
    for name in ("radcommons.client.by_bucket", "radcommons.client.s3"):
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(MissingExtraError) as missing:
        download_list(bucket_list(tmp_path), tmp_path / "copy", ListWish())
    assert 'pip install "radcommons[s3]"' in missing.value.message


def bucket_list(folder):
    listed = folder / "list.txt"
    listed.write_text("cp s3://images/a/b.dcm x.dcm\n")
    return listed


def test_releases_are_downloaded_without_what_reads_buckets():
    words = "import sys, radcommons.client.commands; sys.exit('obstore' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", words], check=False).returncode == 0


@pytest.mark.parametrize("variable", ["", "S3_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"])
def test_the_program_takes_the_list_and_the_usual_variables(filled, tmp_path, monkeypatch, variable):
    objects, bucket = filled
    listed = tmp_path / "rclone.txt"
    keys = "\n".join(objects)
    listed.write_text(f"# rclone copy --files-from FILE REMOTE:{bucket.name} FOLDER\n{keys}\n")
    arguments = [str(listed), str(tmp_path / "copy"), "--json"]
    if variable:
        monkeypatch.setenv(variable, bucket.endpoint)
    else:
        arguments += ["--endpoint-url", bucket.endpoint]
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
