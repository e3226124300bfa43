"""Which region each Gaussian shows: by its share in the pixels of the clip's label images."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import torch

from unigs.model.anchor import Body
from unigs.model.portrait import Portrait
from unigs.render.rasterize import rasterize
from unigs.subject.labels import NAMES, read_labels
from unigs.subject.performance import Performance

FRAMES = 12
"""Frames that are looked at, evenly spaced."""
SHOWN = NAMES[1:]
"""Names of the regions, in the order of their numbers here."""
NO_REGION = len(SHOWN)
"""Number of a Gaussian that no frame shows in any of the regions."""


def regions_of(
    portrait: Portrait, performance: Performance, usable: np.ndarray, labels: Path
) -> np.ndarray:
    """The region of each Gaussian, uint8 [N]: 0 to 3 as in `SHOWN`, or `NO_REGION`.

    A pixel is a sum of Gaussians; a Gaussian belongs to the region in whose pixels its weights sum
    to most. The weights are the gradient of a region's sum of pixels by the Gaussian's color.

    Args:
        portrait: static or dynamic.
        performance: of the portrait's own clip, with speech for a dynamic one.
        usable: frames that may be looked at, bool [T], at least one.
        labels: label video of the clip.

    Raises:
        UserError: the label video cannot be read.
    """
    known = np.flatnonzero(usable)
    chosen = known[np.unique(np.linspace(0, len(known) - 1, FRAMES).round().astype(int))]
    total = torch.zeros(len(portrait.gaussians), len(SHOWN))
    wanted = set(chosen.tolist())
    images = enumerate(islice(read_labels(labels), int(chosen[-1]) + 1))
    for number, image in images:
        if number in wanted:
            total += _shares(portrait, performance[number : number + 1], image)
    best = total.argmax(1)
    best[total.amax(1) <= 0] = NO_REGION
    return best.numpy().astype(np.uint8)


def _shares(portrait: Portrait, frame: Performance, labels: np.ndarray) -> torch.Tensor:
    """Sums of each Gaussian's weights in the pixels of each region of a frame, [N,R]."""

    def tensor(values: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.float32(values)).to(portrait.device)

    with torch.no_grad():
        R, t = tensor(frame.head.R[0]), tensor(frame.head.t[0])
        body = audio = eyes = None
        if frame.torso is not None:
            body = Body(*map(tensor, (frame.torso.R[0], frame.torso.t[0], frame.outline[0])))
        if portrait.has_dynamics:
            audio = portrait.motion.hear(tensor(frame.speech))[0]
            eyes = tensor(frame.eyes[0])
        splats, _ = portrait.pose(R, t, audio, eyes, body)
    colors = torch.zeros(len(splats.means), len(SHOWN), device=R.device, requires_grad=True)
    image, _, _ = rasterize(
        splats.means, splats.quats, splats.scales, splats.opacities, colors, splats.viewmat,
        portrait.K, portrait.size, portrait.size,
    )  # fmt: skip
    found = torch.tensor(labels)[..., None] == torch.arange(1, len(NAMES))
    (image * found.to(image.device)).sum().backward()
    return colors.grad.cpu()
