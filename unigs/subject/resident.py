"""Frames of a clip as 8-bit tensors on the device that trains."""

from __future__ import annotations

import numpy as np
import torch

from unigs.subject.framestore import FrameStore

FRAMES_PER_COPY = 64
"""Frames that are copied at once."""


class ResidentFrames:
    """A store's frames on a device, as uint8 tensors.

    Args:
        store: the decoded frames.
        device: device of the tensors.
        keep: copy all frames to the device now; False: copy a frame when it is asked for.
    """

    def __init__(self, store: FrameStore, device: torch.device, keep: bool) -> None:
        self.store, self.device, self.kept = store, device, None
        if keep:
            shape = (len(store), *store[0].shape)
            self.kept = torch.empty(shape, dtype=torch.uint8, device=device)
            for start in range(0, len(store), FRAMES_PER_COPY):
                part = np.array(store.frames[start : start + FRAMES_PER_COPY])
                self.kept[start : start + FRAMES_PER_COPY] = torch.from_numpy(part).to(device)

    def __getitem__(self, index: int) -> torch.Tensor:
        """Frame [H,W,3], or labels [H,W], uint8; not to be written to."""
        if self.kept is not None:
            return self.kept[index]
        return torch.from_numpy(self.store[index]).to(self.device)
