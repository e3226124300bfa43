"""Do the lips meet where they must: on p, b and m, and in pauses?

LMD and the opening's correlation are means over frames, and a closure lasts two or three of them: a
mouth that mumbles with its lips apart can score well. Where the phones are known (speech from a
synthesizer), each bilabial and each pause is looked at by itself. The opening may come from any
judge; "met" is relative to the person's own mouth by the same judge, since a detector's opening of
closed lips is not zero.
"""

from dataclasses import dataclass

import numpy as np

from unigs.evaluate.records import PORTRAIT, Record, measured
from unigs.speech.phones import BILABIALS, Phone, merged_pauses

CLOSED_PERCENTILE = 5
"""Percentile of the person's opening that counts as closed: single frames may be mislocated."""
MEETS_BELOW = 0.25
"""Share of the way from the closed to the mean open level below which the lips meet."""
REACH = 1
"""Frames by which a phone is widened to either side: lips may be a frame early or late."""


@dataclass(frozen=True)
class Levels:
    """A person's mouth as one judge sees it."""

    closed: float
    """Opening of closed lips."""
    opened: float
    """Mean opening of the open mouth."""

    @property
    def threshold(self) -> float:
        """Opening below which the lips meet."""
        return self.closed + MEETS_BELOW * (self.opened - self.closed)


@dataclass(frozen=True)
class Closure:
    """How often the lips met."""

    bilabials: float | None
    """Share of p, b, m in which they met; None where there was none."""
    bilabial_count: int
    pauses: float | None
    """Share of pauses in which they met; None where there was none."""
    pause_count: int
    pause_frames: float | None
    """Share of the frames inside pauses in which they met: a pause can be long."""


def levels_of(opening: np.ndarray) -> Levels:
    """Levels of a person from a clip in which the person speaks (the truth, never a render).

    Args:
        opening: per frame [T], any unit; NaN where no face was found, at least one finite.

    Returns:
        closed: the 5th percentile; open: the mean of the frames above the median.
    """
    known = opening[np.isfinite(opening)]
    return Levels(
        float(np.percentile(known, CLOSED_PERCENTILE)),
        float(known[known >= np.median(known)].mean()),
    )


def closure(opening: np.ndarray, phones: list[Phone], fps: float, levels: Levels) -> Closure:
    """How often the lips meet on bilabials and in pauses.

    They meet in a phone if the least opening of its frames, one more to either side, is below the
    threshold. Phones without any frame of known opening do not count.

    Args:
        opening: per frame [T], in the unit of `levels`; frame k shows the time from k / fps on.
        phones: what is spoken when; second 0 is the beginning of frame 0.
        fps: frames per second.
        levels: the person's mouth by the same judge.
    """
    pauses = merged_pauses(phones)
    lips = [phone for phone in phones if phone.symbol in BILABIALS]
    met_lips, met_pauses = (
        [
            float(np.nanmin(part)) < levels.threshold
            for phone in group
            if np.isfinite(part := _during(opening, phone, fps, REACH)).any()
        ]
        for group in (lips, pauses)
    )
    silent = [_during(opening, phone, fps, 0) for phone in pauses]
    inside = np.concatenate([np.zeros(0), *silent])
    inside = inside[np.isfinite(inside)]
    return Closure(
        float(np.mean(met_lips)) if met_lips else None,
        len(met_lips),
        float(np.mean(met_pauses)) if met_pauses else None,
        len(met_pauses),
        float((inside < levels.threshold).mean()) if len(inside) else None,
    )


def closure_records(found: Closure, backend: str, method: str = PORTRAIT) -> list[Record]:
    """Records of the shares.

    Args:
        found: how often the lips met.
        backend: the landmark detector that measured the opening.
        method: whose lips they are.
    """
    labels = {"region": "mouth", "backend": backend, "method": method, "unit": "share"}
    below = f"least opening below {MEETS_BELOW:.0%} of the way from the closed to the open mouth"
    return [
        measured(
            "closure_bilabial", found.bilabials, "no p, b or m while a face was seen",
            frames=found.bilabial_count, how=f"share of p, b, m with {below}", **labels,
        ),
        measured(
            "closure_pause", found.pauses, "no pause while a face was seen",
            frames=found.pause_count, how=f"share of pauses with {below}", **labels,
        ),
        measured(
            "closure_pause_frames", found.pause_frames, "no pause while a face was seen",
            frames=found.pause_count, how="share of the pauses' frames with closed lips", **labels,
        ),
    ]  # fmt: skip


def _during(opening: np.ndarray, phone: Phone, fps: float, reach: int) -> np.ndarray:
    """Openings of the frames that a phone touches, and of `reach` more to either side."""
    first = int(np.floor(phone.start * fps + 1e-6)) - reach
    last = int(np.ceil(phone.end * fps - 1e-6)) + reach
    return opening[max(0, first) : max(0, last)]
