"""The command line: one JSON object, the status, the words, and nothing half written."""

from __future__ import annotations

import builtins
import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

import tellapart
from tellapart.cli import USAGE, VERBS, main
from tellapart.inference.preprocess import Preprocess
from tellapart.synthesis.generate import generate
from tellapart.training.config import TrainConfig, recipe_names


@pytest.fixture
def said(capsys):
    """Run a command line: its status, stdout and stderr."""

    def run(*words):
        status = main([str(word) for word in words])
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return run


@pytest.fixture
def answered(said):
    """The one JSON object of a command line that succeeds."""

    def run(*words):
        status, out, _ = said(*words, "--json")
        assert status == 0
        assert out.count("\n") == 1
        return json.loads(out)

    return run


@pytest.fixture(scope="module")
def options_file(shape_options, tmp_path_factory):
    path = tmp_path_factory.mktemp("options") / "options.yaml"
    path.write_text(yaml.safe_dump(shape_options), encoding="utf-8")
    return path


# --- every verb --------------------------------------------------------------------------------------


def test_catalog(answered, said, shapes, tmp_path):
    out = tmp_path / "data.parquet"
    result = answered("catalog", shapes, "--out", out)
    fingerprint = tellapart.catalog(shapes, out=tmp_path / "again.parquet").fingerprint
    assert result == {
        "out": str(out), "n": 60, "task": "classify", "labels": 3, "left_out": 0, "split": None,
        "fingerprint": fingerprint, "notes": [],
    }  # fmt: skip
    status, prose, _ = said("catalog", shapes, "--out", out)
    assert status == 0
    assert prose.splitlines() == [
        "n            60",
        "task         classify",
        "labels       3",
        "left_out     0",
        f"fingerprint  {fingerprint}",
    ]


def test_split(answered, said, shapes, tmp_path):
    out = tmp_path / "split.parquet"
    result = answered("split", shapes, "--out", out, "--seed", 3, "--fractions", "[0.5, 0.25, 0.25]")
    assert result["split"] == {"train": 30, "val": 15, "test": 15}
    made = tellapart.split(shapes, seed=3, fractions=(0.5, 0.25, 0.25))
    assert result["fingerprint"] == made.fingerprint
    assert pq.read_table(out).column("split").to_pylist() == made.column("split")
    assert "split        train 30, val 15, test 15\n" in said("split", out, "--out", out)[1]


def test_train(answered, said, shapes, shape_run, shape_result, options_file):
    words = ("train", shapes, "--out", shape_run, "--config", options_file)
    assert answered(*words) == shape_result
    status, prose, err = said(*words)
    assert status == 0
    assert err == (
        f"{shape_run}: finished already\n"
        "note: 60 images are under 40 px on a side: only their exact copies are kept together\n"
    )
    lines = prose.splitlines()
    assert lines[0] == f"9 images of {shape_run / 'data.parquet'} (split: test)"
    assert lines[2].startswith("accuracy             0.")
    assert lines[-3:] == [
        f"run     {shape_run} ({shape_result['seconds']} s)",
        f"bundle  {shape_run / 'bundle'}",
        f"next    tellapart predict {shape_run / 'bundle'} IMAGE ...",
    ]


def test_an_option_overrides_the_file(said, shapes, shape_run, options_file):
    status, out, err = said("train", shapes, "--out", shape_run, "--config", options_file, "--batch-size", 4, "--json")
    assert (status, out) == (2, "")
    assert err == (
        f"tellapart: {shape_run}: holds another training (batch_size 16 there, 4 here); "
        "give another --out, or remove it\n"
    )


def test_evaluate(answered, said, shapes, shape_run, tmp_path):
    report = answered("evaluate", shape_run, shapes, "--split", "all", "--out", tmp_path / "report.json")
    assert json.loads((tmp_path / "report.json").read_text("utf-8")) == report
    assert report["n"] == 60
    _, prose, _ = said("evaluate", shape_run, shapes, "--split", "all")
    lines = prose.splitlines()
    assert lines[0] == f"60 images of {shapes} (split: all)"
    figure = report["fine_macro_f1"]
    low, high = figure["ci95"]
    assert f"fine macro f1        {figure['value']:.4f}   95 % interval {low:.4f} to {high:.4f}" in lines
    assert "weakest classes (f1, support)" in lines
    weakest = min(report["fine_per_class"].items(), key=lambda item: item[1]["f1"])
    assert lines[lines.index("weakest classes (f1, support)") + 1].split() == [
        weakest[0], f"{weakest[1]['f1']:.3f}", str(weakest[1]["support"])
    ]  # fmt: skip


def test_predict(answered, said, shapes, shape_run, text_run, texts, tmp_path):
    file = min(shapes.rglob("*.png"))
    expected = tellapart.predict(shape_run, [file, tmp_path / "gone.png"])
    assert answered("predict", shape_run, file, tmp_path / "gone.png") == {
        "predictions": [prediction.to_json() for prediction in expected]
    }
    good = expected[0]
    assert said("predict", shape_run, file, tmp_path / "gone.png") == (
        0,
        f"{file.name}    {good.answer}  ({good.group})  {good.confidence:.3f}\n"
        "gone.png  error: there is no such file\n",
        "",
    )
    reading = tellapart.predict(text_run, texts / "00.png")[0]
    assert said("predict", text_run, texts / "00.png", "--csv") == (
        0, f"file,text,confidence,error\n{texts / '00.png'},{reading.answer},{reading.confidence:.6f},\n", ""
    )  # fmt: skip
    assert said("predict", text_run, texts / "00.png")[1] == f"00.png  {reading.answer}  {reading.confidence:.3f}\n"


def test_json_wins_over_csv(answered, shape_run, shapes):
    assert answered("predict", shape_run, min(shapes.rglob("*.png")), "--csv").keys() == {"predictions"}


def test_only_bad_images_are_unusable_input(said, shape_run, tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    status, out, err = said("predict", shape_run, tmp_path / "a.png", tmp_path / "b.png", "--json")
    assert (status, err) == (2, "")
    assert [row["error"] for row in json.loads(out)["predictions"]] == ["the file is empty", "there is no such file"]


def test_export(answered, said, shape_run, tmp_path, monkeypatch):
    result = answered("export", shape_run, "--out", tmp_path / "bundle")
    about = tellapart.Bundle.open(tmp_path / "bundle").about
    assert result == {"bundle": str(tmp_path / "bundle"), "parity": about["parity"]}
    monkeypatch.setattr(tellapart, "export", lambda run, **options: tellapart.Bundle.open(tmp_path / "bundle"))
    worst = about["parity"]["largest_difference"]
    assert said("export", shape_run)[1] == (
        f"{tmp_path / 'bundle'}: 19 comparisons on 9 images, 0 different answers, "
        f"largest difference of a probability {worst:.1e}\n"
    )


def test_generate(answered, said, tmp_path):
    result = answered("generate", "--scheme", "digits", "--n", 3, "--out", tmp_path / "a", "--seed", 5)
    assert result.keys() == {"out", "n", "scheme", "seed", "seconds", "images_per_second"}
    generate("digits", 3, tmp_path / "b", seed=5)
    assert (tmp_path / "a/labels.csv").read_bytes() == (tmp_path / "b/labels.csv").read_bytes()
    status, prose, _ = said("generate", "--scheme", "digits", "--n", 1, "--out", tmp_path / "c")
    assert status == 0
    assert prose.startswith(f"1 images of digits in {tmp_path / 'c'} (")


def test_recipes(answered, said):
    assert list(answered("recipes")["recipes"]) == recipe_names()
    name = recipe_names()[0]
    assert answered("recipes", name)["recipes"][name] == tellapart.recipes(name)[name]
    assert said("recipes", name)[1] == tellapart.recipes(name)[name].rstrip() + "\n"
    assert all(f"\n{name}\n" in "\n" + said("recipes")[1] for name in recipe_names())


def test_demo(answered, said, monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(tellapart, "demo", lambda out: asked.append(out) or {"run": "x", "summary": "it reads"})
    assert answered("demo", "--out", tmp_path) == {"run": "x", "summary": "it reads"}
    assert said("demo") == (0, "it reads\n", "")
    assert asked == [str(tmp_path), "demo"]


def test_the_demo_is_the_whole_path(tmp_path, capsys):
    result = tellapart.demo(out=tmp_path / "demo", n=40, epochs=1)
    assert result["fresh"]["n"] == 12
    assert sorted(item.name for item in (tmp_path / "demo").iterdir()) == ["captchas", "fresh", "run", "samples.png"]
    summary = result["summary"].splitlines()
    assert summary[0].split() == ["file", "drawn", "read", "confidence"]
    assert sum(line.startswith("images/") for line in summary) == 12
    assert f"fresh ones read right: {result['fresh']['right']} of 12" in summary
    assert [line[0] for line in capsys.readouterr().err.splitlines() if line[1:3] == ". "] == ["1", "2", "3"]
    assert tellapart.demo(out=tmp_path / "demo", n=40, epochs=1) == result


# --- help, version, spelling -------------------------------------------------------------------------


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"], ["help"]])
def test_usage(words, said):
    assert said(*words) == (0, USAGE + "\n", "")


def test_usage_names_every_verb():
    assert [line.split()[1] for line in USAGE.splitlines() if line.startswith("  tellapart ")] == list(VERBS)


def test_version(said):
    assert said("--version") == (0, f"tellapart {tellapart.__version__}\n", "")


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb, capsys):
    with pytest.raises(SystemExit) as ended:
        main([verb, "--help"])
    assert ended.value.code == 0
    printed = capsys.readouterr()
    assert printed.out.startswith(f"usage: tellapart {verb} ")
    assert "--json" in printed.out
    assert printed.err == ""


def test_every_training_option_is_explained(capsys):
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    for name in TrainConfig.__dataclass_fields__:
        assert f"--{name} " in text
    assert "the peak learning rate" not in text  # a stage's own options are its docstring's business


def test_dashes_and_underscores_are_alike(answered, texts, tmp_path):
    results = [
        answered("catalog", texts, option, "([0-9]+)", task, "read", "--out", tmp_path / "c.parquet")
        for option, task in (("--label-from", "--task"), ("--label_from", "--task"))
    ]
    results.append(answered("catalog", texts, "--label-from=([0-9]+)", "--task=read", "--out", tmp_path / "c.parquet"))
    assert results[0] == results[1] == results[2]
    assert results[0]["labels"] == 60  # by file name, not by the table


# --- refusals, word for word -------------------------------------------------------------------------

VERBS_LISTED = ", ".join(VERBS)
NO_BUNDLE = "no bundle (a bundle is a folder with bundle.json and model.onnx)"
NO_RECIPE = (
    "no recipe 'soup'; there are: animal-object, captcha-characters, captcha-text, expressions, illustrations, "
    "teasing-faces"
)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["trian"], f"no verb 'trian' (did you mean 'train'?); there are: {VERBS_LISTED}"),
        (["fly"], f"no verb 'fly'; there are: {VERBS_LISTED}"),
        (["catalog", "no", "--out", "c.parquet"], "no: there is no such file or folder"),
        (["catalog", "no"], "the following arguments are required: out (see tellapart catalog --help)"),
        (["catalog"], "the following arguments are required: data, out (see tellapart catalog --help)"),
        (["catalog", "set", "--out", "c.parquet", "--task", "guess"], "task 'guess': known are classify, read"),
        (
            ["catalog", "set", "--label-form", "prefix", "--out", "c.parquet"],
            "no option 'label_form' (did you mean 'label_from'?) (see tellapart catalog --help)",
        ),
        (["catalog", "set", "--out", "c.parquet", "--coarse-labels", "g.yaml"],
         "g.yaml: the groups file cannot be read: No such file or directory"),
        (["catalog", "*.png", "--out", "c.parquet"], "*.png: no file matches this pattern"),
        (["catalog", "empty", "--out", "c.parquet"], "empty: no images found"),
        (["catalog", "note.txt", "--out", "c.parquet"],
         "note.txt: not a data set; give a folder of images, a table (.csv, .tsv, .jsonl, .parquet) or Parquet shards"),
        (["split", "no", "--out", "s.parquet"], "no: there is no such file or folder"),
        (["split", "set", "--out", "s.parquet", "--fractions", "[0.5,0.5]"],
         "fractions [0.5, 0.5]: give three shares for train, val and test that sum to 1"),
        (["split", "set", "--out", "s.parquet", "--seed", "x"],
         "option seed: 'x' does not fit; give a whole number (see tellapart split --help)"),
        (["train"], "no data: name a folder, a table, Parquet shards or a catalog"),
        (["train", "no"], "no: there is no such file or folder"),
        (["train", "set", "--epoch", "3"], "no option 'epoch' (did you mean 'epochs'?) (see tellapart train --help)"),
        (["train", "set", "--epochs", "0"], "epochs 0: give at least 1"),
        (["train", "set", "--epochs", "many"],
         "option epochs: 'many' does not fit; give a whole number (see tellapart train --help)"),
        (["train", "set", "--colour", "blue"],
         "option colour: 'blue' does not fit; give 'auto' or 'grey' or 'rgb' (see tellapart train --help)"),
        (["train", "set", "--task", "guess"],
         "option task: 'guess' does not fit; give 'classify' or 'read' (see tellapart train --help)"),
        (["train", "set", "more"], "unrecognized arguments: more (see tellapart train --help)"),
        (["train", "set", "--recipe", "soup"], NO_RECIPE),
        (["train", "set", "--config", "no.yaml"], "no.yaml: cannot be read: No such file or directory"),
        (["train", "set", "--config", "odd.yaml"], "unknown option 'epoch' (did you mean 'epochs'?)"),
        (["train", "set", "--config", "note.txt"], "note.txt: write one option a line, as `key: value`"),
        (["train", "set", "--out", "full"], "full: not empty and not a run; give another --out"),
        (["evaluate", "no", "set"], f"no: {NO_BUNDLE}"),
        (["evaluate", "MODEL"], "the following arguments are required: data (see tellapart evaluate --help)"),
        (["evaluate", "MODEL", "no"], "no: there is no such file or folder"),
        (["evaluate", "MODEL", "set", "--split", "tset"], "split 'tset': known are train, val, test and all"),
        (["evaluate", "MODEL", "set"],
         "set: labels the model does not know: cat, cup, dog; it knows: bar, disc, ring"),
        (["predict", "no", "a.png"], f"no: {NO_BUNDLE}"),
        (["predict", "MODEL"], "the following arguments are required: inputs (see tellapart predict --help)"),
        (["predict", "MODEL", "empty"],
         "empty: no image in this folder (looked for .jpg, .jpeg, .png, .bmp, .tif, .tiff, .webp, .gif)"),
        (["export", "no"], "no: not a run folder (there is no config.yaml in it)"),
        (["export", "RUN", "--out", "full"], "full: there already and not a bundle; give another --out"),
        (["generate", "--scheme", "digits", "--n", "0", "--out", "o"],
         "n is 0; ask for at least 1 image, and at most 4294967296"),
        (["generate", "--scheme", "digits", "--n", "3", "--out", "full"],
         "full is not empty: name another folder, or remove this one first"),
        (["generate", "--scheme", "digits", "--n", "3"],
         "the following arguments are required: out (see tellapart generate --help)"),
        (["recipes", "soup"], NO_RECIPE),
        (["demo", "--n", "3"], "no option 'n' (see tellapart demo --help)"),
    ],
    ids=lambda value: " ".join(value)[:50] if isinstance(value, list) else "",
)  # fmt: skip
def test_refusals(words, text, said, class_folders, tmp_path, monkeypatch, tree, shape_run, shape_bundle):
    monkeypatch.chdir(tmp_path)
    for name in ("empty", "full"):
        Path(name).mkdir()
    Path("full/thesis.txt").write_text("mine", encoding="utf-8")
    Path("note.txt").write_text("a note", encoding="utf-8")
    Path("odd.yaml").write_text("epoch: 3\n", encoding="utf-8")
    before = tree(tmp_path)
    places = {"MODEL": shape_bundle, "RUN": shape_run}
    assert said(*(places.get(word, word) for word in words)) == (2, "", f"tellapart: {text}\n")
    assert tree(tmp_path) == before


def test_a_missing_package_names_what_to_install():
    code = "import sys; sys.modules['torch'] = None; from tellapart.cli import main; sys.exit(main(['train', 'x']))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == 'tellapart: torch is not installed; this verb needs: pip install "tellapart[train]"\n'


# --- a full disk, Ctrl-C, a closed pipe --------------------------------------------------------------


class FullDisk:
    """From now on no file can be written to, whoever tries; what was opened before goes on."""

    def __init__(self, monkeypatch, below):
        self.below = str(below)
        real_open, write_table, write_text = builtins.open, pq.write_table, Path.write_text

        def full(path):
            if str(path).startswith(self.below):
                real_open(path, "wb").close()  # the file is there, and empty: no room for what it holds
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

        def table(data, where, *args, **kwargs):
            full(where)
            return write_table(data, where, *args, **kwargs)

        def text(path, *args, **kwargs):
            full(path)
            return write_text(path, *args, **kwargs)

        monkeypatch.setattr(pq, "write_table", table)
        monkeypatch.setattr(Path, "write_text", text)


@pytest.mark.parametrize(
    "words",
    [
        ["catalog", "DATA", "--out", "c.parquet"],
        ["split", "DATA", "--out", "s.parquet"],
        ["train", "DATA", "--out", "run"],
        ["evaluate", "MODEL", "DATA", "--split", "all", "--out", "report.json"],
        ["generate", "--scheme", "digits", "--n", "2", "--out", "drawn"],
    ],
    ids=lambda words: words[0],
)
def test_a_full_disk_leaves_no_half_file(words, said, shapes, shape_bundle, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    FullDisk(monkeypatch, tmp_path)
    places = {"DATA": shapes, "MODEL": shape_bundle}
    words = [tmp_path / word if number and words[number - 1] == "--out" else word for number, word in enumerate(words)]
    status, out, err = said(*(places.get(word, word) for word in words))
    assert (status, out) == (2, "")
    assert err.splitlines()[-1].endswith("No space left on device")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_full_disk_keeps_the_old_bundle(said, shape_run, copied, monkeypatch, tree):
    run = copied(shape_run)
    before = tree(run)
    FullDisk(monkeypatch, run)
    status, _, err = said("export", run)
    assert status == 2
    assert err.endswith(": No space left on device\n")
    assert tree(run) == before


def test_a_full_disk_behind_stdout():
    if not Path("/dev/full").exists():
        pytest.skip("the system has no /dev/full")
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "tellapart", "recipes", "--json"]
        ended = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (2, "tellapart: No space left on device\n")


def test_a_closed_pipe_is_no_error():
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "tellapart", "recipes"]
    ended = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize("verb", ["catalog", "evaluate", "predict", "generate"])
def test_ctrl_c_is_130_and_leaves_nothing(verb, said, shapes, shape_bundle, tmp_path, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(Preprocess, "load", interrupt)
    monkeypatch.setattr(sys.modules["tellapart.data.catalog"], "image_facts", interrupt)
    monkeypatch.setattr(sys.modules["tellapart.synthesis.generate"], "encode", interrupt)
    words = {
        "catalog": [shapes, "--out", tmp_path / "c.parquet"],
        "evaluate": [shape_bundle, shapes, "--out", tmp_path / "r.json"],
        "predict": [shape_bundle, shapes],
        "generate": ["--scheme", "digits", "--n", 2, "--out", tmp_path / "drawn"],
    }[verb]
    status, out, err = said(verb, *words)
    assert (status, out) == (130, "")
    assert err == "\nstopped; the same command goes on from here\n"
    assert list(tmp_path.iterdir()) == []
