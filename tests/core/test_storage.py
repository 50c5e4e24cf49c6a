"""URLs read like paths; what storage refuses is said in words."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

import tellapart
from tellapart.core.errors import StorageError
from tellapart.core.files import atomic_file
from tellapart.core.storage import RemotePath, as_path, explained, is_url, locate, matching

pytest.importorskip("fsspec", reason="fsspec is not installed")


@pytest.fixture
def bucket():
    """An empty place in fsspec's storage within this process."""
    return as_path(f"memory://{uuid.uuid4().hex}")


def _upload(place, source):
    for path in sorted(Path(source).rglob("*")):
        if path.is_file():
            (place / path.relative_to(source)).upload(path)
    return str(place)


@pytest.mark.parametrize(
    ("value", "url"),
    [
        ("s3://b/x", True),
        ("gs://b", True),
        ("photos", False),
        ("C:/photos", False),
        ("file:///a", False),
        ("a:b", False),
    ],
)
def test_what_is_a_url(value, url):
    assert is_url(value) is url


def test_a_url_is_taken_apart_like_a_path():
    path = as_path("s3://bucket//a/./b/c.tar.gz/?endpoint_override=localhost:9000")
    assert (str(path), path.name, path.suffix, path.stem) == ("s3://bucket/a/b/c.tar.gz", "c.tar.gz", ".gz", "c.tar")
    assert str(path.parent / "d.png") == "s3://bucket/a/b/d.png"
    assert path.url.endswith("c.tar.gz?endpoint_override=localhost:9000")
    assert path.relative_to(path.parent.parent).as_posix() == "b/c.tar.gz"
    assert path.is_relative_to(path.parent)
    assert str(as_path("s3://bucket").parent) == "s3://bucket"


def test_a_file_url_is_a_path():
    assert as_path("file:///tmp/my%20photos") == Path("/tmp/my photos")


def test_an_absolute_name_stands_alone(tmp_path):
    assert str(locate(tmp_path, "s3://b/a.png")) == "s3://b/a.png"
    assert str(as_path("gs://c/x") / "s3://b/a.png") == "s3://b/a.png"
    assert locate(tmp_path, "a.png") == tmp_path / "a.png"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("s3:///photos", "s3:///photos: names no bucket; write s3://BUCKET/FOLDER"),
        ("https://a.example/b", "https://a.example/b: a web address has no listing; give a bucket (s3://, gs://, "
                                "abfs://) or a folder"),
    ],
)  # fmt: skip
def test_a_url_that_is_none_of_storage(url, words, refuses):
    with refuses(StorageError, words):
        as_path(url)


def test_an_unknown_kind_of_storage_is_refused():
    with pytest.raises(StorageError, match=r"^nowhere://b: "):
        as_path("nowhere://b/x").exists()


def test_objects_are_written_whole_listed_and_read(bucket, tmp_path):
    for name in ("b/2.txt", "a.txt", "b/.hidden", "b/10.txt"):
        with atomic_file(bucket / name) as temporary:
            temporary.write_text(name)
    assert [path.relative_to(bucket).as_posix() for path, _ in bucket.files()] == ["a.txt", "b/10.txt", "b/2.txt"]
    assert (bucket / "b/2.txt").read_text() == "b/2.txt"
    assert (bucket / "a.txt").stat().st_size == 5
    assert (bucket.is_dir(), (bucket / "a.txt").is_file(), (bucket / "c").exists()) == (True, True, False)
    assert [path.name for path in matching(f"{bucket}/b/*.txt")] == ["10.txt", "2.txt"]
    (bucket / "a.txt").unlink()
    with pytest.raises(FileNotFoundError):
        (bucket / "a.txt").stat()
    with pytest.raises(FileNotFoundError):
        (bucket / "a.txt").read_bytes()


def test_a_failed_writer_uploads_nothing(bucket):
    def write():
        with atomic_file(bucket / "a.txt") as temporary:
            temporary.write_text("half")
            raise KeyError

    with pytest.raises(KeyError):
        write()
    assert not (bucket / "a.txt").exists()


def test_a_folder_that_is_not_there(bucket, refuses):
    with refuses(StorageError, f"{bucket}/x: there is no such folder; check its name"):
        list((bucket / "x").files())


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("When listing: AWS Error NO_SUCH_BUCKET during ListObjectsV2", "there is no such bucket; check its name"),
        ("AWS Error ACCESS_DENIED during HeadObject operation: No response body.", "no permission; give this machine"),
        ("AWS Error UNKNOWN (HTTP status 403) during HeadBucket", "no permission; give this machine"),
    ],
)
def test_what_storage_refuses_is_said_in_words(said, words):
    with pytest.raises(StorageError, match=f"^s3://b/x: {words}"), explained(RemotePath("s3", "b/x")):
        raise OSError(said)


def test_what_cannot_be_reached_is_no_refusal():
    with pytest.raises(OSError, match="cannot be reached") as caught, explained(RemotePath("s3", "b/x")):
        raise OSError("AWS Error NETWORK_CONNECTION during HeadBucket: curlCode: 7")
    assert caught.value.filename == "s3://b/x"


# --- data that lie there ---------------------------------------------------------------------------


def test_class_folders_in_storage_are_catalogued_like_local_ones(bucket, class_folders, tmp_path):
    (class_folders / "dog" / "0.png").write_bytes(b"broken")
    url = _upload(bucket / "set", class_folders)
    there = tellapart.catalog(url, out=tmp_path / "there.parquet")
    here = tellapart.catalog(class_folders, out=tmp_path / "here.parquet")
    assert there.table.equals(here.table)
    again = tellapart.catalog(tmp_path / "there.parquet", out=tmp_path / "again.parquet")
    assert dict(again.read([0])) == dict(here.read([0]))


def test_a_catalog_is_written_to_storage_and_opened_from_there(bucket, class_folders):
    url = _upload(bucket / "set", class_folders)
    written = tellapart.catalog(url, out=f"{bucket}/c.parquet")
    opened = tellapart.summary(f"{bucket}/c.parquet")
    assert opened["images"] == len(written) == 12
    assert opened["sizes"]["sampled"] == 12


def test_a_table_in_storage_names_its_images(bucket, class_folders, tmp_path):
    (class_folders / "labels.csv").write_text("file,label\ncat/0.png,a\ncup/1.png,b\n")
    url = _upload(bucket, class_folders)
    for source in (url, f"{url}/labels.csv"):
        assert tellapart.catalog(source, out=tmp_path / "c.parquet").column("label") == ["a", "b"]


def test_a_local_table_may_name_objects(bucket, class_folders, tmp_path):
    url = _upload(bucket, class_folders)
    (tmp_path / "labels.csv").write_text(f"file,label\n{url}/cat/0.png,a\n{url}/no.png,b\n")
    catalog = tellapart.catalog(tmp_path / "labels.csv", out=tmp_path / "c.parquet")
    assert catalog.column("keep") == [True, False]


def test_shards_in_storage_are_read_as_local_ones(bucket, tmp_path):
    for number in range(2):
        tellapart.generate("digits", 3, tmp_path / "shards" / f"{number}.parquet", seed=number)
    url = _upload(bucket, tmp_path / "shards")
    here = tellapart.catalog(tmp_path / "shards", out=tmp_path / "here.parquet", task="read")
    for source in (url, f"{url}/*.parquet"):
        there = tellapart.catalog(source, out=tmp_path / "there.parquet", task="read")
        assert there.table.equals(here.table)
    assert tellapart.summary(url)["sizes"]["sampled"] == 6
