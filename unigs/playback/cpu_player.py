"""Playback on a CPU: per frame only what changes, in memory that is reserved once, no autograd.

Constant per portrait: the tri-plane features and their product with the first layer of the
deformation network, the blendshapes' basis at every Gaussian, all raw parameters. Per frame: one
bias vector, two small layers, the pose of the Gaussians, their colors, the rasterizer.
The image is that of training within 1e-5 (a test compares them).
"""

from __future__ import annotations

import math
from copy import copy
from dataclasses import dataclass

import numpy as np
import torch

from unigs.compute.jit import kernel
from unigs.compute.threads import parallel_for
from unigs.geometry.cameras import intrinsics
from unigs.model.deformation import ATTRIBUTES
from unigs.model.gaussians import MAX_SCALE
from unigs.model.portrait import Portrait
from unigs.playback.cues import Cue
from unigs.playback.network import PlaybackDeformation
from unigs.render.composite import composite
from unigs.render.cpu import PlaybackRasterizer
from unigs.render.harmonics import Y0, Y1

_F = np.float32
_U = np.uint64
_HALF, _ONE, _ZERO = _F(0.5), _F(1), _F(0)
_Y0, _Y1 = _F(Y0), _F(Y1)


@dataclass(frozen=True)
class Field:
    """Raw parameters of N Gaussians as float32 arrays (see `unigs.model.gaussians`)."""

    means: np.ndarray
    """Centers [N,3], meters."""
    log_scales: np.ndarray
    """Logarithms of the axes' lengths [N,3]."""
    quats: np.ndarray
    """Rotations wxyz, not normalized [N,4]."""
    opacities: np.ndarray
    """Logits [N]."""
    sh: np.ndarray
    """Coefficients of the spherical harmonics [N,K,3], K = 1 or 4."""
    anchors: np.ndarray
    """Weights of the body's frame in [0,1], not logits [N]; zeros without anchors."""


@kernel
def pose_kernel(
    start, stop, means, log_scales, quats, opacities, sh, anchors, delta, units, camera,
    largest, out_means, out_quats, out_scales, out_opacities, out_colors,
):  # fmt: skip
    """Anchor, deform, activate and color the Gaussians of one range.

    Args:
        start: first Gaussian.
        stop: Gaussian after the last.
        means: raw parameter of `Field`, like the next five.
        log_scales: [N,3].
        quats: [N,4].
        opacities: [N].
        sh: [N,K,3].
        anchors: [N].
        delta: outputs of the deformation [N,14]: position, scale, rotation, opacity, color.
        units: factors [2] of the position outputs and of all others.
        camera: relative rotation [9] and shift [3] of the anchor, quaternion of the rotation [4],
            the camera's center in the head's frame [3] and in the body's frame [3].
        largest: upper limit of a Gaussian's axes, meters.
        out_means: receives the centers [N,3].
        out_quats: receives the rotations [N,4].
        out_scales: receives the axes' lengths [N,3].
        out_opacities: receives the opacities [N].
        out_colors: receives the colors [N,3].
    """
    for index in range(start, stop):
        i = _U(index)
        w = anchors[i]
        x, y, z = means[i, _U(0)], means[i, _U(1)], means[i, _U(2)]
        rest_x = camera[0] * x + camera[1] * y + camera[2] * z + camera[9]
        rest_y = camera[3] * x + camera[4] * y + camera[5] * z + camera[10]
        rest_z = camera[6] * x + camera[7] * y + camera[8] * z + camera[11]
        out_means[i, _U(0)] = x + w * (rest_x - x) + units[0] * delta[i, _U(0)]
        out_means[i, _U(1)] = y + w * (rest_y - y) + units[0] * delta[i, _U(1)]
        out_means[i, _U(2)] = z + w * (rest_z - z) + units[0] * delta[i, _U(2)]
        for c in range(3):
            raw = log_scales[i, _U(c)] + units[1] * delta[i, _U(3 + c)]
            out_scales[i, _U(c)] = min(_F(math.exp(raw)), largest)
        qw = quats[i, _U(0)] + units[1] * delta[i, _U(6)]
        qx = quats[i, _U(1)] + units[1] * delta[i, _U(7)]
        qy = quats[i, _U(2)] + units[1] * delta[i, _U(8)]
        qz = quats[i, _U(3)] + units[1] * delta[i, _U(9)]
        rw, rx, ry, rz = camera[12], camera[13], camera[14], camera[15]
        out_quats[i, _U(0)] = qw + w * (rw * qw - rx * qx - ry * qy - rz * qz - qw)
        out_quats[i, _U(1)] = qx + w * (rx * qw + rw * qx - rz * qy + ry * qz - qx)
        out_quats[i, _U(2)] = qy + w * (ry * qw + rz * qx + rw * qy - rx * qz - qy)
        out_quats[i, _U(3)] = qz + w * (rz * qw - ry * qx + rx * qy + rw * qz - qz)
        logit = opacities[i] + units[1] * delta[i, _U(10)]
        out_opacities[i] = _ONE / (_ONE + _F(math.exp(-logit)))
        # Viewing direction in the head's frame, blended into that in the body's frame.
        vx = x + camera[16] + w * (camera[19] - camera[16])
        vy = y + camera[17] + w * (camera[20] - camera[17])
        vz = z + camera[18] + w * (camera[21] - camera[18])
        length = _ONE / max(_F(math.sqrt(vx * vx + vy * vy + vz * vz)), _F(1e-12))
        vx, vy, vz = vx * length, vy * length, vz * length
        for c in range(3):
            value = _HALF + _Y0 * sh[i, _U(0), _U(c)]
            if sh.shape[1] > 1:
                value += _Y1 * (
                    vz * sh[i, _U(2), _U(c)] - vy * sh[i, _U(1), _U(c)] - vx * sh[i, _U(3), _U(c)]
                )
            value += _Y0 * units[1] * delta[i, _U(11 + c)]
            out_colors[i, _U(c)] = max(value, _ZERO)


@kernel
def over_plate_kernel(start, stop, image, alpha, plate, out):
    """Write clip(image + (1 - alpha) plate), rounded to bytes, to out in rows [start, stop)."""
    for y in range(start, stop):
        for x in range(image.shape[1]):
            rest = _ONE - alpha[y, x, 0]
            for c in range(3):
                value = (image[y, x, c] + rest * plate[y, x, c]) * _F(255)
                out[y, x, c] = np.uint8(min(max(value + _HALF, _ZERO), _F(255)))


@kernel
def shapes_kernel(start, stop, basis, shapes, columns, raw, delta):
    """Set delta[:, columns] = raw + sum_s shapes[s] basis[:, s] in rows [start, stop)."""
    for index in range(start, stop):
        i = _U(index)
        for k in range(raw.shape[1]):
            value = raw[i, _U(k)]
            for s in range(shapes.shape[0]):
                value += shapes[s] * basis[i, _U(s), _U(k)]
            delta[i, _U(columns[k])] = value


class CpuPlayer:
    """Renders a portrait frame by frame.

    Args:
        field: the Gaussians.
        plate: background [H,W,3] in [0,1].
        K: intrinsics [3,3].
        largest: upper limit of a Gaussian's axes, meters.
        network: the deformation network's per-frame part, or None for a static portrait.
        basis: blendshapes at every Gaussian [N,S,outputs]; S may be 0.
        attributes: names of the network's outputs, in order.
        units: meters per position unit, raw units per other unit.
        behind: player of the layer behind the field, or None: the plate lies there.
    """

    def __init__(
        self,
        field: Field,
        plate: np.ndarray,
        K: np.ndarray,
        largest: float,
        network: PlaybackDeformation | None = None,
        basis: np.ndarray | None = None,
        attributes: tuple[str, ...] = (),
        units: tuple[float, float] = (0.0, 0.0),
        behind: CpuPlayer | None = None,
    ) -> None:
        count, (height, width) = len(field.means), plate.shape[:2]
        self.field, self.plate, self.K = field, np.ascontiguousarray(plate, np.float32), K
        self.largest, self.network = _F(largest), network
        self.basis, self.units = basis, np.array(units, np.float32)
        self.behind = behind
        starts = dict(zip(ATTRIBUTES, np.cumsum([0, *ATTRIBUTES.values()]), strict=False))
        self.columns = np.array(
            [starts[name] + k for name in attributes for k in range(ATTRIBUTES[name])], np.int64
        )
        self.raster = PlaybackRasterizer(count, width, height)
        self.delta = np.zeros((count, sum(ATTRIBUTES.values())), np.float32)
        self.posed = tuple(
            np.zeros(shape, np.float32)
            for shape in ((count, 3), (count, 4), (count, 3), (count,), (count, 3))
        )
        self.black = np.zeros(3, np.float32)
        self.out = np.zeros((height, width, 3), np.uint8)

    def render(self, cue: Cue) -> tuple[np.ndarray, np.ndarray]:
        """Premultiplied image [H,W,3] and alpha [H,W,1], buffers that the next call overwrites."""
        count = len(self.field.means)
        if self.network is not None:
            raw = self.network.apply(cue.bias)
            parallel_for(
                shapes_kernel, count, self.basis, _array(cue.shapes),
                self.columns, raw, self.delta,
            )  # fmt: skip
        f = self.field
        parallel_for(
            pose_kernel, count, f.means, f.log_scales, f.quats, f.opacities, f.sh, f.anchors,
            self.delta, self.units, _camera(cue), self.largest, *self.posed,
        )  # fmt: skip
        view = np.eye(4, dtype=np.float32)
        view[:3, :3], view[:3, 3] = cue.R, cue.t
        return self.raster.render(*self.posed, view, self.K, self.black)

    def backdrop(self, cue: Cue) -> np.ndarray:
        """What lies behind the field, float32 [H,W,3]: the plate, or the layer behind over it."""
        return self.plate if self.behind is None else self.behind.over_plate(cue.behind or cue)

    def over_plate(self, cue: Cue) -> np.ndarray:
        """The frame over what lies behind it, float32 [H,W,3], not limited to [0,1]."""
        parts = (*self.render(cue), self.backdrop(cue))
        return composite(*map(torch.from_numpy, parts)).numpy()

    def window(self, rows: slice, columns: slice) -> CpuPlayer:
        """A player of the same field that renders a part of the picture alone.

        Gaussians whose centers lie beyond the window may differ by some thousandths: their ellipse
        is that at the border of what the camera sees (gsplat clamps it there).
        """
        part = copy(self)
        part.plate = np.ascontiguousarray(self.plate[rows, columns])
        part.K = self.K.copy()
        part.K[:2, 2] -= columns.start, rows.start
        height, width = part.plate.shape[:2]
        part.raster = PlaybackRasterizer(len(self.field.means), width, height)
        part.out = np.zeros((height, width, 3), np.uint8)
        part.behind = None if self.behind is None else self.behind.window(rows, columns)
        return part

    def play(self, cue: Cue, backdrop: np.ndarray | None = None) -> np.ndarray:
        """The frame over what lies behind it, uint8 [H,W,3]; the next call overwrites it.

        Args:
            cue: the frame's numbers.
            backdrop: what lies behind the field, float32 [H,W,3]; None: the layer behind it or the
                plate.
        """
        image, alpha = self.render(cue)
        plate = self.backdrop(cue) if backdrop is None else backdrop
        parallel_for(over_plate_kernel, len(image), image, alpha, plate, self.out, min_chunk=64)
        return self.out


def _camera(cue: Cue) -> np.ndarray:
    """The numbers of a cue that `pose_kernel` reads, float32 [22]."""
    R, t, body_R, body_t = (
        np.asarray(x, np.float64) for x in (cue.R, cue.t, cue.torso.R, cue.torso.t)
    )
    relative = R.T @ body_R
    w = math.sqrt(max(1 + np.trace(relative), 1e-8)) / 2
    axis = (
        relative[2, 1] - relative[1, 2],
        relative[0, 2] - relative[2, 0],
        relative[1, 0] - relative[0, 1],
    )
    parts = relative.ravel(), R.T @ (body_t - t), [w], np.array(axis) / (4 * w), R.T @ t
    return np.concatenate([*parts, body_R.T @ body_t]).astype(np.float32)


@torch.no_grad()
def make_player(portrait: Portrait) -> CpuPlayer:
    """Evaluate once what no frame changes: f_mu, W_f f_mu, the blendshapes at every point."""
    field = portrait.gaussians
    anchors = torch.zeros(len(field)) if field.anchors is None else field.anchors.sigmoid()
    arrays = Field(
        *(_array(x) for x in (field.means, field.log_scales, field.quats, field.opacities)),
        _array(field.sh()),
        _array(anchors),
    )
    plate = _array(portrait.plate_image)
    K = intrinsics(portrait.focal, portrait.size).numpy()
    behind = None if portrait.behind is None else make_player(portrait.behind)
    if portrait.motion is None:
        return CpuPlayer(arrays, plate, K, MAX_SCALE, behind=behind)
    net = portrait.motion.deformation
    fixed = net.fixed_part(portrait.encode())
    network = PlaybackDeformation(
        fixed.product, net.hidden.weight, net.hidden.bias, net.output.weight, net.output.bias
    )
    basis = _array(net.shapes_at(fixed))
    units = net.position_scale, net.other_scale
    return CpuPlayer(arrays, plate, K, MAX_SCALE, network, basis, net.attributes, units, behind)


def _array(values: torch.Tensor) -> np.ndarray:
    return np.ascontiguousarray(values.detach().cpu().numpy(), np.float32)
