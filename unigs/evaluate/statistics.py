"""How the figures of mouth and eyes are taken of drawn frames, for their intervals."""

import numpy as np

from unigs.evaluate.eyes import eye_opening
from unigs.evaluate.interval import Key, Statistic, mean, pearson
from unigs.evaluate.mouth import MESH, REFERENCE_SIZE, LipPoints, landmark_distance, mouth_opening
from unigs.evaluate.records import PORTRAIT, SHUFFLED, TRUTH


def mouth_statistics(
    points: dict[str, np.ndarray], size: int, judge: LipPoints = MESH
) -> dict[Key, Statistic]:
    """Distance of the lips, correlation of their opening, gain of the right speech.

    Args:
        points: landmarks [n,P,2|3] of the truth and of each method, px; NaN without a face.
        size: width of the frames, px.
        judge: where the landmarks have the lips.
    """
    truth, found, scale = points[TRUTH], {}, REFERENCE_SIZE / size
    for method, shown in points.items():
        if method in (TRUTH, SHUFFLED):
            continue
        distance = landmark_distance(truth, shown, judge)
        opened = pearson(mouth_opening(truth, judge), mouth_opening(shown, judge))
        found[f"lmd{judge.suffix}", "mouth", method] = mean(distance)
        found[f"lmd_256{judge.suffix}", "mouth", method] = mean(distance * scale)
        found[f"opening_correlation{judge.suffix}", "mouth", method] = opened
    if SHUFFLED in points and PORTRAIT in points:
        right = landmark_distance(truth, points[PORTRAIT], judge)
        wrong = landmark_distance(truth, points[SHUFFLED], judge)
        found[f"lmd_256_gain{judge.suffix}", "mouth", PORTRAIT] = mean((wrong - right) * scale)
    return found


def eye_statistics(points: dict[str, np.ndarray]) -> dict[Key, Statistic]:
    """Correlation of the eyes' opening.

    Args:
        points: landmarks [n,478,3] of the truth and of each method, px; NaN without a face.
    """
    opened = {method: eye_opening(marks) for method, marks in points.items()}
    return {
        ("eye_correlation", "eyes", method): pearson(opened[TRUTH], opening)
        for method, opening in opened.items()
        if method not in (TRUTH, SHUFFLED)
    }
