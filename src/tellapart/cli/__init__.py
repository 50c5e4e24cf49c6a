"""The command line: each verb parses, calls the public function of its name, and prints.

stdout   the result: prose or, with --json, one JSON object and nothing else; of what fails {"error": why}
stderr   progress, notes, and why something failed
status   0 done; 1 a gate was not met; 2 unusable input; 130 stopped by Ctrl-C
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence

from tellapart.cli import curation, dataset, evaluation, experiments, inference, serving, synthesis, training
from tellapart.cli.output import refuse, show_error, silence_stdout
from tellapart.core.errors import ConfigError, TellapartError, describe_os_error, did_you_mean
from tellapart.core.own_commands import install_command

USAGE = """tellapart: from labelled images to a recogniser that can be trusted and used

  tellapart init FOLDER                            a new project: data, options, steps for DVC, workflows with gates
  tellapart summary DATA                           count images, classes and bytes, in a second
  tellapart catalog DATA --out data.parquet        look at every image once; one row an image
  tellapart audit DATA --report audit.html         what is wrong with it: copies, wrong labels, odd ones
  tellapart clean DATA --out clean.parquet         decide what stays; undoable, with a page to review
  tellapart prepare DATA --out FOLDER              audit, clean, split and balance in one go
  tellapart balance DATA --out even.parquet        even out the classes of the train part
  tellapart split DATA --out split.parquet         train, val, test; no near-copy crosses
  tellapart tidy DATA --out FOLDER                 a copy with regular names, and the way back
  tellapart shards DATA --out FOLDER               Parquet shards that hold the images, of one size
  tellapart train DATA [CORRECTIONS ...]           train, pack, and report on the test part
  tellapart adapt PICTURES --out FOLDER            a reader teaches itself on pictures without labels
  tellapart tune DATA --minutes 30                 search for better options; the test part stays unseen
  tellapart experiment PLAN.yaml                   train the runs of a plan, compare them on the same test images
  tellapart evaluate MODEL DATA                    every figure with its 95 % interval
  tellapart runs [FOLDER]                          runs side by side: options that differ, figures, time
  tellapart compare MODEL MODEL ...                on the same images: paired differences with intervals
  tellapart embed MODEL|BACKBONE DATA --out FILE   the features of every image, as Parquet or an array
  tellapart map MODEL|BACKBONE DATA --out map.html alike images near each other: page, picture, file
  tellapart next MODEL POOL --n 50                 which unlabelled images to label next: a table and a page
  tellapart predict MODEL IMAGE|FOLDER|- ...       answers, as a table, CSV or JSON
  tellapart serve MODEL ... --port 3000            answers over HTTP, in batches; this machine alone, or a token
  tellapart switch STATE NAME BUNDLE               let a running server answer with another bundle, or --rollback
  tellapart retrain STATE [NAME]                   learn from a server's corrections; switch it if that is no worse
  tellapart monitor STATE [NAME]                   window after window of a server's samples: has the input changed?
  tellapart web MODEL --port 3001                  a page: drop, paste or take pictures, correct the answers
  tellapart drift MODEL IMAGES                     has the input changed since the model was packed?
  tellapart explain MODEL IMAGE --out where.png    what of a picture the answer hangs on
  tellapart export RUN --out BUNDLE                pack a run again, compared with the trained model
  tellapart ensemble MODEL MODEL ... --out BUNDLE  models that exist as one, which answers by their mean
  tellapart generate --scheme NAME --n N --out DIR draw CAPTCHAs for training
  tellapart strength DATA|SCHEME --out FOLDER      how strong is your CAPTCHA, by an attacker's labels
  tellapart recipes [NAME]                         ready-made trainings and what they reach
  tellapart demo                                   the whole path on drawn CAPTCHAs, in a few minutes

DATA is a folder, a table (CSV, TSV, JSONL, Parquet), Parquet shards, or a catalog. MODEL is a run or a bundle.
Each verb explains itself: tellapart help VERB. With --json, stdout is one JSON object.
Completion: eval "$(tellapart --completion bash)", or zsh, or fish, where your shell starts.
For data and CAPTCHAs that you own or may test."""

STOPPED = "stopped; the same command goes on from here"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line.

    Args:
        argv: the words after ``tellapart``; by default those of this process.

    Returns:
        The exit status: 0 done, 1 a gate was not met, 2 unusable input, 130 stopped by Ctrl-C.

    >>> main(["recipes", "soup"])
    2
    """
    words = list(sys.argv[1:] if argv is None else argv)
    as_json = "--json" in words[: words.index("--") if "--" in words else None]
    _open_streams()
    try:
        status = _run(words)
        sys.stdout.flush()  # while a full disk or a closed pipe can still be answered
        return status
    except TellapartError as error:
        return refuse(str(error), as_json=as_json, status=error.exit_status)
    except KeyboardInterrupt:
        if as_json:
            show_error(STOPPED)
        print(f"\n{STOPPED}", file=sys.stderr)
        return 130
    except BrokenPipeError:  # `| head` has read enough
        silence_stdout()
        return 0
    except OSError as error:
        try:
            sys.stdout.flush()
        except OSError:
            silence_stdout()
        return refuse(describe_os_error(error), as_json=as_json)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        extra = EXTRAS.get(missing, "generate" if missing.startswith("font_") else "train")
        return refuse(f"{error.name} is not installed; this verb needs: {install_command(extra)}", as_json=as_json)


def _open_streams() -> None:
    """Of a process that was started without stdin, stdout or stderr: nothing is read, and what is said goes nowhere."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115


def _run(words: list[str]) -> int:
    if words[:1] == ["help"] and len(words) > 1:
        words = [words[1], "--help"]
    if not words or words[0] in ("-h", "--help", "help"):
        print(USAGE)
        return 0
    if words[0] == "--version":
        from tellapart import __version__

        print(f"tellapart {__version__}")
        return 0
    if words[0] == "--completion":
        from tellapart.cli.completion import completion_script

        print(completion_script(words[1] if len(words) > 1 else "", VERBS))
        return 0
    verb = VERBS.get(words[0])
    if verb is None:
        raise ConfigError(f"no verb {words[0]!r}{did_you_mean(words[0], VERBS)}; there are: {', '.join(VERBS)}")
    return verb(words[1:])


EXTRAS = {  # what a missing package is in
    "optuna": "tune", "openTSNE": "map", "umap": "umap", "bentoml": "bento", "uvicorn": "serve",
    "prometheus_client": "serve", "python_multipart": "serve", "starlette": "serve", "httpx": "client", "gradio": "web",
    "ray": "scale",
}  # fmt: skip

VERBS: dict[str, Callable[[list[str]], int]] = {
    "init": dataset.init_verb,
    "summary": dataset.summary_verb,
    "catalog": dataset.catalog_verb,
    "audit": curation.audit_verb,
    "clean": curation.clean_verb,
    "prepare": curation.prepare_verb,
    "balance": dataset.balance_verb,
    "split": dataset.split_verb,
    "tidy": dataset.tidy_verb,
    "shards": dataset.shards_verb,
    "train": training.train_verb,
    "adapt": training.adapt_verb,
    "tune": training.tune_verb,
    "experiment": experiments.experiment_verb,
    "evaluate": evaluation.evaluate_verb,
    "runs": experiments.runs_verb,
    "compare": experiments.compare_verb,
    "embed": inference.embed_verb,
    "map": evaluation.map_verb,
    "next": inference.next_verb,
    "predict": inference.predict_verb,
    "serve": serving.serve_verb,
    "switch": serving.switch_verb,
    "retrain": serving.retrain_verb,
    "monitor": serving.monitor_verb,
    "web": serving.web_verb,
    "drift": evaluation.drift_verb,
    "explain": evaluation.explain_verb,
    "export": inference.export_verb,
    "ensemble": inference.ensemble_verb,
    "generate": synthesis.generate_verb,
    "strength": synthesis.strength_verb,
    "recipes": training.recipes_verb,
    "demo": training.demo_verb,
}
