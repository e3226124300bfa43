"""The motion of the clip, played forwards and backwards for as long as the speech lasts."""

import numpy as np


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
    """Shorten a segment so that its motion does not reverse in the middle of a blink.

    Args:
        segment: frames of the clip.
        blink: [T] AU45, 0-5.
        turn: frames near an end that are replayed when the motion reverses.
        threshold: AU45 above which the lid is moving.

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
    """Position in a piece of motion for each output frame.

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
