"""Verbs of a running server: start it, switch its bundle, teach it its corrections, watch its input, show the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tellapart.cli.arguments import MODEL_HELP, new_parser, parse
from tellapart.cli.output import show
from tellapart.core.errors import ConfigError

if TYPE_CHECKING:
    from tellapart.pipelines.retrain import RetrainResult

HOST_HELP = "where to listen"
CHECK_HELP = "only make sure that it could start"


def serve_verb(words: list[str]) -> int:
    """``tellapart serve MODEL ...``: answer over HTTP until stopped."""
    parser = new_parser(
        "serve",
        "Answer over HTTP, until stopped. Only this machine may ask, unless there is a token.",
        example="tellapart serve photos=runs/photos --port 3000",
    )
    parser.add_argument("models", nargs="+", help="bundles or runs: PATH or NAME=PATH")
    parser.add_argument("--state", default="serving", help="a folder for versions, corrections and samples")
    parser.add_argument("--host", default="127.0.0.1", help=HOST_HELP)
    parser.add_argument("--port", type=int, default=3000, help="where to listen")
    parser.add_argument("--workers", type=int, help="processes; by default one a core, at most four")
    parser.add_argument("--token_file", help="its first line is what callers must send; or TELLAPART_TOKEN")
    parser.add_argument("--sample", type=float, default=0.0, help="keep this share of the images that are asked about")
    parser.add_argument(
        "--cors", action="append", help="let pages of this origin ask, https://shop.example; repeatable"
    )
    parser.add_argument("--certfile", help="speak TLS with this certificate (PEM)")
    parser.add_argument("--keyfile", help="its private key (PEM), where it is not in --certfile")
    parser.add_argument("--bento", help="instead, pack models and server as this FILE.bento, for BentoML")
    parser.add_argument("--check", action="store_true", help=CHECK_HELP)
    options, as_json = parse(parser, words)
    from tellapart import serve

    settings = serve(options.pop("models"), **options)
    if settings is None:
        return show(as_json, {"bento": options["bento"]}, lambda: str(options["bento"]))
    result = {"state": settings.state, "host": settings.host, "port": settings.port, "workers": settings.workers}
    return show(as_json, result, lambda: f"ready to serve on {settings.host}:{settings.port} from {settings.state}")


def switch_verb(words: list[str]) -> int:
    """``tellapart switch STATE NAME BUNDLE``: let a running server answer with another bundle."""
    parser = new_parser(
        "switch",
        "Let a running server answer with another bundle; no request is dropped.",
        example="tellapart switch serving photos photos-bundle",
    )
    parser.add_argument("state", help="the folder that the server was started with")
    parser.add_argument("name", help="of the model")
    parser.add_argument("bundle", nargs="?", help="a bundle or a run; without it, --rollback")
    parser.add_argument("--rollback", action="store_true", help="to the version before")
    parser.add_argument("--force", action="store_true", help="also to another task, other classes or characters")
    options, as_json = parse(parser, words)
    from tellapart import switch

    if options["rollback"] == (options["bundle"] is not None):
        raise ConfigError("give a bundle to switch to, or --rollback, not both")
    bundle = switch(options["state"], options["name"], options["bundle"], force=options["force"])
    result = {"name": options["name"], "bundle": bundle}
    return show(as_json, result, lambda: f"{options['name']} answers with {bundle}")


def retrain_verb(words: list[str]) -> int:
    """``tellapart retrain STATE [NAME]``: learn from corrections, and switch if that is not worse. Status 1: it is."""
    parser = new_parser(
        "retrain",
        "Train on a server's corrections and the original data, compare with the model that answers, and switch the "
        "server if the new one is not worse. Exit status 1 if it is; 0 also where nothing is new.",
        example="tellapart retrain serving photos",
    )
    parser.add_argument("state", help="the folder that the server was started with")
    parser.add_argument("name", nargs="?", help="of the model, where several are served")
    parser.add_argument("--data", help="the original data; by default that of the run whose bundle answers")
    parser.add_argument("--out", help="the new run's folder; by default beside the run whose bundle answers")
    parser.add_argument("--margin", type=float, default=0.0, help="so much worse, as a share, it may be")
    parser.add_argument("--new_labels", action="store_true", help="take in classes that only the corrections have")
    options, as_json = parse(parser, words)
    from tellapart import retrain

    result = retrain(options.pop("state"), options.pop("name"), **options)
    show(as_json, result, lambda: _retrain_lines(result))
    return 1 if result["refused"] else 0


def _retrain_lines(result: RetrainResult) -> str:
    if result["run"] is None:
        return f"{result['name']}: nothing to do: {result['why']}"
    lines = [f"run         {result['run']}"]
    if result["difference"] is not None:
        low, high = result["difference"]["ci95"]
        change = f"{result['difference']['value']:+.4f}   95 % interval {low:+.4f} to {high:+.4f}"
        lines += [f"difference  {change}   ({result['n']} images of the test part)", f"report      {result['report']}"]
    switched = "switched" if result["switched"] else "not switched"
    return "\n".join([*lines, f"{result['name']}: {switched}: {result['why']}"])


def monitor_verb(words: list[str]) -> int:
    """``tellapart monitor STATE [NAME]``: has the input of a server changed? Status 1: it has, in the newest window."""
    parser = new_parser(
        "monitor",
        "Compare the samples that a server has kept since the last time with what its models were packed with; keep "
        "the history, a page and figures for Prometheus. Exit status 1 if the newest window has changed.",
        example="tellapart monitor serving",
    )
    parser.add_argument("state", help="the folder that the server was started with, with --sample")
    parser.add_argument("name", nargs="?", help="of one model; by default all")
    parser.add_argument("--images", type=int, default=200, help="new samples of a window, at least")
    parser.add_argument("--alpha", type=float, default=0.01, help="false alarms, as a share of unchanged windows")
    parser.add_argument("--every", type=float, help="look again after so many seconds, until stopped")
    parser.add_argument("--seed", type=int, default=0, help="of the random choices")
    options, as_json = parse(parser, words)
    from tellapart import monitor
    from tellapart.pipelines.monitor import describe

    result = monitor(options.pop("state"), options.pop("name"), **options)
    show(as_json, result, lambda: "\n".join(map(describe, result["models"])))
    return 1 if result["drift"] else 0


def web_verb(words: list[str]) -> int:
    """``tellapart web MODEL``: a page in the browser, until stopped."""
    parser = new_parser(
        "web",
        "A page in the browser: give it pictures, see the answers, correct them. Until stopped.",
        example="tellapart web runs/photos --port 3001",
    )
    parser.add_argument("model", help=f"{MODEL_HELP}; with --server, the name of a model there")
    parser.add_argument("--server", help="let this address answer, such as http://127.0.0.1:3000")
    parser.add_argument("--host", default="127.0.0.1", help=HOST_HELP)
    parser.add_argument("--port", type=int, default=3001, help="where to listen")
    parser.add_argument("--corrections", default="corrections", help="without a server: a folder for what was wrong")
    parser.add_argument("--token_file", help="its first line is the password of the user tellapart; or TELLAPART_TOKEN")
    parser.add_argument("--check", action="store_true", help=CHECK_HELP)
    options, as_json = parse(parser, words)
    from tellapart import web

    address = f"http://{options['host']}:{options['port']}"
    if not options["check"]:
        print(f"{address} (Ctrl-C ends it)", flush=True)
    web(options.pop("model"), **options)
    return show(as_json, {"address": address}, lambda: "ready" if options["check"] else "stopped")
