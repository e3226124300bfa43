"""Color likelihoods of kinds of surfaces: smoothed histograms in CIE L*a*b*."""

from __future__ import annotations

import cv2
import numpy as np

from unigs.media.gaussian import gaussian_filter1d

BINS = 32
"""Bins per axis. A bin is 8 gray levels wide in L and 4 in a and b. a and b are clipped to +-64:
skin, hair and cloth that are more saturated stay distinct in the outermost bins."""
LEVELS = np.arange(256)
PARTS = tuple(
    part.astype(np.uint16)
    for part in (
        LEVELS * BINS // 256 * BINS**2,
        np.clip((LEVELS - 64) // 4, 0, BINS - 1) * BINS,
        np.clip((LEVELS - 64) // 4, 0, BINS - 1),
    )
)
"""What each 8-bit level of L, a and b adds to a bin's number."""


def color_bins(image: np.ndarray) -> np.ndarray:
    """Bin numbers [H,W] of a uint8 RGB image [H,W,3], after light smoothing."""
    lab = cv2.cvtColor(cv2.GaussianBlur(image, (3, 3), 0.7), cv2.COLOR_RGB2LAB)
    bins, a, b = (cv2.LUT(plane, table) for plane, table in zip(cv2.split(lab), PARTS, strict=True))
    bins += a
    bins += b
    return bins.astype(np.intp)  # NumPy would convert them each time they are looked up


class ColorModel:
    """Probability of each color bin, learned from weighted samples.

    Args:
        mass: sums of weights [BINS**3] of samples that were counted elsewhere; None: no samples.
        spread: standard deviation in bins of the smoothing over neighboring colors.
        floor: share of mass spread evenly, so that an unseen color stays possible.
    """

    def __init__(
        self, mass: np.ndarray | None = None, *, spread: float = 1.0, floor: float = 0.02
    ) -> None:
        self.spread, self.floor = spread, floor
        self.mass = np.zeros(BINS**3) if mass is None else mass

    def add(self, bins: np.ndarray, weights: np.ndarray) -> None:
        """Count samples: bin numbers and weights of one shape."""
        self.mass += np.bincount(bins.ravel(), weights.ravel(), BINS**3)

    def density(self) -> np.ndarray:
        """Probability of every bin, float [BINS**3], summing to 1."""
        even = np.full(BINS**3, 1 / BINS**3)
        if self.mass.sum() <= 0:
            return even
        smooth = self.mass.reshape(BINS, BINS, BINS)
        for axis in range(3):
            smooth = gaussian_filter1d(smooth, self.spread, axis)
        smooth = smooth.ravel()
        return (1 - self.floor) * smooth / smooth.sum() + self.floor * even


def mixed(masses: np.ndarray, share: float) -> np.ndarray:
    """Densities of one surface in two places, each with the other's samples at a lower weight.

    The fewer samples a place has of its own, the more it takes from the other.

    Args:
        masses: sums of weights [2,BINS**3] of the samples in each place.
        share: weight of the other's samples, 0 to 1; 1 makes both densities the same.

    Returns:
        float [2,BINS**3], each summing to 1.
    """
    if share == 1:
        return np.repeat(ColorModel(masses.sum(0)).density()[None], 2, axis=0)
    pairs = (masses, masses[::-1])
    return np.stack([ColorModel(own + share * beside).density() for own, beside in pairs])


def without(mixed: np.ndarray, part: np.ndarray) -> tuple[np.ndarray, float]:
    """Remove one known component from a mixture of two color densities.

    The removed share s of the known component is the largest one with mixed >= s * part for 80 % of
    the component's mass. What is left is the other component.

    Args:
        mixed: density of the mixture [N].
        part: density of the known component [N].

    Returns:
        Density of the other component [N] (the even density if nothing is left), and the share s.
    """
    ratio = mixed / np.maximum(part, 1e-12)
    order = np.argsort(ratio)
    below = np.cumsum(part[order])
    share = float(np.clip(ratio[order][np.searchsorted(below, 0.2)], 0, 1))
    rest = np.maximum(mixed - share * part, 0)
    if rest.sum() < 0.02:
        return np.full_like(mixed, 1 / len(mixed)), share
    return rest / rest.sum(), share
