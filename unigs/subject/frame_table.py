"""Reading clip/frames.csv: which frames count and where the shots begin."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from unigs.stage.errors import UserError


def read_frames(frames: Path, count: int, other: Path) -> tuple[np.ndarray, np.ndarray]:
    """Kept frames and first frames after jump cuts, [T] bool each.

    Args:
        frames: the table.
        count: number of rows that it must have.
        other: the file that has `count` frames, for the message.

    Raises:
        UserError: the table is missing, malformed, or of another clip.
    """
    try:
        table = pd.read_csv(frames, keep_default_na=False)
        keep, reasons = table["keep"].astype(int), table["reason"].astype(str)
    except FileNotFoundError:
        raise UserError(f"{frames} does not exist: run screen_clip first.") from None
    except (KeyError, ValueError) as error:
        raise UserError(f"{frames} is no frame table ({error}): run screen_clip anew.") from None
    if len(table) != count:
        raise UserError(
            f"{frames} has {len(table)} frames but {other} has {count}: "
            "they belong to different clips; make both anew."
        )
    cuts = reasons.str.split("+").map(lambda words: "jump_cut" in words)
    return keep.to_numpy() > 0, cuts.to_numpy(bool)
