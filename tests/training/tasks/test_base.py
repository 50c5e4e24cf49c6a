"""The strategy of a task: what a task that says nothing of its own does, and what each of both says."""

from __future__ import annotations

import numpy as np
import pytest

from tellapart.core.errors import ConfigError
from tellapart.inference.charset import BLANK
from tellapart.training.config import PATIENCE, TrainConfig
from tellapart.training.run_folder import Run
from tellapart.training.tasks.base import Task
from tellapart.training.tasks.registry import get_task


class Plain(Task):
    """A third task that overrides what it must and nothing else."""

    name = "plain"
    augmentations = ("none",)

    def check_options(self, config): ...
    def plan(self, config, catalog): ...
    def check_decisions(self, config, catalog): ...
    def preprocess(self, config, mean=(0.5,), std=(0.5,)): ...
    def build_network(self, run, *, pretrained): ...
    def training_module(self, run, catalog, model, spec, stage, number): ...
    def calibrate(self, config, catalog, rows, logits): ...


def test_a_task_that_says_nothing_has_neither_heads_to_solve_nor_weights_to_begin_with(shape_run, refuses):
    task, run = Plain(), Run.open(shape_run)
    catalog = run.catalog()
    assert task.patience(100) == PATIENCE
    assert task.training_rows(run.config, catalog) == catalog.training_rows()
    assert not task.warm_start(run, None, None)
    assert not task.averages_weights
    assert not task.transfers(run.config)
    assert task.searched_options(run.config, catalog) == {}
    assert task.check_data(catalog, None, None) == []
    batches = [np.zeros((2, 3), np.float32), np.ones((1, 3), np.float32)]
    assert task.merge_logits(batches).tolist() == [[0] * 3, [0] * 3, [1] * 3]
    text = "stage 'solve': only a classifier with a timm backbone has features to solve a head on"
    with refuses(ConfigError, text):
        task.solve_head(None, None, [])


def test_a_task_must_say_what_differs():
    with pytest.raises(TypeError, match="abstract"):
        Task()


@pytest.mark.parametrize(("epochs", "patience"), [(3, 10), (20, 10), (48, 24)])
def test_a_reader_waits_half_its_stage(epochs, patience):
    assert get_task("read").patience(epochs) == patience
    assert get_task("classify").patience(epochs) == 10


def test_readings_of_other_widths_end_in_blanks():
    logits = get_task("read").merge_logits([np.zeros((1, 2, 3), np.float32), np.ones((2, 4, 3), np.float32)])
    assert logits.shape == (3, 4, 3)
    assert (logits[0, 2:].argmax(axis=1) == BLANK).all()
    assert logits[0, :2].tolist() == np.zeros((2, 3)).tolist()
    assert (logits[1:] == 1).all()


def test_each_task_knows_its_own_search():
    reader, classifier = get_task("read"), get_task("classify")
    config = TrainConfig(backbone="resnet18")
    assert classifier.transfers(config)
    assert not classifier.transfers(TrainConfig(backbone="small"))
    assert not reader.transfers(config)
    assert reader.searched_options(config, None) == {}
