"""The bundles and the server as one Bento, for those who deploy with BentoML."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path

from tellapart.core.errors import ConfigError
from tellapart.core.files import atomic_file, check_target
from tellapart.serving.model_registry import ModelRegistry, named
from tellapart.serving.settings import Settings, default_workers, token

_SERVICE = '''"""The service of this Bento: the models beside this file, answered for by tellapart."""

from pathlib import Path

from tellapart.serving.bento_package import unpack_models

unpack_models(Path(__file__).parent / "models")

from tellapart.serving.service import Recogniser  # noqa: E402, F401
'''


def build_bento(models: Sequence[str], out: str | Path) -> Path:
    """Build a Bento and write it as one file; it needs no store and no network.

    Args:
        models: bundles or runs, each ``PATH`` or ``NAME=PATH``.
        out: ``FILE.bento``.

    Raises:
        BundleError: there is no usable bundle.
        ConfigError: a name twice, or another suffix.
    """
    check_target(out, ".bento")
    found = named(models)
    with (
        tempfile.TemporaryDirectory() as work,
        _environment(BENTOML_HOME=f"{work}/home", BENTOML_DO_NOT_TRACK="True", TELLAPART_STATE=f"{work}/state"),
    ):
        import bentoml

        context = Path(work) / "context"
        for name, folder in found.items():
            shutil.copytree(folder, context / "models" / name)
        (context / "service.py").write_text(_SERVICE, encoding="utf-8")
        packages = {"packages": [f"tellapart[serve]=={version('tellapart')}"], "lock_packages": False}
        built = bentoml.build(
            "service:Recogniser", name="tellapart", build_ctx=str(context), include=["service.py", "models/**"],
            python=packages,
        )  # fmt: skip
        with atomic_file(out) as temporary:
            written = built.export(str(Path(work) / "packed.bento"))
            shutil.copyfile(written, temporary)
    return Path(out)


@contextmanager
def _environment(**values: str) -> Iterator[None]:
    """BentoML runs the service while it packs it, and asks the environment: as it was, once it has."""
    before = dict(os.environ)
    os.environ |= values
    try:
        yield
    finally:
        os.environ.clear()
        os.environ |= before


def unpack_models(folder: Path) -> None:
    """Inside a Bento: serve the models of a folder; ``TELLAPART_STATE`` is where the server remembers."""
    if "TELLAPART_STATE" not in os.environ:
        os.environ["TELLAPART_STATE"] = tempfile.mkdtemp(prefix="tellapart-")
    state = ModelRegistry(Path(os.environ["TELLAPART_STATE"]))
    with suppress(ConfigError):  # another process of this server has it already
        state.hold()
    state.start([f"{each.name}={each}" for each in sorted(folder.iterdir())])
    settings = Settings(str(state.path), workers=default_workers(), token=token(None))
    os.environ |= {key: value for key, value in settings.to_environment().items() if not key.startswith("PROMETHEUS")}
