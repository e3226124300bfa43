"""Poses of frames in which none was found, from those around."""

from __future__ import annotations

import numpy as np

from unigs.geometry.rigid import Poses, rotation, rotation_vector


def bridge(poses: Poses, seen: np.ndarray, starts: np.ndarray) -> Poses:
    """Poses of all frames, interpolated between the seen ones (rotations along the geodesic).

    A shot with seen frames uses its own frames alone; before its first and after its last seen
    frame the pose is held. A shot without any is interpolated across its cuts.

    Args:
        poses: of the seen frames, in order.
        seen: [T] bool.
        starts: [T] bool, first frames after jump cuts.
    """
    shot, rows = np.cumsum(starts), np.flatnonzero(seen)
    R, t = np.empty((len(seen), 3, 3)), np.empty((len(seen), 3))
    for k in np.unique(shot):
        here = np.flatnonzero(shot == k)
        mine = np.flatnonzero(shot[rows] == k)
        if len(mine) == 0:
            mine = np.arange(len(rows))
        after = mine[np.minimum(np.searchsorted(rows[mine], here), len(mine) - 1)]
        before = mine[np.maximum(np.searchsorted(rows[mine], here, side="right") - 1, 0)]
        gap = np.maximum(rows[after] - rows[before], 1)
        part = np.clip((here - rows[before]) / gap, 0, 1)[:, None]
        turn = rotation_vector(poses.R[after] @ np.swapaxes(poses.R[before], 1, 2))
        R[here] = rotation(part * turn) @ poses.R[before]
        t[here] = (1 - part) * poses.t[before] + part * poses.t[after]
    return Poses(R, t)


def cuts_between_seen(starts: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Cuts [T] bool that start a shot with at least one seen frame.

    A shot without any seen frame joins the shot before.
    """
    shot = np.cumsum(starts)
    return starts & np.isin(shot, shot[seen])
