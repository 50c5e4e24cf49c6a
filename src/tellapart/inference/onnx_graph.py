"""The inputs and outputs of an ONNX graph, and what in it is not for strangers' graphs, from its bytes alone.

A walk over the wire format of Protocol Buffers, of the few fields that count: nothing of the graph is run, no file is
opened and no package is needed. https://protobuf.dev/programming-guides/encoding and onnx.proto of ONNX 1.20.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tellapart.core.errors import BundleError
from tellapart.core.terminal import quoted

UINT8, FLOAT = 2, 1  # of onnx.TensorProto.DataType
STANDARD = ("", "ai.onnx")  # the names of the domain of the standard's operators
MAX_NODES = 100_000
MAX_DEPTH = 8  # of graphs within nodes of graphs

_EXTERNAL = 1  # of onnx.TensorProto.DataLocation
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # wire types; the others are long out of use


@dataclass(frozen=True)
class Port:
    """An input or an output of a graph.

    Args:
        name: its name.
        kind: the type of its elements, as ``onnx.TensorProto.DataType`` counts them; 0 where it is no tensor.
        shape: its sides, None for an open one; None where the graph says nothing of them.
    """

    name: str
    kind: int
    shape: tuple[int | None, ...] | None


@dataclass(frozen=True)
class OnnxGraph:
    """What an ONNX file says of its graph.

    Args:
        inputs: what is fed into it; tensors that it holds itself are none.
        outputs: what it computes.
    """

    inputs: list[Port]
    outputs: list[Port]


def parse_graph(data: bytes) -> OnnxGraph:
    """The inputs and outputs of an ONNX file, all of whose nodes are operators of the standard.

    Args:
        data: the whole file.

    Raises:
        BundleError: the bytes are no ONNX file, or the graph holds an operator of another domain, a function of its
            own, a tensor that lies in another file, more than `MAX_NODES` nodes, or graphs nested deeper than
            `MAX_DEPTH`.

    >>> parse_graph(b"no graph")
    Traceback (most recent call last):
    tellapart.core.errors.BundleError: not an ONNX graph
    """
    try:
        return _parse_model(memoryview(data))
    except (ValueError, TypeError) as error:
        raise BundleError("not an ONNX graph") from error


def _parse_model(model: memoryview) -> OnnxGraph:
    graphs = []
    for field, value in _fields(model):
        if field == 7:
            graphs.append(_message(value))
        elif field == 25:
            raise BundleError("it defines functions of its own, which a stranger's graph may not")
        elif field == 20:
            raise BundleError("it holds a training, which a stranger's graph may not")
    if len(graphs) != 1:
        raise ValueError("no graph, or several")
    inputs, outputs, held = [], [], set()
    for field, value in _fields(graphs[0]):
        if field == 11:
            inputs.append(_parse_port(_message(value)))
        elif field == 12:
            outputs.append(_parse_port(_message(value)))
        elif field == 5:
            held.add(_tensor_name(_message(value)))
    _Walk().check_graph(graphs[0], 0)
    return OnnxGraph([each for each in inputs if each.name not in held], outputs)


# --- ports -------------------------------------------------------------------------------------------


def _parse_port(port: memoryview) -> Port:
    name, kind, shape = "", 0, None
    for field, value in _fields(port):
        if field == 1:
            name = _text(value)
        elif field == 2:
            for of_type, tensor in _fields(_message(value)):
                if of_type == 1:
                    kind, shape = _parse_tensor_type(_message(tensor))
    return Port(name, kind, shape)


def _parse_tensor_type(tensor: memoryview) -> tuple[int, tuple[int | None, ...] | None]:
    kind: int = 0
    shape: tuple[int | None, ...] | None = None
    for field, value in _fields(tensor):
        if field == 1:
            kind = _number(value)
        elif field == 2:
            shape = (shape or ()) + tuple(
                _parse_side(_message(side)) for number, side in _fields(_message(value)) if number == 1
            )
    return kind, shape


def _parse_side(side: memoryview) -> int | None:
    size: int | None = None
    for field, value in _fields(side):
        if field == 1:
            size = _number(value)
        elif field == 2:  # a name instead of a size
            size = None
    return size


def _tensor_name(tensor: memoryview) -> str:
    return next((_text(value) for field, value in _fields(tensor) if field == 8), "")


# --- nodes -------------------------------------------------------------------------------------------


class _Walk:
    """Looks at each node and tensor of a graph, and of the graphs within its nodes."""

    def __init__(self) -> None:
        self.nodes = 0

    def check_graph(self, graph: memoryview, depth: int) -> None:
        """Refuse what is not for strangers' graphs."""
        if depth > MAX_DEPTH:
            raise BundleError(f"its graphs are nested more than {MAX_DEPTH} deep")
        for field, value in _fields(graph):
            if field == 1:
                self._check_node(_message(value), depth)
            elif field == 5:
                _check_tensor(_message(value))
            elif field == 15:
                _check_sparse_tensor(_message(value))

    def _check_node(self, node: memoryview, depth: int) -> None:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise BundleError(f"it has more than {MAX_NODES:,} nodes")
        domain = operator = ""
        for field, value in _fields(node):
            if field == 4:
                operator = _text(value)
            elif field == 7:
                domain = _text(value)
            elif field == 5:
                self._check_attribute(_message(value), depth)
        if domain not in STANDARD:
            raise BundleError(
                f"its operator {quoted(operator)} is of the domain {quoted(domain)}; a stranger's graph may have those "
                "of the ONNX standard alone"
            )

    def _check_attribute(self, attribute: memoryview, depth: int) -> None:
        for field, value in _fields(attribute):
            if field in (5, 10):
                _check_tensor(_message(value))
            elif field in (22, 23):
                _check_sparse_tensor(_message(value))
            elif field in (6, 11):
                self.check_graph(_message(value), depth + 1)


def _check_sparse_tensor(tensor: memoryview) -> None:
    for field, value in _fields(tensor):
        if field in (1, 2):
            _check_tensor(_message(value))


def _check_tensor(tensor: memoryview) -> None:
    for field, value in _fields(tensor):
        if field == 13 or (field == 14 and _number(value) == _EXTERNAL):
            raise BundleError("it keeps tensors in other files, which a stranger's graph may not")


# --- the wire format ---------------------------------------------------------------------------------


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Number and value of each field: a number of a varint, bytes of all others.

    Raises:
        ValueError: no message of Protocol Buffers.
    """
    place, end = 0, len(message)
    while place < end:
        key, place = _varint(message, place)
        field, kind = key >> 3, key & 7
        if not field:
            raise ValueError("a field without a number")
        if kind == _VARINT:
            value, place = _varint(message, place)
            yield field, value
            continue
        if kind == _BYTES:
            size, place = _varint(message, place)
        elif kind in (_FIXED64, _FIXED32):
            size = 8 if kind == _FIXED64 else 4
        else:
            raise ValueError("a field of no known kind")
        if place + size > end:
            raise ValueError("a field goes on past its end")
        yield field, message[place : place + size]
        place += size


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    """A number of seven bits a byte, the lowest first, and the place behind it."""
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(message):
            break
        byte = message[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, place
    raise ValueError("a number without an end")


def _message(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise TypeError("a number where a message belongs")
    return value


def _number(value: int | memoryview) -> int:
    if not isinstance(value, int):
        raise TypeError("a message where a number belongs")
    return value


def _text(value: int | memoryview) -> str:
    return str(_message(value), "utf-8")
