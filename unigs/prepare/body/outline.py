"""How far the arms stand out: the torso's outline to the left and right in the picture.

A rigid frame follows the chest. When the elbows open or close, sleeves and shoulders move by
centimeters and the chest does not; two numbers per frame measure the difference.
"""

from __future__ import annotations

import numpy as np

from unigs.media.gaussian import smooth_parts
from unigs.subject.labels import BACKGROUND, TORSO
from unigs.subject.series import fill_gaps

ROWS = 24
"""Rows of the picture whose outline is measured."""
WIDE = 0.25
"""Mean share of a picture row that must show torso for the row to count as a torso row."""
SHOULDER = 0.25
"""Uppermost share of the torso rows that is left out, because hair hides the shoulders there."""
MARGIN = 2
"""Pixels from the picture's border within which an edge is the picture's, not the person's."""


class Silhouette:
    """What one pass over a clip's labels tells of the body, row by row of the picture.

    Args:
        keep: [T] bool, frames that count.
        usual: [T] bool, those of them that say what is usual, at least one.
    """

    def __init__(self, keep: np.ndarray, usual: np.ndarray) -> None:
        self.keep = keep
        self.usual = usual
        self.width = 0
        self.edges: list[np.ndarray] = []
        """First and last column of the person in every row, [2,H] of each kept frame."""
        self.torso: list[np.ndarray] = []
        """Share of torso in every row, [H] of every fourth usual frame."""
        self.taught = 0
        """Usual frames that were taken."""

    def add(self, image: np.ndarray, frame: int) -> None:
        """Take the labels uint8 [H,W] of a frame, the next by number."""
        self.width = image.shape[1]
        if self.usual[frame]:
            if self.taught % 4 == 0:
                self.torso.append((image == TORSO).mean(1))
            self.taught += 1
        if self.keep[frame]:
            self.edges.append(_edges(image != BACKGROUND))

    def torso_rows(self) -> np.ndarray:
        """Rows in which the outline is that of the arms: int [ROWS], or [0] if none."""
        rows = np.flatnonzero(np.mean(self.torso, axis=0) > WIDE)
        if len(rows) < 2:
            return np.zeros(0, int)
        return np.linspace(rows[int(SHOULDER * len(rows))], rows[-1], ROWS).astype(int)

    def outline(
        self,
        body: tuple[np.ndarray, np.ndarray],
        rest: np.ndarray,
        focal: float,
        smooth: float,
        parts: np.ndarray | None = None,
    ) -> np.ndarray:
        """Displacement of the outline relative to the torso's frame.

        Args:
            body: pose of the torso, R [T,3,3] and t [T,3] in meters.
            rest: rotation R [3,3] of the torso where it rests.
            focal: focal length in pixels.
            smooth: standard deviation of the Gaussian in time, frames; 0: none.
            parts: number of every frame's part, int [T], within which the outline is smoothed;
                None: all frames are one part.

        Returns:
            [T,2] float32: meters to the picture's left and right, relative to the median of the
            usual frames; frames that are not kept are interpolated. Zeros if no torso is seen.
        """
        rows, keep, width = self.torso_rows(), self.keep, self.width
        if not len(rows):
            return np.zeros((len(keep), 2), np.float32)
        edges = np.array(self.edges)[..., rows].astype(float)
        R, t = (np.asarray(x, np.float64)[keep] for x in body)
        upright = R @ np.linalg.inv(np.asarray(rest, np.float64))
        across = _across(edges, rows - width / 2, upright, t, focal, width)
        usual = self.usual[keep]
        beyond = across - np.median(across[usual], 0)
        # Where the arm usually leaves the picture its edge is unknown: no displacement is reported.
        border = (edges < MARGIN) | (edges > width - 1 - MARGIN)
        beyond[border & (np.median(border[usual], 0) > 0.5)] = 0
        kept = np.median(beyond, 2) * np.array([-1.0, 1.0])
        out = np.zeros((len(keep), 2))
        out[keep] = kept
        return smooth_parts(fill_gaps(out, keep, parts), smooth, parts, "edge").astype(np.float32)


def _edges(person: np.ndarray) -> np.ndarray:
    """First and last column of the person in each row of bool [n,W]: [2,n]."""
    width = person.shape[1]
    columns = [person.argmax(1), width - 1 - person[:, ::-1].argmax(1)]
    return np.array(columns, np.int32)


def _across(
    edges: np.ndarray, rows: np.ndarray, turn: np.ndarray, t: np.ndarray, focal: float, width: int
) -> np.ndarray:
    """The edges' coordinate to the right in the torso's own frame, meters [T,2,n].

    Args:
        edges: columns [T,2,n] of the outline, pixels.
        rows: [n], pixels below the picture's center.
        turn: rotation of the torso from where it rests [T,3,3].
        t: translation of the torso [T,3], meters.
        focal: focal length in pixels.
        width: of the picture in pixels.
    """
    depth = t[:, 2, None, None]
    x, y = (edges - width / 2) * depth / focal, rows * depth / focal
    camera = np.stack(np.broadcast_arrays(x, y, depth), -1)
    # Only the torso's own motion is undone: upright stays upright.
    back = np.linalg.inv(turn)
    return ((camera - t[:, None, None]) @ back[:, None].swapaxes(-1, -2))[..., 0]
