"""Delay between the sound and the picture of a clip, measured by how well speech predicts lips."""

import logging
from collections.abc import Callable

import numpy as np

from unigs.face.lips import lip_code
from unigs.speech.lip_prior import LipPrior

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
PRIOR_STEP, PRIOR_GAIN = 0.5, 0.01
"""The same with a prior, which does not learn from the clip: offsets are tried and undone in steps
of half a frame."""
PRIOR_FRAMES = 75
"""Fewest frames on which a prior is believed."""


def find_offset(
    heard: Callable[[float], np.ndarray],
    prior: LipPrior | None,
    points: np.ndarray,
    train: np.ndarray,
    largest: int,
) -> float:
    """Frames by which the sound comes later than the picture.

    Lips are predicted from speech that is shifted by every offset in turn; the mean of the offsets
    that reach 95 % of the best score is the result. A prior predicts them to half a frame, and
    knows how far lips are ahead of their sound; without one they are learned from the clip itself.

    Args:
        heard: normalized windows [T,W,D] with an offset in frames undone.
        prior: what is known of lips from such windows; None: nothing.
        points: landmarks [T,478,3].
        train: [T] bool, frames that may be used.
        largest: largest offset that is tried, frames.

    Returns:
        The offset in frames, or 0 if no offset predicts clearly better.
    """
    code = lip_code(points, train)
    if prior is None:
        step, ahead, smallest, gain = 1, LEAD, SMALLEST, GAIN
        offsets = np.arange(-largest, largest + step)
        scores = offset_scores(heard(0), code, train, offsets)
    else:
        step, ahead, smallest, gain = PRIOR_STEP, 0, PRIOR_STEP, PRIOR_GAIN
        offsets = np.arange(-largest, largest + step, step)
        scores = prior_scores(heard, prior, code, train, offsets)
    best, now = scores.max(), scores[offsets == 0][0]
    good = offsets[scores >= 0.95 * best]
    offset = round((float(good.mean()) - ahead) / step) * step
    trusted = abs(offset) >= smallest and best > 0.3 and best - now > gain
    log.info(
        "sound against picture: lips follow with %.2f at no offset, %.2f at best (%+g frames)%s",
        now,
        best,
        offset,
        "; the offset is undone" if trusted else "; nothing is changed",
    )
    return offset if trusted else 0.0


def prior_scores(
    heard: Callable[[float], np.ndarray],
    prior: LipPrior,
    lips: np.ndarray,
    train: np.ndarray,
    offsets: np.ndarray,
) -> np.ndarray:
    """Correlation of the lips that a prior announces with the true ones, for each offset.

    Args:
        heard: normalized windows [T,W,D] with an offset in frames undone.
        prior: what is known of lips from such windows.
        lips: opening and width [T,2], NaN where unknown.
        train: [T] bool, frames that may be used.
        offsets: [O] frames.
    """
    usable = train & np.isfinite(lips).all(1)
    if usable.sum() < PRIOR_FRAMES:
        return np.zeros(len(offsets))
    scores = []
    for offset in offsets:
        announced = prior.lips_of(heard(float(offset))[usable])
        pairs = zip(announced.T, lips[usable].T, strict=True)
        scores.append(np.mean([np.corrcoef(a, b)[0, 1] for a, b in pairs]))
    return np.nan_to_num(scores)


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
