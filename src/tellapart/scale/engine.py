"""The engine: give out the parts that are missing, again if they are lost, and say what came of them."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tellapart.core.errors import ConfigError, GateError, InputError, join_some, pluralize
from tellapart.core.files import atomic_file, contents
from tellapart.core.folder_lock import hold_folder
from tellapart.core.progress import log, track
from tellapart.core.storage import RemotePath, as_path, is_url
from tellapart.data.parts import Part
from tellapart.scale.job import package_state
from tellapart.scale.local_cores import LocalCores
from tellapart.scale.ray_cluster import RayCluster, check_address

TRIES = 5
PAUSE = 0.25  # s before the second try; each later one waits twice as long
PLAN = "work.json"  # what the parts of a folder are of
_PART = re.compile(r"part-\d{6,}-[0-9a-f]{16}\.parquet")
_TOLD = 1000  # parts with an error that are named


@dataclass(frozen=True)
class Work:
    """What is done with each part.

    Args:
        verb: the name of the verb, for messages.
        function: ``module:name`` of a function of inputs and options that yields tables.
        options: JSON, such as the bundle and its digest.
        out: the folder or URL of the answers, which all machines can see.
        sources: what the parts are of.
    """

    verb: str
    function: str
    options: Mapping[str, Any]
    out: str
    sources: Sequence[str] = ()

    @property
    def key(self) -> str:
        """A digest of what is done, without where."""
        options = {name: value for name, value in self.options.items() if name not in PLACES}
        text = json.dumps([self.verb, self.function, options], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


PLACES = ("model",)  # options that say where something lies, whose digest says what it is


@dataclass
class Report:
    """What came of the parts."""

    out: str
    parts: int = 0
    done_before: int = 0
    rows: int = 0  # of this run, as all below
    broken: int = 0
    again: int = 0  # tries after the first
    processor_seconds: float = 0.0
    files: list[str] = field(default_factory=list)  # names of the answers, in the order of the parts
    failed: list[str] = field(default_factory=list)
    unusable: list[str] = field(default_factory=list)
    nothing_readable: list[str] = field(default_factory=list)

    def check(self) -> None:
        """Say what went wrong, once all that could be done is.

        Raises:
            InputError: a part cannot be used, or not one of its images can.
            GateError: a part was lost five times.
        """
        bad = [*self.unusable, *(f"{title}: not one of its images can be read" for title in self.nothing_readable)]
        rest = f"; the other {self.parts - len(bad) - len(self.failed):,} are done and stay"
        if bad:
            raise InputError(f"{pluralize(len(bad), 'part')} cannot be used: {join_some(bad)}{rest}")
        if self.failed:
            raise GateError(
                f"{pluralize(len(self.failed), 'part')} failed {TRIES} times: {join_some(self.failed)}{rest}; the "
                "same command tries them again"
            )


def run_parts(work: Work, parts: Iterable[Part], *, on: str | None = None, total: int | None = None) -> Report:
    """Do every part that is missing, two a core under way; what a stopped run has written counts.

    Args:
        work: what is done.
        parts: taken as they are needed.
        on: None for this machine's cores, ``ray``, or ``ray://HOST:PORT``.
        total: how many parts there are, for the progress bar, where it is known.

    Raises:
        ConfigError: a folder of something else, a node of another kind, or a cluster that cannot be reached.
        StorageError: no such bucket, no permission.
    """
    if on is not None:
        check_address(on)
    out = as_path(work.out)
    with nullcontext() if isinstance(out, RemotePath) else hold_folder(out):
        present = _open_folder(work, out)
        report = Report(work.out)
        loop = _Loop(work, out, on, present, report)
        for _ in track(loop.run(iter(parts)), f"{work.verb}: parts", total or 0, show=total is not None):
            pass
        for name in present - set(report.files):  # of a source that was otherwise
            (out / name).unlink(missing_ok=True)
    return report


def _open_folder(work: Work, out: Path) -> set[str]:
    """The names of the parts that are done.

    Raises:
        ConfigError: the folder holds something else.
    """
    sources = [source if is_url(source) else str(Path(source).absolute()) for source in work.sources]
    about = {"verb": work.verb, "key": work.key, "sources": sources}
    if isinstance(out, RemotePath):
        out.check_bucket()
        names = {path.name for path, _ in out.files()} if out.exists() else set()
    else:
        names = {path.name for path in contents(out)}
    if PLAN in names:
        try:
            found = json.loads((out / PLAN).read_text(encoding="utf-8"))
        except ValueError:
            found = None
        if found != about:
            raise ConfigError(f"{out}: holds what another verb, model, source or option gave; name another --out")
    elif names:
        raise ConfigError(f"{out}: not empty, and without parts of {work.verb}; name another --out")
    else:
        with atomic_file(out / PLAN) as temporary:
            temporary.write_text(json.dumps(about), encoding="utf-8")
    return {name for name in names if _PART.fullmatch(name)}


class _Loop:
    """The parts under way. Memory is held for these, and a name for each that is done."""

    def __init__(self, work: Work, out: Path, on: str | None, present: set[str], report: Report) -> None:
        self.work, self.out, self.on, self.present, self.report = work, out, on, present, report
        self.engine: LocalCores | RayCluster | None = None  # begun only where a part is missing
        self.again: deque[tuple[float, Part, int]] = deque()  # not before this time, part, tries so far
        self.under_way: dict[Any, tuple[Part, int]] = {}

    def run(self, parts: Iterator[Part]) -> Iterator[None]:
        """Yield once for each part that ended."""
        finished = False
        try:
            while True:
                yield from self._fill(parts)
                if not self.under_way and not self.again:
                    break
                yield from self._collect()
            finished = True
        finally:
            if self.engine is not None:
                self.engine.close(finished=finished)

    def _fill(self, parts: Iterator[Part]) -> Iterator[None]:
        while self.engine is None or len(self.under_way) < self._room():
            if self.again:
                if time.monotonic() < self.again[0][0]:
                    break
                _, part, tries = self.again.popleft()
            elif (fresh := next(parts, None)) is not None:
                part, tries = fresh, 0
                self.report.parts += 1
                name = part.file_name(self.work.key)
                self.report.files.append(name)
                if name in self.present:
                    self.report.done_before += 1
                    yield None
                    continue
            else:
                break
            self._submit(part, tries)

    def _room(self) -> int:
        assert self.engine is not None
        return 1 if self.again and self.engine.alone_again else self.engine.slots()

    def _submit(self, part: Part, tries: int) -> None:
        if self.engine is None:
            self.engine = LocalCores() if self.on is None else RayCluster(self.on)
        request = {
            "package": package_state(),
            "function": self.work.function,
            "inputs": part.inputs,
            "options": self.work.options,
            "out": self.out.url if isinstance(self.out, RemotePath) else str(self.out.absolute()),
            "file": part.file_name(self.work.key),
        }
        self.under_way[self.engine.submit(json.dumps(request))] = (part, tries)

    def _collect(self) -> Iterator[None]:
        assert self.engine is not None
        if not self.under_way:
            time.sleep(0.1)
            return
        for handle, text, lost in self.engine.finished(list(self.under_way)):
            part, tries = self.under_way.pop(handle)
            answer = {"failed": lost} if text is None else json.loads(text)
            if "refused" in answer:
                raise ConfigError(f"node {answer['node']} {answer['refused']}; give all the same and start again")
            if "failed" in answer:
                if self._try_again(part, tries + 1, answer["failed"]):
                    continue
            elif "unusable" in answer:
                self._told(self.report.unusable, answer["unusable"])
            else:
                self._count(part, answer)
            yield None

    def _try_again(self, part: Part, tries: int, why: str) -> bool:
        if tries >= TRIES:
            self._told(self.report.failed, f"part {part.number} ({part.title}), in the end: {why}")
            return False
        self.report.again += 1
        self.again.append((time.monotonic() + PAUSE * 2**tries, part, tries))
        return True

    def _count(self, part: Part, answer: Mapping[str, Any]) -> None:
        report = self.report
        is_first = self.on is not None and answer["rows"] and not report.rows
        if is_first and not (self.out / part.file_name(self.work.key)).is_file():
            raise ConfigError(
                f"{self.out}: node {answer['node']} wrote its part, and it is not to be seen here; name a folder that "
                "all machines share, or a URL"
            )
        report.rows += answer["rows"]
        report.broken += answer["broken"]
        report.processor_seconds += answer["processor_seconds"]
        if answer["rows"] and answer["broken"] == answer["rows"]:
            self._told(report.nothing_readable, part.title)

    def _told(self, names: list[str], text: str) -> None:
        if len(names) < _TOLD:
            names.append(text)
        log(f"warning: {text}")
