"""Going on after any death to the same weights, checkpoints that are whole, averaged weights, classes shown alike."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from tellapart.pipelines.train import fit_only
from tellapart.training.build_model import build_network
from tellapart.training.run_folder import Run
from tellapart.training.tasks.classification import ClassificationModule

QUICK = {"backbone": "small", "epochs": 2, "batch_size": 16, "device": "cpu", "precision": "float32"}


def weights(run):
    return load_file(Path(run) / "model.safetensors")


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def lines(run):
    return [json.loads(line) for line in (Path(run) / "history.jsonl").read_text(encoding="utf-8").splitlines()]


def checkpoint(run, stage, kind="last"):
    file = Path(run) / "checkpoints" / f"stage-{stage}" / f"{kind}.ckpt"
    return torch.load(file, map_location="cpu", weights_only=True)


# --- killed at any moment ----------------------------------------------------------------------------

EVERYTHING = {
    "task": "classify", "backbone": "test_resnet", "pretrained": False, "height": 32, "batch_size": 16, "seed": 3,
    "stages": [
        {"train": "last:2", "epochs": 3, "lr": 3e-3, "schedule": "step:2:0.5"},
        {"train": "all", "epochs": 4, "lr": 1e-3, "schedule": "plateau:1:0.5"},
    ],
    "views": 2, "ema": 0.9, "mixup": 0.4, "label_smoothing": 0.1, "dropout": 0.3, "augment": "photo",
    "class_weights": "sampling", "device": "cpu", "precision": "float32",
}  # fmt: skip

# One process that imports once and lets a fork of it train, to its end or to the death named, for each line given.
SESSIONS = """
import json, os, resource, signal, sys
from tellapart.pipelines.train import fit_only
from tellapart.training._lightning import pl
from tellapart.training.tasks.classification import ClassificationModule

data, options = sys.argv[1], json.loads(sys.argv[2])
step, save = ClassificationModule.training_step, pl.Trainer.save_checkpoint


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def train(folder, moment):
    saved = iter(range(1000))

    def killing_step(self, batch, index):
        if moment == [self.number, self.current_epoch, index]:
            die()
        return step(self, batch, index)

    def killing_save(self, *args, **kwargs):
        now = next(saved)
        if moment == ["writing", now]:  # the kernel ends it in the midst of the file
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
            resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        save(self, *args, **kwargs)
        if moment == ["written", now]:
            die()

    ClassificationModule.training_step, pl.Trainer.save_checkpoint = killing_step, killing_save
    fit_only(data, out=folder, **options)


for line in sys.stdin:
    folder, moment = json.loads(line)
    child = os.fork()
    if not child:
        try:
            train(folder, moment)
            os._exit(0)
        except BaseException:
            import traceback

            traceback.print_exc()
            os._exit(1)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


def moments():
    """Three steps drawn from all of them, and the midst and the end of writing a checkpoint."""
    steps = [[stage, epoch, batch] for stage, epochs in ((0, 3), (1, 4)) for epoch in range(epochs) for batch in (0, 1)]
    drawn = np.random.default_rng(11).choice(len(steps), 3, replace=False)
    return [*(steps[place] for place in drawn), ["writing", 8], ["written", 2]]


@pytest.fixture(scope="module")
def sessions(shapes):
    """A function that lets a run go on until a moment, or to its end, and says how it ended."""
    command = [sys.executable, "-c", SESSIONS, str(shapes), json.dumps(EVERYTHING)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:

        def session(folder, moment=None):
            process.stdin.write(json.dumps([str(folder), moment]) + "\n")
            process.stdin.flush()
            return int(process.stdout.readline())

        yield session
        process.stdin.close()


@pytest.fixture(scope="module")
def undisturbed(sessions, tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed") / "run"
    assert sessions(folder) == 0
    return folder


def test_the_undisturbed_run_uses_all_it_is_to_prove(undisturbed):
    assert [(line["stage"], line["epoch"]) for line in lines(undisturbed)] == [
        *((0, epoch) for epoch in range(1, 4)), *((1, epoch) for epoch in range(1, 5))
    ]  # fmt: skip
    rates = [group["lr"] for group in checkpoint(undisturbed, 1)["optimizer_states"][0]["param_groups"]]
    assert max(rates) < 1e-3  # the plateau fell
    assert "current_model_state" in checkpoint(undisturbed, 0)  # the average stands beside it
    before, after = checkpoint(undisturbed, 0)["state_dict"], checkpoint(undisturbed, 1)["state_dict"]
    assert not same(before, after)
    stem = next(name for name in before if name.startswith("model.backbone"))
    assert not torch.equal(before[stem], after[stem])


@pytest.mark.parametrize("moment", moments(), ids=str)
def test_killed_at_any_moment_it_goes_on_to_the_same_weights(sessions, undisturbed, tmp_path, moment):
    folder = tmp_path / "run"
    ended = sessions(folder, moment)
    assert ended == (-signal.SIGXFSZ if moment[0] == "writing" else -signal.SIGKILL)
    assert not (folder / "model.safetensors").exists()
    parts = list((folder / "checkpoints").rglob("*.part"))
    if moment[0] == "writing":
        assert len(parts) == 1  # beside its target, so that a rename makes it whole on any disk
        assert 0 < parts[0].stat().st_size <= 20_000
    for file in (folder / "checkpoints").rglob("*.ckpt"):
        torch.load(file, weights_only=True)
    assert sessions(folder) == 0
    assert same(weights(folder), weights(undisturbed))
    assert list((folder / "checkpoints").rglob("*.part")) == []
    for stage in (0, 1):
        ours, theirs = checkpoint(folder, stage), checkpoint(undisturbed, stage)
        assert same(ours["state_dict"], theirs["state_dict"])
        assert same(ours["current_model_state"], theirs["current_model_state"])
        assert [g["lr"] for g in ours["optimizer_states"][0]["param_groups"]] == [
            g["lr"] for g in theirs["optimizer_states"][0]["param_groups"]
        ]
    assert [{**line, "seconds": 0} for line in lines(folder)] == [{**line, "seconds": 0} for line in lines(undisturbed)]


# --- averaged weights --------------------------------------------------------------------------------


class _Averages:
    """Keeps the average by hand: the first weights as they are, then the old in the share of the decay."""

    def __init__(self, monkeypatch, decay):
        self.kept, self.updates, self.validated = None, 0, []
        ended, validation = ClassificationModule.optimizer_step, ClassificationModule.validation_step

        def stepped(task, *args, **kwargs):
            ended(task, *args, **kwargs)
            now = {name: value.detach().double().clone() for name, value in task.model.state_dict().items()}
            old, n = self.kept or now, self.updates
            share = min(decay, (1 + n) / (10 + n))  # the first of few updates soon count for little
            self.kept, self.updates = {name: share * old[name] + (1 - share) * now[name] for name in now}, n + 1

        def validated(task, batch, index):
            assert task.targets.tolist() == task.truth
            self.validated.append(({n: v.clone() for n, v in task.model.state_dict().items()}, dict(self.kept)))
            validation(task, batch, index)

        monkeypatch.setattr(ClassificationModule, "optimizer_step", stepped)
        monkeypatch.setattr(ClassificationModule, "validation_step", validated)


def test_validation_and_the_weights_kept_are_the_average(shape, tmp_path, monkeypatch):
    for number in range(8):  # enough classes that a rounded-down mean of class numbers would be another class
        (tmp_path / f"data/{number}").mkdir(parents=True)
        for seed in range(5):
            Image.fromarray(shape(("disc", "ring", "bar")[number % 3], number * 100 + seed)).save(
                tmp_path / f"data/{number}/{seed}.png"
            )
    init = ClassificationModule.__init__

    def remembering(task, *args, **kwargs):
        init(task, *args, **kwargs)
        task.truth = task.targets.tolist()

    monkeypatch.setattr(ClassificationModule, "__init__", remembering)
    averages = _Averages(monkeypatch, 0.9)
    fit_only(tmp_path / "data", out=tmp_path / "run", **QUICK, ema=0.9)
    assert len(averages.validated) == 2
    for used, by_hand in averages.validated:
        for name, value in used.items():
            if value.is_floating_point():
                np.testing.assert_allclose(value.numpy(), by_hand[name].numpy(), atol=1e-5, err_msg=name)
    assert any(same(weights(tmp_path / "run"), used) for used, _ in averages.validated)
    last = checkpoint(tmp_path / "run", 0)
    assert not same(last["state_dict"], last["current_model_state"])
    (counts,) = {int(v) for n, v in last["state_dict"].items() if n.endswith("num_batches_tracked")}
    assert counts == last["global_step"]


def test_a_stage_ends_where_nothing_is_left_to_gain(shapes, tmp_path, monkeypatch):
    fit_only(shapes, out=tmp_path / "all", **{**QUICK, "epochs": 4})
    scores = [line["val_accuracy"] - 0.01 * line["val_loss"] for line in lines(tmp_path / "all")]
    assert len(scores) == 4
    enough = sorted(scores)[1] + 1e-4  # which two of the four may go beyond; the history is rounded
    monkeypatch.setattr("tellapart.training.loop.PERFECT", enough)
    fit_only(shapes, out=tmp_path / "enough", **{**QUICK, "epochs": 4})
    assert len(lines(tmp_path / "enough")) == next(at for at, score in enumerate(scores, 1) if score > enough)


def test_what_is_frozen_stays_itself_under_the_average(shapes, tmp_path):
    stages = [{"train": "head", "epochs": 2, "lr": 1e-2}]
    fit_only(shapes, out=tmp_path / "run", **{**QUICK, "epochs": None, "stages": stages}, ema=0.9)
    torch.manual_seed(0)
    before = build_network(Run.open(tmp_path / "run"), pretrained=False).state_dict()
    after = weights(tmp_path / "run")
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"head.weight", "head.bias"}


# --- rare classes shown as often ---------------------------------------------------------------------


def test_with_sampling_every_class_is_shown_as_often(draw_shapes, tmp_path, monkeypatch):
    data = draw_shapes(tmp_path / "data", grouped=False)
    for index in range(6, 20):
        (data / "ring" / f"{index:02d}.png").unlink()
    shown = []
    step = ClassificationModule.training_step

    def watched(self, batch, index):
        shown.append((self.current_epoch, batch[1].tolist()))
        return step(self, batch, index)

    monkeypatch.setattr(ClassificationModule, "training_step", watched)
    fit_only(data, out=tmp_path / "run", **QUICK, class_weights="sampling")
    catalog = Run.open(tmp_path / "run").catalog()
    labels = catalog.column("label")
    there = Counter(labels[row] for row in catalog.rows("train"))
    assert there["ring"] < there["disc"]
    for epoch in (0, 1):
        rows = [row for at, batch in shown if at == epoch for row in batch]
        assert Counter(labels[row] for row in rows) == dict.fromkeys(catalog.labels, max(there.values()))
        assert set(rows) == set(catalog.rows("train"))
        often = Counter(row for row in rows if labels[row] == "ring").values()
        assert max(often) - min(often) <= 1


# --- a rate that falls -------------------------------------------------------------------------------


def test_a_plateau_lets_the_rate_fall_after_so_many_epochs(shapes, tmp_path, monkeypatch):
    scores = iter([0.1, 0.3, 0.3, 0.2, 0.4, 0.4, 0.4, 0.4])
    monkeypatch.setattr(
        ClassificationModule, "validation_figures", lambda self, seen: {"loss": 1.0, "score": next(scores)}
    )
    rates = []
    start = ClassificationModule.on_train_epoch_start

    def watched(task):
        start(task)
        rates.append({group["lr"] for group in task.trainer.optimizers[0].param_groups})

    monkeypatch.setattr(ClassificationModule, "on_train_epoch_start", watched)
    stages = [{"train": "all", "epochs": 8, "lr": 0.004, "schedule": "plateau:2:0.5"}]
    fit_only(shapes, out=tmp_path / "run", **{**QUICK, "epochs": None, "stages": stages, "batch_size": 48})
    # Two epochs without a better score: after the fourth (0.3, 0.2), and after the seventh (0.4, 0.4).
    assert rates == [{0.004}] * 4 + [{0.002}] * 3 + [{0.001}]
