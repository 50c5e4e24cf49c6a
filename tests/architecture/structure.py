"""The rules of the house, and what they measure: modules, imports, sizes of functions. Reads text, runs nothing.

A rule takes the modules of a tree and returns what breaks it, as sentences; an intact tree gives none.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]
SRC = ROOT / "src" / "tellapart"

ROOMS = {  # room → the rooms that it may import
    "core": "",
    "metrics": "core",
    "data": "core",
    "inference": "core metrics",
    "viz": "core data",
    "synthesis": "core data",
    "curation": "core metrics data viz inference.preprocess inference.ctc",  # it measures texts as a training does
    "training": "core metrics data inference",
    "evaluation": "core metrics data viz inference",
    "serving": "core inference viz",
    "scale": "core data inference synthesis curation",
    "pipelines": "core metrics data inference viz synthesis curation training evaluation serving scale",
    "cli": "core metrics data inference viz synthesis curation training evaluation serving scale pipelines",
}
TORCH = {"torch", "torchvision", "timm", "pytorch_lightning"}
TORCH_ROOMS = {"training", "pipelines"}
MOST_LINES = 400  # of a file
MOST_FUNCTION_LINES = 60  # without the docstring
MOST_BRANCHES = 15
MOST_PARAMETERS = 8


@dataclass(frozen=True)
class Module:
    """One Python file of the package."""

    name: str  # dotted, without the package: ``data.catalog``; a package's file has the name of its folder
    path: Path
    text: str

    @property
    def room(self) -> str:
        """The top folder; the files beside them (``__init__``, ``__main__``) have no room."""
        first = self.name.split(".")[0]
        return first if first in ROOMS or "." in self.name or self.path.name == "__init__.py" else ""

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @cached_property
    def type_checking_only(self) -> set[int]:
        """The ids of the nodes that only a type checker runs."""
        return {
            id(inner)
            for node in ast.walk(self.tree)
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
            for inner in ast.walk(node)
        }

    def imported_names(self) -> Iterator[str]:
        """Dotted names that the file imports, at its top or inside a function, ``from a import b`` as ``a.b``."""
        for node in ast.walk(self.tree):
            if id(node) in self.type_checking_only:
                continue
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


def modules(src: Path = SRC) -> dict[str, Module]:
    """Every module of the package by its dotted name."""
    found = {}
    for path in sorted(src.rglob("*.py")):
        parts = path.relative_to(src).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = Module(name, path, path.read_text(encoding="utf-8"))
    return found


def imports(module: Module, known: Mapping[str, Module]) -> set[str]:
    """The modules of the package that a module imports itself."""
    found = set()
    for name in module.imported_names():
        parts = name.split(".")
        if parts[0] != "tellapart":
            continue
        for length in range(len(parts), 0, -1):
            inner = ".".join(parts[1:length])
            if inner in known:
                found.add(inner)
                break
    return found - {module.name}


def closure(start: str, known: Mapping[str, Module]) -> set[str]:
    """All modules that loading one loads: what it imports, the packages around these, and so on."""
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        parts = name.split(".")
        waiting += [".".join(parts[:length]) for length in range(1, len(parts))]
        waiting += imports(known[name], known)
    return seen


@dataclass(frozen=True)
class Function:
    """A function and how large it is."""

    name: str
    lines: int  # without its docstring
    branches: int  # McCabe's complexity less one: if, for, while, except, and, or, case, comprehension conditions
    parameters: int  # without self and cls


def functions(module: Module) -> Iterator[Function]:
    """Every function and method of a module, nested ones too."""

    def visit(node: ast.AST, prefix: str) -> Iterator[Function]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
                name = f"{prefix}{child.name}"
                yield _measured(child, name)
                yield from visit(child, f"{name}.")
            elif isinstance(child, ast.ClassDef):
                yield from visit(child, f"{prefix}{child.name}.")
            else:
                yield from visit(child, prefix)

    yield from visit(module.tree, f"{module.name}:")


def _measured(node: ast.FunctionDef | ast.AsyncFunctionDef, name: str) -> Function:
    body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    lines = (node.end_lineno or 0) - body[0].lineno + 1 if body else 0
    inner: list[ast.AST] = []
    waiting: list[ast.AST] = list(body)
    while waiting:  # a function inside is measured for itself
        each = waiting.pop()
        inner.append(each)
        waiting += [
            child
            for child in ast.iter_child_nodes(each)
            if not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef))
        ]
    branches = 0
    for each in inner:
        if isinstance(each, (ast.If, ast.For, ast.While, ast.ExceptHandler, ast.IfExp, ast.match_case, ast.AsyncFor)):
            branches += 1
        elif isinstance(each, ast.BoolOp):
            branches += len(each.values) - 1
        elif isinstance(each, ast.comprehension):
            branches += len(each.ifs)
    given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    parameters = len([each for each in given if each.arg not in ("self", "cls")])
    return Function(name, lines, branches, parameters)


# --- the rules -------------------------------------------------------------------------------------


def forbidden_imports(known: Mapping[str, Module]) -> list[str]:
    """Imports that `ROOMS` does not allow; those inside functions count too."""
    broken = []
    for module in known.values():
        if not module.room:
            continue
        if module.room not in ROOMS:
            broken.append(f"{module.name}: {module.room} is no room")
            continue
        allowed = [module.room, *ROOMS[module.room].split()]
        for name in sorted(imports(module, known)):
            if module.room == "cli" and not name:  # the verbs are the package's own functions
                continue
            if not any(name == each or name.startswith(f"{each}.") for each in allowed):
                broken.append(f"{module.name} imports {name or 'the package'}: {module.room} may not")
    return broken


def import_circles(known: Mapping[str, Module]) -> list[str]:
    """Modules that import each other, at the top of the file or through others."""
    edges = {name: imports(module, known) for name, module in known.items()}
    state: dict[str, int] = {}  # 1 while it is on the path, 2 when done
    broken = []

    def visit(name: str, path: list[str]) -> None:
        state[name] = 1
        for other in sorted(edges[name]):
            if state.get(other) == 1:
                broken.append(" → ".join([*path[path.index(other) :], other]))
            elif other not in state:
                visit(other, [*path, other])
        state[name] = 2

    for name in sorted(known):
        if name not in state and name:
            visit(name, [name])
    return broken


def misplaced_torch(known: Mapping[str, Module]) -> list[str]:
    """Modules outside of `TORCH_ROOMS` that import torch or what is built on it."""
    broken = []
    for module in known.values():
        heavy = {name.split(".")[0] for name in module.imported_names()} & TORCH
        if heavy and module.room not in TORCH_ROOMS:
            broken.append(
                f"{module.name} imports {', '.join(sorted(heavy))}: only {', '.join(sorted(TORCH_ROOMS))} may"
            )
    return broken


def oversized(known: Mapping[str, Module]) -> dict[str, str]:
    """Files and functions over a cap: name → which, and by how much."""
    broken = {}
    for module in known.values():
        lines = len(module.text.splitlines())
        if lines > MOST_LINES:
            broken[module.name] = f"{lines} lines, {MOST_LINES} at most"
        for function in functions(module):
            caps = {
                "lines": (function.lines, MOST_FUNCTION_LINES),
                "branches": (function.branches, MOST_BRANCHES),
                "parameters": (function.parameters, MOST_PARAMETERS),
            }
            over = [f"{value} {name}, {most} at most" for name, (value, most) in caps.items() if value > most]
            if over:
                broken[function.name] = "; ".join(over)
    return broken


def without_test_file(known: Mapping[str, Module], tests: Path) -> list[str]:
    """Modules without ``tests/ROOM/test_MODULE.py``; packages' own files and ``__main__`` need none."""
    return [
        name
        for name, module in known.items()
        if module.path.stem not in ("__init__", "__main__")
        and not (tests.joinpath(*name.split(".")[:-1]) / f"test_{name.split('.')[-1]}.py").is_file()
    ]
