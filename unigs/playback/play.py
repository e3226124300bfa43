"""A portrait plays a performance: the one door to the players."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property

import numpy as np
import torch

from unigs.compute.threads import get_threads, side_by_side
from unigs.model.kernels.pose import DEGREES
from unigs.model.portrait import Portrait
from unigs.playback.cpu_player import CpuPlayer, make_player
from unigs.playback.cues import Cue, cues
from unigs.playback.torch_player import GPU_PRECISION, TorchPlayer
from unigs.subject.performance import Performance

__all__ = ["Playback"]

HEARD_AT_ONCE = 100
"""Frames of speech that go through the speech networks together."""
FRAMES_AT_ONCE = 16
"""Most frames that are played side by side; each takes some ten megabytes of buffers."""


class Playback:
    """Plays a trained portrait: NumPy in, uint8 pictures out, no autograd.

    A CPU plays fields of degree 0 and 1 with compiled kernels, every other device and degree with
    torch. What does not change between frames is computed before the first one, from the weights of
    that moment.

    Example:
        >>> portrait = load_portrait(path)
        >>> table = read_frame_table(frames)
        >>> performance = read_performance(table, pose, body, eyes, speech)
        >>> for image in Playback(portrait).clip(performance):
        ...     writer.write(image)

    Args:
        portrait: static or dynamic, on its device.
    """

    def __init__(self, portrait: Portrait) -> None:
        self.portrait = portrait
        self._twins: list[CpuPlayer] = []

    def clip(
        self, performance: Performance, backdrops: Iterator[np.ndarray] | None = None
    ) -> Iterator[np.ndarray]:
        """The frames of a performance, uint8 [H,W,3], one by one.

        Args:
            performance: what moves the portrait.
            backdrops: a picture for each frame, uint8 [H,W,3], that lies behind the (head's) field;
                None: the layer behind it or the plate.
        """
        yield from side_by_side(self._players, self._tasks(performance, backdrops))

    def _tasks(
        self, performance: Performance, backdrops: Iterator[np.ndarray] | None
    ) -> Iterator[tuple[Cue, np.ndarray | None]]:
        """The cue of each frame, and what lies behind it if that is given."""
        for first in range(0, len(performance), HEARD_AT_ONCE):
            for cue in cues(self.portrait, performance[first : first + HEARD_AT_ONCE]):
                yield cue, None if backdrops is None else next(backdrops)

    @property
    def _players(self) -> list[Callable[[tuple], np.ndarray]]:
        """Functions that each play a frame into an array of its own: on a CPU one per thread."""
        if not self._compiled:
            return [lambda task: self.torch_player.play(task[0], _floats(task[1])).copy()]
        while len(self._twins) < min(get_threads(), FRAMES_AT_ONCE):
            self._twins.append(self.cpu_player.twin() if self._twins else self.cpu_player)
        return [
            lambda task, twin=twin: twin.play(task[0], _floats(task[1])).copy()
            for twin in self._twins[: get_threads()]
        ]

    def frame(self, performance: Performance, index: int) -> np.ndarray:
        """One frame by itself, uint8 [H,W,3], as a live source of cues needs it."""
        return next(self.clip(performance[index : index + 1]))

    def cue(self, cue: Cue, backdrop: np.ndarray | None = None) -> np.ndarray:
        """One frame of a cue, uint8 [H,W,3]; the next call overwrites it. See `clip`."""
        player = self.cpu_player if self._compiled else self.torch_player
        return player.play(cue, _floats(backdrop))

    @property
    def _compiled(self) -> bool:
        """Whether compiled kernels play this portrait."""
        return self.portrait.device.type == "cpu" and self.portrait.gaussians.sh_degree in DEGREES

    @cached_property
    def cpu_player(self) -> CpuPlayer:
        """The renderer in compiled kernels."""
        return make_player(self.portrait)

    @cached_property
    def torch_player(self) -> TorchPlayer:
        """The renderer in torch, with the network in half precision on a GPU."""
        half = self.portrait.device.type == "cuda"
        return TorchPlayer(self.portrait, GPU_PRECISION if half else torch.float32)


def _floats(backdrop: np.ndarray | None) -> np.ndarray | None:
    """A picture of bytes as numbers in [0,1]."""
    return None if backdrop is None else backdrop.astype(np.float32) / 255
