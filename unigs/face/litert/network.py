"""A .tflite network run by LiteRT, also where it holds operators that LiteRT does not have.

MediaPipe's graphs hold a few operators of its own. LiteRT's interpreter in Python cannot be taught
them, so the graph is cut at them: what lies between becomes a network of its own, and they are
functions of NumPy (`unigs.face.litert.operators`).
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from unigs.face.litert.operators import OPERATORS
from unigs.stage.errors import UserError

if TYPE_CHECKING:
    from types import ModuleType

Tensors = dict[int, np.ndarray]
"""Values by the number of the tensor in the graph."""


class Network:
    """A network of one input.

    Args:
        content: a .tflite file's bytes.
        name: what to call it in messages.

    Raises:
        UserError: LiteRT is not installed, or the bytes are no network.
    """

    def __init__(self, content: bytes, name: str) -> None:
        schema = _schema()
        try:
            model = schema.ModelT.InitFromPackedBuf(content, 0)
            graph = _Graph(model, schema)
            self.steps = list(graph.steps())
        except UserError:
            raise
        # Whatever damaged bytes make the reader of flat buffers stumble over.
        except Exception as error:
            raise UserError(
                f"the network {name} cannot be read ({type(error).__name__}: {error}): "
                "get its file anew."
            ) from None
        (self.input,), self.outputs = graph.inputs, graph.outputs
        self.weights = graph.weights
        self.shape = graph.shape(self.input)

    def __call__(self, values: np.ndarray) -> list[np.ndarray]:
        """The network's outputs, in its own order, float32, of an input float32 of `shape`."""
        known: Tensors = self.weights | {self.input: values}
        for step in self.steps:
            step(known)
        return [known[number] for number in self.outputs]


class _Part:
    """Operators of LiteRT between two places where the graph is cut."""

    def __init__(self, content: bytes, inputs: Sequence[int], outputs: Sequence[int]) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self.inputs, self.outputs = list(inputs), list(outputs)
        with quiet():
            self._interpreter = Interpreter(model_content=content, num_threads=1)
            self._interpreter.allocate_tensors()
        self._in = [detail["index"] for detail in self._interpreter.get_input_details()]
        self._out = [detail["index"] for detail in self._interpreter.get_output_details()]

    def __call__(self, known: Tensors) -> None:
        for number, place in zip(self.inputs, self._in, strict=True):
            self._interpreter.set_tensor(place, known[number])
        self._interpreter.invoke()
        for number, place in zip(self.outputs, self._out, strict=True):
            known[number] = self._interpreter.get_tensor(place)


@dataclass(frozen=True)
class _Own:
    """An operator of MediaPipe."""

    function: Callable[..., np.ndarray]
    inputs: list[int]
    output: int

    def __call__(self, known: Tensors) -> None:
        known[self.output] = self.function(*(known[number] for number in self.inputs))


class _Graph:
    """The operators of a network, in the order in which they run."""

    def __init__(self, model: Any, schema: ModuleType) -> None:
        self.model, self.schema = model, schema
        (self.graph,) = model.subgraphs
        self.inputs = [int(n) for n in self.graph.inputs]
        self.outputs = [int(n) for n in self.graph.outputs]
        self.operators = list(self.graph.operators)
        self.stored = {
            number
            for number, tensor in enumerate(self.graph.tensors)
            if model.buffers[tensor.buffer].data is not None
        }
        self.weights: Tensors = {}
        """Weights of MediaPipe's own operators."""
        # Weights that are unpacked by operators: each part unpacks what it needs.
        self.unpacking: dict[int, Any] = {}
        for operator in self.operators:
            if self._own(operator) is None and set(_in(operator)) <= self.stored | set(
                self.unpacking
            ):
                self.unpacking |= dict.fromkeys(_out(operator), operator)

    def shape(self, number: int) -> tuple[int, ...]:
        """Shape of a tensor."""
        return tuple(int(n) for n in self.graph.tensors[number].shape)

    def steps(self) -> Iterator[_Part | _Own]:
        """What is run one after another."""
        groups: list[list[Any]] = [[]]
        for operator in self.operators:
            if self._own(operator) is not None:
                groups += [[operator], []]
            elif not set(_out(operator)) & set(self.unpacking):
                groups[-1].append(operator)
        groups = [group for group in groups if group]
        for at, group in enumerate(groups):
            if function := self._own(group[0]):
                options = _bytes(group[0].customOptions)
                (output,) = _out(group[0])
                for number in set(_in(group[0])) & (self.stored | set(self.unpacking)):
                    self.weights[number] = self._value(number)
                yield _Own(function(options), _in(group[0]), output)
                continue
            later = {number for other in groups[at + 1 :] for o in other for number in _in(o)}
            yield self._part(group, later | set(self.outputs))

    def _part(self, group: list[Any], wanted: set[int]) -> _Part:
        """A network of a group of operators, and of the unpacking of their weights."""
        made = {number for operator in group for number in _out(operator)}
        used = {number for operator in group for number in _in(operator)}
        weights = self._needed(used - made)
        inputs = sorted(used - made - self.stored - set(self.unpacking))
        outputs = sorted(made & wanted)
        chosen = {id(operator) for operator in group} | {id(o) for o in weights.values()}
        kept = [operator for operator in self.operators if id(operator) in chosen]
        return _Part(self._packed(kept, inputs, outputs), inputs, outputs)

    def _value(self, number: int) -> np.ndarray:
        """A weight as float32.

        Raises:
            ValueError: it is not stored as floating-point numbers of 16 or 32 bits.
        """
        tensor = self.graph.tensors[number]
        if number in self.unpacking:
            (packed,) = _in(self.unpacking[number])
            return self._value(packed)
        kinds = {self.schema.TensorType.FLOAT16: "<f2", self.schema.TensorType.FLOAT32: "<f4"}
        if tensor.type not in kinds:
            raise ValueError("weights of an unknown type")
        flat = np.frombuffer(bytes(self.model.buffers[tensor.buffer].data), kinds[tensor.type])
        return flat.reshape(self.shape(number)).astype(np.float32)

    def _needed(self, numbers: set[int]) -> dict[int, Any]:
        """The operators that unpack some weights."""
        found: dict[int, Any] = {}
        for number in numbers & set(self.unpacking):
            operator = self.unpacking[number]
            found |= {number: operator} | self._needed(set(_in(operator)))
        return found

    def _packed(self, kept: list[Any], inputs: list[int], outputs: list[int]) -> bytes:
        """A .tflite file's bytes with some of the operators."""
        import flatbuffers

        self.graph.operators, self.graph.inputs, self.graph.outputs = kept, inputs, outputs
        self.model.signatureDefs = self.model.metadata = self.model.metadataBuffer = None
        builder = flatbuffers.Builder(1 << 20)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    def _own(self, operator: Any) -> Callable[[bytes], Callable[..., np.ndarray]] | None:
        """What makes a function of an operator of MediaPipe; None for one of LiteRT.

        Raises:
            UserError: nobody has such an operator.
        """
        code = self.model.operatorCodes[operator.opcodeIndex]
        if code.customCode is None:
            return None
        name = code.customCode.decode()
        if name not in OPERATORS:
            raise UserError(f"the network needs an operator {name}, which is not known here.")
        return OPERATORS[name]


def _in(operator: Any) -> list[int]:
    """Tensors that an operator takes; those that it may do without and does are left out."""
    return [int(number) for number in operator.inputs if number >= 0]


def _out(operator: Any) -> list[int]:
    return [int(number) for number in operator.outputs]


def _bytes(options: Any) -> bytes:
    return b"" if options is None else bytes(options)


def _schema() -> ModuleType:
    """What reads and writes .tflite files.

    Raises:
        UserError: LiteRT is not installed.
    """
    try:
        from ai_edge_litert import schema_py_generated
    except ImportError as error:
        raise UserError(
            f"LiteRT cannot be imported ({error}): pip install ai-edge-litert."
        ) from None
    return schema_py_generated


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Discard what C++ code writes to stderr; Python's own messages are not affected.

    Start-up lines of LiteRT and MediaPipe cannot be switched off and would drown a stage's log.
    """
    sys.stderr.flush()
    saved, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(null)
