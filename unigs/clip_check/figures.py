"""What is measured of a candidate clip. Nothing here knows how a figure is found."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field


@dataclass
class ClipFigures:
    """Figures of a clip; None for what could not be measured, as `refused` says."""

    seconds: float | None = None
    """Length of the picture between start and stop."""
    fps: float | None = None
    """Frames per second, from the times of the frames."""
    uneven: float | None = None
    """Share of frames that follow at another distance than the median one."""
    width: int | None = None
    """Pixels of the source, upright."""
    height: int | None = None
    """Pixels of the source, upright."""
    refused: str | None = None
    """Why the preparation would not take the clip, in one sentence."""

    window: int | None = None
    """Side of the square that a portrait is cut from, source pixels."""
    face_height: float | None = None
    """Median height of the face from chin to hairline, source pixels."""
    kept_seconds: float | None = None
    """Seconds that training and test can use."""
    no_face: float | None = None
    """Share of frames in which no face is found."""
    second_face: float | None = None
    """Share of frames with another face."""
    hands: float | None = None
    """Share of frames with a hand in the window."""
    fade: float | None = None
    """Share of frames that fade in or out."""
    head_turn: float | None = None
    """Share of frames in which the head is turned too far."""
    cuts: list[float] = field(default_factory=list)
    """Seconds of jump cuts, from the clip's start."""
    yaw: float | None = None
    """Degrees between the 5th and the 95th percentile of the head's turn to the sides."""
    pitch: float | None = None
    """The same of its nod."""

    hair_reach: float | None = None
    """How far the hair reaches below the chin, in heights of the face; below 0: above the chin."""
    hair_below: float | None = None
    """Share of the hair's pixels that lie below the chin."""
    hair_cut_off: float | None = None
    """Share of frames in which hair leaves the window at its top."""
    hair_goes_on: float | None = None
    """Share of frames in which hair leaves the window at its bottom: it is longer than it looks."""
    torso: float | None = None
    """Share of the window that shows neck and torso."""
    background: float | None = None
    """Median change of background pixels between frames seconds apart, gray levels."""

    level: float | None = None
    """RMS of the speech, dB of full scale."""
    clipped: float | None = None
    """Share of samples at full scale."""
    noise: float | None = None
    """RMS of the quietest twentieth of the recording, dB of full scale, at least -90."""
    over_noise: float | None = None
    """Decibels of the speech over that noise."""
    speech: float | None = None
    """Share of the time in which someone speaks."""
    late: float | None = None
    """Frames by which the sound comes later than the picture; 0 also where the lips do not tell."""

    def to_dict(self) -> dict:
        """JSON values, rounded to what means something."""
        return {
            name: round(value, 4) if isinstance(value, float) else value
            for name, value in asdict(self).items()
        }
