"""95 % intervals of figures, by a block bootstrap over the test frames.

Neighboring frames are alike, so frames that are drawn one by one would promise too narrow an
interval. Blocks of consecutive test frames are drawn with replacement instead, as many frames as
there are. All methods of a subject are judged on the same draws, so differences between methods can
be taken draw by draw: the interval of a difference is narrower than those of its two sides.

A test part has few blocks, which understate how far a figure scatters: draws are moved away from
the figure by as much (`few_blocks`).
"""

from __future__ import annotations

import logging
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.stats import norm, t

from unigs.evaluate.records import Record
from unigs.stage.errors import UserError
from unigs.stage.files import atomic, load_npz

log = logging.getLogger("unigs")

DRAWS = 1000
"""Number of draws."""
BLOCK_SECONDS = 1.0
"""Length of a block. On a real clip the correlation of PSNR, LPIPS and LMD falls below 1/e within 2
to 12 frames and to zero within 17, so that blocks of 25 frames are all but independent."""
FEWEST_BLOCKS = 4
"""Blocks that a test part has at least: they are shorter where it is short."""
LEVEL = 0.95
"""Share of the draws that lie inside an interval."""
TOO_FEW = 8
"""Test frames below which there is no interval."""
RANGES = {
    "correlation": (-1.0, 1.0),
    "ssim": (-1.0, 1.0),
    "vmaf": (0.0, 100.0),
    "lpips": (0.0, np.inf),
    "flicker": (0.0, np.inf),
    "sharpness": (0.0, np.inf),
    "gain": (-np.inf, np.inf),
    "lmd": (0.0, np.inf),
}
"""Part of a metric's name -> the least and the largest value that it can have; the first part that
fits counts, and a metric that none fits can have any."""
LAYOUT = 2
"""Number of the way in which draws are kept. In files without it (1) no draw was moved away from
its figure (`few_blocks`): differences to such draws would scatter far too widely."""

Statistic = Callable[[np.ndarray], np.ndarray]
"""How often every frame was drawn [B,n] -> the figure of each draw [B]; NaN where there is none."""
Key = tuple[str, str, str]
"""Metric, region and method of a record."""


def block_length(frames: int, fps: float) -> int:
    """Test frames of a block.

    Args:
        frames: number of test frames.
        fps: frames per second.
    """
    return max(1, min(round(BLOCK_SECONDS * fps), frames // FEWEST_BLOCKS))


def few_blocks(frames: int, fps: float) -> float:
    """Factor by which the draws of k blocks understate how far a figure scatters.

    Their variance is (k - 1) / k of the true one, and the quantiles are those of Student's t with
    k - 1 degrees of freedom, not of the normal distribution.

    Args:
        frames: number of test frames.
        fps: frames per second.
    """
    blocks, upper = frames / block_length(frames, fps), (1 + LEVEL) / 2
    return float(t.ppf(upper, blocks - 1) / norm.ppf(upper) * np.sqrt(blocks / (blocks - 1)))


def draw_frames(frames: np.ndarray, fps: float) -> np.ndarray:
    """How often every test frame was drawn, float32 [B,n]; the same for the same frames.

    Blocks may begin at any frame and go on at the first one behind the last one, so that all frames
    are drawn equally often on average.

    Args:
        frames: numbers of the test frames [n].
        fps: frames per second.
    """
    count = len(frames)
    length = block_length(count, fps)
    seed = zlib.crc32(np.asarray(frames, np.int64).tobytes())
    blocks = -(-count // length)
    starts = np.random.default_rng(seed).integers(0, count, (DRAWS, blocks))
    rows = (starts[..., None] + np.arange(length)).reshape(DRAWS, -1)[:, :count] % count
    drawn = np.zeros((DRAWS, count), np.float32)
    np.add.at(drawn, (np.arange(DRAWS)[:, None], rows), 1)
    return drawn


def pooled(
    above: np.ndarray, below: np.ndarray, final: Callable[[np.ndarray], np.ndarray] | None = None
) -> Statistic:
    """Statistic: a sum over the frames divided by another one.

    Args:
        above: what is summed above the line, per frame [n]; NaN counts for nothing.
        below: what is summed below it [n].
        final: what is done to the quotient; None: nothing.
    """
    known = np.isfinite(above) & np.isfinite(below)
    up, down = np.where(known, above, 0.0), np.where(known, below, 0.0)

    def of(drawn: np.ndarray) -> np.ndarray:
        total = drawn @ down
        quotient = np.divide(drawn @ up, total, out=np.full(len(total), np.nan), where=total > 0)
        return quotient if final is None else final(quotient)

    return of


def mean(values: np.ndarray) -> Statistic:
    """Statistic: the mean of the frames' values [n]; NaN counts for nothing."""
    return pooled(np.asarray(values, float), np.isfinite(values).astype(float))


def pearson(a: np.ndarray, b: np.ndarray) -> Statistic:
    """Statistic: the correlation of two curves [n] over the frames where both are finite."""
    both = (np.isfinite(a) & np.isfinite(b)).astype(float)
    # Centered first: sums of squares of large numbers would lose digits.
    x, y = (np.where(both > 0, v - np.mean(v[both > 0]), 0.0) if both.any() else v for v in (a, b))

    def of(drawn: np.ndarray) -> np.ndarray:
        count = np.maximum(drawn @ both, 1)
        mean_x, mean_y = drawn @ x / count, drawn @ y / count
        covariance = drawn @ (x * y) / count - mean_x * mean_y
        spread = (drawn @ (x * x) / count - mean_x**2) * (drawn @ (y * y) / count - mean_y**2)
        flat = spread <= 1e-12
        return np.where(flat, np.nan, covariance / np.sqrt(np.where(flat, 1, spread)))

    return of


def decibels(mse: np.ndarray) -> np.ndarray:
    """PSNR in dB of mean squared errors of values in [0,1]; NaN where there is no error."""
    return -10 * np.log10(np.where(mse > 0, mse, np.nan))


def interval(draws: np.ndarray) -> tuple[float, float] | None:
    """The interval that holds the middle 95 % of draws; None where too many have no figure.

    Args:
        draws: the figure of each draw [B]; NaN where there is none.
    """
    known = draws[np.isfinite(draws)]
    if len(known) < LEVEL * len(draws):
        return None
    low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def within_range(metric: str, limits: tuple[float, float]) -> tuple[float, float]:
    """The limits of an interval, no farther than the metric's values reach (`RANGES`).

    Args:
        metric: name of the metric.
        limits: lower and upper end.
    """
    fitting = (ends for part, ends in RANGES.items() if part in metric)
    low, high = np.clip(limits, *next(fitting, (-np.inf, np.inf)))
    return float(low), float(high)


def with_intervals(
    records: list[Record], statistics: dict[Key, Statistic], frames: np.ndarray, fps: float
) -> tuple[list[Record], dict[Key, np.ndarray]]:
    """Records with their intervals, and the draws behind them.

    Args:
        records: figures of the test frames.
        statistics: for each figure that has an interval, how it is taken of drawn frames.
        frames: numbers of the test frames [n].
        fps: frames per second.

    Returns:
        the records; metric, region and method -> figure of each draw, float32 [B]. A draw may lie
        beyond what its metric can be, an interval does not.
    """
    if len(frames) < TOO_FEW:
        return records, {}
    drawn, found, kept = draw_frames(frames, fps), [], {}
    factor = few_blocks(len(frames), fps)
    for record in records:
        key = record.metric, record.region, record.method
        limits = None
        if record.value is not None and key in statistics:
            values = record.value + factor * (statistics[key](drawn) - record.value)
            limits = interval(values)
            kept[key] = values.astype(np.float32)
        if limits is not None:
            low, high = within_range(record.metric, limits)
            record = replace(record, low=low, high=high)
        found.append(record)
    return found, kept


def write_draws(path: Path, draws: dict[Key, np.ndarray]) -> None:
    """Write draws to a file (.npz).

    Args:
        path: the file.
        draws: metric, region and method -> figure of each draw [B].
    """
    names = ["/".join(key) for key in draws]
    values = np.stack(list(draws.values())) if draws else np.zeros((0, DRAWS), np.float32)
    with atomic(path) as temporary, open(temporary, "wb") as file:
        names = np.array(names, dtype=str)
        np.savez_compressed(file, names=names, values=values, layout=LAYOUT)


def read_draws(path: Path) -> dict[Key, np.ndarray]:
    """Draws of a file that `write_draws` wrote; runs no code.

    Of a file of an earlier layout there are none, which the log says.

    Raises:
        UserError: the file is missing or damaged.
    """
    content = load_npz(path, "names", "values")
    names, values = content["names"], content["values"]
    if names.ndim != 1 or values.ndim != 2 or len(names) != len(values):
        raise UserError(f"{path} holds no draws: run evaluate anew.")
    if content.get("layout", 1) != LAYOUT:
        log.warning("%s is of an earlier version: no interval is taken of it. Run evaluate.", path)
        return {}
    return {tuple(str(name).split("/", 2)): row for name, row in zip(names, values, strict=True)}
