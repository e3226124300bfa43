"""Numba kernels that pose, activate and color Gaussians (paper eqs. 2, 7), and their gradient.

`unigs.model.kernels.pose` is the door to them in training; playback calls `pose` itself. Arguments
that both share, K being the number of outputs of the deformation network (eq. 6):
    start, stop: range of Gaussians.
    means: canonical centers [N,3], meters.
    log_scales: logarithms of the axes' lengths [N,3].
    quats: rotations wxyz, not normalized [N,4].
    opacities: logits [N].
    colors: coefficients of degree 0 [N,3].
    harmonics: coefficients of degree 1 [N,3,3], or [N,0,3].
    weights: weights of the body's frame in [0,1] [N].
    raw: outputs of the network [N,K].
    columns: first column of position, scale, rotation, opacity and color in `raw`, -1 where the
        attribute is not deformed.
    units: factors [2] of the position outputs and of all others.
    frame: numbers [22] of a frame, from `unigs.model.kernels.pose.frame_numbers`.
    largest: upper limit of a Gaussian's axes, meters.

Helpers take numbers alone and have no branch: where an array passes through a branch of an inlined
helper the machine code counts its references, four times the time of all arithmetic.
"""

import math

import numpy as np

from unigs.compute.jit import inlined, kernel
from unigs.render.harmonics import Y0, Y1

_F = np.float32
_U = np.uint64
_HALF, _ONE, _ZERO = _F(0.5), _F(1), _F(0)
_Y0, _Y1 = _F(Y0), _F(Y1)
_OVERFLOW, _NAN = _F(88.72284), _F(np.nan)
"""Logarithm of the largest float32, and the gradient of a length beyond it: infinity times zero, as
torch has it. So a training that diverges is stopped at once (`unigs.train.guard`)."""
TURN = 12
"""First of the four numbers of a frame that hold the anchor's quaternion."""


@inlined
def _resting(frame, x, y, z):
    """A point of the head's frame as it lies when it rests in the body's frame."""
    return (
        frame[0] * x + frame[1] * y + frame[2] * z + frame[9],
        frame[3] * x + frame[4] * y + frame[5] * z + frame[10],
        frame[6] * x + frame[7] * y + frame[8] * z + frame[11],
    )


@inlined
def _turned(frame, w, x, y, z):
    """The anchor's quaternion times another one."""
    a, b, c, d = frame[TURN], frame[TURN + 1], frame[TURN + 2], frame[TURN + 3]
    return (
        a * w - b * x - c * y - d * z,
        b * w + a * x - d * y + c * z,
        c * w + d * x + a * y - b * z,
        d * w - c * x + b * y + a * z,
    )


@inlined
def _direction(frame, w, x, y, z):
    """Unit vector from the camera to a point: in the head's frame, blended into the body's."""
    vx = x + frame[16] + w * (frame[19] - frame[16])
    vy = y + frame[17] + w * (frame[20] - frame[17])
    vz = z + frame[18] + w * (frame[21] - frame[18])
    inverse = _ONE / max(_F(math.sqrt(vx * vx + vy * vy + vz * vz)), _F(1e-12))
    return vx * inverse, vy * inverse, vz * inverse


@inlined
def _first_degree(ux, uy, uz, h0, h1, h2):
    """What the harmonics of degree 1 add to a color, seen along a unit vector."""
    return _Y1 * (uz * h1 - uy * h0 - ux * h2)


@kernel
def pose(
    start, stop, means, log_scales, quats, opacities, colors, harmonics, weights, raw, columns,
    units, frame, largest, out_means, out_quats, out_scales, out_opacities, out_colors,
):  # fmt: skip
    """Write centers [N,3], rotations [N,4], axes' lengths [N,3], opacities [N] and colors [N,3]."""
    position, scale, rotation, opacity, color = columns
    unit = units[1]
    directed = harmonics.shape[1] > 0
    for index in range(start, stop):
        i = _U(index)
        w = weights[i]
        x, y, z = means[i, _U(0)], means[i, _U(1)], means[i, _U(2)]
        rx, ry, rz = _resting(frame, x, y, z)
        px, py, pz = x + w * (rx - x), y + w * (ry - y), z + w * (rz - z)
        if position >= 0:
            k = _U(position)
            px += units[0] * raw[i, k]
            py += units[0] * raw[i, k + _U(1)]
            pz += units[0] * raw[i, k + _U(2)]
        out_means[i, _U(0)], out_means[i, _U(1)], out_means[i, _U(2)] = px, py, pz
        for c in range(3):
            value = log_scales[i, _U(c)]
            if scale >= 0:
                value += unit * raw[i, _U(scale + c)]
            length = _F(math.exp(value))
            out_scales[i, _U(c)] = largest if length > largest else length  # a NaN stays one
        qw, qx = quats[i, _U(0)], quats[i, _U(1)]
        qy, qz = quats[i, _U(2)], quats[i, _U(3)]
        if rotation >= 0:
            k = _U(rotation)
            qw, qx = qw + unit * raw[i, k], qx + unit * raw[i, k + _U(1)]
            qy, qz = qy + unit * raw[i, k + _U(2)], qz + unit * raw[i, k + _U(3)]
        tw, tx, ty, tz = _turned(frame, qw, qx, qy, qz)
        out_quats[i, _U(0)], out_quats[i, _U(1)] = qw + w * (tw - qw), qx + w * (tx - qx)
        out_quats[i, _U(2)], out_quats[i, _U(3)] = qy + w * (ty - qy), qz + w * (tz - qz)
        logit = opacities[i]
        if opacity >= 0:
            logit += unit * raw[i, _U(opacity)]
        out_opacities[i] = _ONE / (_ONE + _F(math.exp(-logit)))
        ux, uy, uz = _direction(frame, w, x, y, z)
        for c in range(3):
            value = _HALF + _Y0 * colors[i, _U(c)]
            if directed:
                h0, h1 = harmonics[i, _U(0), _U(c)], harmonics[i, _U(1), _U(c)]
                value += _first_degree(ux, uy, uz, h0, h1, harmonics[i, _U(2), _U(c)])
            if color >= 0:
                value += _Y0 * unit * raw[i, _U(color + c)]
            out_colors[i, _U(c)] = _ZERO if value < _ZERO else value


@kernel
def pose_backward(
    start, stop, means, log_scales, quats, colors, harmonics, weights, raw, columns, units, frame,
    largest, scales, alphas, grad, to_means, to_log_scales, to_quats, to_opacities, to_colors,
    to_harmonics, to_weights, to_raw,
):  # fmt: skip
    """Write the gradients of all raw parameters, of the weights and of the network's outputs.

    As in 3DGS, viewing directions pass nothing on; neither do lengths above the limit and colors
    below 0. Beside the arguments of `pose`:
        scales: axes' lengths [N,3] that `pose` wrote.
        alphas: opacities [N] that it wrote.
        grad: gradients of its five outputs, a tuple.
        to_means: and the next seven receive the gradients.
    """
    position, scale, rotation, opacity, color = columns
    unit = units[1]
    directed = harmonics.shape[1] > 0
    limit = _F(math.log(largest))
    g_means, g_quats, g_scales, g_opacities, g_colors = grad
    for index in range(start, stop):
        i = _U(index)
        w = weights[i]
        x, y, z = means[i, _U(0)], means[i, _U(1)], means[i, _U(2)]
        gx, gy, gz = g_means[i, _U(0)], g_means[i, _U(1)], g_means[i, _U(2)]
        rx, ry, rz = _resting(frame, x, y, z)
        to_weight = gx * (rx - x) + gy * (ry - y) + gz * (rz - z)
        bx = frame[0] * gx + frame[3] * gy + frame[6] * gz
        by = frame[1] * gx + frame[4] * gy + frame[7] * gz
        bz = frame[2] * gx + frame[5] * gy + frame[8] * gz
        to_means[i, _U(0)] = gx + w * (bx - gx)
        to_means[i, _U(1)] = gy + w * (by - gy)
        to_means[i, _U(2)] = gz + w * (bz - gz)
        if position >= 0:
            k = _U(position)
            to_raw[i, k], to_raw[i, k + _U(1)] = units[0] * gx, units[0] * gy
            to_raw[i, k + _U(2)] = units[0] * gz
        for c in range(3):
            value = log_scales[i, _U(c)]
            if scale >= 0:
                value += unit * raw[i, _U(scale + c)]
            if value > limit:
                value = _ZERO if value < _OVERFLOW else _NAN
            else:
                value = g_scales[i, _U(c)] * scales[i, _U(c)]
            to_log_scales[i, _U(c)] = value
            if scale >= 0:
                to_raw[i, _U(scale + c)] = unit * value
        qw, qx = quats[i, _U(0)], quats[i, _U(1)]
        qy, qz = quats[i, _U(2)], quats[i, _U(3)]
        if rotation >= 0:
            k = _U(rotation)
            qw, qx = qw + unit * raw[i, k], qx + unit * raw[i, k + _U(1)]
            qy, qz = qy + unit * raw[i, k + _U(2)], qz + unit * raw[i, k + _U(3)]
        tw, tx, ty, tz = _turned(frame, qw, qx, qy, qz)
        hw, hx = g_quats[i, _U(0)], g_quats[i, _U(1)]
        hy, hz = g_quats[i, _U(2)], g_quats[i, _U(3)]
        to_weight += hw * (tw - qw) + hx * (tx - qx) + hy * (ty - qy) + hz * (tz - qz)
        a, b, c_, d = frame[TURN], frame[TURN + 1], frame[TURN + 2], frame[TURN + 3]
        vw = hw + w * (a * hw + b * hx + c_ * hy + d * hz - hw)
        vx = hx + w * (a * hx - b * hw + d * hy - c_ * hz - hx)
        vy = hy + w * (a * hy - c_ * hw - d * hx + b * hz - hy)
        vz = hz + w * (a * hz - d * hw + c_ * hx - b * hy - hz)
        to_quats[i, _U(0)], to_quats[i, _U(1)] = vw, vx
        to_quats[i, _U(2)], to_quats[i, _U(3)] = vy, vz
        if rotation >= 0:
            k = _U(rotation)
            to_raw[i, k], to_raw[i, k + _U(1)] = unit * vw, unit * vx
            to_raw[i, k + _U(2)], to_raw[i, k + _U(3)] = unit * vy, unit * vz
        to_weights[i] = to_weight
        alpha = alphas[i]
        value = g_opacities[i] * alpha * (_ONE - alpha)
        to_opacities[i] = value
        if opacity >= 0:
            to_raw[i, _U(opacity)] = unit * value
        ux, uy, uz = _direction(frame, w, x, y, z)
        for c in range(3):
            value = _HALF + _Y0 * colors[i, _U(c)]
            if directed:
                h0, h1 = harmonics[i, _U(0), _U(c)], harmonics[i, _U(1), _U(c)]
                value += _first_degree(ux, uy, uz, h0, h1, harmonics[i, _U(2), _U(c)])
            if color >= 0:
                value += _Y0 * unit * raw[i, _U(color + c)]
            value = _ZERO if value < _ZERO else g_colors[i, _U(c)]
            to_colors[i, _U(c)] = _Y0 * value
            if directed:
                to_harmonics[i, _U(0), _U(c)] = -_Y1 * uy * value
                to_harmonics[i, _U(1), _U(c)] = _Y1 * uz * value
                to_harmonics[i, _U(2), _U(c)] = -_Y1 * ux * value
            if color >= 0:
                to_raw[i, _U(color + c)] = _Y0 * unit * value
