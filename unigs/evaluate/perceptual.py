"""LPIPS of test frames: of the whole frame, and of the mouth, which is a hundredth of it."""

from collections.abc import Iterable

import cv2
import numpy as np

from unigs.evaluate.interval import Statistic, mean
from unigs.evaluate.records import FULL, Record, measured
from unigs.face.mesh import LIPS
from unigs.losses import lpips

MOUTH = "mouth"
"""Region of the second figure."""
MOUTH_SHARE = 0.25
"""Side of the square over the mouth, as a share of the frame's width."""
MOUTH_SIZE = 128
"""Side in px to which the square is brought: LPIPS is made for objects of some fifty pixels."""
NO_FACE = "no true test frame shows a face"
"""Why there may be no figure of the mouth."""


class LpipsScores:
    """LPIPS of the pictures of all methods, frame by frame.

    Args:
        weights: file of LPIPS; empty: nothing is measured.
        device: where the network runs.
        points: landmarks of the true test frames [n,478,3], px; NaN without a face.
        size: width of the clip's frames, px, of which the pictures may be a part.
        methods: methods whose pictures are compared.
    """

    def __init__(
        self, weights: str, device: str, points: np.ndarray, size: int, methods: Iterable[str]
    ) -> None:
        self.network = lpips.load_lpips(weights, device) if weights else None
        self.backend = lpips.backend_of(weights) if weights else lpips.BACKEND
        self.middles = points[:, list(LIPS), :2].mean(1)
        self.side = round(MOUTH_SHARE * size)
        self.methods = list(methods)
        self.values: dict[tuple[str, str], list[float]] = {
            (region, name): [] for name in self.methods for region in (FULL, MOUTH)
        }
        self.count = 0

    def add(self, real: np.ndarray, rendered: dict[str, np.ndarray]) -> None:
        """Compare the next test frame.

        Args:
            real: the true frame, uint8 [H,W,3].
            rendered: method -> picture of that frame, uint8 [H,W,3].
        """
        if self.network is None:
            return
        middle = self.middles[self.count]
        self.count += 1
        real_mouth = mouth_square(real, middle, self.side)
        for name in self.methods:
            picture, mouth = rendered[name], mouth_square(rendered[name], middle, self.side)
            self.values[FULL, name].append(lpips.distance(self.network, real, picture))
            of_mouth = np.nan if mouth is None else lpips.distance(self.network, real_mouth, mouth)
            self.values[MOUTH, name].append(of_mouth)

    def records(self, name: str) -> list[Record]:
        """Means of a method's distances."""
        how = {
            FULL: "mean of the frames' distance, full frame",
            MOUTH: f"mean of the frames' distance over a square of {MOUTH_SHARE:g} of the width "
            f"around the true lips, brought to {MOUTH_SIZE} px",
        }
        missing = {FULL: lpips.NO_WEIGHTS, MOUTH: NO_FACE if self.network else lpips.NO_WEIGHTS}
        found = []
        for region in (FULL, MOUTH):
            values = np.array(self.values[region, name])
            known = values[np.isfinite(values)]
            found.append(
                measured(
                    "lpips",
                    float(known.mean()) if len(known) else None,
                    missing[region],
                    region=region,
                    method=name,
                    frames=len(known),
                    backend=self.backend,
                    how=how[region],
                )
            )
        return found

    def statistics(self) -> dict[tuple[str, str, str], Statistic]:
        """How the means are taken of drawn frames, by metric, region and method."""
        return {
            ("lpips", region, name): mean(np.array(values))
            for (region, name), values in self.values.items()
            if values
        }

    def columns(self, name: str) -> dict[str, list[float]]:
        """A method's distances frame by frame; none where nothing is measured."""
        if not self.values[FULL, name]:
            return {}
        return {"lpips": self.values[FULL, name], "lpips_mouth": self.values[MOUTH, name]}


def mouth_square(picture: np.ndarray, middle: np.ndarray, side: int) -> np.ndarray | None:
    """The square over the mouth, brought to `MOUTH_SIZE`, uint8 [128,128,3]; None without a face.

    Args:
        picture: uint8 [H,W,3].
        middle: column and row of the middle of the lips; the square moves as far as the border
            asks for.
        side: of the square, px; the picture's own where that is less.
    """
    if not np.isfinite(middle).all():
        return None
    height, width = picture.shape[:2]
    side = min(side, height, width)
    x, y = (
        int(np.clip(round(center - side / 2), 0, length - side))
        for center, length in zip(middle.tolist(), (width, height), strict=True)
    )
    square = picture[y : y + side, x : x + side]
    how = cv2.INTER_CUBIC if side < MOUTH_SIZE else cv2.INTER_AREA
    return cv2.resize(square, (MOUTH_SIZE, MOUTH_SIZE), interpolation=how)
