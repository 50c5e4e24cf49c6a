"""Bundles as a stranger might make them: changed at a seeded place, and sealed again so that every digest fits."""

from __future__ import annotations

import copy
import json
import os
import shutil
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

from tellapart.inference.bundle import GRAPH, _signed
from tellapart.inference.bundle_checks import file_digest
from tellapart.inference.manifest import MANIFEST


def nested(depth):
    """A list in a list in a list."""
    value = []
    for _ in range(depth):
        value = [value]
    return value


VALUES = [
    None, True, False, 0, -1, 1, 2, 3, 2**31, 2**64, 10**400, -(10**400), 0.5, -0.5, 1e300, float("nan"), float("inf"),
    "", "a", "classify", "read", "tag", "0", "\x1b[2J", "\ud800", "a\0b", "../../etc/passwd", "x" * 100_000, [], {},
    [[]], [None], [1, 2], ["a", "a"], ["a", "b"], {"a": 1}, {"": ""}, nested(40), nested(400), [0.5, 0.5, 0.5],
    list("abc"),
]  # fmt: skip


def paths(value, prefix=()):
    """The keys that lead to each value of a JSON document; of long lists to the first two."""
    items = value.items() if isinstance(value, dict) else enumerate(value[:2]) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*prefix, key)
        yield from paths(inner, (*prefix, key))


def seal(folder, document):
    """Write a manifest with the digests of what lies in the folder, and of itself."""
    files = document.get("files")
    for name in files if isinstance(files, dict) else ():
        if len(name) < 100 and (folder / name).is_file():
            files[name] = file_digest(folder / name)
    document.pop("sha256", None)
    try:
        text = _signed(document)
    except (ValueError, RecursionError):  # which no honest writer could seal
        text = json.dumps({**document, "sha256": "0" * 64}, ensure_ascii=True)
    (folder / MANIFEST).write_text(text, encoding="utf-8")


def read_document(folder):
    """The manifest as plain JSON."""
    return json.loads((folder / MANIFEST).read_text("utf-8"))


def change_manifest(folder, dice):
    """One value of the manifest: gone, another one, or one too many."""
    document = read_document(folder)
    places = list(paths(document))
    keys = places[dice.integers(len(places))]
    inner = document
    for key in keys[:-1]:
        inner = inner[key]
    kind = dice.choice(["gone", "another", "another", "another", "more"])
    value = copy.deepcopy(VALUES[dice.integers(len(VALUES))])
    if kind == "gone":
        del inner[keys[-1]]
    elif kind == "another":
        inner[keys[-1]] = value
    elif isinstance(inner, dict):
        inner[str(dice.choice(["odd", "", "\x1b[31m", "x" * 5000]))] = value
    else:
        inner.append(value)
    seal(folder, document)
    return f"manifest {'.'.join(map(str, keys))} {kind} {str(value)[:40]!r}"


def change_graph(folder, dice):
    """The graph, as ONNX has it: operators, tensors, ports."""
    model = onnx.load(folder / GRAPH, load_external_data=False)
    graph = model.graph
    node = graph.node[dice.integers(len(graph.node))]
    tensor = graph.initializer[dice.integers(len(graph.initializer))]
    port = [*graph.input, *graph.output][dice.integers(len(graph.input) + len(graph.output))]

    def external():
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value="/etc/passwd")
        tensor.ClearField("raw_data")

    def inner_external():
        hidden = helper.make_tensor("t", TensorProto.FLOAT, [1], [0.0])
        hidden.data_location = TensorProto.EXTERNAL
        hidden.external_data.add(key="location", value="../../etc/passwd")
        branch = helper.make_graph([helper.make_node("Constant", [], ["out"], value=hidden)], "g", [], [])
        graph.node.append(helper.make_node("If", ["c"], ["o"], then_branch=branch, else_branch=branch))

    def deep():
        inner = helper.make_graph([], "g", [], [])
        for _ in range(20):
            inner = helper.make_graph([helper.make_node("If", ["c"], ["o"], then_branch=inner)], "g", [], [])
        graph.node.extend(inner.node)

    def function():
        model.functions.append(
            helper.make_function("own", "F", ["x"], ["y"], [helper.make_node("Relu", ["x"], ["y"])], model.opset_import)
        )

    def spoil():
        values = onnx.numpy_helper.to_array(tensor).copy()
        values[...] = np.nan if values.dtype.kind == "f" else 7
        tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))

    def side():
        sides = port.type.tensor_type.shape.dim
        sides[dice.integers(len(sides))].dim_value = int(dice.choice([0, 1, 5, 2**40, -1]))

    changes = {
        "domain": lambda: setattr(node, "domain", str(dice.choice(["com.microsoft", "evil", "ai.onnx.ml"]))),
        "operator": lambda: setattr(node, "op_type", str(dice.choice(["Softmax", "NoSuch", "Loop", "", "Identity"]))),
        "external": external, "inner external": inner_external, "deep": deep, "function": function, "spoil": spoil,
        "side": side,
        "node gone": lambda: graph.node.remove(node),
        "tensor gone": lambda: graph.initializer.remove(tensor),
        "tensor sides": lambda: tensor.dims.append(int(dice.choice([2, 2**40]))),
        "port gone": lambda: (graph.input if port in graph.input else graph.output).remove(port),
        "port name": lambda: setattr(port, "name", "other"),
        "port kind": lambda: setattr(port.type.tensor_type, "elem_type", int(dice.choice([0, 1, 7, 8, 99]))),
        "port shapeless": lambda: port.type.tensor_type.ClearField("shape"),
        "port twice": lambda: (graph.input if port in graph.input else graph.output).append(port),
        "training": lambda: model.training_info.add(),
        "version": lambda: setattr(model, "ir_version", 10**6),
        "no graph": lambda: model.ClearField("graph"),
        "opset": lambda: setattr(model.opset_import[0], "version", 10**6),
        "sides of what comes out": lambda: [each.type.tensor_type.ClearField("shape") for each in graph.output],
    }  # fmt: skip
    kind = str(dice.choice(list(changes)))
    changes[kind]()
    (folder / GRAPH).write_bytes(model.SerializeToString())
    seal(folder, read_document(folder))
    return f"graph {kind} {node.op_type} {tensor.name} {port.name}"


def change_bytes(folder, dice):
    """A file's bytes: some others, fewer, more, none."""
    names = sorted(item.name for item in folder.iterdir() if item.name != MANIFEST)
    file = folder / (GRAPH if dice.random() < 0.6 else names[dice.integers(len(names))])
    data = bytearray(file.read_bytes())
    kind = dice.choice(["flipped", "flipped", "flipped", "cut", "longer", "empty", "zeros"])
    place = int(len(data) * dice.random() ** 3)
    if kind == "flipped":
        for _ in range(dice.integers(1, 6)):
            data[min(place, len(data) - 1)] = int(dice.integers(256))
            place = int(len(data) * dice.random() ** 3)
    elif kind == "cut":
        del data[place:]
    elif kind == "longer":
        data += bytes(dice.integers(0, 256, 20, dtype=np.uint8))
    else:
        data = bytearray() if kind == "empty" else bytearray(len(data))
    file.write_bytes(data)
    seal(folder, read_document(folder))
    return f"bytes of {file.name} {kind}"


def change_files(folder, dice):
    """Names and files: outside the folder, links, devices, pipes, folders."""
    document = read_document(folder)
    names = sorted(document["files"])
    name = names[dice.integers(len(names))]
    kind = str(dice.choice(["name", "link", "pipe", "folder", "gone", "many", "manifest link"]))
    if kind == "name":
        names = ["../../etc/passwd", "/etc/passwd", "/dev/zero", "..", ".", "", "a/b", "a\\b", "C:x", "a\0b", "x" * 300]
        document["files"][names[dice.integers(len(names))]] = "0" * 64
    elif kind == "many":
        document["files"] |= {f"f{n}": "0" * 64 for n in range(1000)}
    elif kind == "manifest link":
        (folder / MANIFEST).replace(folder.parent / "outside.json")
        (folder / MANIFEST).symlink_to(folder.parent / "outside.json")
        return kind
    else:
        (folder / name).unlink()
        if kind == "link":
            (folder / name).symlink_to(str(dice.choice(["/dev/zero", "/dev/null", "/etc/passwd", "/", name, "gone"])))
        elif kind == "pipe":
            os.mkfifo(folder / name)
        elif kind == "folder":
            (folder / name).mkdir()
    document.pop("sha256", None)
    (folder / MANIFEST).write_text(_signed(document), encoding="utf-8")
    return f"file {name} {kind}"


def mutated(bundle, target, seed):
    """A changed copy of a bundle, and what was changed in words."""
    dice = np.random.default_rng([seed, 25])
    folder = Path(shutil.copytree(bundle, target))
    kinds = [change_manifest, change_manifest, change_graph, change_graph, change_bytes, change_files]
    return folder, kinds[dice.integers(len(kinds))](folder, dice)
