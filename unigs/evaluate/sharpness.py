"""Sharpness: how much of the truth's fine detail a render has, by region.

PSNR hardly sees that strands of hair became a smooth surface. Here the power of spatial frequencies
above a quarter of Nyquist (periods below 8 px) is taken of render and truth: 1 is as sharp as the
truth, less is smoother; more is detail that is not there, noise or flicker. It says nothing of
where the detail lies, so it is read beside LPIPS.
"""

from dataclasses import dataclass, field
from functools import cache

import cv2
import numpy as np
from scipy.fft import dctn, idctn

from unigs.evaluate.interval import Statistic, pooled
from unigs.evaluate.records import PORTRAIT, Record, measured
from unigs.evaluate.regions import REGIONS

CUT = 0.25
"""Frequency above which power counts, as a share of Nyquist (half a cycle per px)."""
OCTAVES = 1.0
"""Width of the filter's smooth edge, whose power is half at `CUT`. A hard edge would ring: an
outline of the person would count as detail 10 px away, in other regions."""

BACKEND = "unigs.evaluate.sharpness"
"""What measures sharpness, for the records."""


@cache
def high_pass_gain(height: int, width: int) -> np.ndarray:
    """Gain of the high-pass filter for `dctn`'s coefficients, float32 [H,W]; not to be changed.

    Half a cosine in the logarithm of the radial frequency; its square is 1/2 at `CUT`.

    Args:
        height: px.
        width: px.
    """
    down, across = (np.arange(n, dtype=np.float64) / n for n in (height, width))
    radius = np.hypot(down[:, None], across[None, :])
    octaves = np.log2(np.maximum(radius, 1e-9) / CUT)
    phase = np.clip(octaves / OCTAVES + 0.5, 0, 1)
    return np.sin(np.pi / 2 * phase).astype(np.float32)


def fine_power(image: np.ndarray) -> np.ndarray:
    """Power of the fine detail at every pixel of a picture, in squared 8-bit levels of gray.

    The picture goes on beyond its border as in a mirror, so that the border is no edge.

    Args:
        image: uint8 RGB [H,W,3].

    Returns:
        float32 [H,W].
    """
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    coefficients = dctn(gray, norm="ortho") * high_pass_gain(*gray.shape)
    return np.square(idctn(coefficients, norm="ortho"))


@dataclass
class Sharpness:
    """Collects the power of the fine detail of one method and of the truth, frame by frame."""

    shown: dict[str, list[float]] = field(default_factory=lambda: {r: [] for r in REGIONS})
    """Region -> the render's power per frame, summed over the region's pixels."""
    true: dict[str, list[float]] = field(default_factory=lambda: {r: [] for r in REGIONS})
    """Region -> the truth's power per frame."""

    def add(self, truth: np.ndarray, render: np.ndarray, masks: dict[str, np.ndarray]) -> None:
        """Add one frame.

        Args:
            truth: power of the true frame (`fine_power`), [H,W].
            render: uint8 [H,W,3].
            masks: region masks of the true frame, bool [H,W] each.
        """
        power = fine_power(render)
        for region in REGIONS:
            self.shown[region].append(float(power[masks[region]].sum(dtype=np.float64)))
            self.true[region].append(float(truth[masks[region]].sum(dtype=np.float64)))

    def rows(self) -> dict[str, np.ndarray]:
        """Sharpness per frame by region, as columns sharpness_{region}; NaN where there is none."""
        columns = {}
        for region in REGIONS:
            shown, true = np.array(self.shown[region]), np.array(self.true[region])
            there = np.where(true > 0, true, np.nan)
            columns[f"sharpness_{region}"] = shown / there
        return columns

    def statistics(self) -> dict[tuple[str, str], Statistic]:
        """Metric and region -> how the figure is taken of drawn frames."""
        pairs = {r: (np.array(self.shown[r]), np.array(self.true[r])) for r in REGIONS}
        return {("sharpness", region): pooled(*pair) for region, pair in pairs.items()}

    def records(self, method: str = PORTRAIT) -> list[Record]:
        """One record per region, pooled over the frames.

        Args:
            method: what was shown.
        """
        found = []
        for region in REGIONS:
            shown, true = sum(self.shown[region]), sum(self.true[region])
            found.append(
                measured(
                    "sharpness",
                    shown / true if true else None,
                    f"no test frame has fine detail in the region {region}",
                    unit="of the truth's",
                    region=region,
                    method=method,
                    frames=int(np.count_nonzero(self.true[region])),
                    backend=BACKEND,
                    how=f"power above {CUT:g} of Nyquist, render / truth, pooled over the frames",
                )
            )
        return found
