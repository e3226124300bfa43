"""Lips from speech by a linear map that a prior holds: closed form, for a person's few minutes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from unigs.lips.folds import (
    FOLDS,
    LARGEST_GAIN,
    SILENT_SHARE,
    LipTraining,
    contiguous_folds,
    correlation,
    limits,
    resting_shape,
)
from unigs.model.lip_nets import SURE, ClosingLipMap
from unigs.model.speech_net import CLOSING, SpeechNet
from unigs.speech.closure_score import ClosureScore
from unigs.speech.encoder import projection_of
from unigs.speech.lip_prior import LipPrior, central, find_prior
from unigs.stage.errors import UserError

LEVELS = (SURE, 0.3, 0.5, 0.7, 0.9, 1.2, 1.5)
"""Scores of p, b and m from which on they may count, the usual one first."""
NEVER = 1e4
"""Score that no sound reaches: closures do not count. Finite in float16, as pages keep it."""
LARGEST_LOSS = 0.05
"""Correlation of the lip opening, out of fold, that closures may cost: people's lips do not always
meet on p, b and m, viewers want them to."""


def prior_of(encoder: str, choice: str, pooled: Path | None = None) -> LipPrior | None:
    """What is known of lips from the speech features of a subject before its clip is seen.

    Args:
        encoder: JSON of the subject's speech encoder.
        choice: shipped, pooled or none (`unigs.settings.dynamic.DynamicSettings.lip_prior`).
        pooled: the prior that other people's clips taught (`unigs.lips.pool`).

    Returns:
        None: nothing, since the features have no prior or none is wanted.

    Raises:
        UserError: a pooled prior is wanted and not given, or belongs to other features.
    """
    projection = projection_of(encoder)
    if choice != "pooled":
        return None if choice == "none" else find_prior(projection)
    if pooled is None:
        raise UserError(
            "lip_prior is pooled, but no prior is given: name the file that pool_lips wrote."
        )
    prior = LipPrior.read(pooled)
    if prior.projection != projection:
        raise UserError(
            f"{pooled} was learned from other speech features than the subject's: run "
            "pool_lips anew."
        )
    return prior


def fit_map(
    net: SpeechNet,
    features: np.ndarray,
    lips: np.ndarray,
    train: np.ndarray,
    silence: np.ndarray | None,
    prior: LipPrior,
) -> LipTraining:
    """Fit `net.lip_net`, a `LipMap`, in place.

    Args:
        net: its lip map is set; its audio network is not touched.
        features: speech windows [T,W,D].
        lips: z-scored lip shapes [T,K] (`lips.lip_code`); rows with NaN are not used.
        train: training frames, indices in order.
        silence: the window [W,D] of silence, at which the lips rest; None: not learned.
        prior: where the weights of opening and width start; those of other numbers start at 0.

    Returns:
        Out-of-fold predictions, their correlation with the truth, and the lips at rest.

    Raises:
        UserError: too few training frames show a face, or the windows are too short.
    """
    used = np.asarray(train)[np.isfinite(lips[train]).all(1)]
    fold = contiguous_folds(used, FOLDS)
    heard, rest = central(features).astype(np.float64), resting_shape(lips[used])
    quiet = None if silence is None else central(np.asarray(silence)[None])[0]
    start = np.zeros((heard.shape[1], lips.shape[1]))
    start[:, :2] = prior.lips.reshape(-1, 2)

    def fitted(frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return regression(heard[frames], lips[frames], start, quiet, rest, prior.strength)

    unseen = np.zeros((len(used), lips.shape[1]))
    for member in range(len(fold)):  # a short clip has fewer folds than members
        weights, bias = fitted(used[fold.allowed(member)])
        out = fold.left_out(member)
        unseen[out] = heard[used[out]] @ weights + bias
    weights, bias = fitted(used)
    raw = heard @ weights + bias
    raw[used] = unseen
    found = _calibrate(net, raw, weights, bias, lips[used], used, rest)
    if not isinstance(net.lip_net, ClosingLipMap):
        return found
    parts = {f"closure_{part}": getattr(prior.closure, part) for part in ClosureScore.PARTS}
    parts["closure_hidden"] = parts["closure_hidden"].reshape(heard.shape[1], -1)
    _set(net.lip_net, parts)
    return replace(found, out_of_fold=_trust(net.lip_net, found.out_of_fold, features, lips, used))


def kind_of(prior: LipPrior | None) -> dict[str, str | int]:
    """What predicts lips under a prior: arguments of `unigs.model.speech_net.SpeechNet`."""
    if prior is None:
        return {"lips": "networks"}
    if prior.closure is None:
        return {"lips": "map"}
    return {"lips": CLOSING, "hidden": prior.closure.units}


def regression(
    heard: np.ndarray,
    lips: np.ndarray,
    start: np.ndarray,
    quiet: np.ndarray | None,
    rest: np.ndarray,
    strength: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Weights [I,K] and bias [K] that are least in squared error plus distance from the prior.

    Args:
        heard: features [n,I].
        lips: lip shapes [n,K].
        start: weights [I,K] of the prior.
        quiet: features [I] of silence, worth a share of all frames; None: left out.
        rest: lip shape [K] of silence.
        strength: of the prior, see `LipPrior.strength`.
    """
    weight = np.ones(len(heard))
    if quiet is not None:
        heard, lips = np.vstack([heard, quiet]), np.vstack([lips, rest])
        weight = np.append(weight, SILENT_SHARE * len(weight))
    weight = weight[:, None]
    mean, level = ((weight * part).sum(0) / weight.sum() for part in (heard, lips))
    x, y = heard - mean, lips - level
    gram = (weight * x).T @ x
    penalty = strength * np.trace(gram) / len(gram)
    gram[np.diag_indices_from(gram)] += penalty
    weights = np.linalg.solve(gram, (weight * x).T @ y + penalty * start)
    return weights, level - mean @ weights


def _calibrate(
    net: SpeechNet,
    raw: np.ndarray,
    weights: np.ndarray,
    bias: np.ndarray,
    truth: np.ndarray,
    used: np.ndarray,
    rest: np.ndarray,
) -> LipTraining:
    """Set the map, with gain and bias so that predictions of unseen speech spread as the truth."""
    unseen = raw[used]
    mean, spread = unseen.mean(0), np.maximum(unseen.std(0), 1e-6)
    gain = np.minimum(truth.std(0) / spread, LARGEST_GAIN)
    lip_map = net.lip_net
    low, high = limits(truth, rest)
    values = {
        "weights": weights,
        "gain": gain,
        "bias": mean - bias - truth.mean(0) / gain,
        "low": low,
        "high": high,
    }
    _set(lip_map, values)
    predicted = ((raw - mean) * gain + truth.mean(0)).clip(low, high)
    return LipTraining(predicted.astype(np.float32), correlation(unseen, truth), rest)


def _trust(
    lip_map: ClosingLipMap,
    free: np.ndarray,
    features: np.ndarray,
    lips: np.ndarray,
    used: np.ndarray,
) -> np.ndarray:
    """Set from which score on lips meet, by what a person's lips do at it.

    A score that knows other voices may err on this one. It counts from the least level on at which
    closures of the clip cost no more than `LARGEST_LOSS` of correlation; where they cost more at
    every level, it does not count at all.

    Args:
        lip_map: its `sure` is set.
        free: lip shapes [T,K] out of fold, without closures.
        features: speech windows [T,W,D].
        lips: z-scored lip shapes [T,K].
        used: frames that teach, indices.

    Returns:
        The lip shapes with closures.
    """
    given = [torch.from_numpy(np.float32(part)) for part in (free, features)]
    truth = lips[used, :1]
    least = correlation(free[used, :1], truth)[0] - LARGEST_LOSS
    for level in LEVELS:
        lip_map.sure.fill_(level)
        shapes = lip_map.meet(*given).numpy()
        if correlation(shapes[used, :1], truth)[0] >= least:
            return shapes
    lip_map.sure.fill_(NEVER)
    return free


def _set(net: torch.nn.Module, values: dict[str, np.ndarray]) -> None:
    """Set buffers of a network by name."""
    for name, value in values.items():
        getattr(net, name).copy_(torch.from_numpy(np.asarray(value, np.float32)))
