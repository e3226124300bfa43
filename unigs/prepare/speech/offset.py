"""Delay between the sound and the picture of a clip, measured by how well speech predicts lips."""

import logging

import numpy as np

from unigs.face.lips import lip_code

log = logging.getLogger("unigs")

FOLDS = 5
"""Contiguous folds of the cross-validation."""
GAP = 10
"""Frames between a fold and the frames that its regression learns from."""
LONGEST = 1500
"""Largest number of frames that are used: one minute is enough, and time grows with the square."""
KERNEL_WIDTH = 0.1
"""Inverse width of the Gaussian kernel, in units of half the mean squared distance."""
RIDGE = 0.1
"""Regularization of the kernel ridge regression."""
LEAD = 1
"""Frames by which lips move before they are heard, in clips that are in sync."""
SMALLEST = 2
"""Smallest offset in frames that is undone; smaller ones are within the uncertainty."""
GAIN = 0.05
"""Least gain in correlation of predicted with true lips over no offset."""


def find_offset(features: np.ndarray, points: np.ndarray, train: np.ndarray, largest: int) -> int:
    """Frames by which the sound comes later than the picture.

    Lip shape is predicted from speech that is shifted by every offset in turn (kernel ridge
    regression, scored on contiguous held-out folds); the mean of the offsets that reach 95 % of the
    best score is the result.

    Args:
        features: normalized windows [T,W,D], without an offset.
        points: landmarks [T,478,3].
        train: [T] bool, frames that may be used.
        largest: largest offset that is tried, frames.

    Returns:
        The offset in frames, or 0 if no offset predicts clearly better.
    """
    offsets = np.arange(-largest, largest + 1)
    scores = offset_scores(features, lip_code(points, train), train, offsets)
    best = scores.max()
    now = scores[offsets == 0][0]
    good = offsets[scores >= 0.95 * best]
    offset = round(float(good.mean())) - LEAD
    trusted = abs(offset) >= SMALLEST and best > 0.3 and best - now > GAIN
    log.info(
        "sound against picture: lips follow with %.2f at no offset, %.2f at best (%+d frames)%s",
        now,
        best,
        offset,
        "; the offset is undone" if trusted else "; nothing is changed",
    )
    return offset if trusted else 0


def offset_scores(
    features: np.ndarray, lips: np.ndarray, train: np.ndarray, offsets: np.ndarray
) -> np.ndarray:
    """Correlation of predicted with true lip shape (mean over the K numbers) for each offset.

    Args:
        features: normalized windows [T,W,D].
        lips: lip shape [T,K], NaN where unknown.
        train: [T] bool, frames that may be used.
        offsets: [O] frames.
    """
    usable = train & np.isfinite(lips).all(1)
    reach = int(np.abs(offsets).max())
    # A row of speech is used if every offset finds lips for it.
    rows = np.array(
        [k for k in range(reach, len(lips) - reach) if usable[k - reach : k + reach + 1].all()], int
    )[:LONGEST]
    if len(rows) < FOLDS * 4 * GAP:
        return np.zeros(len(offsets))
    flat = features[rows].reshape(len(rows), -1).astype(np.float64)
    square = np.square(flat).sum(1)
    distance = np.maximum(square[:, None] + square - 2 * flat @ flat.T, 0)
    kernel = np.exp(-KERNEL_WIDTH * distance / distance.mean() * 2)
    targets = np.stack([lips[rows - offset] for offset in offsets], 1).astype(np.float64)
    targets = targets.reshape(len(rows), -1)
    predicted = np.empty_like(targets)
    edges = np.linspace(0, len(rows), FOLDS + 1).astype(int)
    for first, last in zip(edges, edges[1:], strict=False):
        near = (rows >= rows[first] - GAP - reach) & (rows <= rows[last - 1] + GAP + reach)
        known = np.flatnonzero(~near)
        mean = targets[known].mean(0)
        system = kernel[np.ix_(known, known)] + RIDGE * np.eye(len(known))
        weights = np.linalg.solve(system, targets[known] - mean)
        predicted[first:last] = kernel[first:last][:, known] @ weights + mean
    score = [np.corrcoef(p, t)[0, 1] for p, t in zip(predicted.T, targets.T, strict=True)]
    return np.nan_to_num(score).reshape(len(offsets), -1).mean(1)
