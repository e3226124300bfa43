"""Playing a portrait from the driving numbers of a clip."""

from collections.abc import Iterator

import numpy as np

from unigs.evaluate.inputs import Drivers
from unigs.model.portrait import Portrait


def play_frames(
    model: Portrait, drivers: Drivers, rows: np.ndarray, heard: np.ndarray | None = None
) -> Iterator[np.ndarray]:
    """Render frames, uint8 [H,W,3] each.

    Args:
        model: the portrait; a static one gets no speech and no eyes.
        drivers: what drives it.
        rows: the frames whose poses and eyes are used.
        heard: the frames whose speech is used; by default the same.
    """
    alive = model.has_dynamics
    return model.play_clip(
        drivers.rotation[rows],
        drivers.translation[rows],
        drivers.speech[rows if heard is None else heard] if alive else None,
        drivers.eyes[rows] if alive else None,
        (drivers.body_rotation[rows], drivers.body_translation[rows], drivers.body_outline[rows]),
    )


def play_frame(model: Portrait, drivers: Drivers, row: int) -> np.ndarray:
    """Render one frame by itself, uint8 [H,W,3], as someone who streams does."""
    return next(play_frames(model, drivers, np.array([row])))
