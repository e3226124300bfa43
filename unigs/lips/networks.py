"""Pre-training of the lip networks: speech windows to measured lip shapes, in seconds."""

from __future__ import annotations

import math

import numpy as np
import torch

from unigs.lips.folds import (
    LARGEST_GAIN,
    SILENT_SHARE,
    Folds,
    LipTraining,
    contiguous_folds,
    correlation,
    limits,
    resting_shape,
)
from unigs.model.lip_nets import LipNets
from unigs.model.speech_net import SpeechNet

FEWEST_STEPS, MOST_STEPS, STEPS_PER_FRAME = 900, 4000, 1.5
"""Limits of the number of steps, and steps per training frame between them."""


def pretrain(
    net: SpeechNet,
    features: np.ndarray,
    lips: np.ndarray,
    train: np.ndarray,
    silence: np.ndarray | None = None,
    *,
    steps: int | None = None,
    batch: int = 48,
    learning_rate: float = 2e-3,
    noise: float = 0.3,
    dropout: float = 0.15,
    weight_decay: float = 0.05,
    seed: int = 0,
) -> LipTraining:
    """Train `net.lip_net` in place and freeze it.

    The training frames are cut into contiguous folds; each member leaves one fold out. The
    average of all members predicts new speech.

    Args:
        net: its lip networks are trained; its audio network is not touched.
        features: speech windows [T,W,D].
        lips: z-scored lip shapes [T,K] (`lips.lip_code`); rows with NaN are not used.
        train: training frames, indices in order.
        silence: the window [W,D] of silence, trained to give the lips at rest; None: not trained.
        steps: steps of AdamW; all members are trained at once. None: by the number of frames.
        batch: windows for each member in a step.
        learning_rate: peak of the learning rate; it rises for a fifth of the steps and falls to 0.
        noise: standard deviation of noise on the (z-scored) features.
        dropout: share of the networks' channel values that is dropped.
        weight_decay: weight decay of AdamW.
        seed: seed of everything random.

    Returns:
        Out-of-fold predictions, their correlation with the truth, and the lips at rest.

    Raises:
        UserError: too few training frames show a face.
    """
    nets = net.lip_net
    used = np.asarray(train)[np.isfinite(lips[train]).all(1)]
    steps = steps or int(np.clip(STEPS_PER_FRAME * len(used), FEWEST_STEPS, MOST_STEPS))
    fold = contiguous_folds(used, nets.members)
    rest = resting_shape(lips[used])
    generator = torch.Generator().manual_seed(seed)
    windows, targets = torch.from_numpy(features), torch.from_numpy(lips)
    quiet = None if silence is None else torch.from_numpy(np.asarray(silence, np.float32))
    nets.view.copy_(torch.from_numpy(_partly_whitened(features[used])))
    pools = [torch.from_numpy(used[fold.allowed(m)]) for m in range(nets.members)]
    optimizer = torch.optim.AdamW(nets.parameters(), learning_rate, weight_decay=weight_decay)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda k: _rate(k / steps))
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for _ in range(steps):
            rows = torch.stack(
                [p[torch.randint(len(p), (batch,), generator=generator)] for p in pools], 1
            )
            heard, seen = windows[rows], targets[rows]
            if quiet is not None:
                silent = torch.rand(rows.shape) < SILENT_SHARE
                heard = torch.where(silent[..., None, None], quiet, heard)
                seen = torch.where(silent[..., None], torch.from_numpy(rest), seen)
            heard = _disturbed(nets.views(heard), noise)
            loss = (nets.each(heard, dropout) - seen).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    nets.requires_grad_(False)
    return _calibrate(nets, windows, lips, used, fold, rest)


def _rate(progress: float) -> float:
    """Share of the peak learning rate: linear warm-up, then half a cosine."""
    rise = 0.2
    if progress < rise:
        return (progress + 0.01) / (rise + 0.01)
    return 0.5 * (1 + math.cos(math.pi * (progress - rise) / (1 - rise)))


def _partly_whitened(windows: np.ndarray) -> np.ndarray:
    """Matrix [D,D] of the principal axes of windows [n,W,D], each over the root of its deviation.

    The whole matrix is scaled so that transformed windows have a mean power of 1.
    """
    columns = windows.reshape(-1, windows.shape[-1]).astype(np.float64)
    power, axes = np.linalg.eigh(np.cov(columns.T))
    view = axes * np.maximum(power / power.mean(), 1e-3) ** -0.25
    return (view / np.sqrt(np.square(columns @ view).mean())).astype(np.float32)


def _disturbed(windows: torch.Tensor, noise: float) -> torch.Tensor:
    """Augmented windows [B,G,W,D]: noise, another level, one column earlier or later."""
    shape = windows.shape
    out = windows + noise * torch.randn(shape)
    out = out + 0.3 * torch.randn(*shape[:2], 1, 1)
    return torch.roll(out, int(torch.randint(-1, 2, ())), 2)


@torch.no_grad()
def _calibrate(
    nets: LipNets,
    windows: torch.Tensor,
    lips: np.ndarray,
    used: np.ndarray,
    fold: Folds,
    rest: np.ndarray,
) -> LipTraining:
    """Set gain and bias so that predictions of unseen speech spread as the truth does."""
    each = torch.cat([nets.each(nets.views(part)) for part in windows.split(256)]).numpy()
    truth = lips[used]
    unseen = np.stack([each[used, m] for m in range(nets.members)], 0)
    hidden = np.stack([fold.left_out(m) for m in range(nets.members)], 0)
    oof = (unseen * hidden[..., None]).sum(0) / hidden.sum(0)[:, None]
    mean, spread = oof.mean(0), np.maximum(oof.std(0), 1e-6)
    ensemble = _ensemble_spread(unseen, hidden)
    gain = np.minimum(truth.std(0) / ensemble, LARGEST_GAIN)
    nets.gain.copy_(torch.from_numpy(gain.astype(np.float32)))
    nets.bias.copy_(torch.from_numpy((mean - truth.mean(0) / gain).astype(np.float32)))
    low, high = limits(truth, rest)
    nets.low.copy_(torch.from_numpy(low))
    nets.high.copy_(torch.from_numpy(high))
    predicted = nets.calibrated(torch.from_numpy(each.mean(1))).numpy()
    own = np.minimum(truth.std(0) / spread, LARGEST_GAIN)
    predicted[used] = ((oof - mean) * own + truth.mean(0)).clip(nets.low.numpy(), nets.high.numpy())
    return LipTraining(predicted.astype(np.float32), correlation(oof, truth), rest)


def _ensemble_spread(unseen: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """Expected standard deviation [K] of the mean of all members on speech none has seen.

    Averaging G members of variance v and covariance c leaves c + (v - c) / G. Both are measured
    on each fold by the members that left it out.

    Args:
        unseen: predictions [G,n,K].
        hidden: [G,n], True where the member has not seen the frame.
    """
    members = len(unseen)
    together = hidden.astype(int) @ hidden.T.astype(int)
    variance, covariance = [], []
    for a in range(members):
        variance.append(unseen[a, hidden[a]].var(0))
        for b in range(a + 1, members):
            if together[a, b]:
                x, y = unseen[a, hidden[a]], unseen[b, hidden[b]]
                covariance.append(((x - x.mean(0)) * (y - y.mean(0))).mean(0))
    v = np.mean(variance, 0)
    c = np.mean(covariance, 0) if covariance else v
    return np.sqrt(np.maximum(c + (v - c) / members, 1e-8))
