"""Flicker: the temporal second difference where hair meets the world.

A unified field turns noise of the head pose into trembling hair and shoulders, which no per-frame
figure sees. The second difference ignores steady motion; the truth's own value stands beside it
(video has noise, hair really moves), so a good render is at or below the truth.
"""

from dataclasses import dataclass, field

import numpy as np

from unigs.evaluate.interval import Statistic, pooled
from unigs.evaluate.records import PORTRAIT, Record, measured

REGIONS = ("hair", "band")
"""Regions over which flicker is taken."""

BACKEND = "unigs.evaluate.flicker"
"""What measures flicker, for the records."""


@dataclass
class Flicker:
    """Mean absolute second difference over time, in 8-bit levels, pooled over a region's pixels.

    Kept per frame, at the last of each three frames; 0 where a frame ends no three.
    """

    _frames: list[np.ndarray] = field(default_factory=list)
    _masks: list[dict[str, np.ndarray]] = field(default_factory=list)
    _sum: dict[str, list[float]] = field(default_factory=lambda: {r: [] for r in REGIONS})
    _count: dict[str, list[int]] = field(default_factory=lambda: {r: [] for r in REGIONS})
    _triples: int = 0

    def add(self, frame: np.ndarray, masks: dict[str, np.ndarray], follows: bool) -> None:
        """Add the next frame.

        Args:
            frame: uint8 [H,W,3].
            masks: region masks of the TRUE frame, bool [H,W]; the middle frame's count.
            follows: False where the frame does not continue the frame before (removed frames lie
                between, or a cut), so that no difference is taken across the gap.
        """
        if not follows:
            self._frames, self._masks = [], []
        self._frames.append(frame)
        self._masks.append({region: masks[region] for region in REGIONS})
        for region in REGIONS:
            self._sum[region].append(0.0)
            self._count[region].append(0)
        if len(self._frames) < 3:
            return
        before, middle, after = (image.astype(np.int16) for image in self._frames)
        change = np.abs(before - 2 * middle + after).mean(axis=2)
        for region in REGIONS:
            mask = self._masks[1][region]
            self._sum[region][-1] = float(change[mask].sum())
            self._count[region][-1] = int(mask.sum())
        self._triples += 1
        del self._frames[0], self._masks[0]

    def statistics(self) -> dict[tuple[str, str], Statistic]:
        """Metric and region -> how the figure is taken of drawn frames."""
        pairs = {r: (np.array(self._sum[r]), np.array(self._count[r])) for r in REGIONS}
        return {("flicker", region): pooled(*pair) for region, pair in pairs.items()}

    def records(self, method: str = PORTRAIT) -> list[Record]:
        """One record per region.

        Args:
            method: what was shown, or "truth".
        """
        missing = "no three consecutive test frames with pixels of this region"
        return [
            measured(
                "flicker",
                sum(self._sum[region]) / pixels if (pixels := sum(self._count[region])) else None,
                missing,
                unit="8-bit levels",
                region=region,
                method=method,
                frames=self._triples,
                backend=BACKEND,
                how="mean absolute second difference over time; compare with the truth's",
            )
            for region in REGIONS
        ]
