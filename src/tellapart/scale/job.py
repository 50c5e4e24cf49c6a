"""What a worker does: check that it is of the same kind, run the function of a part, write its answer whole."""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tellapart.core.errors import InputError
from tellapart.core.files import atomic_file
from tellapart.core.storage import as_path

CORES = "LOKY_MAX_CPU_COUNT"  # which `tellapart.core.parallel.cpu_count` obeys


class NodeMismatchError(InputError):
    """A node has another package or another bundle than the machine that asks."""


@lru_cache(maxsize=1)
def package_state() -> str:
    """The version of this package and a digest of its source: equal where answers are made by the same code."""
    digest = hashlib.sha256()
    home = Path(__file__).parents[1]
    for path in sorted(home.rglob("*.py")):
        digest.update(path.relative_to(home).as_posix().encode() + path.read_bytes())
    return f"{version('tellapart')} ({digest.hexdigest()[:12]})"


def do_part(request: str) -> str:
    """Do one part; JSON in, JSON out, so that nothing of ours is unpickled anywhere.

    Args:
        request: package (its state), function (``module:name``), inputs and options (its arguments), out (folder or
            URL), file (the name of the answer).

    Returns:
        ``rows``, ``broken`` (rows with an error), ``seconds``, ``processor_seconds``, ``node``; or one of ``refused``
        (the node is of another kind), ``unusable`` (the input is), ``failed`` (try again), in words.
    """
    job, node = json.loads(request), platform.node()
    try:
        if job["package"] != package_state():
            raise NodeMismatchError(f"has tellapart {package_state()}, this machine {job['package']}")
        module, _, name = job["function"].partition(":")
        started, used = time.perf_counter(), time.process_time()
        with _one_core():
            tables = getattr(importlib.import_module(module), name)(job["inputs"], job["options"])
            rows, broken = _write(tables, job)
    except NodeMismatchError as error:
        return json.dumps({"refused": str(error), "node": node})
    except InputError as error:
        return json.dumps({"unusable": str(error), "node": node})
    except Exception as error:
        return json.dumps({"failed": f"{type(error).__name__}: {error}", "node": node})
    spent = {"seconds": time.perf_counter() - started, "processor_seconds": time.process_time() - used}
    return json.dumps({"rows": rows, "broken": broken, "node": node, **spent})


@contextmanager
def _one_core() -> Iterator[None]:
    """What asks how many cores there are is told one: the others are other parts'."""
    before = os.environ.get(CORES)
    os.environ[CORES] = "1"
    try:
        yield
    finally:
        os.environ.pop(CORES)
        if before is not None:
            os.environ[CORES] = before


def _write(tables: Iterator[Any], job: dict[str, Any]) -> tuple[int, int]:
    """Write the tables of a part as one Parquet file; without a table, none."""
    import pyarrow.parquet as pq

    rows = broken = 0
    first = next(tables, None)
    if first is None:
        return 0, 0
    target = as_path(job["out"]) / job["file"]
    with atomic_file(target) as temporary, pq.ParquetWriter(temporary, first.schema, compression="zstd") as writer:
        while first is not None:
            writer.write_table(first)
            rows += len(first)
            if "error" in first.column_names:
                broken += len(first) - first.column("error").null_count
            first = next(tables, None)
    return rows, broken
