"""The names of the source options, against the functions that take them."""

from __future__ import annotations

import inspect

import tellapart
from tellapart.data.layouts import read_source
from tellapart.data.source_options import LABEL_OPTIONS, SOURCE_OPTIONS, LabelOptions, SourceOptions
from tellapart.training.config import TrainConfig


def test_the_tuples_name_the_keys_of_the_types():
    assert set(LABEL_OPTIONS) == set(LabelOptions.__annotations__)
    assert set(SOURCE_OPTIONS) == set(SourceOptions.__annotations__)
    assert list(SOURCE_OPTIONS) == ["task", "coarse_labels", *LABEL_OPTIONS]


def test_a_source_is_read_with_each_of_the_label_options():
    assert set(LABEL_OPTIONS) < set(inspect.signature(read_source).parameters)


def test_a_training_takes_each_of_the_source_options():
    assert set(SOURCE_OPTIONS) < set(TrainConfig.__dataclass_fields__)


def test_each_option_changes_how_a_table_is_read(texts, tmp_path):
    lines = (texts / "labels.csv").read_text(encoding="utf-8").splitlines()[1:13]
    table = tmp_path / "table.csv"
    rows = [f"{texts / file},{text},{number % 3}" for number, (file, text) in enumerate(x.split(",") for x in lines)]
    table.write_text("\n".join(["picture,says,writer", *rows]), encoding="utf-8")
    options = {"file_column": "picture", "label_column": "says", "group_by": "writer", "task": "classify"}
    catalog = tellapart.catalog(table, out=tmp_path / "c.parquet", **options)
    assert catalog.task == "classify"
    assert catalog.column("label") == [line.split(",")[1] for line in lines]
    assert len(set(catalog.column("together"))) == 3
