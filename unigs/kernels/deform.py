"""The deformation network at playback (paper eq. 6), without autograd.

The network's first layer sees the encoded position of a point and the conditions of a frame. The
encoded positions never change once training is over, so their product with the first layer is a
constant P [N,H] of the portrait, and the conditions of a frame add one vector to all of its rows:

    h1 = relu(P + bias),   h2 = relu(W2 h1 + b2),   out = W3 h2 + b3.

Points are the vector axis: 64 at a time go through all layers while they are in the first-level
cache. Four outputs and four inputs share each pass, so most operands stay in registers: the fastest
of seven such shapes (2x4 .. 8x4) that were timed, and faster than torch's matrix product.
"""

import numpy as np
from numba import njit
from numpy.typing import ArrayLike
from torch import Tensor

from unigs.kernels.options import JIT
from unigs.kernels.threads import parallel_for

_BLOCK = 64
_UNROLL = 4
_F = np.float32
_U = np.uint64


@njit(**JIT)
def _layer(weight, bias, s, source, target, outputs, inputs):
    """s[target + k*64 + p] = bias[k] + sum_i weight[k,i] s[source + i*64 + p] for 64 points p."""
    for k in range(0, outputs, 4):
        t0 = target + _U(k * _BLOCK)
        t1 = t0 + _U(_BLOCK)
        t2 = t1 + _U(_BLOCK)
        t3 = t2 + _U(_BLOCK)
        for p in range(_BLOCK):
            s[t0 + _U(p)] = bias[k]
            s[t1 + _U(p)] = bias[k + 1]
            s[t2 + _U(p)] = bias[k + 2]
            s[t3 + _U(p)] = bias[k + 3]
        for i in range(0, inputs, 4):
            a0, a1, a2, a3 = weight[k, i], weight[k, i + 1], weight[k, i + 2], weight[k, i + 3]
            j = k + 1
            b0, b1, b2, b3 = weight[j, i], weight[j, i + 1], weight[j, i + 2], weight[j, i + 3]
            j = k + 2
            c0, c1, c2, c3 = weight[j, i], weight[j, i + 1], weight[j, i + 2], weight[j, i + 3]
            j = k + 3
            d0, d1, d2, d3 = weight[j, i], weight[j, i + 1], weight[j, i + 2], weight[j, i + 3]
            o = source + _U(i * _BLOCK)
            for p in range(_BLOCK):
                x0 = s[o + _U(p)]
                x1 = s[o + _U(p + _BLOCK)]
                x2 = s[o + _U(p + 2 * _BLOCK)]
                x3 = s[o + _U(p + 3 * _BLOCK)]
                s[t0 + _U(p)] += a0 * x0 + a1 * x1 + a2 * x2 + a3 * x3
                s[t1 + _U(p)] += b0 * x0 + b1 * x1 + b2 * x2 + b3 * x3
                s[t2 + _U(p)] += c0 * x0 + c1 * x1 + c2 * x2 + c3 * x3
                s[t3 + _U(p)] += d0 * x0 + d1 * x1 + d2 * x2 + d3 * x3


@njit(**JIT)
def _deform_kernel(start, stop, product, first, w2, b2, w3, b3, out):
    """Blocks start..stop of product [blocks,H,64]; `first` [H] is the bias of this frame."""
    width = product.shape[1]
    padded = len(b3)
    h1 = _U(0)
    h2 = _U(width * _BLOCK)
    h3 = _U(2 * width * _BLOCK)
    s = np.empty((2 * width + padded) * _BLOCK, np.float32)
    for block in range(start, stop):
        for i in range(width):
            b = first[i]
            x = product[block, i]
            o = _U(i * _BLOCK)
            for p in range(_BLOCK):
                v = x[p] + b
                s[o + _U(p)] = v if v > _F(0) else _F(0)
        _layer(w2, b2, s, h1, h2, width, width)
        for j in range(width * _BLOCK):
            v = s[h2 + _U(j)]
            s[h2 + _U(j)] = v if v > _F(0) else _F(0)
        _layer(w3, b3, s, h2, h3, padded, width)
        n0 = block * _BLOCK
        for p in range(min(_BLOCK, out.shape[0] - n0)):
            for k in range(out.shape[1]):
                out[_U(n0 + p), _U(k)] = s[h3 + _U(k * _BLOCK + p)]


def _array(values: Tensor | ArrayLike) -> np.ndarray:
    """A float32 numpy copy of a tensor or an array."""
    if isinstance(values, Tensor):
        values = values.detach().cpu().numpy()
    return np.array(values, dtype=np.float32, order="C")


class PlaybackDeformation:
    """The two layers that remain per frame, with all buffers allocated once."""

    def __init__(
        self,
        product: Tensor | ArrayLike,
        w2: Tensor | ArrayLike,
        b2: Tensor | ArrayLike,
        w3: Tensor | ArrayLike,
        b3: Tensor | ArrayLike,
    ) -> None:
        """Copy the network into the layout of the kernel.

        Args:
            product: P [N,H], the first layer applied to the encoded positions, its bias included or
                not; H is a multiple of 8.
            w2: [H,H] weights of the second layer (outputs first, as in torch).
            b2: [H].
            w3: [K,H] weights of the last layer.
            b3: [K].

        Raises:
            ValueError: shapes that do not fit together.
        """
        product, w2, b2, w3, b3 = (_array(x) for x in (product, w2, b2, w3, b3))
        if product.ndim != 2 or w3.ndim != 2:
            raise ValueError(f"expected P [N,H] and W3 [K,H], got {product.shape}, {w3.shape}")
        points, width = product.shape
        outputs = len(w3)
        expected = ((width, width), (width,), (outputs, width), (outputs,))
        if width % 8 or (w2.shape, b2.shape, w3.shape, b3.shape) != expected:
            raise ValueError(
                f"expected H a multiple of 8 and W2, b2, W3, b3 of shapes {expected} for P "
                f"{product.shape}, got {w2.shape}, {b2.shape}, {w3.shape}, {b3.shape}"
            )
        extra = -outputs % _UNROLL
        blocks = -(-points // _BLOCK)
        padded = np.zeros((blocks * _BLOCK, width), np.float32)
        padded[:points] = product
        blocked = padded.reshape(blocks, _BLOCK, width).transpose(0, 2, 1)
        self._product = np.ascontiguousarray(blocked)
        self._layers = (w2, b2, np.pad(w3, ((0, extra), (0, 0))), np.pad(b3, (0, extra)))
        self._out = np.empty((points, outputs), np.float32)

    def apply(self, bias: Tensor | ArrayLike) -> np.ndarray:
        """Raw outputs of the network for one frame.

        Args:
            bias: [H], what the conditions of the frame (and the first layer's bias, if `product`
                lacks it) add to every row of P.

        Returns:
            [N,K] float32. The same buffer is handed out, and overwritten, by every call.
        """
        first = _array(bias)
        if first.shape != (self._product.shape[1],):
            raise ValueError(f"expected a bias [{self._product.shape[1]}], got {first.shape}")
        parallel_for(
            _deform_kernel,
            len(self._product),
            self._product,
            first,
            *self._layers,
            self._out,
            min_chunk=8,
        )
        return self._out
