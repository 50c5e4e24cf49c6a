"""The command line as a whole: verbs, help, refusals, the status, and nothing half written."""

from __future__ import annotations

import builtins
import errno
import inspect
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import tellapart
from tellapart.cli import USAGE, VERBS, main
from tellapart.cli import arguments as arguments_module
from tellapart.core.own_commands import install_command
from tellapart.inference.preprocess import Preprocess

# --- every verb is a function --------------------------------------------------------------------------


OF_PIPELINES = [verb for verb in VERBS if getattr(tellapart, verb).__module__.startswith("tellapart.pipelines")]


class CalledError(Exception):
    """A verb has come to its function."""


def called(verb, monkeypatch, run):
    """With which arguments, by name, something calls a verb's function; what is as by default is left out."""
    function = getattr(tellapart, verb)
    signature, arguments = inspect.signature(function), {}

    def recorder(*args, **kwargs):
        arguments.update(signature.bind(*args, **kwargs).arguments)  # raises on an argument that it does not know
        raise CalledError

    monkeypatch.setattr(tellapart, verb, recorder)
    monkeypatch.setattr(arguments_module, "check_input_paths", lambda verb, options: None)  # examples name no real file
    with pytest.raises(CalledError):
        run()
    for parameter in signature.parameters.values():
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            options = arguments.pop(parameter.name, {})
            typed = eval(parameter.annotation, function.__globals__).__args__[0]
            assert set(options) <= set(typed.__annotations__)
            arguments |= {name: value for name, value in options.items() if value not in (None, "auto")}
    defaults = {name: parameter.default for name, parameter in signature.parameters.items()}
    return {name: value for name, value in arguments.items() if name != "progress" and value != defaults.get(name)}


def example_of(verb, capsys):
    with pytest.raises(SystemExit):
        main([verb, "--help"])
    *_, head, line = capsys.readouterr().out.splitlines()
    assert head == "example:"
    words = shlex.split(line)
    assert words[:2] == ["tellapart", verb]
    return words[1:]


@pytest.mark.parametrize("verb", VERBS)
def test_help_ends_with_an_example_that_calls_the_function(verb, capsys, monkeypatch):
    words = example_of(verb, capsys)
    assert len(words) > 1
    assert called(verb, monkeypatch, lambda: main(words)) or verb == "demo"


@pytest.mark.parametrize("verb", OF_PIPELINES)
def test_the_docstrings_example_is_the_same_call(verb, capsys, monkeypatch):
    _, _, example = inspect.getdoc(getattr(tellapart, verb)).partition("\nExample:\n")
    line = inspect.cleandoc(example).splitlines()[0]
    words = example_of(verb, capsys)
    by_words = called(verb, monkeypatch, lambda: main(words))
    monkeypatch.undo()
    assert called(verb, monkeypatch, lambda: eval(line, {"tellapart": tellapart})) == by_words


def test_help_of_the_whole_loads_nothing_heavy():
    code = (
        "import sys; from tellapart.cli import main; main(['--help']); "
        "print(*{'numpy', 'torch', 'pyarrow', 'jsonargparse', 'PIL'} & set(sys.modules), file=sys.stderr)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stderr == "\n"


# --- help, version, spelling -------------------------------------------------------------------------


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"], ["help"]])
def test_usage(words, said):
    assert said(*words) == (0, USAGE + "\n", "")


@pytest.mark.parametrize("verb", ["train", "predict"])
def test_help_of_a_verb_in_two_ways(verb, capsys):
    printed = []
    for words in (["help", verb], [verb, "--help"]):
        with pytest.raises(SystemExit) as ended:
            main(words)
        assert ended.value.code == 0
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]


def test_help_of_no_verb(said):
    assert said("help", "trian")[2].startswith("tellapart: no verb 'trian' (did you mean 'train'?)")


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


# --- refusals, word for word -------------------------------------------------------------------------


VERBS_LISTED = ", ".join(VERBS)


NO_MODEL = (
    "there is no such file or folder; give a run (tellapart runs lists them), a bundle, or base for the reader that "
    "ships"
)


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
        (["catalog", "set", "--out", "c.parquet", "--task", "guess"], "task 'guess': known are classify, read, tag"),
        (
            ["catalog", "set", "--label-form", "prefix", "--out", "c.parquet"],
            "no option 'label_form' (did you mean 'label_from'?) (see tellapart catalog --help)",
        ),
        (["catalog", "set", "--out", "c.parquet", "--coarse-labels", "g.yaml"],
         "g.yaml: the groups file cannot be read: No such file or directory"),
        (["catalog", "*.png", "--out", "c.parquet"], "*.png: no file matches this pattern"),
        (["catalog", "empty", "--out", "c.parquet"], "empty: no images found (looked for JPEG, PNG, BMP, TIFF, "
         "WEBP, GIF)"),
        (["catalog", "note.md", "--out", "c.parquet"],
         "note.md: not a data set; give a folder of images, a table (.csv, .tsv, .jsonl, .ndjson, .parquet, .json, "
         ".txt) or Parquet shards"),
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
         "option task: 'guess' does not fit; give 'classify' or 'read' or 'tag' (see tellapart train --help)"),
        (["train", "set", "more"], "more: there is no such file or folder"),
        (["split", "set", "more"], "unrecognized arguments: more (see tellapart split --help)"),
        (["train", "set", "--recipe", "soup"], NO_RECIPE),
        (["train", "set", "--config", "no.yaml"], "no.yaml: cannot be read: No such file or directory"),
        (["train", "set", "--config", "odd.yaml"], "odd.yaml: unknown option 'epoch' (did you mean 'epochs'?)"),
        (["train", "set", "--config", "note.txt"], "note.txt: write one option a line, as `key: value`"),
        (["train", "set", "--out", "full"], "full: not empty and not a run; give another --out"),
        (["evaluate", "no", "set"], f"no: {NO_MODEL}"),
        (["evaluate", "MODEL"], "the following arguments are required: data (see tellapart evaluate --help)"),
        (["evaluate", "MODEL", "no"], "no: there is no such file or folder"),
        (["evaluate", "MODEL", "set", "--split", "tset"], "split 'tset': known are train, val, test and all"),
        (["evaluate", "MODEL", "set"],
         "set: labels the model does not know: cat, cup, dog; it knows: bar, disc, ring"),
        (["predict", "no", "a.png"], f"no: {NO_MODEL}"),
        (["predict", "MODEL"], "the following arguments are required: inputs (see tellapart predict --help)"),
        (["predict", "MODEL", "empty"],
         "empty: no image in this folder (looked for JPEG, PNG, BMP, TIFF, WEBP, GIF)"),
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
    Path("note.md").write_text("a note", encoding="utf-8")
    Path("odd.yaml").write_text("epoch: 3\n", encoding="utf-8")
    before = tree(tmp_path)
    places = {"MODEL": shape_bundle, "RUN": shape_run}
    status, out, err = said(*(places.get(word, word) for word in words))
    assert (status, out) == (2, "")
    assert [line for line in err.splitlines() if not line.startswith("read as: ")] == [f"tellapart: {text}"]
    status, out, _ = said(*(places.get(word, word) for word in words), "--json")
    assert (status, json.loads(out)) == (2, {"error": text})
    assert tree(tmp_path) == before


def test_a_missing_package_names_what_to_install():
    code = "import sys; sys.modules['torch'] = None; from tellapart.cli import main; sys.exit(main(['train', '.']))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == f"tellapart: torch is not installed; this verb needs: {install_command('train')}\n"


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
    assert err.splitlines()[-1].endswith("No space left on device; make room, or name another place")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_full_disk_keeps_the_old_bundle(said, shape_run, copied, monkeypatch, tree):
    run = copied(shape_run)
    before = tree(run)
    FullDisk(monkeypatch, run)
    status, _, err = said("export", run)
    assert status == 2
    assert err.endswith(": No space left on device; make room, or name another place\n")
    assert tree(run) == before


def test_a_full_disk_behind_stdout():
    if not Path("/dev/full").exists():
        pytest.skip("the system has no /dev/full")
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "tellapart", "recipes", "--json"]
        ended = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    words = "No space left on device; make room, or name another place"
    assert (ended.returncode, ended.stderr) == (2, f"tellapart: {words}\n")


def test_a_closed_pipe_is_no_error():
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "tellapart", "recipes"]
    ended = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize(
    ("closed", "words", "status"), [(0, ["-"], 2), (1, ["DATA"], 0), (2, ["DATA"], 0), (2, ["no.png"], 2)]
)
def test_a_process_without_a_stream(closed, words, status, shapes, shape_bundle, tmp_path):
    places = [str(shapes) if word == "DATA" else word for word in words]
    line = shlex.join([sys.executable, "-m", "tellapart", "predict", str(shape_bundle), *places])
    ended = subprocess.run(
        ["sh", "-c", f"{line} {closed}>&-"], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert ended.returncode == status
    assert "Traceback" not in ended.stderr
    assert bool(ended.stdout) == (closed == 2)


@pytest.mark.parametrize("verb", ["catalog", "evaluate", "predict", "generate"])
def test_ctrl_c_is_130_and_leaves_nothing(verb, said, shapes, shape_bundle, tmp_path, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(Preprocess, "load", interrupt)
    monkeypatch.setattr(sys.modules["tellapart.data.opening"], "image_facts", interrupt)
    monkeypatch.setattr(sys.modules["tellapart.synthesis.generate"], "encode", interrupt)
    words = {
        "catalog": [shapes, "--out", tmp_path / "c.parquet"],
        "evaluate": [shape_bundle, shapes, "--out", tmp_path / "r.json"],
        "predict": [shape_bundle, shapes],
        "generate": ["--scheme", "digits", "--n", 2, "--out", tmp_path / "drawn"],
    }[verb]
    status, out, err = said(verb, *words)
    assert (status, out) == (130, "")
    assert said(verb, *words, "--json")[:2] == (
        130, '{"error": "stopped; the same command goes on from here"}\n'
    )  # fmt: skip
    said_before = "read as: 3 classes of 20 images in 2 groups, from folder names\n" if verb == "catalog" else ""
    assert err == said_before + "\nstopped; the same command goes on from here\n"
    assert list(tmp_path.iterdir()) == []
