"""Playback in torch, for GPUs: per frame only what changes, with the network in half precision.

Constant per portrait, as in the CPU's player (`unigs.render.player`): the tri-plane features and
their product with the first layer. The frame's numbers travel to the device in one copy, and the
finished bytes come back in one. Everything between is the portrait's own forward pass.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import numpy as np
import torch

from unigs.model.anchor import Body

if TYPE_CHECKING:
    from unigs.model.deformation import Deltas
    from unigs.model.portrait import Portrait

GPU_PRECISION = torch.float16
"""Of the deformation network at playback on a GPU. Its rounding moves a Gaussian by hundredths of a
pixel: a test asks for 55 dB against single precision."""


class TorchPlayer:
    """Plays a portrait frame by frame on the portrait's own device.

    Args:
        portrait: trained; its weights of this moment are kept.
        precision: of the deformation network's products.
    """

    def __init__(self, portrait: Portrait, precision: torch.dtype) -> None:
        self.portrait, self.precision = portrait, precision
        if portrait.has_dynamics:
            network = portrait.motion.deformation
            self.known = network.constants(portrait.encode()).to(precision)
            self.network = copy.deepcopy(network).to(precision)
        size = portrait.size
        # A copy into page-locked memory does not go through a second buffer.
        pinned = portrait.device.type == "cuda"
        self.out = torch.empty(size, size, 3, dtype=torch.uint8, pin_memory=pinned)

    @torch.no_grad()
    def play(
        self,
        R: np.ndarray,
        t: np.ndarray,
        speech: np.ndarray | None = None,
        eyes: np.ndarray | None = None,
        body: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None,
    ) -> np.ndarray:
        """The frame over the plate, uint8 [H,W,3]; a buffer that the next call overwrites.

        Args:
            R, t: head pose. speech: window [W,D]. eyes: units [6].
            body: R [3,3], t [3] and outline [2] of the torso's own frame; None: at rest.
        """
        R, t, speech, eyes, *track = self._upload(R, t, speech, eyes, *(body or ()))
        torso = self.portrait.torso(Body(*track) if track else None)
        deltas = self._deltas(R, t, torso, speech, eyes) if self.portrait.has_dynamics else None
        frame = self.portrait.splats(R, t, torso, deltas), deltas
        image = self.portrait.show([frame])[0].image
        self.out.copy_(image.clamp_(0, 1).mul_(255).round_().byte())
        return self.out.numpy()

    def _deltas(
        self,
        R: torch.Tensor,
        t: torch.Tensor,
        torso: Body,
        speech: torch.Tensor,
        eyes: torch.Tensor,
    ) -> Deltas:
        """Eq. 6 from the constants; only the network itself is in less than single precision."""
        motion = self.portrait.motion
        drivers = motion.drivers(R, t, torso, motion.hear(speech[None])[0], eyes)
        raw = self.network.per_frame(self.known, *(x.to(self.precision) for x in drivers))
        return self.network.deltas(raw.float())

    def _upload(self, *numbers: np.ndarray | None) -> list[torch.Tensor | None]:
        """Tensors on the device, in one copy: a GPU waits for each."""
        arrays = [None if x is None else np.asarray(x, np.float32) for x in numbers]
        given = [x for x in arrays if x is not None]
        flat = torch.from_numpy(np.concatenate([x.ravel() for x in given]))
        parts = iter(flat.to(self.portrait.device).split([x.size for x in given]))
        return [None if x is None else next(parts).view(x.shape) for x in arrays]
