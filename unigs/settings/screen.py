"""Settings of `unigs.prepare.clip.screen`."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ScreenSettings:
    """Which frames of the clip do not count, and which are held out for the test."""

    max_yaw: float = 40.0
    """Degrees the head may turn left or right of its median direction."""
    max_pitch: float = 30.0
    """Degrees the head may nod up or down from its median direction."""
    hysteresis: float = 5.0
    """Degrees by which a turn must fall below its limit before frames count again."""
    every: int = 1
    """Hands and second faces are looked for in every n-th frame; those between take the nearest.
    More than 1 saves half the stage's time and finds fast hands late."""
    hand_confidence: float = 0.5
    """Least score of a hand, 0 to 1."""
    face_confidence: float = 0.6
    """Least score of a second face, 0 to 1."""
    second_face_size: float = 0.3
    """A second face counts from this share of the person's own face width on."""
    fade: float = 0.75
    """A frame with less than this share of the clip's median contrast fades in or out; the fade
    reaches to where half of the loss is made up. 0 turns this off."""
    persistence: float = 0.16
    """Seconds a hand, second face or turn must last; shorter ones are flicker of the detector."""
    gap: float = 0.5
    """Seconds between two such events that are closed, so that the kept frames are not shredded."""
    margin: float = 0.2
    """Seconds removed before and after an event."""
    cut_ratio: float = 1.8
    """A jump cut changes the picture at least this many times as much as its neighbors do."""
    cut_tail: float = 2.5
    """The logarithm of that ratio must also be this many times its 95th percentile over the clip
    (web videos repeat frames and then catch up, which looks like a small cut every few frames),
    unless the change is 2.5 times as large as any other within 25 frames."""
    cut_spread: float = 1.5
    """Least such ratio as a geometric mean over 8x8 blocks: a cut changes the picture everywhere, a
    blink or a gesture in one place."""
    test_share: float = 1 / 11
    """Share of the kept frames that is held out (the paper: 10:1)."""
    held_out_blocks: int = 1
    """Number of equal parts of the clip, each of which ends with a held-out block; 1 is the custom
    of the field: the clip's last eleventh."""
