"""The deformation network in training (paper eq. 6): values and all gradients in one pass each.

In torch every layer reads and writes arrays [N,H] in main memory, forward and backward; here 128
points go through all of them inside the cache, and only the two hidden layers are kept.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import pad

from unigs.compute.threads import parallel_for
from unigs.model.kernels.deform_kernels import (
    BLOCK,
    CHUNK,
    WIDTH_STEP,
    backward_blocks,
    forward_blocks,
)


@dataclass(frozen=True)
class InputFeatures:
    """Features that the network reads, with the weights that read them."""

    features: Tensor
    """Values [N,F]; not copied if feature after feature lies in memory, as `encode` gives them."""
    weight: Tensor
    """The first layer's columns for these features [H,F]."""
    shapes: tuple[Tensor, ...] = ()
    """Linear deformations [K,F] that are added to the network's outputs."""
    gates: tuple[Tensor | None, ...] = ()
    """For each of them its factor at each point [N], without gradient; None: 1."""
    reach: Tensor | None = None
    """Zero at points [N] whose features are all zero and need no gradient; None: nowhere. Blocks of
    128 such points are passed over."""


def _rows(values: Tensor) -> np.ndarray:
    """[N,F] as an array [F,N] whose rows are contiguous."""
    return values.detach().T.contiguous().numpy()


def _transposed(weight: Tensor) -> np.ndarray:
    return weight.detach().T.contiguous().numpy()


class Deform(torch.autograd.Function):
    """The network on padded weights.

    The last arguments of `apply` are the features of all inputs, then the first layers of all. The
    first ones are the number of outputs, the gates [parts,G,N] of up to G shapes, and whether a
    part has features in a block, bool [parts,blocks].
    """

    @staticmethod
    def forward(ctx, outputs: int, gates: Tensor, used: Tensor, *arrays: Tensor) -> Tensor:
        bias, w2, b2, w3, b3, *parts = arrays
        count = len(parts) // 2
        ctx.features = tuple(_rows(x) for x in parts[:count])
        n = len(parts[0])
        blocks = -(-n // BLOCK)
        ctx.hidden = torch.empty(blocks, 2 * len(b2) * BLOCK).numpy()
        out = torch.empty(n, outputs)
        ctx.gates, ctx.used = gates.numpy(), used.numpy()
        first = tuple(x.detach().contiguous().numpy() for x in parts[count:])
        rest = (x.detach().contiguous().numpy() for x in (bias, w2, b2, w3, b3))
        parallel_for(
            forward_blocks, blocks, ctx.features, first, ctx.gates, ctx.used, *rest, ctx.hidden,
            out.numpy(), min_chunk=CHUNK,
        )  # fmt: skip
        ctx.save_for_backward(w2, w3, *parts[count:])
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor):
        w2, w3, *first = ctx.saved_tensors
        chunks = -(-len(ctx.hidden) // CHUNK)
        width, outputs = len(w2), len(w3)
        shapes = ((width, width), (outputs, width), (width,), (width,), (outputs,))
        to_rest = tuple(np.zeros((chunks, *shape), np.float32) for shape in shapes)
        to_first = tuple(np.zeros((chunks, *x.shape), np.float32) for x in first)
        to_features = tuple(torch.empty(x.shape).numpy() for x in ctx.features)
        parallel_for(
            backward_blocks, chunks, ctx.features, tuple(_transposed(x) for x in first), ctx.gates,
            ctx.used, _transposed(w2), _transposed(w3), ctx.hidden, grad.contiguous().numpy(),
            to_features, to_first, to_rest, min_chunk=1,
        )  # fmt: skip
        to_w2, to_w3, *to_biases = (torch.from_numpy(x.sum(0)) for x in to_rest)
        to_bias, to_b2, to_b3 = to_biases
        to_parts = [torch.from_numpy(x).T for x in to_features]
        to_parts += [torch.from_numpy(x.sum(0)) for x in to_first]
        return None, None, None, to_bias, to_w2, to_b2, to_w3, to_b3, *to_parts


def deform(
    parts: list[InputFeatures], bias: Tensor, w2: Tensor, b2: Tensor, w3: Tensor, b3: Tensor
) -> Tensor:
    """W3 relu(W2 relu(sum_k W_k f_k + bias) + b2) + b3 + sum_kj gate_kj S_kj f_k, on a CPU.

    Differentiable in everything but the gates. Results do not depend on the number of threads, to
    the bit.

    Args:
        parts: the features f_k with W_k and their shapes S_kj.
        bias: bias of the first layer [H], the frame's conditions included.
        w2: weights of the second layer [H,H], outputs first.
        b2: bias of the second layer [H].
        w3: weights of the last layer [K,H], outputs first.
        b3: bias of the last layer [K].

    Returns:
        [N,K].

    Raises:
        ValueError: H is not a multiple of 8, a tensor is not float32, or shapes do not fit.
    """
    _check(parts, bias, w2, b2, w3, b3)
    outputs = len(w3)
    extra = -outputs % 4
    most = max(len(part.shapes) for part in parts)
    gates = torch.ones(len(parts), most, len(parts[0].features))
    for rows, part in zip(gates, parts, strict=True):
        for row, gate in zip(rows, part.gates, strict=False):
            if gate is not None:
                row.copy_(gate.detach())
    first = [_first(part, extra) for part in parts]
    rest = bias, w2, b2, pad(w3, (0, 0, 0, extra)), pad(b3, (0, extra))
    used = torch.stack([_used(part.reach, gates.shape[-1]) for part in parts])
    return Deform.apply(outputs, gates, used, *rest, *(part.features for part in parts), *first)


def _check(
    parts: list[InputFeatures], bias: Tensor, w2: Tensor, b2: Tensor, w3: Tensor, b3: Tensor
) -> None:
    """Refuse what does not fit: the kernels check no bounds."""
    outputs, width = w3.shape
    if width % WIDTH_STEP:
        raise ValueError(f"the width of the layers must be a multiple of {WIDTH_STEP}, got {width}")
    wanted = [
        (bias, (width,)), (w2, (width, width)), (b2, (width,)), (w3, (outputs, width)),
        (b3, (outputs,)),
    ]  # fmt: skip
    count = len(parts[0].features)
    for part in parts:
        features = part.weight.shape[-1]
        wanted += [(part.features, (count, features)), (part.weight, (width, features))]
        wanted += [(shapes, (outputs, features)) for shapes in part.shapes]
        wanted += [(x, (count,)) for x in (*part.gates, part.reach) if x is not None]
        if len(part.gates) != len(part.shapes):
            raise ValueError(f"{len(part.shapes)} linear shapes need as many gates")
    for tensor, shape in wanted:
        if tuple(tensor.shape) != shape or tensor.dtype != torch.float32:
            raise ValueError(
                f"deform expected float32 {shape}, got {tensor.dtype} {tuple(tensor.shape)}"
            )


def _used(reach: Tensor | None, points: int) -> Tensor:
    """Whether a part has features in each block, bool [blocks]."""
    blocks = -(-points // BLOCK)
    if reach is None:
        return torch.ones(blocks, dtype=torch.bool)
    return (pad(reach.detach(), (0, blocks * BLOCK - points)).view(blocks, BLOCK) != 0).any(1)


def _first(part: InputFeatures, extra: int) -> Tensor:
    """The matrix [H+GK, F padded] that reads features: first layer, then linear shapes."""
    rows = torch.cat([part.weight, *(pad(shapes, (0, 0, 0, extra)) for shapes in part.shapes)])
    return pad(rows, (0, -part.features.shape[1] % 4))
