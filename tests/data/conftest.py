"""What the tests of labelled images share: shards of Hugging Face's layout, and tables as text."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

_DAMAGE = {
    "empty": lambda data: b"",
    "no Parquet": lambda data: b"file,label\n",
    "truncated": lambda data: data[: len(data) // 2],
    "without its head": lambda data: data[len(data) // 2 :],
    "overwritten": lambda data: data[:4] + b"\xff" * 100 + data[104:],
}


@pytest.fixture(params=_DAMAGE)
def parquet_damage(request):
    """What damages the bytes of a Parquet file."""
    return _DAMAGE[request.param]


@pytest.fixture
def table():
    """Write a table as text."""

    def write(folder, text, name="labels.csv"):
        path = folder / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def shards(tmp_path, draw, encode):
    """Two shards of Hugging Face's layout, five pictures, one of which is none."""
    contents = [encode(draw(n)) for n in range(4)]
    contents.insert(3, b"no picture")
    kind = pa.struct({"bytes": pa.binary(), "path": pa.string()})
    features = {"image": {"_type": "Image"}, "label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}
    about = {"huggingface": json.dumps({"info": {"features": features}})}
    folder = tmp_path / "shards"
    folder.mkdir()
    for name, low, high in (("a", 0, 2), ("b", 2, 5)):
        images = pa.array([{"bytes": data, "path": f"{low}.png"} for data in contents[low:high]], kind)
        made = pa.table({"image": images, "label": [n % 2 for n in range(low, high)]})
        pq.write_table(made.replace_schema_metadata(about), folder / f"{name}.parquet", row_group_size=2)
    return folder, contents
