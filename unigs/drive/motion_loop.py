"""The motion of the clip, played forwards and backwards for as long as the speech lasts."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation, Slerp


def longest_segment(usable: np.ndarray, cut: np.ndarray) -> slice:
    """The longest run of usable frames without a jump cut inside.

    Args:
        usable: [T] bool, kept frames with a pose.
        cut: [T] bool, first frames after a jump cut.

    Returns:
        The run as a slice; empty if no frame is usable.
    """
    best, start = slice(0, 0), 0
    for k in range(len(usable) + 1):
        if k == len(usable) or not usable[k] or cut[k]:
            if k - start > best.stop - best.start:
                best = slice(start, k)
            start = k if k < len(usable) and usable[k] else k + 1
    return best


def trim_blinks(segment: slice, blink: np.ndarray, turn: int, threshold: float = 1.0) -> slice:
    """Shorten a segment so that it does not turn round in the middle of a blink.

    Args:
        segment: frames.
        blink: [T] AU45, 0-5.
        turn: frames near an end that the turn replays.
        threshold: AU45 above which the lid is on its way.

    Returns:
        A segment at whose ends the eyes are open for `turn` frames, or the one given if that
        would cost more than half of it.
    """
    start, stop = segment.start, segment.stop
    length = stop - start
    while stop - start > length // 2 and (blink[start : start + turn] > threshold).any():
        start += 1
    while stop - start > length // 2 and (blink[max(start, stop - turn) : stop] > threshold).any():
        stop -= 1
    return slice(start, stop) if stop - start > length // 2 else segment


def ping_pong(frames: np.ndarray, length: int, turn: float) -> np.ndarray:
    """Where in a piece of motion the output is, for each output frame.

    The speed is 1 between the ends; in a turn it is cos(pi s / turn), so position, velocity and
    acceleration are continuous. The turn lies inside the piece.

    Args:
        frames: [n] output frame numbers from 0.
        length: frames of the piece.
        turn: frames that a turn takes.

    Returns:
        [n] positions in [0, length - 1].
    """
    if length < 2:
        return np.zeros(len(frames))
    # A turn reaches turn / pi beyond the point where it starts.
    turn = min(turn, (length - 1) * np.pi / 2)
    reach = turn / np.pi
    straight = length - 1 - 2 * reach
    half = straight + turn
    # Frame 0 is at the end of a turn, moving forwards.
    phase = np.asarray(frames, float) % (2 * half)
    back = phase >= half
    s = np.where(back, phase - half, phase)
    position = reach + np.minimum(s, straight)
    position = position + reach * np.sin(np.pi * np.maximum(s - straight, 0) / max(turn, 1e-9))
    return np.where(back, length - 1 - position, position)


@dataclass(frozen=True)
class Rigid:
    """A head's motion: rotation [n,3,3] and translation [n,3] metres."""

    rotation: np.ndarray
    translation: np.ndarray

    def at(self, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """R [m,3,3] and t [m,3] at positions [m] in [0, n - 1], float32."""
        translation = interpolate(self.translation, positions)
        if len(self.rotation) > 1:
            turned = Slerp(np.arange(len(self.rotation)), Rotation.from_matrix(self.rotation))
            rotation = turned(np.clip(positions, 0, len(self.rotation) - 1)).as_matrix()
        else:
            rotation = np.repeat(self.rotation, len(positions), 0)
        return rotation.astype(np.float32), translation


@dataclass(frozen=True)
class Affine(Rigid):
    """A torso's motion: `rotation` is a rotation times a small map of the image plane.

    outline [n,2]: where the arms stand, metres.
    """

    outline: np.ndarray

    def at(self, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """R [m,3,3], t [m,3], outline [m,2] at positions [m] in [0, n - 1], linear, float32."""
        flat = interpolate(self.rotation.reshape(-1, 9), positions)
        parts = self.translation, self.outline
        return flat.reshape(-1, 3, 3), *(interpolate(x, positions) for x in parts)


def interpolate(rows: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Rows [n,D] at positions [m] in [0, n - 1], linear between them: float32 [m,D]."""
    low = np.clip(np.floor(positions).astype(int), 0, max(len(rows) - 2, 0))
    high = np.minimum(low + 1, len(rows) - 1)
    share = (positions - low)[:, None]
    return (rows[low] * (1 - share) + rows[high] * share).astype(np.float32)


@dataclass(frozen=True)
class Motion:
    """Head, torso and eyes of a piece of the clip, at any time between its frames.

    head, torso: their motions; eyes [n,6] action units 0-5.
    """

    head: Rigid
    torso: Affine
    eyes: np.ndarray

    def __len__(self) -> int:
        return len(self.eyes)

    def at(self, positions: np.ndarray) -> tuple:
        """Head (R, t), torso (R, t, outline), eyes [m,6] at positions [m] in [0, n - 1]."""
        eyes = interpolate(self.eyes, positions)
        return self.head.at(positions), self.torso.at(positions), eyes
