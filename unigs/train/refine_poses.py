"""Head poses refined through the rasterizer, in the middle of the static stage (ours).

Landmarks jitter, and a smile displaces them; the field, learned from all frames, is steadier. Each
frame's pose is corrected until the field fits the picture, but only inside the head: over the whole
picture the head's pose would absorb the torso's motion. The corrections are smoothed in time.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.transform import Rotation

from unigs.face.mesh import CHIN
from unigs.geometry.rotations import rotation_matrix
from unigs.model.anchor import Body
from unigs.model.portrait import Portrait
from unigs.playback.cpu_player import CpuPlayer, make_player
from unigs.playback.cues import Cue
from unigs.stage import interrupts
from unigs.stage.progress import progress
from unigs.subject.dataset import Dataset
from unigs.subject.labels import FACE, HAIR
from unigs.train.poses import PoseTensors

log = logging.getLogger("unigs")

STEPS = 6
"""Most Gauss-Newton steps per frame; a step that does not lower the cost is the last."""
SMALL_STEP = 0.3
"""Largest change of a correction, units, after which a frame is done."""
JACOBIAN_REACH = 6.0
"""Distance from its own pose, units, up to which a Jacobian serves: a pixel and a half."""
CORRECTION_UNITS = np.array([1e-3, 1e-3, 1e-3, 3e-4, 3e-4, 1e-3])
"""Units of the correction: radians about x, y, z, meters along x, y, z; each is worth about a
quarter of a pixel."""
PROBE = 2.0
"""Step of the finite differences, units."""
LIMIT = 20.0
"""Largest correction, units (some five pixels): landmarks are never wrong by more."""
HUBER = 0.06
"""Difference of colors beyond which a pixel loses weight (strands of hair move by themselves)."""
PRIOR = 0.002
"""Weight of the squared correction (in units) against the sum of squared differences."""
SMOOTH = 1.0
"""Standard deviation of the Gaussian that smooths the corrections in time, frames."""
PICTURE_SIDE = 160
"""Largest side of the pictures that are compared, pixels: a shift by a quarter of a pixel of the
full picture still shows."""
PICTURE_BLUR = 1.0
"""Standard deviation of the Gaussian that blurs both pictures, pixels: it widens the basin of
convergence."""
WINDOW_MARGIN = 5
"""Pixels around the head that are rendered as well, since the blur mixes them in."""


def refine_poses(portrait: Portrait, dataset: Dataset, poses: PoseTensors) -> None:
    """Refine all kept frames' head poses in place.

    Args:
        portrait: portrait in training; not changed.
        dataset: frames, labels and landmarks.
        poses: poses to refine; none is refined after an interrupt.

    Raises:
        Interrupted: the process was asked to stop.
    """
    fit = HeadFit(portrait, dataset, poses)
    frames = np.sort(np.concatenate([dataset.train, dataset.test]))
    parts = _segments(dataset, frames)
    cuts = {int(part[0]) for part in parts}
    corrections = np.zeros((len(dataset), 6))
    for frame in progress(frames.tolist(), label="refine poses"):
        start = np.zeros(6) if frame in cuts else corrections[frame - 1]
        corrections[frame] = fit.correction(frame, start)
        interrupts.poll()
    for part in parts:
        corrections[part] = gaussian_filter1d(corrections[part], SMOOTH, axis=0, mode="nearest")
    change = torch.from_numpy(corrections * CORRECTION_UNITS).float().to(poses.R.device)
    poses.R = rotation_matrix(change[:, :3]) @ poses.R
    poses.t = poses.t + change[:, 3:]
    rms = np.sqrt((corrections[frames] ** 2).mean(0)) * CORRECTION_UNITS
    log.info(
        "poses refined by %.2f %.2f %.2f degrees, %.2f %.2f %.2f mm (root mean square)",
        *np.degrees(rms[:3]), *1000 * rms[3:],
    )  # fmt: skip


@dataclass(frozen=True)
class HeadWindow:
    """What one frame shows of the head, in a window of the picture: P pixels of a mask."""

    player: CpuPlayer
    """Renders the window."""
    inside: np.ndarray
    """Where in the window the mask is not zero, bool [h,w]."""
    mask: np.ndarray
    """Weights of these pixels in (0,1], [P,1]."""
    truth: np.ndarray
    """Their weighted blurred colors in the frame [P,3]."""
    R: np.ndarray
    """Head rotation [3,3] that is corrected."""
    t: np.ndarray
    """Head translation [3], meters."""
    torso: Body
    """The torso's frame."""

    def render(self, correction: np.ndarray) -> np.ndarray:
        """Weighted blurred colors [P,3] of the field at a corrected pose."""
        change = correction * CORRECTION_UNITS
        R, t = Rotation.from_rotvec(change[:3]).as_matrix() @ self.R, self.t + change[3:]
        cue = Cue(torch.from_numpy(R), torch.from_numpy(t), self.torso)
        image, alpha = self.player.render(cue)
        behind = self.player.backdrop(cue)
        picture = cv2.GaussianBlur(image + (1 - alpha) * behind, (0, 0), PICTURE_BLUR)
        return picture[self.inside] * self.mask

    def jacobian(self, correction: np.ndarray, colors: np.ndarray) -> np.ndarray:
        """Change of the colors [P,3] per unit of each correction, [3P,6]."""
        probes = (self.render(correction + PROBE * unit) for unit in np.eye(6))
        return np.stack([(probe - colors).ravel() / PROBE for probe in probes], 1)


class HeadFit:
    """Gauss-Newton on one frame's head pose, with the playback renderer and finite differences.

    Six of the seven pictures of a step are those of its Jacobian. It changes slowly, so it is made
    anew only after the pose has moved, and a frame starts from its neighbor's correction.
    """

    def __init__(self, portrait: Portrait, dataset: Dataset, poses: PoseTensors) -> None:
        small = portrait.resized(min(PICTURE_SIDE, dataset.size))
        self.size, self.player, self.dataset = small.size, make_player(small), dataset
        self.R, self.t = (x.cpu().double().numpy() for x in (poses.R, poses.t))
        rest = Body(small.body_R.cpu(), small.body_t.cpu())
        follow = small.follows_body and poses.tracked
        self.body = [poses.body(k) if follow else rest for k in range(len(dataset))]

    def correction(self, frame: int, start: np.ndarray) -> np.ndarray:
        """Correction [6] of one frame, in units, searched from a start [6]."""
        head = self._head(frame)
        best, colors = start, head.render(start)
        cost = _cost(colors - head.truth, best)
        jacobian, origin = head.jacobian(best, colors), best
        for _ in range(STEPS):
            if np.abs(best - origin).max() > JACOBIAN_REACH:
                jacobian, origin = head.jacobian(best, colors), best
            step = _solve(jacobian, (colors - head.truth).ravel(), best)
            trial = np.clip(best + step, -LIMIT, LIMIT)
            moved = head.render(trial)
            before, cost = cost, _cost(moved - head.truth, trial)
            if cost >= before:
                break
            best, colors = trial, moved
            if np.abs(step).max() < SMALL_STEP:
                break
        return best

    def _head(self, frame: int) -> HeadWindow:
        """The frame's head and the window around it."""
        picture, mask = self._truth(frame)
        rows, columns = (_span(mask.any(axis), len(mask)) for axis in (1, 0))
        inside = mask[rows, columns] > 0
        weights = mask[rows, columns][inside][:, None]
        body = self.body[frame]
        return HeadWindow(
            self.player.window(rows, columns),
            inside,
            weights,
            picture[rows, columns][inside] * weights,
            self.R[frame],
            self.t[frame],
            Body(body.R.cpu(), body.t.cpu()),
        )

    def _truth(self, frame: int) -> tuple[np.ndarray, np.ndarray]:
        """Blurred frame [S,S,3] in [0,1], and head mask [S,S]: face, and hair above the chin."""
        data, shape = self.dataset, (self.size, self.size)
        image = cv2.resize(np.array(data.frames[frame]), shape, interpolation=cv2.INTER_AREA)
        labels = np.array(data.labels[frame])
        chin = np.nan_to_num(data.landmarks.points[frame, CHIN, 1], nan=data.size)
        below = np.arange(data.size)[:, None] > chin
        mask = (labels == FACE) | ((labels == HAIR) & ~below)
        mask = cv2.resize(mask.astype(np.float32), shape, interpolation=cv2.INTER_AREA)
        return cv2.GaussianBlur(image.astype(np.float32) / 255, (0, 0), PICTURE_BLUR), mask


def _span(seen: np.ndarray, size: int) -> slice:
    """From the first to the last pixel that is seen, and what the blur mixes into them."""
    places = np.flatnonzero(seen)
    if not len(places):
        return slice(0, size)
    return slice(max(0, places[0] - WINDOW_MARGIN), min(size, places[-1] + 1 + WINDOW_MARGIN))


def _weights(residual: np.ndarray) -> np.ndarray:
    """Huber weights of color differences."""
    return HUBER / np.maximum(np.abs(residual), HUBER)


def _cost(residual: np.ndarray, correction: np.ndarray) -> float:
    """Huber cost of the differences plus the prior for the landmarks' pose."""
    size = np.abs(residual)
    huber = np.where(size < HUBER, size**2, 2 * HUBER * size - HUBER**2)
    return float(huber.sum() + PRIOR * (correction**2).sum())


def _solve(jacobian: np.ndarray, residual: np.ndarray, correction: np.ndarray) -> np.ndarray:
    """One robust Gauss-Newton step [6] for a Jacobian [P,6] and differences [P]."""
    weighted = jacobian * _weights(residual)[:, None]
    normal = weighted.T @ jacobian + PRIOR * np.eye(6)
    return -np.linalg.solve(normal, weighted.T @ residual + PRIOR * correction)


def _segments(dataset: Dataset, frames: np.ndarray) -> list[np.ndarray]:
    """Runs of neighboring frames without a jump cut inside."""
    breaks = np.flatnonzero((np.diff(frames) > 1) | dataset.table.jump_cuts[frames[1:]]) + 1
    return np.split(frames, breaks)
