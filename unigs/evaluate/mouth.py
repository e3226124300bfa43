"""Does the mouth move, and with the voice? Landmark distance and mouth opening.

Landmark distance alone hardly notices a mouth that never moves (the mean shape is never far away),
so the opening's correlation with the truth and its spread stand beside it. Each figure can be taken
by two judges: by the mesh whose landmarks trained the portrait, and by a network of 68 points that
had no part in its training.
"""

from dataclasses import dataclass

import numpy as np

from unigs.evaluate.records import PORTRAIT, Record, measured
from unigs.face import landmarks68
from unigs.face.mesh import IBUG68, MOUTH_OPENING

LIPS = IBUG68[48:]
"""The mouth points (48..67) of the 68-point scheme on which the field measures LMD."""


@dataclass(frozen=True)
class LipPoints:
    """Where a judge's landmarks have the lips."""

    lips: tuple[int, ...]
    """The 20 points of LMD: outer lips, then inner lips."""
    opening: tuple[tuple[int, int], ...]
    """Pairs (upper inner lip, lower inner lip)."""
    suffix: str = ""
    """What the judge's metrics end in."""


MESH = LipPoints(LIPS, MOUTH_OPENING)
"""The first judge: MediaPipe's mesh of 478 points."""
POINTS68 = LipPoints(landmarks68.LIPS, landmarks68.OPENING, "_68")
"""The second judge: a network of 68 points, see `unigs.face.landmarks68`."""

REFERENCE_SIZE = 256
"""Image width, px, to which landmark distances are scaled."""


def centered_lips(points: np.ndarray, judge: LipPoints = MESH) -> np.ndarray:
    """Lip points relative to their mean in each frame, so that head motion cancels.

    Args:
        points: the judge's landmarks [T,P,2|3], px.
        judge: where they have the lips.

    Returns:
        float64 [T,20,2], px.
    """
    lips = points[:, list(judge.lips), :2].astype(np.float64)
    return lips - lips.mean(axis=1, keepdims=True)


def landmark_distance(truth: np.ndarray, render: np.ndarray, judge: LipPoints = MESH) -> np.ndarray:
    """LMD per frame [T], px: mean distance of the 20 centered lip points (Chen et al. 2018).

    Args:
        truth: landmarks of the true frames, [T,P,2|3], px; NaN where no face was found.
        render: landmarks of the rendered frames, of the shape of `truth`.
        judge: where the landmarks have the lips.

    Returns:
        float64 [T], NaN where either face is missing.
    """
    apart = centered_lips(truth, judge) - centered_lips(render, judge)
    return np.linalg.norm(apart, axis=2).mean(axis=1)


def mouth_opening(points: np.ndarray, judge: LipPoints = MESH) -> np.ndarray:
    """Distance between the inner edges of the lips, mean of three pairs of points, [T], px."""
    upper, lower = (list(side) for side in zip(*judge.opening, strict=True))
    return np.linalg.norm(points[:, upper, :2] - points[:, lower, :2], axis=2).mean(axis=1)


def correlation(a: np.ndarray, b: np.ndarray) -> float | None:
    """Pearson correlation over the rows where both are finite; None where it is not defined."""
    both = np.isfinite(a) & np.isfinite(b)
    if both.sum() < 3 or np.ptp(a[both]) == 0 or np.ptp(b[both]) == 0:
        return None
    return float(np.corrcoef(a[both], b[both])[0, 1])


def spread_ratio(truth: np.ndarray, render: np.ndarray) -> float | None:
    """Standard deviation of the render's curve over that of the truth's, on common frames."""
    both = np.isfinite(truth) & np.isfinite(render)
    if both.sum() < 3 or truth[both].std() == 0:
        return None
    return float(render[both].std() / truth[both].std())


def mean_distance(
    truth: np.ndarray, render: np.ndarray, judge: LipPoints = MESH
) -> tuple[float | None, int]:
    """Mean LMD in px and the number of frames in which both faces were found."""
    distance = landmark_distance(truth, render, judge)
    found = np.isfinite(distance)
    return (float(distance[found].mean()) if found.any() else None), int(found.sum())


def mouth_records(
    truth: np.ndarray,
    render: np.ndarray,
    size: int,
    backend: str,
    method: str = PORTRAIT,
    judge: LipPoints = MESH,
) -> list[Record]:
    """LMD, and correlation and spread of the mouth opening, of one method's test frames.

    Args:
        truth: landmarks of the true test frames, [n,P,2|3], px.
        render: landmarks of the rendered test frames, of the shape of `truth`.
        size: image width, px.
        backend: the landmark detector.
        method: what was rendered.
        judge: where the landmarks have the lips.
    """
    distance, frames = mean_distance(truth, render, judge)
    opened, opened_too = mouth_opening(truth, judge), mouth_opening(render, judge)
    missing = "no test frame in which a face was found in both truth and render"
    flat = "the mouth opening is constant, or fewer than 3 test frames show a face"
    labels = {"region": "mouth", "frames": frames, "backend": backend, "method": method}
    how = "20 lip points centred by their mean, mean L2"
    scaled = None if distance is None else distance * REFERENCE_SIZE / size
    return [
        measured(f"lmd{judge.suffix}", distance, missing, unit=f"px at {size}", how=how, **labels),
        measured(f"lmd_256{judge.suffix}", scaled, missing, unit="px at 256", how=how, **labels),
        measured(
            f"opening_correlation{judge.suffix}",
            correlation(opened, opened_too),
            flat,
            how="Pearson, inner lip distance of render and truth",
            **labels,
        ),
        measured(
            f"opening_spread{judge.suffix}",
            spread_ratio(opened, opened_too),
            flat,
            unit="of the truth's",
            how="standard deviation of the inner lip distance, render / truth",
            **labels,
        ),
    ]


def voice_records(
    truth: np.ndarray,
    render: np.ndarray,
    shuffled: np.ndarray,
    size: int,
    backend: str,
    judge: LipPoints = MESH,
) -> list[Record]:
    """LMD under speech shifted by half the test part, and what the right speech gains over it.

    A portrait that ignores the voice gains nothing. Both renders are judged on the frames in which
    a face was found in all three.

    Args:
        truth: landmarks of the true test frames, [n,P,2|3], px.
        render: landmarks of the render with its own speech, of the shape of `truth`.
        shuffled: landmarks of the render with shifted speech, of the shape of `truth`.
        size: image width, px.
        backend: the landmark detector.
        judge: where the landmarks have the lips.
    """
    right = landmark_distance(truth, render, judge)
    wrong = landmark_distance(truth, shuffled, judge)
    both = np.isfinite(right) & np.isfinite(wrong)
    scale = REFERENCE_SIZE / size
    missing = "no test frame in which a face was found in truth and both renders"
    flat = "the mouth opening is constant, or fewer than 3 test frames show a face"
    opened = correlation(mouth_opening(truth, judge), mouth_opening(shuffled, judge))
    labels = {"region": "mouth", "frames": int(both.sum()), "backend": backend}
    lmd = float(wrong[both].mean()) * scale if both.any() else None
    gain = float((wrong - right)[both].mean()) * scale if both.any() else None
    return [
        measured(
            f"lmd_256_shuffled{judge.suffix}",
            lmd,
            missing,
            unit="px at 256",
            how="LMD with the speech of the test part rolled by half its length",
            **labels,
        ),
        measured(
            f"lmd_256_gain{judge.suffix}",
            gain,
            missing,
            unit="px at 256",
            how="LMD with shuffled speech minus LMD with the right speech",
            **labels,
        ),
        measured(
            f"opening_correlation_shuffled{judge.suffix}",
            opened,
            flat,
            how="what head pose and eyes alone explain of the mouth's opening",
            **labels,
        ),
    ]
