"""Head poses refined through the rasterizer, in the middle of the static stage (ours).

Landmarks jitter, and a smile displaces them; the field, learned from all frames, is steadier. Each
frame's pose is corrected until the field fits the picture, but only inside the head: over the whole
picture the head's pose would absorb the torso's motion. The corrections are smoothed in time.
"""

from __future__ import annotations

import logging

import cv2
import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d

from unigs.face.mesh import CHIN
from unigs.geometry.rotations import rotation_matrix
from unigs.model.anchor import Body
from unigs.model.portrait import Portrait
from unigs.playback.cpu_player import make_player
from unigs.playback.cues import Cue
from unigs.stage import interrupts
from unigs.stage.progress import progress
from unigs.subject.dataset import Dataset
from unigs.subject.labels import FACE, HAIR
from unigs.train.poses import PoseTensors

log = logging.getLogger("unigs")

STEPS = 4
"""Most Gauss-Newton steps per frame; a step that does not lower the cost is the last."""
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
    corrections = np.zeros((len(dataset), 6))
    for frame in progress(frames, label="refine poses"):
        corrections[frame] = fit.correction(int(frame))
        interrupts.poll()
    for part in _segments(dataset, frames):
        corrections[part] = gaussian_filter1d(corrections[part], SMOOTH, axis=0, mode="nearest")
    change = torch.from_numpy(corrections * CORRECTION_UNITS).float().to(poses.R.device)
    poses.R = rotation_matrix(change[:, :3]) @ poses.R
    poses.t = poses.t + change[:, 3:]
    rms = np.sqrt((corrections[frames] ** 2).mean(0)) * CORRECTION_UNITS
    log.info(
        "poses refined by %.2f %.2f %.2f degrees, %.2f %.2f %.2f mm (root mean square)",
        *np.degrees(rms[:3]), *1000 * rms[3:],
    )  # fmt: skip


class HeadFit:
    """Gauss-Newton on one frame's head pose, with the playback renderer and finite differences."""

    def __init__(self, portrait: Portrait, dataset: Dataset, poses: PoseTensors) -> None:
        small = portrait.resized(min(PICTURE_SIDE, dataset.size))
        self.size, self.player, self.dataset = small.size, make_player(small), dataset
        self.plate = small.plate_image.cpu().numpy()
        self.R, self.t = poses.R.cpu(), poses.t.cpu()
        rest = Body(small.body_R, small.body_t)
        follow = small.follows_body and poses.tracked
        self.body = [poses.body(k) if follow else rest for k in range(len(dataset))]

    def correction(self, frame: int) -> np.ndarray:
        """Correction [6] of one frame, in units."""
        truth, mask = self._truth(frame)
        best = np.zeros(6)
        residual = (self._render(frame, best) - truth) * mask
        cost = _cost(residual, best)
        for _ in range(STEPS):
            base = residual + truth * mask
            columns = [
                (self._render(frame, best + PROBE * unit) * mask - base).ravel() / PROBE
                for unit in np.eye(6)
            ]
            step = _solve(np.stack(columns, 1), residual.ravel(), best)
            trial = np.clip(best + step, -LIMIT, LIMIT)
            moved = (self._render(frame, trial) - truth) * mask
            if _cost(moved, trial) >= cost:
                break
            best, residual, cost = trial, moved, _cost(moved, trial)
            if np.abs(step).max() < 0.2:
                break
        return best

    def _render(self, frame: int, correction: np.ndarray) -> np.ndarray:
        """Blurred picture [S,S,3] of the field at a corrected pose."""
        change = torch.from_numpy(correction * CORRECTION_UNITS).float()
        R, body = rotation_matrix(change[:3]) @ self.R[frame], self.body[frame]
        torso = Body(body.R.cpu(), body.t.cpu())
        image, alpha = self.player.render(Cue(R, self.t[frame] + change[3:], torso))
        return cv2.GaussianBlur(image + (1 - alpha) * self.plate, (0, 0), PICTURE_BLUR)

    def _truth(self, frame: int) -> tuple[np.ndarray, np.ndarray]:
        """Blurred frame [S,S,3] in [0,1], and head mask [S,S,1]: face, and hair above the chin."""
        data, shape = self.dataset, (self.size, self.size)
        image = cv2.resize(np.array(data.frames[frame]), shape, interpolation=cv2.INTER_AREA)
        labels = np.array(data.labels[frame])
        chin = np.nan_to_num(data.landmarks.points[frame, CHIN, 1], nan=data.size)
        below = np.arange(data.size)[:, None] > chin
        mask = (labels == FACE) | ((labels == HAIR) & ~below)
        mask = cv2.resize(mask.astype(np.float32), shape, interpolation=cv2.INTER_AREA)
        blurred = cv2.GaussianBlur(image.astype(np.float32) / 255, (0, 0), PICTURE_BLUR)
        return blurred, mask[..., None]


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
