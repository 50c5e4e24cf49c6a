"""Verbs of a running server."""

from __future__ import annotations

from tellapart.cli.words import new_parser, parse, show


def serve_verb(words: list[str]) -> int:
    parser = new_parser("serve", "Answer over HTTP, until stopped. Only this machine may ask, unless there is a token.")
    parser.add_argument("models", nargs="+", help="bundles or runs: PATH or NAME=PATH")
    parser.add_argument("--state", default="serving", help="a folder for versions, corrections and samples")
    parser.add_argument("--host", default="127.0.0.1", help="where to listen")
    parser.add_argument("--port", type=int, default=3000)
    parser.add_argument("--workers", type=int, help="processes; by default one a core, at most four")
    parser.add_argument("--token_file", help="its first line is what callers must send; or TELLAPART_TOKEN")
    parser.add_argument("--sample", type=float, default=0.0, help="keep this share of the images that are asked about")
    parser.add_argument("--bento", help="instead, pack models and server as this FILE.bento, for BentoML")
    parser.add_argument("--check", action="store_true", help="only make sure that it could start")
    given, as_json = parse(parser, words)
    from tellapart import serve

    settings = serve(given.pop("models"), **given)
    if settings is None:
        return show(as_json, {"bento": given["bento"]}, lambda: str(given["bento"]))
    result = {"state": settings.state, "host": settings.host, "port": settings.port, "workers": settings.workers}
    return show(as_json, result, lambda: f"ready to serve on {settings.host}:{settings.port} from {settings.state}")


def switch_verb(words: list[str]) -> int:
    parser = new_parser("switch", "Let a running server answer with another bundle; no request is dropped.")
    parser.add_argument("state", help="the folder that the server was started with")
    parser.add_argument("name", help="of the model")
    parser.add_argument("bundle", nargs="?", help="a bundle or a run; without it, --rollback")
    parser.add_argument("--rollback", action="store_true", help="to the version before")
    given, as_json = parse(parser, words)
    from tellapart import switch
    from tellapart.core.errors import ConfigError

    if given["rollback"] == (given["bundle"] is not None):
        raise ConfigError("give a bundle to switch to, or --rollback, not both")
    now = switch(given["state"], given["name"], given["bundle"])
    return show(as_json, {"name": given["name"], "bundle": now}, lambda: f"{given['name']} answers with {now}")


def web_verb(words: list[str]) -> int:
    parser = new_parser("web", "A page in the browser: give it pictures, see the answers, correct them. Until stopped.")
    parser.add_argument("model", help="a run or a bundle; with --server, the name of a model there")
    parser.add_argument("--server", help="let this address answer, such as http://127.0.0.1:3000")
    parser.add_argument("--host", default="127.0.0.1", help="where to listen")
    parser.add_argument("--port", type=int, default=3001)
    parser.add_argument("--corrections", default="corrections", help="without a server: a folder for what was wrong")
    parser.add_argument("--token_file", help="its first line is the password of the user tellapart; or TELLAPART_TOKEN")
    parser.add_argument("--check", action="store_true", help="only make sure that it could start")
    given, as_json = parse(parser, words)
    from tellapart import web

    address = f"http://{given['host']}:{given['port']}"
    if not given["check"]:
        print(f"{address} (Ctrl-C ends it)", flush=True)
    web(given.pop("model"), **given)
    return show(as_json, {"address": address}, lambda: "ready" if given["check"] else "stopped")
