"""From timed phones to the lips that would speak them: targets, dominance, co-articulation."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from unigs.speech.phones import BILABIALS, Phone

FINE = 200
"""Steps of a second in which phones are laid out."""
REACH = 0.055
"""Standard deviation, seconds, of the window in which neighboring phones share the lips."""
LEAD = 0.04
"""Seconds by which lips are ahead of the sound that they shape."""


@dataclass(frozen=True)
class Viseme:
    """What a phone does to the lips."""

    opening: float
    """Opening between the lips, 0 (shut) to 1 (widest vowel)."""
    width: float
    """Width between the corners, -1 (rounded) to 1 (spread)."""
    pull: float = 1.0
    """Dominance over the neighbors: large for sounds that cannot be made with other lips."""


PAUSE = "pau"
VISEMES = {
    PAUSE: Viseme(0.05, 0.0),
    "aa": Viseme(1.0, 0.0),
    "ae": Viseme(0.95, 0.3),
    "ah": Viseme(0.65, 0.0),
    "ao": Viseme(0.85, -0.6),
    "aw": Viseme(0.9, -0.2),
    "ax": Viseme(0.45, 0.0, 0.7),
    "ay": Viseme(0.9, 0.2),
    "eh": Viseme(0.75, 0.4),
    "er": Viseme(0.45, -0.4),
    "ey": Viseme(0.6, 0.6),
    "ih": Viseme(0.45, 0.5, 0.8),
    "iy": Viseme(0.35, 0.9),
    "ow": Viseme(0.6, -0.8),
    "oy": Viseme(0.65, -0.5),
    "uh": Viseme(0.4, -0.6),
    "uw": Viseme(0.25, -1.0),
    "b": Viseme(0.0, 0.0, 3.0),
    "p": Viseme(0.0, 0.0, 3.0),
    "m": Viseme(0.0, 0.0, 3.0),
    "f": Viseme(0.12, 0.1, 2.0),
    "v": Viseme(0.12, 0.1, 2.0),
    "w": Viseme(0.18, -1.0, 2.0),
    "hh": Viseme(0.5, 0.1, 0.3),
    "s": Viseme(0.25, 0.5),
    "z": Viseme(0.25, 0.5),
    "sh": Viseme(0.3, -0.5, 1.2),
    "zh": Viseme(0.3, -0.5, 1.2),
    "ch": Viseme(0.3, -0.4, 1.2),
    "jh": Viseme(0.3, -0.4, 1.2),
    "t": Viseme(0.3, 0.3, 0.7),
    "d": Viseme(0.3, 0.3, 0.7),
    "n": Viseme(0.32, 0.3, 0.7),
    "l": Viseme(0.4, 0.2, 0.6),
    "r": Viseme(0.3, -0.5),
    "th": Viseme(0.3, 0.2, 0.8),
    "dh": Viseme(0.3, 0.2, 0.7),
    "k": Viseme(0.38, 0.1, 0.4),
    "g": Viseme(0.38, 0.1, 0.4),
    "ng": Viseme(0.38, 0.1, 0.5),
    "y": Viseme(0.33, 0.6, 0.8),
}
"""Visemes of the phones of English, by their ARPABET names; made by hand, refined on nobody."""


def lip_curves(phones: list[Phone], times: np.ndarray) -> np.ndarray:
    """Opening and width of the lips [T,2] at some times.

    Every phone pulls at the lips with its dominance, weighted by a Gaussian around the time (after
    Cohen and Massaro 1993).

    Args:
        phones: keys of `VISEMES` with their times, in order, without gaps.
        times: seconds [T].
    """
    count = int(phones[-1].end * FINE) + FINE
    pulled, pull = np.zeros((count, 2)), np.full(count, 1e-6)
    for phone in phones:
        viseme = VISEMES[phone.symbol]
        first = int(phone.start * FINE)
        inside = slice(first, max(first + 1, int(phone.end * FINE)))
        pulled[inside] += viseme.pull * np.array([viseme.opening, viseme.width])
        pull[inside] += viseme.pull
    pulled = gaussian_filter1d(pulled, REACH * FINE, axis=0, mode="nearest")
    pull = gaussian_filter1d(pull, REACH * FINE, mode="nearest")
    at = ((times + LEAD) * FINE).astype(int).clip(0, count - 1)
    return (pulled / pull[:, None])[at]


def speaking(phones: list[Phone], times: np.ndarray) -> np.ndarray:
    """Whether a phone other than a pause sounds at each of some times, bool [T]."""
    spoken = np.zeros(len(times), bool)
    for phone in phones:
        if phone.symbol != PAUSE:
            spoken |= (times >= phone.start) & (times < phone.end)
    return spoken


def closing_rows(phones: list[Phone], times: np.ndarray) -> np.ndarray:
    """Whether the lips meet for p, b or m at each of some times, bool [T]: LEAD / 2 early."""
    shut = np.zeros(len(times), bool)
    for phone in phones:
        if phone.symbol in BILABIALS:
            shut |= (times >= phone.start - LEAD / 2) & (times < phone.end)
    return shut
