"""Settings of screen_clip: which frames count, and which of them are test frames."""

from dataclasses import dataclass
from typing import Annotated, Literal

from unigs.settings.detectors import DetectorSettings
from unigs.stage.bounds import Bounds, NotNegative, Positive, Share


@dataclass(frozen=True)
class ScreenSettings(DetectorSettings):
    """Which frames of the clip do not count, and which are held out for the test."""

    max_yaw: Annotated[float, Bounds(above=0, maximum=180)] = 40.0
    """Largest turn of the head to the left or right of the clip's median direction, in degrees."""
    max_pitch: Annotated[float, Bounds(above=0, maximum=180)] = 30.0
    """Largest nod of the head above or below the clip's median direction, in degrees."""
    hysteresis: Annotated[float, Bounds(0, 180)] = 5.0
    """Degrees by which a head turn must fall below `max_yaw` and `max_pitch` before frames count
    again."""
    every: Annotated[int, Bounds(1, 100)] = 4
    """Distance in frames between two searches for hands and second faces as long as nothing is
    seen; around a frame that shows something every frame is searched. What is shorter than
    `persistence` (4 frames at 25 a second) does not count, so that no more than 4 misses nothing.
    Jump cuts and fades are looked for in every frame."""
    hand_confidence: Share = 0.5
    """Least score, 0 to 1, of a detected hand."""
    face_confidence: Share = 0.6
    """Least score, 0 to 1, of a detected second face."""
    second_face_size: NotNegative = 0.3
    """Least width of a second face that counts, as a share of the person's own face width."""
    fade: Share = 0.75
    """Share of the clip's median contrast below which a frame fades in or out (0: off). A fade
    extends to where the contrast has recovered half of the missing share."""
    persistence: NotNegative = 0.16
    """Shortest duration in seconds of a hand, second face, fade or head turn that removes frames.
    Shorter ones count as flicker of the detector."""
    gap: NotNegative = 0.5
    """Longest pause in seconds between two removed spans that is removed as well, so that the kept
    frames are not shredded."""
    margin: NotNegative = 0.2
    """Seconds removed before and after a hand, second face, fade or head turn."""
    cut_ratio: Annotated[float, Bounds(1)] = 1.8
    """Least change ratio of a jump cut: change of the picture at the cut over the median change of
    the frames around."""
    cut_tail: Positive = 2.5
    """Least logarithm of a jump cut's change ratio, as a multiple of the 95th percentile of that
    logarithm over the clip. Web videos that repeat frames and then catch up look like a small cut
    every few frames. A change 2.5 times as large as any other within 25 frames is exempt."""
    cut_spread: Annotated[float, Bounds(1)] = 1.5
    """Least change ratio of a jump cut as a geometric mean over 8x8 blocks. A cut changes the
    picture everywhere, a blink or a gesture in one place."""
    test_share: Annotated[float, Bounds(above=0, maximum=0.5)] = 1 / 11
    """Share of the kept frames that is held out for the test (the paper splits 10:1)."""
    held_out_blocks: Annotated[int, Bounds(1, 1000)] = 1
    """Number of equal parts of the clip that each end with a block of test frames. 1 holds out the
    clip's last eleventh, the custom of the field."""
    test_block: Literal["last", "unseen"] = "last"
    """Where the test frames lie. last: at the end of each of the held_out_blocks. unseen: in the
    one run of frames whose heads turn furthest beyond what all other frames show, a harder test
    than the custom of the field; held_out_blocks does not count then."""
