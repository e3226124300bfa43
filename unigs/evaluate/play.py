"""Playing a portrait from the driving numbers of a clip."""

import numpy as np

from unigs.evaluate.inputs import Drivers
from unigs.model.portrait import Portrait


def play_frame(model: Portrait, drivers: Drivers, row: int, heard: int | None = None) -> np.ndarray:
    """Render one frame, uint8 [H,W,3].

    Args:
        model: the portrait; a static one gets no speech and no eyes.
        drivers: what drives it.
        row: the frame whose pose and eyes are used.
        heard: the frame whose speech is used; by default the same.
    """
    alive = model.has_dynamics
    return model.play(
        drivers.rotation[row],
        drivers.translation[row],
        drivers.speech[row if heard is None else heard] if alive else None,
        drivers.eyes[row] if alive else None,
        (drivers.body_rotation[row], drivers.body_translation[row], drivers.body_outline[row]),
    )
