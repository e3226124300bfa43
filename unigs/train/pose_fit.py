"""A frame's pose corrected until the field fits the picture (ours).

Gauss-Newton with the playback renderer and finite differences, on a part of the picture: over all
of it one pose would absorb what another moves. The corrections are smoothed in time.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter1d

from unigs.model.anchor import Body
from unigs.model.portrait import Portrait
from unigs.playback.cpu_player import CpuPlayer, make_player
from unigs.playback.cues import Cue
from unigs.stage import interrupts
from unigs.stage.progress import progress
from unigs.subject.dataset import Dataset
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
"""Pixels around the compared part that are rendered as well, since the blur mixes them in."""


@dataclass(frozen=True)
class PoseWindow:
    """What one frame shows of the compared part, in a window of the picture: P pixels of a mask."""

    player: CpuPlayer
    """Renders the window."""
    inside: np.ndarray
    """Where in the window the mask is not zero, bool [h,w]."""
    mask: np.ndarray
    """Weights of these pixels in (0,1], [P,1]."""
    truth: np.ndarray
    """Their weighted blurred colors in the frame [P,3]."""
    cue: Callable[[np.ndarray], Cue]
    """The cue at a correction [6], in units."""

    def render(self, correction: np.ndarray) -> np.ndarray:
        """Weighted blurred colors [P,3] of the field at a corrected pose."""
        cue = self.cue(correction)
        image, alpha = self.player.render(cue)
        behind = self.player.backdrop(cue)
        picture = cv2.GaussianBlur(image + (1 - alpha) * behind, (0, 0), PICTURE_BLUR)
        return picture[self.inside] * self.mask

    def jacobian(self, correction: np.ndarray, colors: np.ndarray) -> np.ndarray:
        """Change of the colors [P,3] per unit of each correction, [3P,6]."""
        probes = (self.render(correction + PROBE * unit) for unit in np.eye(6))
        return np.stack([(probe - colors).ravel() / PROBE for probe in probes], 1)


class PoseFit(ABC):
    """Corrections of one kind of pose in all kept frames.

    Six of the seven pictures of a step are those of its Jacobian. It changes slowly, so it is made
    anew only after the pose has moved, and a frame starts from its neighbor's correction.

    Args:
        portrait: portrait in training; not changed.
        dataset: frames, labels and landmarks.
        poses: poses that are corrected; not changed.
    """

    what: str
    """Word for what is refined, in messages."""
    limit: float
    """Largest correction, units."""

    def __init__(self, portrait: Portrait, dataset: Dataset, poses: PoseTensors) -> None:
        small = portrait.resized(min(PICTURE_SIDE, dataset.size))
        self.size, self.player, self.dataset = small.size, make_player(small), dataset
        self.R, self.t = (x.cpu().double().numpy() for x in (poses.R, poses.t))
        rest = Body(small.body_R.cpu(), small.body_t.cpu())
        follow = small.follows_body and poses.tracked
        bodies = [poses.body(k) if follow else rest for k in range(len(dataset))]
        self.body = [Body(body.R.cpu(), body.t.cpu()) for body in bodies]

    @abstractmethod
    def compared(self, frame: int) -> np.ndarray:
        """Where a frame's picture is compared, bool [H,W]."""

    @abstractmethod
    def cue(self, frame: int, correction: np.ndarray) -> Cue:
        """A frame's cue at a correction [6], radians and meters."""

    def corrections(self) -> np.ndarray:
        """Corrections of all frames [T,6], radians and meters; zero where a frame does not count.

        Their size is logged.

        Raises:
            Interrupted: the process was asked to stop.
        """
        frames = np.sort(np.concatenate([self.dataset.train, self.dataset.test]))
        parts = _segments(self.dataset, frames)
        cuts = {int(part[0]) for part in parts}
        found = np.zeros((len(self.dataset), 6))
        for frame in progress(frames.tolist(), label=f"refine {self.what}"):
            start = np.zeros(6) if frame in cuts else found[frame - 1]
            found[frame] = self.correction(frame, start)
            interrupts.poll()
        for part in parts:
            found[part] = gaussian_filter1d(found[part], SMOOTH, axis=0, mode="nearest")
        found *= CORRECTION_UNITS
        rms = np.sqrt((found[frames] ** 2).mean(0))
        log.info(
            "%s refined by %.2f %.2f %.2f degrees, %.2f %.2f %.2f mm (root mean square)",
            self.what, *np.degrees(rms[:3]), *1000 * rms[3:],
        )  # fmt: skip
        return found

    def correction(self, frame: int, start: np.ndarray) -> np.ndarray:
        """Correction [6] of one frame, in units, searched from a start [6]."""
        window = self._window(frame)
        best, colors = start, window.render(start)
        cost = _cost(colors - window.truth, best)
        jacobian, origin = window.jacobian(best, colors), best
        for _ in range(STEPS):
            if np.abs(best - origin).max() > JACOBIAN_REACH:
                jacobian, origin = window.jacobian(best, colors), best
            step = _solve(jacobian, (colors - window.truth).ravel(), best)
            trial = np.clip(best + step, -self.limit, self.limit)
            moved = window.render(trial)
            before, cost = cost, _cost(moved - window.truth, trial)
            if cost >= before:
                break
            best, colors = trial, moved
            if np.abs(step).max() < SMALL_STEP:
                break
        return best

    def _window(self, frame: int) -> PoseWindow:
        """The compared part of a frame and the window around it."""
        shape = (self.size, self.size)
        image = cv2.resize(
            np.array(self.dataset.frames[frame]), shape, interpolation=cv2.INTER_AREA
        )
        picture = cv2.GaussianBlur(image.astype(np.float32) / 255, (0, 0), PICTURE_BLUR)
        mask = self.compared(frame).astype(np.float32)
        mask = cv2.resize(mask, shape, interpolation=cv2.INTER_AREA)
        rows, columns = (_span(mask.any(axis), len(mask)) for axis in (1, 0))
        inside = mask[rows, columns] > 0
        weights = mask[rows, columns][inside][:, None]
        return PoseWindow(
            self.player.window(rows, columns),
            inside,
            weights,
            picture[rows, columns][inside] * weights,
            lambda correction: self.cue(frame, correction * CORRECTION_UNITS),
        )


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
    """Runs of neighboring frames of one part."""
    other = np.diff(dataset.table.parts[frames]) > 0
    breaks = np.flatnonzero((np.diff(frames) > 1) | other) + 1
    return np.split(frames, breaks)
