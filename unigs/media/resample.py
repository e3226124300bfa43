"""Source frames to frames at a steady rate, each at its time.

Clip frame k belongs to k/fps seconds. Where the nearest source frame is farther from that time
than a tolerance, it is warped: the optical flow between the two neighbors (DIS, Kroeger et al.
2016, OpenCV) moves the nearer one by its share of the way. Nothing is blended, so no edge doubles.
Where flow does not explain the neighbors (a cut, a flash), the nearest frame stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, pairwise

import cv2
import numpy as np

LONGEST_GAP = 0.06
"""Seconds: neighbors farther apart in time are not joined."""
EXPLAINED = 0.6
"""Flow explains two neighbors if warping both to the time between lowers their mean squared
difference to this share or less: noise stays above, talking people stay below (docs/log.md)."""


def nearest_frames(times: np.ndarray, fps: float) -> np.ndarray:
    """Which source frame is nearest to each clip frame's time.

    Args:
        times: [N+1] seconds: times of the source frames, and the end of the last.
        fps: frames per second of the clip.

    Returns:
        [T] int, not decreasing.
    """
    middles = (times[:-1][1:] + times[:-1][:-1]) / 2
    return np.searchsorted(middles, clip_times(times, fps), side="right")


def clip_times(times: np.ndarray, fps: float) -> np.ndarray:
    """Frame times [T] of the clip in seconds: as many as fit before the source ends.

    Args:
        times: [N+1] seconds: times of the source frames, and the end of the last.
        fps: frames per second of the clip.
    """
    return np.arange(int(np.floor(times[-1] * fps + 1e-3))) / fps


def resample(
    frames: Iterable[np.ndarray], times: np.ndarray, fps: float, tolerance: float
) -> Iterator[tuple[np.ndarray, bool]]:
    """The clip's frames, and of each whether it was warped to its time.

    Args:
        frames: the N source frames, uint8 [H,W,3] each; only two are held.
        times: [N+1] seconds: times of the source frames, and the end of the last.
        fps: frames per second of the clip.
        tolerance: largest time error of a frame that is not warped, seconds.

    Yields:
        T frames, or fewer if the source has fewer frames than times.
    """
    wanted, nearest = clip_times(times, fps), nearest_frames(times, fps)
    starts = times[:-1]
    # The neighbor on the other side of the wanted time; at either end there is none.
    other = np.where(starts[nearest] < wanted, nearest + 1, nearest - 1)
    apart = np.abs(starts[nearest] - wanted) > tolerance
    inside = (other >= 0) & (other < len(starts))
    gap = np.abs(starts[np.where(inside, other, nearest)] - starts[nearest])
    carry = apart & inside & (gap <= LONGEST_GAP)
    last = np.maximum.accumulate(np.where(carry, np.maximum(nearest, other), nearest))
    k = 0
    for number, (before, frame) in enumerate(pairwise(chain([None], frames))):
        while k < len(wanted) and last[k] == number:
            near, far = (frame, before) if nearest[k] == number else (before, frame)
            if carry[k]:
                share = float(abs(wanted[k] - starts[nearest[k]]) / gap[k])
                made = carried(near, far, share)
                yield (near, False) if made is None else (made, True)
            else:
                yield near, False
            k += 1


def carried(near: np.ndarray, far: np.ndarray, share: float) -> np.ndarray | None:
    """Warp a frame along the optical flow toward its neighbor.

    Args:
        near: frame uint8 [H,W,3] that is warped.
        far: the neighbor uint8 [H,W,3].
        share: of the way from `near` to `far`, 0 to 1.

    Returns:
        uint8 [H,W,3]; None if flow does not explain the neighbors (see `EXPLAINED`), as when they
        are equal.
    """
    there = _moved(near, far, share)
    and_back = _moved(far, near, 1 - share)
    left = _difference(there, and_back)
    return there if left < EXPLAINED * _difference(near, far) else None


def _moved(image: np.ndarray, other: np.ndarray, share: float) -> np.ndarray:
    """The image moved by a share of its optical flow toward the other."""
    gray, toward = (cv2.cvtColor(x, cv2.COLOR_RGB2GRAY) for x in (image, other))
    flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM).calc(gray, toward, None)
    y, x = np.mgrid[: flow.shape[0], : flow.shape[1]].astype(np.float32)

    def at(source: np.ndarray, step: np.ndarray, method: int) -> np.ndarray:
        place = x - share * step[..., 0], y - share * step[..., 1]
        return cv2.remap(source, *place, method, borderMode=cv2.BORDER_REPLICATE)

    # Backward warping: a pixel of the new picture reads the flow at its own place.
    return at(image, at(flow, flow, cv2.INTER_LINEAR), cv2.INTER_CUBIC)


def _difference(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.square(a.astype(np.float32) - b).mean())
