"""Playback in torch, for GPUs: per frame only what changes, with the network in half precision.

Constant per portrait, as in `unigs.playback.cpu_player`: the tri-plane features and their product
with the first layer. The numbers of many frames travel to the device together,
and the finished bytes come back in one copy. Everything between is the portrait's own forward pass.
"""

from __future__ import annotations

import copy

import numpy as np
import torch

from unigs.model.portrait import Portrait, PosedField
from unigs.playback.cues import Cue

GPU_PRECISION = torch.float16
"""Precision of the deformation network at playback on a GPU. Rounding moves a Gaussian by
hundredths of a pixel: a test asks for 55 dB against single precision."""


class TorchPlayer:
    """Plays a portrait frame by frame on the portrait's own device.

    Args:
        portrait: trained portrait; weights that change later are not seen.
        precision: precision of the deformation network's products.
    """

    @torch.no_grad()
    def __init__(self, portrait: Portrait, precision: torch.dtype) -> None:
        self.portrait, self.precision = portrait, precision
        if portrait.has_dynamics:
            network = portrait.motion.deformation
            self.fixed = network.fixed_part(portrait.encode()).to(precision)
            self.network = copy.deepcopy(network).to(precision)
        behind = portrait.behind
        self.behind = None if behind is None else TorchPlayer(behind, precision)
        size = portrait.size
        # A copy into page-locked memory does not go through a second buffer.
        pinned = portrait.device.type == "cuda"
        self.out = torch.empty(size, size, 3, dtype=torch.uint8, pin_memory=pinned)

    @torch.no_grad()
    def play(self, cue: Cue, backdrop: np.ndarray | None = None) -> np.ndarray:
        """The frame over what lies behind it, uint8 [H,W,3]; the next call overwrites it.

        Args:
            cue: the frame's numbers.
            backdrop: what lies behind the field, float32 [H,W,3]; None: the layer behind it or the
                plate.
        """
        plate = None if backdrop is None else torch.from_numpy(backdrop).to(self.portrait.device)
        image = self.image(cue, plate)
        self.out.copy_(image.clamp_(0, 1).mul_(255).round_().byte())
        return self.out.numpy()

    @torch.no_grad()
    def image(self, cue: Cue, plate: torch.Tensor | None = None) -> torch.Tensor:
        """The frame, [H,W,3] on the portrait's device, not limited to [0,1]; see `play`."""
        if plate is None and self.behind is not None:
            plate = self.behind.image(cue.behind or cue)
        return self.portrait.render([self.posed(cue)], None if plate is None else [plate])[0].image

    @torch.no_grad()
    def posed(self, cue: Cue) -> PosedField:
        """The field of a frame, without what lies behind it, and what moved it.

        Args:
            cue: the frame's numbers.
        """
        deltas = None
        if self.portrait.has_dynamics:
            # Only the network computes in less than single precision.
            inputs = (x.to(self.precision) for x in (cue.bias, cue.shapes))
            deltas = self.network.deltas(self.network.per_frame(self.fixed, *inputs).float())
        return self.portrait.splats(cue.R, cue.t, cue.torso, deltas), deltas
