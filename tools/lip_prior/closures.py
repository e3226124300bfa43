"""Learns the score of p, b and m from synthetic speech.

A member of the ensemble hears three quarters of the voices. What it says of the others tells how
high the score of a new voice gets, by which it is scaled. The members side by side are one layer
of hidden units.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from unigs.speech.closure_score import ClosureScore
from unigs.speech.lip_prior import HALF
from unigs.stage.progress import progress

MEMBERS, UNITS = 4, 48
"""Members of the ensemble, and hidden units of each."""
EPOCHS, BATCH, RATE, DECAY = 6, 512, 2e-3, 0.1
"""Passes over the speech, windows in a batch, learning rate, weight decay of AdamW."""
DROPPED_INPUTS, DROPPED_UNITS = 0.2, 0.2
"""Shares of numbers that are dropped in training."""
SHUT_WEIGHT = 5.0
"""Weight of a row of p, b or m: they are a tenth of all rows."""
FALSE_CLOSURES = 0.03
"""Share of the rows of other sounds at which the score is above 0."""
HELD_OUT = "flite slt"
"""Voice that teaches nothing, so that it can tell whether lips meet for a voice never heard."""


def learn_closures(
    heard: np.ndarray, shut: np.ndarray, voices: np.ndarray, seed: int = 0
) -> ClosureScore:
    """The score, and how well it knows p, b and m of voices that it never heard (printed).

    Args:
        heard: windows float32 [n,I], clean and disturbed.
        shut: [n] bool, rows of p, b or m.
        voices: [n], name of the voice that speaks each row.
        seed: seed of weights, order and dropout.
    """
    torch.manual_seed(seed)
    names = np.unique(voices[voices != HELD_OUT])
    scale = heard.std()
    unseen, members = np.full(len(heard), np.nan, np.float32), []
    for member in progress(range(MEMBERS), label="closures"):
        out = np.isin(voices, [HELD_OUT, *names[member::MEMBERS]])
        net = _learn(heard[~out] / scale, shut[~out])
        own = np.isin(voices, names[member::MEMBERS])
        unseen[own] = _score(net, heard[own] / scale)
        members.append(net)
    known = np.isfinite(unseen)
    low = np.quantile(unseen[known & ~shut], 1 - FALSE_CLOSURES)
    high = np.median(unseen[known & shut])
    share = np.mean(unseen[known & shut] > low)
    print(f"p, b, m of new voices: {share:.1%} of their rows, {FALSE_CLOSURES:.0%} of others")
    return _side_by_side(members, scale, low, high)


def _learn(inputs: np.ndarray, shut: np.ndarray) -> nn.Sequential:
    """A network that tells the rows of p, b and m."""
    x, y = torch.from_numpy(inputs), torch.from_numpy(shut.astype(np.float32))
    net = nn.Sequential(
        nn.Dropout(DROPPED_INPUTS),
        nn.Linear(x.shape[1], UNITS),
        nn.ReLU(),
        nn.Dropout(DROPPED_UNITS),
        nn.Linear(UNITS, 1),
    )
    optimizer = torch.optim.AdamW(net.parameters(), RATE, weight_decay=DECAY)
    steps = EPOCHS * len(x) // BATCH
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / steps)
    weight = torch.tensor(SHUT_WEIGHT)
    for _ in range(steps):
        rows = torch.randint(len(x), (BATCH,))
        logits = net(x[rows])[:, 0]
        loss = functional.binary_cross_entropy_with_logits(logits, y[rows], pos_weight=weight)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return net.eval()


@torch.no_grad()
def _score(net: nn.Sequential, inputs: np.ndarray) -> np.ndarray:
    return net(torch.from_numpy(inputs))[:, 0].numpy()


def _side_by_side(
    members: list[nn.Sequential], scale: float, low: float, high: float
) -> ClosureScore:
    """The mean of the members as one network, 0 at `low` and 1 at `high`.

    Args:
        members: networks of inputs that are divided by `scale`.
        scale: deviation of the inputs.
        low: mean logit that becomes 0.
        high: mean logit that becomes 1.
    """
    layers = [(net[1], net[4]) for net in members]
    hidden = np.concatenate([first.weight.detach().numpy() for first, _ in layers]).T / scale
    bias = np.concatenate([first.bias.detach().numpy() for first, _ in layers])
    out = np.concatenate([last.weight.detach().numpy()[0] for _, last in layers]) / len(members)
    level = np.mean([last.bias.item() for _, last in layers])
    parts = (
        hidden.reshape(2 * HALF + 1, -1, hidden.shape[1]),
        bias,
        out / (high - low),
        np.array([(level - low) / (high - low)]),
    )
    return ClosureScore(*(part.astype(np.float32) for part in parts))
