"""Action units of eyes and smile from mesh landmarks, calibrated on one person's clip.

Every measure is a length in the head's own axes (so that nodding does not foreshorten it), divided
by the distance of the eyes' outer corners (so that coming nearer does not matter). What the angle
of the head still explains is taken out by regression. Then each measure becomes a unit of 0 to 5:
0 at the person's usual face, 5 at a strong movement. Brows and cheeks reach 5 only if the person
moves them far enough; otherwise noise would become expression.
"""

from __future__ import annotations

import numpy as np

from unigs.face import mesh
from unigs.face.angles import head_angles, head_to_camera
from unigs.media.gaussian import smooth_parts

CLOSED = 0.2
"""Lid opening of closed eyes as a share of the open one, for clips in which nobody blinks."""
CLOSES = 0.5
"""A clip whose lid opening never falls below this share of the usual one shows no blink."""
OPEN_QUANTILE = 0.6
"""The usual open eye: quantile of the opening; speakers look down and narrow their eyes more often
than they widen them."""
SMILE_LEAST = 0.15
"""The face without a smile: quantile of the lip corners' place, as some smile in most frames."""
SMILE_SMOOTH = 8.0
"""Least standard deviation in frames of the Gaussian over AU12. Below a third of a second corners
move with what is said, and the portrait shall take that from the sound."""
FULL_STRENGTH = {
    "AU01": 0.10,
    "AU04": 0.07,
    "AU05": 0.035,
    "AU06": 0.06,
    "AU07": 0.030,
    "AU12": 0.06,
}
"""Least movement, in distances of the outer eye corners, that a unit's full strength 5 stands for;
a person who moves farther gets a larger one."""


def action_units(
    points: np.ndarray,
    smooth: float = 1.0,
    usable: np.ndarray | None = None,
    parts: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """Action units of a clip.

    Args:
        points: landmarks [T,478,3] in pixels, NaN in frames without a face.
        smooth: standard deviation in frames of the Gaussian over all but AU45; AU12 has at least
            `SMILE_SMOOTH`.
        usable: frames [T] bool that set the scale (faded or turned-away ones would spoil it);
            None: all frames that show a face.
        parts: number of every frame's part [T], within which units are smoothed; None: all frames
            are one part.

    Returns:
        AU01, AU04, AU05, AU06, AU07, AU12 and AU45 -> [T] float64, 0 (the person's usual face, for
        AU12 the one without a smile) to 5, NaN in frames without a face.
    """
    known = np.isfinite(points).all((1, 2))
    seen = np.asarray(points[known], np.float64)
    usable = np.ones(len(seen), bool) if usable is None else usable[known]
    if not usable.any():
        usable = ~usable
    lengths = measures(seen)
    basis = _angle_basis(seen, usable)
    level = {name: _upright(value, basis, usable) for name, value in lengths.items()}
    opening, usual = lid_opening(lengths["opening"], basis, usable)
    blink = blink_strength(opening, usable)
    awake = 1.0 - blink / 5.0  # lids and brows follow a blink; that is not an expression
    raw = {
        "AU01": np.maximum(level["inner_brow"], 0.0) * awake,
        "AU04": np.maximum(-level["brow"] - 0.5 * level["brow_gap"], 0.0) * awake,
        "AU05": np.maximum(opening - 1.0, 0.0) * usual,
        "AU06": np.maximum(-level["cheek"], 0.0) * awake,
        "AU07": np.maximum(level["lower_lid"], 0.0) * awake,
        "AU12": _upright(lengths["smile"], basis, usable, SMILE_LEAST),
    }
    units = {"AU45": blink}
    for name, value in raw.items():
        width = max(smooth, SMILE_SMOOTH) if name == "AU12" else smooth
        value = smooth_parts(value, width, None if parts is None else parts[known])
        strongest = max(float(np.quantile(value[usable], 0.995)), FULL_STRENGTH[name])
        units[name] = np.clip(5.0 * value / strongest, 0.0, 5.0)
    rows = {name: np.full(len(points), np.nan) for name in units}
    for name, value in units.items():
        rows[name][known] = value
    return rows


def measures(points: np.ndarray) -> dict[str, np.ndarray]:
    """Lengths of eye region and smile in the head's axes, from landmarks [T,478,3].

    Returns:
        Arrays [T] in units of the distance between the outer eye corners:
        opening: gap between the lids, mean over both eyes and three places;
        inner_brow: height of the inner brows above the eye corners;
        brow: height of the whole brows above the eye corners;
        brow_gap: distance between the inner brows;
        cheek: distance from the eye corners down to the cheeks;
        lower_lid: height of the lower lids above the line of the eye corners (negative: below);
        smile: height of the lips' corners above their middle (negative: below). Unlike the mouth's
            width it says next to nothing of what is spoken.
    """
    head = points @ head_to_camera(points)  # rows: x right, y down, z forward in the head
    corners = head[:, [33, 133, 362, 263]]
    unit = np.linalg.norm(corners[:, 3] - corners[:, 0], axis=-1)
    eye_line = corners[..., 1].mean(1)

    def height(*groups: tuple[int, ...]) -> np.ndarray:
        rows = [index for group in groups for index in group]
        return (eye_line - head[:, rows, 1].mean(1)) / unit

    upper = (160, 159, 158, 385, 386, 387)
    lower = (144, 145, 153, 380, 374, 373)
    gap = np.linalg.norm((head[:, upper] - head[:, lower])[..., :2], axis=-1).mean(1)
    inner = (55, 65, 107, 66, 285, 295, 336, 296)
    return {
        "opening": gap / unit,
        "inner_brow": height(inner),
        "brow": height(mesh.RIGHT_BROW, mesh.LEFT_BROW),
        "brow_gap": np.linalg.norm(head[:, 285] - head[:, 55], axis=-1) / unit,
        "cheek": -height(mesh.RIGHT_CHEEK, mesh.LEFT_CHEEK),
        "lower_lid": height(lower),
        "smile": height(mesh.MOUTH_CORNERS) - height(mesh.MOUTH_OPENING[1]),
    }


def _angle_basis(points: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """1, yaw, pitch and their squares [T,5], in radians from the median over usable frames."""
    angles = np.radians(head_angles(points)[:, :2])
    yaw, pitch = (angles - np.median(angles[usable], axis=0)).T
    return np.stack([np.ones_like(yaw), yaw, pitch, yaw**2, pitch**2], axis=1)


def _upright(
    value: np.ndarray, basis: np.ndarray, usable: np.ndarray, above: float = 0.5
) -> np.ndarray:
    """Deviation [T] of a measure from what the head's angles explain of its quantile `above`."""
    return value - basis @ _robust_fit(basis[usable], value[usable], above)


def _robust_fit(basis: np.ndarray, value: np.ndarray, above: float = 0.5) -> np.ndarray:
    """Coefficients [C] of the quantile `above` of value [T] on basis [T,C], slightly ridged.

    Iteratively reweighted least squares on the absolute deviation, with weights `above` and
    1 - above for rows above and below the fit. The ridge keeps a still head's slopes at zero.
    """
    ridge = 1e-3 * len(value) * np.diag([0.0] + [1.0] * (basis.shape[1] - 1))
    weight = np.ones(len(value))
    for _ in range(30):
        weighted = basis * weight[:, None]
        coefficients = np.linalg.solve(weighted.T @ basis + ridge, weighted.T @ value)
        error = value - basis @ coefficients
        scale = 0.1 * np.median(np.abs(error)) + 1e-9
        side = np.where(error > 0, above, 1.0 - above)
        weight = side / np.maximum(np.abs(error), scale)
        weight /= weight.mean()
    return coefficients


def lid_opening(
    gap: np.ndarray, basis: np.ndarray, usable: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Lid opening relative to the usual open eye at the same head angle.

    Args:
        gap: distance of the lids [T].
        basis: of the head's angles [T,5].
        usable: frames [T] bool that say what is usual.

    Returns:
        The opening [T] as a share of the usual one, and the usual opening [T] in units of `gap`.
    """
    usual = basis @ _robust_fit(basis[usable], gap[usable], above=OPEN_QUANTILE)
    middle = np.median(gap[usable])
    usual = np.clip(usual, 0.7 * middle, 1.4 * middle)  # at angles too rare to be fitted
    return gap / usual, usual


def blink_strength(opening: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """AU45 [T] from the opening [T] (1: usual): 0 open, 5 closed.

    The closed end is the person's own if the clip shows closed eyes, else `CLOSED`. Openings
    within half the usual spread of open eyes count as open (dead zone), so a steady gaze gives 0.
    """
    lowest = float(np.quantile(opening[usable], 0.003))
    closed = min(lowest, 0.35) if lowest < CLOSES else CLOSED
    awake = opening[usable & (opening > 0.5 * (1 + closed))]
    slack = 0.5 * float(np.quantile(np.abs(awake - np.median(awake)), 0.7)) if len(awake) else 0.0
    return np.clip(5.0 * (1.0 - slack - opening) / (1.0 - slack - closed), 0.0, 5.0)
