"""The deformation network at playback (paper eq. 6), without autograd.

The network's first layer sees the encoded position of a point and the conditions of a frame. The
encoded positions never change once training is over, so their product with the first layer is a
constant P [N,H] of the portrait, and the conditions of a frame add one vector to all of its rows:

    h1 = relu(P + bias),   h2 = relu(W2 h1 + b2),   out = W3 h2 + b3 + sum_s c_s B_s,

with blendshapes B_s that are constants as well and coefficients c_s of the frame. Where a shape is
zero at all 128 points of a block it is passed over: those of lips and lids are zero off the face.
"""

from __future__ import annotations

from copy import copy

import numpy as np
from numpy.typing import ArrayLike
from torch import Tensor

from unigs.compute.jit import kernel
from unigs.compute.threads import parallel_for
from unigs.model.kernels.deform_kernels import BLOCK, WIDTH_STEP, fill, layer, rectify

_F = np.float32
_U = np.uint64


@kernel
def _deform_kernel(start, stop, product, first, w2, b2, w3, b3, basis, used, shapes, out):
    """Blocks start..stop of the network.

    Args:
        start: first block.
        stop: block after the last.
        product: P [blocks,H,128].
        first: bias of this frame [H].
        w2: weights of the second layer [H,H].
        b2: bias of the second layer [H].
        w3: weights of the last layer, outputs padded to a multiple of four [S,H].
        b3: bias of the last layer [S].
        basis: blendshapes [blocks,shapes,K*128].
        used: whether a shape is anything but zero in a block, bool [blocks,shapes].
        shapes: coefficients of the blendshapes in this frame [shapes].
        out: receives the outputs [N,K].
    """
    width = product.shape[1]
    padded = len(b3)
    h1 = _U(0)
    h2 = _U(width * BLOCK)
    h3 = _U(2 * width * BLOCK)
    s = np.empty((2 * width + padded) * BLOCK, np.float32)
    for block in range(start, stop):
        for i in range(width):
            b = first[i]
            x = product[block, i]
            o = _U(i * BLOCK)
            for p in range(BLOCK):
                v = x[p] + b
                s[o + _U(p)] = _F(0) if v <= _F(0) else v
        fill(b2, s, h2, width)
        layer(w2, s, h1, width, s, h2, width)
        rectify(s, h2, width)
        fill(b3, s, h3, padded)
        layer(w3, s, h2, width, s, h3, padded)
        for k in range(len(shapes)):
            if used[block, k]:
                c = shapes[k]
                b_k = basis[block, k]
                for p in range(out.shape[1] * BLOCK):
                    s[h3 + _U(p)] += c * b_k[_U(p)]
        n0 = block * BLOCK
        for p in range(min(BLOCK, out.shape[0] - n0)):
            for k in range(out.shape[1]):
                out[_U(n0 + p), _U(k)] = s[h3 + _U(k * BLOCK + p)]


def _array(values: Tensor | ArrayLike) -> np.ndarray:
    """A float32 numpy copy of a tensor or an array."""
    if isinstance(values, Tensor):
        values = values.detach().cpu().numpy()
    return np.array(values, dtype=np.float32, order="C")


def _blocked(basis: np.ndarray, blocks: int) -> np.ndarray:
    """Values [N,S,K] as [blocks,S,K*128], the points of a block side by side."""
    points, shapes, outputs = basis.shape
    padded = np.zeros((blocks * BLOCK, shapes, outputs), np.float32)
    padded[:points] = basis
    blocked = padded.reshape(blocks, BLOCK, shapes, outputs).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(blocked).reshape(blocks, shapes, outputs * BLOCK)


class PlaybackDeformation:
    """The two layers that remain per frame, with all buffers allocated once."""

    def __init__(
        self,
        product: Tensor | ArrayLike,
        w2: Tensor | ArrayLike,
        b2: Tensor | ArrayLike,
        w3: Tensor | ArrayLike,
        b3: Tensor | ArrayLike,
        basis: Tensor | ArrayLike | None = None,
    ) -> None:
        """Copy the network into the layout of the kernel.

        Args:
            product: P [N,H], the first layer applied to the encoded positions, with or without its
                bias; H is a multiple of 8.
            w2: weights of the second layer [H,H] (outputs first, as in torch).
            b2: bias of the second layer [H].
            w3: weights of the last layer [K,H].
            b3: bias of the last layer [K].
            basis: blendshapes at every point [N,shapes,K]; None: no shapes.

        Raises:
            ValueError: shapes that do not fit together.
        """
        product, w2, b2, w3, b3 = (_array(x) for x in (product, w2, b2, w3, b3))
        if product.ndim != 2 or w3.ndim != 2:
            raise ValueError(f"expected P [N,H] and W3 [K,H], got {product.shape}, {w3.shape}")
        points, width = product.shape
        outputs = len(w3)
        expected = ((width, width), (width,), (outputs, width), (outputs,))
        if width % WIDTH_STEP or (w2.shape, b2.shape, w3.shape, b3.shape) != expected:
            raise ValueError(
                f"expected H a multiple of {WIDTH_STEP} and W2, b2, W3, b3 of shapes {expected} "
                f"for P {product.shape}, got {w2.shape}, {b2.shape}, {w3.shape}, {b3.shape}"
            )
        extra = -outputs % 4
        blocks = -(-points // BLOCK)
        padded = np.zeros((blocks * BLOCK, width), np.float32)
        padded[:points] = product
        blocked = padded.reshape(blocks, BLOCK, width).transpose(0, 2, 1)
        self._product = np.ascontiguousarray(blocked)
        basis = np.zeros((points, 0, outputs), np.float32) if basis is None else _array(basis)
        if basis.ndim != 3 or (len(basis), basis.shape[2]) != (points, outputs):
            raise ValueError(f"expected blendshapes [{points},S,{outputs}], got {basis.shape}")
        self._basis = _blocked(basis, blocks)
        self._used = self._basis.any(2)
        self._layers = (w2, b2, np.pad(w3, ((0, extra), (0, 0))), np.pad(b3, (0, extra)))
        self._out = np.empty((points, outputs), np.float32)

    def twin(self) -> PlaybackDeformation:
        """The same network with a buffer of its own, for another thread."""
        other = copy(self)
        other._out = np.empty_like(self._out)
        return other

    def apply(
        self, bias: Tensor | ArrayLike, shapes: Tensor | ArrayLike | None = None
    ) -> np.ndarray:
        """Raw outputs of the network for one frame.

        Args:
            bias: [H], what the conditions of the frame (and the first layer's bias, if `product`
                lacks it) add to every row of P.
            shapes: coefficients of the blendshapes [shapes]; None: there are none.

        Returns:
            [N,K] float32. The same buffer is handed out, and overwritten, by every call.
        """
        first = _array(bias)
        if first.shape != (self._product.shape[1],):
            raise ValueError(f"expected a bias [{self._product.shape[1]}], got {first.shape}")
        shapes = np.zeros(0, np.float32) if shapes is None else _array(shapes)
        if shapes.shape != (self._used.shape[1],):
            raise ValueError(f"expected {self._used.shape[1]} coefficients, got {shapes.shape}")
        parallel_for(
            _deform_kernel,
            len(self._product),
            self._product,
            first,
            *self._layers,
            self._basis,
            self._used,
            shapes,
            self._out,
            min_chunk=8,
        )
        return self._out
