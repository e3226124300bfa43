"""Playback on a CPU: per frame only what changes, in memory that is reserved once, no autograd.

Constant per portrait: the tri-plane features and their product with the first layer of the
deformation network, the blendshapes' basis at every Gaussian, all raw parameters. Per frame: one
bias vector, two small layers, the pose of the Gaussians, their colors, the rasterizer.
The image is that of training within 1e-5 (a test compares them).
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass

import numpy as np
import torch

from unigs.compute.jit import kernel
from unigs.compute.threads import parallel_for
from unigs.geometry.cameras import intrinsics
from unigs.model.deltas import ATTRIBUTES, columns_of
from unigs.model.gaussians import MAX_SCALE
from unigs.model.kernels.pose import frame_numbers
from unigs.model.kernels.pose_kernels import pose
from unigs.model.portrait import Portrait
from unigs.playback.cues import Cue
from unigs.playback.network import PlaybackDeformation
from unigs.render.composite import composite
from unigs.render.cpu import PlaybackRasterizer

_F = np.float32
_HALF, _ONE, _ZERO = _F(0.5), _F(1), _F(0)


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
    colors: np.ndarray
    """Coefficients of degree 0 [N,3]."""
    harmonics: np.ndarray
    """Coefficients of degree 1 [N,3,3], or [N,0,3]."""
    anchors: np.ndarray
    """Weights of the body's frame in [0,1], not logits [N]; zeros without anchors."""


@kernel
def over_plate_kernel(start, stop, image, alpha, plate, out):
    """Write clip(image + (1 - alpha) plate), rounded to bytes, to out in rows [start, stop)."""
    for y in range(start, stop):
        for x in range(image.shape[1]):
            rest = _ONE - alpha[y, x, 0]
            for c in range(3):
                value = (image[y, x, c] + rest * plate[y, x, c]) * _F(255)
                out[y, x, c] = np.uint8(min(max(value + _HALF, _ZERO), _F(255)))


class CpuPlayer:
    """Renders a portrait frame by frame.

    Args:
        field: the Gaussians.
        plate: background [H,W,3] in [0,1].
        K: intrinsics [3,3].
        largest: upper limit of a Gaussian's axes, meters.
        network: the deformation network's per-frame part with the blendshapes, or None for a
            static portrait.
        columns: first column of each attribute in the network's outputs, -1 where it has none.
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
        columns: tuple[int, ...] = (-1,) * len(ATTRIBUTES),
        units: tuple[float, float] = (0.0, 0.0),
        behind: CpuPlayer | None = None,
    ) -> None:
        count = len(field.means)
        self.field, self.plate, self.K = field, np.ascontiguousarray(plate, np.float32), K
        self.largest, self.network = _F(largest), network
        self.columns, self.units = columns, np.array(units, np.float32)
        self.behind = behind
        self.still = np.zeros((count, 0), np.float32)
        self._reserve()

    def _reserve(self) -> None:
        """Buffers that every frame overwrites."""
        count, (height, width) = len(self.field.means), self.plate.shape[:2]
        self.raster = PlaybackRasterizer(count, width, height)
        self.posed = tuple(
            np.zeros(shape, np.float32)
            for shape in ((count, 3), (count, 4), (count, 3), (count,), (count, 3))
        )
        self.black = np.zeros(3, np.float32)
        self.out = np.zeros((height, width, 3), np.uint8)

    def render(self, cue: Cue) -> tuple[np.ndarray, np.ndarray]:
        """Premultiplied image [H,W,3] and alpha [H,W,1], buffers that the next call overwrites."""
        raw = self.still if self.network is None else self.network.apply(cue.bias, cue.shapes)
        frame = frame_numbers(cue.R, cue.t, cue.torso.R, cue.torso.t)
        parallel_for(
            pose, len(raw), *vars(self.field).values(), raw, self.columns, self.units, frame,
            self.largest, *self.posed,
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
        part._reserve()
        part.behind = None if self.behind is None else self.behind.window(rows, columns)
        return part

    def twin(self) -> CpuPlayer:
        """A player of the same portrait with buffers of its own, for another thread."""
        other = copy(self)
        other.network = None if self.network is None else self.network.twin()
        other._reserve()
        other.behind = None if self.behind is None else self.behind.twin()
        return other

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


@torch.no_grad()
def make_player(portrait: Portrait) -> CpuPlayer:
    """Evaluate once what no frame changes: f_mu, W_f f_mu, the blendshapes at every point."""
    field = portrait.gaussians
    anchors = torch.zeros(len(field)) if field.anchors is None else field.anchors.sigmoid()
    harmonics = torch.zeros(len(field), 0, 3) if field.harmonics is None else field.harmonics
    parts = field.means, field.log_scales, field.quats, field.opacities, field.colors
    arrays = Field(*(_array(x) for x in (*parts, harmonics, anchors)))
    plate = _array(portrait.plate_image)
    K = intrinsics(portrait.focal, portrait.size).numpy()
    behind = None if portrait.behind is None else make_player(portrait.behind)
    if portrait.motion is None:
        return CpuPlayer(arrays, plate, K, MAX_SCALE, behind=behind)
    net = portrait.motion.deformation
    fixed = net.fixed_part(portrait.encode())
    layers = net.hidden.weight, net.hidden.bias, net.output.weight, net.output.bias
    network = PlaybackDeformation(fixed.product, *layers, net.shapes_at(fixed))
    units = net.position_scale, net.other_scale
    columns = columns_of(net.attributes)
    return CpuPlayer(arrays, plate, K, MAX_SCALE, network, columns, units, behind)


def _array(values: torch.Tensor) -> np.ndarray:
    return np.ascontiguousarray(values.detach().cpu().numpy(), np.float32)
