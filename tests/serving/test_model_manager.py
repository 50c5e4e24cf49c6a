"""The models of a process: described, switched while they answer, and kept where the new one cannot be loaded."""

from __future__ import annotations

import json
import time

import tellapart
from tellapart.core.files import write_json
from tellapart.inference.bundle import GRAPH, Bundle
from tellapart.serving.model_manager import ModelManager, describe
from tellapart.serving.model_registry import ModelRegistry
from tellapart.serving.settings import Settings


def wait_until(true):
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def point(registry, name, folder):
    """As a switch writes it."""
    models = registry.read()
    models[name]["versions"].append(str(folder))
    models[name]["current"] = len(models[name]["versions"]) - 1
    write_json(registry.file, models)


def test_a_model_is_replaced_while_another_is_held(tmp_path, shape_bundle, pictures, copied):
    registry = ModelRegistry(tmp_path / "state")
    registry.start([f"shapes={shape_bundle}"])
    switched, sizes = [], []
    manager = ModelManager(
        Settings(str(registry.path)), seen=lambda name, size: sizes.append((name, size)), switched=switched.append
    )
    try:
        held = manager.models["shapes"]
        other = copied(shape_bundle)
        point(registry, "shapes", other)
        wait_until(lambda: switched)
        assert switched == ["shapes"]
        assert manager.models["shapes"].path == str(other)
        assert held.path == str(shape_bundle)
        new = manager.models["shapes"]
        (row,) = tellapart.load(shape_bundle).predict([pictures[0]])
        _, pixels = new.predictor.prepare("x", pictures[0])
        assert new.batcher.submit("x", pixels).result(20).answer == row.answer
        assert sizes == [("shapes", 1)]
        broken = copied(shape_bundle, "broken")
        (broken / GRAPH).write_bytes(b"")
        point(registry, "shapes", broken)
        wait_until(lambda: manager.trouble)
        assert manager.models["shapes"] is new
        assert manager.trouble == {
            "shapes": f"{broken}: {broken / GRAPH}: changed since it was written; export the run again"
        }
        (report,) = (registry.path / "workers").glob("*.json")
        wait_until(lambda: json.loads(report.read_text("utf-8"))["trouble"])
        assert json.loads(report.read_text("utf-8")) == {"models": {"shapes": str(other)}, "trouble": manager.trouble}
    finally:
        manager.close()


def test_a_description_tells_the_task_and_the_figures(tmp_path, shape_bundle, text_bundle):
    registry = ModelRegistry(tmp_path / "state")
    registry.start([f"shapes={shape_bundle}", f"texts={text_bundle}"])
    manager = ModelManager(Settings(str(registry.path)))
    try:
        shapes, texts = (describe(manager.models[name]) for name in ("shapes", "texts"))
        bundle = Bundle.open(shape_bundle)
        assert list(shapes) == ["name", "task", "version", "labels", "metrics"]
        assert (shapes["labels"], shapes["version"]) == (bundle.labels, bundle.version[:12])
        assert shapes["metrics"] == bundle.manifest.metrics.to_json()
        assert texts["characters"] == list(Bundle.open(text_bundle).charset.characters)
        assert "labels" not in texts
    finally:
        manager.close()
