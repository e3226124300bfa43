"""Structural similarity (SSIM) of two images and its gradient.

The definition is that of the 3D Gaussian Splatting losses: an 11x11 Gaussian window with sigma 1.5,
zeros outside the image, C1 = 0.01^2, C2 = 0.03^2, dynamic range 1, mean over pixels and channels.

How the CPU version works. With the window average <.>, u = <a>, v = <b>, p = <ab> and
q = <a^2 + b^2> (the two variances only ever occur as a sum), each pixel has

    S = n1 n2 / (d1 d2),   n1 = 2uv + C1,   n2 = 2(p - uv) + C2,
                           d1 = u^2 + v^2 + C1,   d2 = q - u^2 - v^2 + C2.

The gradient needs the three planes dS/du, dS/dq, dS/dp, which are averaged with the same
(symmetric) window: dL/da = <dS/du> + 2a <dS/dq> + b <dS/dp>. Images are cut into strips of 64 columns, because
with a constant row length the compiler knows all distances and emits plain vector code.
"""

import math
import threading

import numpy as np
import torch
from numba import njit
from torch import Tensor

from unigs.kernels.options import JIT
from unigs.kernels.threads import parallel_for

RADIUS = 5
SIGMA = 1.5
C1 = 0.01**2
C2 = 0.03**2

_STRIP = 64  # columns of a strip
_HALO = 80  # columns read for a strip: 5 + 64 + 5, rounded up to whole vectors
_BAND = 128  # rows of a band, so that the scratch of one task stays in the second-level cache

_weights = [math.exp(-((i - RADIUS) ** 2) / (2 * SIGMA**2)) for i in range(2 * RADIUS + 1)]
_weights = [w / sum(_weights) for w in _weights]
_K0, _K1, _K2, _K3, _K4, _K5 = (np.float32(w) for w in _weights[: RADIUS + 1])
_F = np.float32
_U = np.uint64


@njit(inline="always")
def _window(s, o, step):
    """Weighted sum of 11 values `step` apart, the first at s[o]; the window is symmetric."""
    return (
        _K0 * (s[o] + s[o + _U(10 * step)])
        + _K1 * (s[o + _U(step)] + s[o + _U(9 * step)])
        + _K2 * (s[o + _U(2 * step)] + s[o + _U(8 * step)])
        + _K3 * (s[o + _U(3 * step)] + s[o + _U(7 * step)])
        + _K4 * (s[o + _U(4 * step)] + s[o + _U(6 * step)])
        + _K5 * s[o + _U(5 * step)]
    )


@njit(**JIT)
def _load_row(image, base, step, x0, width, row, o):
    """Copy columns x0-5 .. x0+75 of one image row to row[o:o+80], zeros outside the image."""
    first = max(0, RADIUS - x0)
    last = min(_HALO, width + RADIUS - x0)
    for i in range(first):
        row[_U(o + i)] = _F(0)
    for i in range(last, _HALO):
        row[_U(o + i)] = _F(0)
    start = base + (x0 - RADIUS + first) * step
    if step == 1:
        for i in range(last - first):
            row[_U(o + first + i)] = image[_U(start + i)]
    else:
        for i in range(last - first):
            row[_U(o + first + i)] = image[_U(start + i * step)]


@njit(**JIT)
def _moment_rows(a, b, ac, bc, astep, bstep, x0, y0, y1, height, width, row, s):
    """Horizontal window averages of a, b, a^2 + b^2, ab for rows y0-5 .. y1+5 of one strip.

    Row y goes to s[(y - y0 + 5) * 256 + quantity * 64 + column].
    """
    for y in range(y0 - RADIUS, y1 + RADIUS):
        o = _U((y - y0 + RADIUS) * 4 * _STRIP)
        if y < 0 or y >= height:
            for i in range(4 * _STRIP):
                s[o + _U(i)] = _F(0)
            continue
        _load_row(a, ac + y * astep[1], astep[2], x0, width, row, 0)
        _load_row(b, bc + y * bstep[1], bstep[2], x0, width, row, _HALO)
        for i in range(_HALO):
            x = row[_U(i)]
            z = row[_U(i + _HALO)]
            row[_U(i + 2 * _HALO)] = x * x + z * z
            row[_U(i + 3 * _HALO)] = x * z
        for j in range(4):
            src = _U(j * _HALO)
            dst = o + _U(j * _STRIP)
            for i in range(_STRIP):
                s[dst + _U(i)] = _window(row, src + _U(i), 1)


@njit(**JIT)
def _ssim_row(s, o, n, grads, plane, at, want):
    """SSIM of one row of a strip: returns its sum; with `want`, writes the three derivatives."""
    total = _F(0)
    c1 = _F(C1)
    c2 = _F(C2)
    two = _F(2)
    # into the same scratch first: the distances are constant, so this loop is plain vector code
    for i in range(_STRIP):
        k = o + _U(i)
        u = _window(s, k, 4 * _STRIP)
        v = _window(s, k + _U(_STRIP), 4 * _STRIP)
        q = _window(s, k + _U(2 * _STRIP), 4 * _STRIP)
        p = _window(s, k + _U(3 * _STRIP), 4 * _STRIP)
        uv = u * v
        squares = u * u + v * v
        n1 = two * uv + c1
        n2 = two * (p - uv) + c2
        d1 = squares + c1
        d2 = q - squares + c2
        inverse = _F(1) / (d1 * d2)
        value = n1 * n2 * inverse
        dq = -value * inverse * d1
        dp = two * n1 * inverse
        du = two * v * n2 * inverse - two * u * value * inverse * d2 - two * u * dq - v * dp
        # row o is the oldest of the eleven and is not needed again
        s[k] = value
        s[k + _U(_STRIP)] = du
        s[k + _U(2 * _STRIP)] = dq
        s[k + _U(3 * _STRIP)] = dp
    for i in range(n):
        total += s[o + _U(i)]
    if want:
        for j in range(3):
            src = o + _U((j + 1) * _STRIP)
            dst = _U(at + j * plane)
            for i in range(n):
                grads[dst + _U(i)] = s[src + _U(i)]
    return total


@njit(**JIT)
def _value_kernel(start, stop, a, b, astep, bstep, shape, bands, strips, want, sums, grads):
    """Tasks (channel, band, strip): row sums of SSIM and, with `want`, its derivative planes."""
    height = shape[1]
    width = shape[2]
    rows = (height + bands - 1) // bands
    row = np.empty(4 * _HALO, np.float32)
    s = np.empty((rows + 2 * RADIUS) * 4 * _STRIP, np.float32)
    for task in range(start, stop):
        channel = task // (bands * strips)
        y0 = (task // strips) % bands * rows
        y1 = min(height, y0 + rows)
        strip = task % strips
        x0 = strip * _STRIP
        n = min(_STRIP, width - x0)
        ac = channel * astep[0]
        bc = channel * bstep[0]
        _moment_rows(a, b, ac, bc, astep, bstep, x0, y0, y1, height, width, row, s)
        for y in range(y0, y1):
            at = (channel * 3 * height + y) * width + x0
            o = _U((y - y0) * 4 * _STRIP)
            sums[channel, y, strip] = _ssim_row(s, o, n, grads, height * width, at, want)


@njit(**JIT)
def _gradient_row(s, o, n, a, aat, astep, b, bat, bstep, out, oat, ostep, scale, row):
    """One row of dL/da from the horizontally averaged derivative planes in s."""
    for i in range(_STRIP):
        k = o + _U(i)
        row[_U(i)] = _window(s, k, 3 * _STRIP) * scale
        row[_U(i + _STRIP)] = _window(s, k + _U(_STRIP), 3 * _STRIP) * (scale + scale)
        row[_U(i + 2 * _STRIP)] = _window(s, k + _U(2 * _STRIP), 3 * _STRIP) * scale
    if astep == 1 and bstep == 1 and ostep == 1:
        for i in range(n):
            x = a[_U(aat + i)]
            z = b[_U(bat + i)]
            out[_U(oat + i)] = row[_U(i)] + x * row[_U(i + _STRIP)] + z * row[_U(i + 2 * _STRIP)]
    else:
        for i in range(n):
            x = a[_U(aat + i * astep)]
            z = b[_U(bat + i * bstep)]
            out[_U(oat + i * ostep)] = (
                row[_U(i)] + x * row[_U(i + _STRIP)] + z * row[_U(i + 2 * _STRIP)]
            )


@njit(**JIT)
def _gradient_kernel(
    start, stop, a, b, astep, bstep, shape, bands, strips, grads, scale, out, ostep
):
    """Tasks (channel, band, strip): average the derivative planes and combine them to dL/da."""
    height = shape[1]
    width = shape[2]
    rows = (height + bands - 1) // bands
    row = np.empty(4 * _HALO, np.float32)
    s = np.empty((rows + 2 * RADIUS) * 3 * _STRIP, np.float32)
    for task in range(start, stop):
        channel = task // (bands * strips)
        y0 = (task // strips) % bands * rows
        y1 = min(height, y0 + rows)
        x0 = task % strips * _STRIP
        n = min(_STRIP, width - x0)
        for y in range(y0 - RADIUS, y1 + RADIUS):
            o = _U((y - y0 + RADIUS) * 3 * _STRIP)
            if y < 0 or y >= height:
                for i in range(3 * _STRIP):
                    s[o + _U(i)] = _F(0)
                continue
            for j in range(3):
                base = ((channel * 3 + j) * height + y) * width
                _load_row(grads, base, 1, x0, width, row, 0)
                dst = o + _U(j * _STRIP)
                for i in range(_STRIP):
                    s[dst + _U(i)] = _window(row, _U(i), 1)
        for y in range(y0, y1):
            aat = channel * astep[0] + y * astep[1] + x0 * astep[2]
            bat = channel * bstep[0] + y * bstep[1] + x0 * bstep[2]
            oat = channel * ostep[0] + y * ostep[1] + x0 * ostep[2]
            o = _U((y - y0) * 3 * _STRIP)
            _gradient_row(
                s, o, n, a, aat, astep[2], b, bat, bstep[2], out, oat, ostep[2], scale, row
            )


_scratch = threading.local()


def _derivative_planes(size: int) -> np.ndarray:
    """A buffer of at least `size` float32, kept per thread: fresh pages every step cost time."""
    held = getattr(_scratch, "planes", None)
    if held is None or held.size < size:
        held = _scratch.planes = np.empty(size, np.float32)
    return held


def _is_dense(image: Tensor) -> bool:
    """Whether the tensor's elements fill one block of memory, in any axis order."""
    expected = 1
    for stride, size in sorted(zip(image.stride(), image.shape, strict=True)):
        if size == 1:
            continue
        if stride != expected:
            return False
        expected *= size
    return True


def _flat(image: Tensor) -> tuple[np.ndarray, tuple[int, ...]]:
    """The memory of an image as one row, and its three strides in elements.

    A [H,W,C] image seen as [C,H,W] is read in place instead of being copied first.
    """
    image = image.detach()
    if not _is_dense(image):
        image = image.contiguous()
    return image.as_strided((image.numel(),), (1,)).numpy(), tuple(image.stride())


class _Ssim(torch.autograd.Function):
    """Mean SSIM; the gradient with respect to the first image is made during the forward pass."""

    @staticmethod
    def forward(ctx, a: Tensor, b: Tensor) -> Tensor:
        shape = tuple(a.shape)
        channels, height, width = shape
        bands = -(-height // _BAND)
        strips = -(-width // _STRIP)
        tasks = channels * bands * strips
        want = bool(ctx.needs_input_grad[0])
        (flat_a, astep), (flat_b, bstep) = _flat(a), _flat(b)
        sums = np.zeros((channels, height, strips), np.float32)
        planes = _derivative_planes(3 * a.numel() if want else 1)
        common = (flat_a, flat_b, astep, bstep, shape, bands, strips)
        parallel_for(_value_kernel, tasks, *common, want, sums, planes, min_chunk=1)
        if want:
            gradient = torch.empty_like(a)
            flat_g, gstep = _flat(gradient)
            scale = _F(1.0 / a.numel())
            parallel_for(
                _gradient_kernel, tasks, *common, planes, scale, flat_g, gstep, min_chunk=1
            )
            ctx.gradient = gradient
        return torch.tensor(sums.sum(dtype=np.float64) / a.numel(), dtype=a.dtype)

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor, None]:
        return grad * ctx.gradient, None


def ssim(a: Tensor, b: Tensor) -> Tensor:
    """Mean SSIM of two images, differentiable in the first.

    Args:
        a: [C,H,W] float32 in [0,1]; any memory order (a permuted [H,W,C] image is not copied).
        b: [C,H,W], the same shape; taken as a constant on the CPU.

    Returns:
        A scalar, 1 for identical images.

    Raises:
        ValueError: other shapes or types, or a second image that asks for a gradient.
    """
    if a.ndim != 3 or a.shape != b.shape or a.numel() == 0:
        raise ValueError(f"ssim takes two [C,H,W] images, got {tuple(a.shape)}, {tuple(b.shape)}")
    if b.requires_grad:
        raise ValueError("ssim is differentiable in its first image only")
    if a.device.type != "cpu":
        return ssim_torch(a, b)
    if a.dtype != torch.float32 or b.dtype != torch.float32:
        raise ValueError(f"ssim takes float32 images, got {a.dtype} and {b.dtype}")
    return _Ssim.apply(a, b)


def ssim_torch(a: Tensor, b: Tensor) -> Tensor:
    """The same function in plain torch: any device and float type, differentiable in both.

    Args:
        a: [C,H,W].
        b: [C,H,W].
    """
    channels = a.shape[0]
    line = torch.tensor(_weights, dtype=a.dtype, device=a.device)
    window = (line[:, None] * line[None, :]).expand(channels, 1, -1, -1)

    def average(x: Tensor) -> Tensor:
        return torch.nn.functional.conv2d(x[None], window, padding=RADIUS, groups=channels)[0]

    u, v = average(a), average(b)
    squares = u * u + v * v
    covariance = average(a * b) - u * v
    variances = average(a * a + b * b) - squares
    value = (2 * u * v + C1) * (2 * covariance + C2) / ((squares + C1) * (variances + C2))
    return value.mean()
