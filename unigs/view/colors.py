"""Colors of the Gaussians: their own, by region, or by a number."""

from __future__ import annotations

import numpy as np

from unigs.subject.labels import COLORS, NAMES

NO_REGION_COLOR = np.array([150, 150, 150], np.uint8)
"""Color of a Gaussian that no frame shows in any of the regions."""
REGION_COLORS = np.vstack([COLORS[1:], NO_REGION_COLOR])
"""RGB by the number of a region, as `unigs.playback.regions` counts them."""
REGION_NAMES = (*NAMES[1:], "in no region")
"""Names by the number of a region."""
MAP = "viridis"
"""matplotlib's map of colors for numbers; it rises in lightness, and people who are color-blind
read it."""


def by_region(regions: np.ndarray) -> np.ndarray:
    """RGB uint8 [N,3] of regions [N], as the pictures of the preparation show them."""
    return REGION_COLORS[regions]


def by_number(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """RGB uint8 [N,3] of numbers [N]: `low` and less is the first color, `high` the last.

    Args:
        values: the numbers.
        low: value of the first color.
        high: value of the last color; not above `low`: all have the first color.
    """
    from matplotlib import colormaps

    share = np.clip((values - low) / (high - low), 0, 1) if high > low else np.zeros(len(values))
    return (colormaps[MAP](share)[:, :3] * 255).round().astype(np.uint8)


def own(colors: np.ndarray) -> np.ndarray:
    """RGB uint8 [N,3] of colors [N,3] in [0,1]; what is brighter is cut off."""
    return (np.clip(colors, 0, 1) * 255).round().astype(np.uint8)
