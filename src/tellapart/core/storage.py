"""Object storage: a URL (``s3://``, ``gs://``, ``abfs://``, what fsspec knows) with the methods of a path.

The file systems are pyarrow's, and fsspec's where pyarrow has none. An object appears whole, by its last byte.
"""

from __future__ import annotations

import errno
import fnmatch
import os
import posixpath
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, NamedTuple, cast
from urllib.parse import parse_qsl, unquote, urlsplit

from tellapart.core.errors import StorageError

READERS = 16  # objects under way at once: one alone waits most of its time for the network
CONNECT_SECONDS, ANSWER_SECONDS, ATTEMPTS = 5, 60, 3
_URL = re.compile(r"([a-z][a-z0-9+.\-]+)://")  # two letters and more: C: is a drive


class UnreachableError(OSError):
    """Storage does not answer, or fails: another time it may."""


class Status(NamedTuple):
    """Size in bytes and time of change in ns, as ``os.stat_result`` names them."""

    st_size: int
    st_mtime_ns: int


def is_url(value: object) -> bool:
    """Whether a name is a URL of storage; ``file://`` is a path.

    >>> is_url("s3://bucket/photos"), is_url("photos"), is_url("file:///photos")
    (True, False, False)
    """
    return isinstance(value, RemotePath) or (
        isinstance(value, str) and _URL.match(value) is not None and not value.startswith("file://")
    )


def as_path(value: str | Path | RemotePath) -> Path:
    """A local path, or for a URL a `RemotePath`, which reads like a path and is typed as one.

    Raises:
        StorageError: a URL without a bucket, of a kind that is none of storage, or whose package is missing.

    >>> as_path("photos"), str(as_path("s3://bucket/photos") / "a.png")
    (PosixPath('photos'), 's3://bucket/photos/a.png')
    """
    if isinstance(value, str) and value.startswith("file://"):
        return Path(unquote(urlsplit(value).path))
    if not isinstance(value, str) or not is_url(value):
        return cast(Path, value) if isinstance(value, RemotePath) else Path(value)
    parts = urlsplit(value, allow_fragments=False)
    if parts.scheme in ("http", "https"):
        raise StorageError(f"{value}: a web address has no listing; give a bucket (s3://, gs://, abfs://) or a folder")
    if not parts.netloc and parts.scheme != "memory":
        raise StorageError(f"{value}: names no bucket; write {parts.scheme}://BUCKET/FOLDER")
    key = posixpath.normpath(f"{parts.netloc}/{parts.path}").strip("/")
    return cast(Path, RemotePath(parts.scheme, key, parts.query))


@dataclass(frozen=True)
class RemotePath:
    """A place in object storage.

    Args:
        scheme: s3, gs, abfs, ...
        key: bucket and name, without slashes around.
        query: options of the file system as the URL states them, such as ``endpoint_override=...``.
    """

    scheme: str
    key: str
    query: str = ""

    def __str__(self) -> str:
        return f"{self.scheme}://{self.key}"

    def __truediv__(self, name: str | Path) -> RemotePath:
        if is_url(name):  # as of paths: what is absolute stands alone
            return cast(RemotePath, as_path(str(name)))
        return RemotePath(self.scheme, posixpath.normpath(f"{self.key}/{name}"), self.query)

    def __lt__(self, other: RemotePath) -> bool:
        return self.key < other.key

    def joinpath(self, *names: str) -> RemotePath:
        """Return the place of this name below it."""
        return self / "/".join(names)

    @property
    def name(self) -> str:
        """The last part."""
        return posixpath.basename(self.key)

    @property
    def suffix(self) -> str:
        """The ending, with its dot."""
        return Path(self.name).suffix

    @property
    def stem(self) -> str:
        """The last part without its ending."""
        return Path(self.name).stem

    @property
    def parent(self) -> RemotePath:
        """What it lies in; a bucket lies in itself."""
        return RemotePath(self.scheme, posixpath.dirname(self.key) or self.key, self.query)

    @property
    def url(self) -> str:
        """The URL with its options, from which another process makes the same place."""
        return str(self) + (f"?{self.query}" if self.query else "")

    def as_posix(self) -> str:
        """Return the URL."""
        return str(self)

    def resolve(self) -> RemotePath:
        """Return itself: storage has no links."""
        return self

    absolute = resolve

    def is_relative_to(self, other: object) -> bool:
        """Whether it lies below another place, or is it."""
        return isinstance(other, RemotePath) and f"{self.key}/".startswith(f"{other.key}/")

    def relative_to(self, other: RemotePath) -> Path:
        """Return its name below another place."""
        return Path(self.key[len(other.key) :].strip("/"))

    @cached_property
    def fs(self) -> Any:
        """The file system, one for each process, bucket and options."""
        return _file_system(self.scheme, self.key.split("/")[0], self.query, os.getpid())

    def _info(self) -> Any:
        with explained(self):
            return self.fs.get_file_info([self.key])[0]

    def is_file(self) -> bool:
        """Whether an object has this name."""
        return bool(self._info().is_file)

    def is_dir(self) -> bool:
        """Whether objects lie below it."""
        return bool(self._info().type.name == "Directory")

    def exists(self) -> bool:
        """Whether there is such an object, or one below it."""
        return bool(self._info().type.name != "NotFound")

    def stat(self) -> Status:
        """Return size and time of change.

        Raises:
            FileNotFoundError: there is no such object.
        """
        info = self._info()
        if not info.is_file:
            raise FileNotFoundError(errno.ENOENT, "there is no such object", str(self))
        return Status(info.size, info.mtime_ns or 0)

    def files(self) -> Iterator[tuple[RemotePath, Status]]:
        """Everything below it at any depth, folder by folder, sorted; names that begin with a dot are left out.

        Raises:
            StorageError: there is no such bucket or folder, or no permission to list it.
        """
        from pyarrow.fs import FileSelector

        with explained(self):
            try:
                found = sorted(self.fs.get_file_info(FileSelector(self.key)), key=lambda info: info.path)
            except FileNotFoundError:
                raise StorageError(f"{self}: there is no such folder; check its name") from None
        for info in found:
            path = RemotePath(self.scheme, info.path.strip("/"), self.query)
            if path.name.startswith(".") or path.key == self.key:
                continue
            if info.is_file:
                yield path, Status(info.size, info.mtime_ns or 0)
            else:
                yield from path.files()

    def open_input(self) -> Any:
        """Open the object to read from any place in it."""
        with explained(self):
            return self.fs.open_input_file(self.key)

    def read_bytes(self) -> bytes:
        """Return the whole object."""
        with explained(self), self.fs.open_input_stream(self.key, compression=None) as stream:
            return bytes(stream.read())

    def read_text(self, encoding: str = "utf-8") -> str:
        """Return the whole object as text."""
        return self.read_bytes().decode(encoding)

    def upload(self, source: Path) -> None:
        """Write a whole local file here; nobody sees half of it."""
        with explained(self), source.open("rb") as file:
            if self.fs.type_name.startswith("py::"):  # some of fsspec's have true folders
                with suppress(OSError, NotImplementedError):
                    self.fs.create_dir(self.parent.key, recursive=True)
            with self.fs.open_output_stream(self.key, compression=None) as stream:
                while block := file.read(1 << 22):
                    stream.write(block)

    def unlink(self, missing_ok: bool = False) -> None:
        """Delete the object."""
        with explained(self):
            try:
                self.fs.delete_file(self.key)
            except FileNotFoundError:
                if not missing_ok:
                    raise

    def check_bucket(self) -> None:
        """Check that there is the bucket and that it may be asked.

        Raises:
            StorageError: there is not, or it may not.
        """
        bucket = RemotePath(self.scheme, self.key.split("/")[0], self.query)
        if self.scheme in ("s3", "gs", "gcs", "abfs", "abfss") and not bucket.exists():
            raise StorageError(f"{bucket}: there is no such bucket; make it first, or check its name and region")


def locate(root: Path, name: str) -> Path:
    """A file by its name below a root, or by its own URL.

    >>> str(locate(Path("photos"), "a.png")), str(locate(Path("photos"), "s3://bucket/a.png"))
    ('photos/a.png', 's3://bucket/a.png')
    """
    return as_path(name) if is_url(name) else root / name


def matching(pattern: str) -> list[RemotePath]:
    """The objects whose URL fits a pattern with ``*``, ``?`` or ``[...]``, sorted; ``*`` crosses folders too."""
    cut = min(pattern.index(sign) for sign in "*?[" if sign in pattern)
    start = cast(RemotePath, as_path(pattern[:cut].rpartition("/")[0]))
    return [path for path, _ in start.files() if fnmatch.fnmatchcase(str(path), pattern)]


@contextmanager
def explained(where: RemotePath) -> Iterator[None]:
    """Turn what a file system says into what a person can do.

    Raises:
        StorageError: no such bucket, no permission, wrong keys.
        OSError: it cannot be reached, or an object has gone.
    """
    try:
        yield
    except FileNotFoundError as error:
        raise FileNotFoundError(errno.ENOENT, "there is no such object", str(where)) from error
    except UnreachableError:
        raise
    except (OSError, PermissionError) as error:
        text = " ".join(str(error).split())
        for pattern, words in _WORDS:
            if re.search(pattern, text, re.I):
                raise StorageError(f"{where}: {words}") from error
        words = f"storage cannot be reached or fails: {text}"
        raise UnreachableError(error.errno or errno.EIO, words, str(where)) from error


_WORDS = (
    (r"NO_SUCH_BUCKET|NoSuchBucket|bucket.*(not found|does not exist)|container.*does not exist",
     "there is no such bucket; check its name and region"),
    (r"ACCESS_DENIED|AccessDenied|HTTP status 403|permission|forbidden|SIGNATURE_DOES_NOT_MATCH|INVALID_ACCESS_KEY|"
     r"UNRECOGNIZED_CLIENT|MISSING_AUTHENTICATION|HTTP status 401|credential",
     "no permission; give this machine keys that may (of s3: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a role)"),
)  # fmt: skip


@lru_cache(maxsize=64)
def _file_system(scheme: str, bucket: str, query: str, process: int) -> Any:  # noqa: ARG001
    """``process`` is part of the key: a fork must not share connections."""
    from pyarrow import fs

    options = dict(parse_qsl(query))
    if scheme == "s3":
        endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
        region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
        settings: dict[str, Any] = {"endpoint_override": endpoint, "region": region, **options}
        if not settings["region"]:
            with explained(RemotePath(scheme, bucket)):
                settings["region"] = "us-east-1" if settings["endpoint_override"] else fs.resolve_s3_region(bucket)
        retries = fs.AwsStandardS3RetryStrategy(max_attempts=ATTEMPTS)
        return fs.S3FileSystem(
            connect_timeout=CONNECT_SECONDS, request_timeout=ANSWER_SECONDS, retry_strategy=retries, **settings
        )
    if scheme in ("gs", "gcs", "abfs", "abfss", "hdfs", "viewfs"):
        try:
            return fs.FileSystem.from_uri(f"{scheme}://{bucket}" + (f"?{query}" if query else ""))[0]
        except (OSError, ValueError, NotImplementedError) as error:
            raise StorageError(f"{scheme}://{bucket}: cannot be opened: {' '.join(str(error).split())}") from error
    try:
        import fsspec

        return fs.PyFileSystem(fs.FSSpecHandler(fsspec.filesystem(scheme, **options)))
    except ModuleNotFoundError as error:
        raise StorageError(f"{scheme}://{bucket}: needs a package: pip install {error.name or 'fsspec'}") from error
    except (ImportError, ValueError) as error:
        raise StorageError(f"{scheme}://{bucket}: {' '.join(str(error).split())}") from error
