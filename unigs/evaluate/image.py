"""PSNR and SSIM over regions of a frame.

Full frame: the mean of the frames' values, as the field reports it. Regions: the squared error (and
the SSIM map) pooled over all test frames, because a region of few pixels (a mouth turned away)
would make single frames wild.
"""

from dataclasses import dataclass, field

import cv2
import numpy as np

from unigs.evaluate.interval import Statistic, decibels, mean, pooled
from unigs.evaluate.records import FULL, Record, measured
from unigs.evaluate.regions import REGIONS

WINDOW = 11
"""Width of the Gaussian window of SSIM, px."""

SIGMA = 1.5
"""Standard deviation of the Gaussian window of SSIM, px."""

K1, K2 = 0.01, 0.03
"""Constants of SSIM that keep its two quotients finite, as shares of the value range."""

PSNR_BACKEND = "unigs.evaluate.image"
"""What measures PSNR, for the records."""

SSIM_BACKEND = "unigs.evaluate.image (11x11 Gaussian window, sigma 1.5)"
"""What measures SSIM, for the records."""


def psnr(mse: float) -> float:
    """Peak signal-to-noise ratio in dB of a mean squared error of values in [0,1]."""
    return float("inf") if mse <= 0 else float(-10 * np.log10(mse))


def squared_error(truth: np.ndarray, render: np.ndarray) -> np.ndarray:
    """Squared error per pixel, averaged over the channels.

    Args:
        truth: uint8 [H,W,3].
        render: uint8 [H,W,3].

    Returns:
        float64 [H,W] for values scaled to [0,1].
    """
    difference = truth.astype(np.float64) - render.astype(np.float64)
    return (difference * difference).mean(axis=2) / 255.0**2


def ssim_map(truth: np.ndarray, render: np.ndarray, border: int = cv2.BORDER_REFLECT) -> np.ndarray:
    """Structural similarity per pixel, mean of the channels (Wang et al. 2004).

    Gaussian window 11x11, sigma 1.5, population covariance, K1 = 0.01, K2 = 0.03: the settings of
    the original article. Values within 5 px of the border rest on pixels outside the image.

    Args:
        truth: uint8 [H,W,3].
        render: uint8 [H,W,3].
        border: what lies outside: OpenCV's BORDER_REFLECT, or BORDER_CONSTANT for zeros.

    Returns:
        float64 [H,W].
    """
    a, b = truth.astype(np.float64) / 255, render.astype(np.float64) / 255

    def smooth(image: np.ndarray) -> np.ndarray:
        return cv2.GaussianBlur(image, (WINDOW, WINDOW), SIGMA, borderType=border)

    mean_a, mean_b = smooth(a), smooth(b)
    var_a = smooth(a * a) - mean_a**2
    var_b = smooth(b * b) - mean_b**2
    cov = smooth(a * b) - mean_a * mean_b
    c1, c2 = K1**2, K2**2
    top = (2 * mean_a * mean_b + c1) * (2 * cov + c2)
    bottom = (mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2)
    return (top / bottom).mean(axis=2)


def inner(mask: np.ndarray) -> np.ndarray:
    """The mask without the border where the SSIM window leaves the image."""
    cut = np.zeros_like(mask)
    pad = WINDOW // 2
    cut[pad:-pad, pad:-pad] = mask[pad:-pad, pad:-pad]
    return cut


@dataclass
class ImageScores:
    """Collects PSNR and SSIM of one method, frame by frame; memory does not grow with the image."""

    rows: list[dict[str, float]] = field(default_factory=list)
    """Per frame: psnr_{region}, ssim_{region} (NaN where the region is not), ssim_padded."""
    _error: dict[str, list[float]] = field(default_factory=lambda: {r: [] for r in REGIONS})
    _pixels: dict[str, list[int]] = field(default_factory=lambda: {r: [] for r in REGIONS})
    _similarity: dict[str, list[float]] = field(default_factory=lambda: {r: [] for r in REGIONS})
    _windows: dict[str, list[int]] = field(default_factory=lambda: {r: [] for r in REGIONS})

    def add(self, truth: np.ndarray, render: np.ndarray, masks: dict[str, np.ndarray]) -> None:
        """Score one frame.

        Args:
            truth: uint8 [H,W,3].
            render: uint8 [H,W,3].
            masks: masks of `region_masks`, bool [H,W] each.
        """
        error, similarity = squared_error(truth, render), ssim_map(truth, render)
        row: dict[str, float] = {}
        for region in REGIONS:
            mask, windows = masks[region], inner(masks[region])
            count, inside = int(mask.sum()), int(windows.sum())
            total, alike = float(error[mask].sum()), float(similarity[windows].sum())
            self._error[region].append(total)
            self._pixels[region].append(count)
            self._similarity[region].append(alike)
            self._windows[region].append(inside)
            row[f"psnr_{region}"] = psnr(total / count) if count else float("nan")
            row[f"ssim_{region}"] = alike / inside if inside else float("nan")
        row["ssim_padded"] = float(ssim_map(truth, render, cv2.BORDER_CONSTANT).mean())
        self.rows.append(row)

    def statistics(self) -> dict[tuple[str, str], Statistic]:
        """Metric and region -> how the figure is taken of drawn frames."""

        def values(column: str) -> np.ndarray:
            return np.array([row[column] for row in self.rows])

        found = {("ssim_padded", FULL): mean(values("ssim_padded"))}
        for region in REGIONS:
            error, pixels = np.array(self._error[region]), np.array(self._pixels[region])
            alike, windows = np.array(self._similarity[region]), np.array(self._windows[region])
            found["psnr", region] = pooled(error, pixels, decibels)
            found["ssim", region] = pooled(alike, windows)
        found["psnr", FULL] = mean(values("psnr_full"))
        return found

    def records(self) -> list[Record]:
        """PSNR and SSIM of every region, and SSIM as training codes measure it."""
        padded = float(np.mean([row["ssim_padded"] for row in self.rows]))
        how = "zeros outside the image, mean over all pixels: as in the loss of 3DGS"
        common = {"backend": SSIM_BACKEND, "frames": len(self.rows)}
        found = [Record("ssim_padded", padded, how=how, **common)]
        for region in REGIONS:
            frames = sum(np.isfinite(row[f"ssim_{region}"]) for row in self.rows)
            labels = {"region": region, "frames": int(frames)}
            pixels, windows = sum(self._pixels[region]), sum(self._windows[region])
            missing = f"no test frame has pixels of the region {region}"
            if region == FULL:
                value = float(np.mean([row["psnr_full"] for row in self.rows]))
                how = "mean of the frames' PSNR"
            else:
                value = psnr(sum(self._error[region]) / pixels) if pixels else None
                how = "squared error pooled over the frames, in the true frames' region"
            if value == float("inf"):
                missing = "at least one rendered frame equals the true one: PSNR is infinite"
            found.append(
                measured("psnr", value, missing, unit="dB", backend=PSNR_BACKEND, how=how, **labels)
            )
            value = sum(self._similarity[region]) / windows if windows else None
            how = "mean over pixels whose window lies inside the image"
            found.append(measured("ssim", value, missing, backend=SSIM_BACKEND, how=how, **labels))
        return found
