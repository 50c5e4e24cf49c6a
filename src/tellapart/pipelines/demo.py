"""The whole path in one go, on CAPTCHAs drawn here: draw, train, evaluate, pack, read fresh ones."""

from __future__ import annotations

from pathlib import Path

from tellapart.core.folder_lock import hold_folder
from tellapart.core.own_commands import own_command
from tellapart.core.progress import log
from tellapart.inference.predictor import load
from tellapart.pipelines.train import TrainResult, train
from tellapart.synthesis.generate import generate
from tellapart.training.options import ReaderOptions

SCHEME = "plain"
IMAGES = 4000
FRESH = 12


class DemoResult(TrainResult):
    """What `demo` answers: the training's result, the fresh images (``n``, ``right``), and a summary in prose."""

    fresh: dict[str, int]
    summary: str


def demo(*, out: str | Path = "demo", n: int = IMAGES, epochs: int | None = None) -> DemoResult:
    """Draw CAPTCHAs, train a reader, score it on images it never saw, pack it, and read fresh ones.

    The fresh ones are drawn from another seed than what the reader was trained, chosen and scored on.

    Args:
        out: the folder for all of it; the same call goes on where a stopped one left off.
        n: images to draw for training, validation and test.
        epochs: of the training; by default as `tellapart.train` decides.

    Returns:
        As `tellapart.train`; and ``fresh``: how many fresh images there were and how many were read right; and
        ``summary``, the same in prose.

    Raises:
        ConfigError: the folder holds another training, or another command works in it.

    Example:
        tellapart.demo(out="demo")
    """
    folder = Path(out)
    drawn, fresh = folder / "captchas", folder / "fresh"
    with hold_folder(folder):
        if not drawn.exists():
            log(f"1. drawing {n:,} CAPTCHAs of the scheme {SCHEME!r} into {drawn}")
            generate(SCHEME, n, drawn, seed=0, grid=folder / "samples.png")
        log(
            f"2. training a reader in {folder / 'run'}: 70 % of them teach it, 15 % choose its best epoch, "
            "15 % are kept for the score"
        )
        options: ReaderOptions = {} if epochs is None else {"epochs": epochs}
        result = train(drawn, out=folder / "run", task="read", **options)
        if not fresh.exists():
            log(
                f"3. drawing {FRESH} fresh ones from another seed into {fresh}, and reading them with the packed bundle"
            )
            generate(SCHEME, FRESH, fresh, seed=1)
        rows, right = _read_fresh(result["bundle"], fresh)
    exact = result["test"]["exact_match"]
    low, high = exact["ci95"]
    lines = [
        f"{'file':<18} {'drawn':<8} {'read':<8} confidence",
        *rows,
        "",
        f"exact match on {exact['n']} test images: {exact['value']:.4f} (95 % interval {low:.4f} to {high:.4f})",
        f"fresh ones read right: {right} of {len(rows)}",
        "",
        f"samples  {folder / 'samples.png'}",
        f"run      {result['run']}  (configuration, history, weights, figures)",
        f"bundle   {result['bundle']}  (predicts anywhere, without torch)",
        "",
        "try next",
        f"  {own_command()} predict {result['bundle']} {fresh / 'images'} --json",
        f"  {own_command()} generate --scheme classic --n 20 --out classic --grid classic.png",
        f"  {own_command()} recipes",
        f"  {own_command()} train YOUR_FOLDER --out runs/yours",
    ]
    return {**result, "fresh": {"n": len(rows), "right": right}, "summary": "\n".join(lines)}


def _read_fresh(bundle: str, folder: Path) -> tuple[list[str], int]:
    """A line for each fresh image with its text and its reading, and how many are read right."""
    labels = (folder / "labels.csv").read_text(encoding="utf-8").splitlines()[1:]
    predictor = load(bundle)
    rows, right = [], 0
    for file, text in (line.split(",", 1) for line in labels):
        prediction = predictor.predict(folder / file)[0]
        right += prediction.answer == text
        rows.append(f"{file:<18} {text:<8} {prediction.answer:<8} {prediction.confidence:.3f}")
    return rows, right
