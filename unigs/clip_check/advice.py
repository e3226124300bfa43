"""What figures of a clip mean, in words, and what to put right (docs/collecting_clips.md)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from unigs.clip_check.figures import ClipFigures

GOOD, FAIR, POOR = "good", "fair", "poor"
"""Grades of a finding: nothing to do; it costs something; put it right, or take another clip."""
COSTS = {GOOD: 0, FAIR: 5, POOR: 20}
"""What a grade takes off the score of 100."""
REFUSED = 20
"""Best score of a clip that the preparation does not take."""
LONG, LOW, SHORT = 0.9, 0.2, 0.0
"""Heights of the face below the chin to which hair reaches that is past the shoulders, on them, or
below the chin at all."""
FEW = 0.04
"""Share of the hair below the chin under which hair counts as short, however far a strand hangs."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    about: str
    """What, in a word or two."""
    grade: str
    """GOOD, FAIR or POOR."""
    found: str
    """What was found, a clause."""
    remedy: str = ""
    """What to do, a clause; empty where it is good."""


@dataclass(frozen=True)
class Rule:
    """How one figure is judged."""

    figure: str
    """Name of the figure."""
    about: str
    """What it is about."""
    good: float
    """From here on (up to here, where less is better) it is good."""
    fair: float
    """From here on (up to here) it is fair, beyond poor."""
    found: Callable[[float], str]
    """The figure in words."""
    remedy: str
    """What to do where it is not good."""
    more: bool = False
    """Whether more is better."""
    worst: str = POOR
    """Grade beyond `fair`."""

    def judge(self, value: float) -> Finding:
        """The finding about a value."""
        sign = 1 if self.more else -1
        if sign * value >= sign * self.good:
            return Finding(self.about, GOOD, self.found(value))
        grade = FAIR if sign * value >= sign * self.fair else self.worst
        return Finding(self.about, grade, self.found(value), self.remedy)


def _share(words: str) -> Callable[[float], str]:
    """Words about a share of the frames."""
    return lambda x: f"{words} in {f'{_percent(x)} of the frames' if x else 'no frame'}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.1 else f"{100 * share:.2g} %"


RULES = (
    Rule(
        "kept_seconds", "Length", 120, 20, lambda x: f"{x:.0f} s can be used",
        "film two to five minutes in one take; under 20 s a portrait knows its clip by heart", True,
    ),
    Rule(
        "fps", "Frame rate", 24.9, 20, lambda x: f"{x:.4g} frames a second",
        "film at 25 or 50 frames a second: what is missing between frames is made up", True,
    ),
    Rule(
        "uneven", "Frame times", 0.02, 0.2, _share("an uneven step"),
        "switch variable frame rate off in the camera, or record with a program that keeps time",
        worst=FAIR,
    ),
    Rule(
        "window", "Size", 480, 200,
        lambda x: f"the portrait is cut from {x:.0f} x {x:.0f} pixels",
        "move nearer, zoom in, or film in 1080p or more: 480 pixels from above the hair to the "
        "chest are not to be had here", True,
    ),
    Rule(
        "face_height", "Face", 150, 80, lambda x: f"{x:.0f} pixels from chin to hairline",
        "let the face fill a third of the picture's height", True,
    ),
    Rule(
        "no_face", "Face in view", 0.01, 0.1, _share("the face is lost"),
        "keep the face to the camera and uncovered, or leave those seconds out (remove)",
    ),
    Rule(
        "second_face", "Other people", 0.005, 0.1, _share("another face"),
        "have nobody else and no screen or poster with faces in the picture, or crop them away",
    ),
    Rule(
        "hands", "Hands", 0.01, 0.2, _share("a hand in the window"),
        "keep the hands below the picture: frames with hands are left out",
    ),
    Rule(
        "fade", "Fades", 0.005, 0.1, _share("a fade"),
        "cut titles and fades off (start, stop)", worst=FAIR,
    ),
    Rule(
        "head_turn", "Head turns", 0.01, 0.15, _share("the head is turned far away"),
        "look at the camera, and about 20 degrees to either side at most",
    ),
    Rule(
        "yaw", "Head motion", 8, 3, lambda x: f"the head turns over {x:.0f} degrees",
        "move the head gently while speaking: what the camera never sees, the portrait cannot show",
        True, FAIR,
    ),
    Rule(
        "hair_cut_off", "Framing", 0.05, 0.5, _share("hair leaves the picture at the top"),
        "leave a hand's breadth of room above the hair", worst=FAIR,
    ),
    Rule(
        "torso", "Shoulders", 0.08, 0.03,
        lambda x: f"neck and torso fill {100 * x:.0f} % of the window",
        "show the shoulders and the upper chest", True, FAIR,
    ),
    Rule(
        "background", "Background", 4, 12,
        lambda x: f"it changes by {x:.1f} gray levels between frames seconds apart",
        "put the camera on a tripod, switch zoom and autofocus off, and have nothing move behind",
    ),
    Rule(
        "clipped", "Clipping", 1e-4, 2e-3,
        lambda x: f"{_percent(x) if x else 'none'} of the samples at full scale",
        "turn the microphone down",
    ),
    Rule(
        "over_noise", "Noise", 30, 15, lambda x: f"the speech is {x:.0f} dB over the noise",
        "use a microphone near the mouth, in a quiet room with soft things in it; no music", True,
    ),
    Rule(
        "speech", "Speech", 0.4, 0.2, lambda x: f"someone speaks {100 * x:.0f} % of the time",
        "speak on, without long pauses: lips are learned from speech", True, FAIR,
    ),
)  # fmt: skip
"""How figures are judged that stand for themselves, in the order of the report."""


def judge(figures: ClipFigures) -> list[Finding]:
    """Judge what is known of a clip."""
    return [*_judged(figures)]


def _judged(figures: ClipFigures) -> Iterator[Finding]:
    if figures.refused:
        yield Finding("Preparation", POOR, figures.refused.rstrip("."))
    if figures.hair_reach is not None:
        yield _hair(figures)
    if figures.kept_seconds is not None:
        yield _cuts(figures)
    for rule in RULES:
        value = getattr(figures, rule.figure)
        if value is not None:
            yield rule.judge(value)
    if figures.level is not None:
        yield _level(figures.level)
    if figures.late is not None:
        yield _delay(figures.late)


def _hair(figures: ClipFigures) -> Finding:
    """How long the hair is; hair that goes on below the picture is longer than it looks."""
    reach, below, goes_on = figures.hair_reach, figures.hair_below, figures.hair_goes_on
    if reach < SHORT or below < FEW:
        return Finding("Hair", GOOD, "short: it ends above the chin (data set shorthair)")
    if goes_on > 0.5:
        return Finding(
            "Hair", FAIR, "long, and it leaves the picture at the bottom (data set longhair)",
            "show where the hair ends, or more of the chest",
        )  # fmt: skip
    words = "past the shoulders" if reach > LONG else "on the shoulders" if reach > LOW else ""
    found = (
        f"long: it ends {words or 'below the chin'}, {reach:.1f} heights of the face under the "
        "chin (data set longhair)"
    )
    return Finding("Hair", GOOD, found)


def _cuts(figures: ClipFigures) -> Finding:
    cuts = figures.cuts
    if not cuts:
        return Finding("Cuts", GOOD, "one take")
    some = ", ".join(f"{second:g}" for second in cuts[:6]) + (", ..." if len(cuts) > 6 else "")
    grade = POOR if len(cuts) > 1 + figures.seconds / 20 else FAIR
    return Finding(
        "Cuts", grade, f"{len(cuts)} (at {some} s)",
        "film in one take: at a cut hair and clothes jump, and a talking video repeats the "
        "longest piece between two cuts",
    )  # fmt: skip


def _level(level: float) -> Finding:
    found = f"speech at {level:.0f} dB of full scale"
    if -30 <= level <= -10:
        return Finding("Sound level", GOOD, found)
    grade = FAIR if -45 <= level <= -6 else POOR
    remedy = "turn the microphone down" if level > -10 else "go nearer to the microphone"
    return Finding("Sound level", grade, found, remedy)


def _delay(late: float) -> Finding:
    side = "late" if late > 0 else "early"
    found = f"the sound is {abs(late):g} frames {side}" if late else "sound and picture are in step"
    if abs(late) <= 1:
        return Finding("Delay", GOOD, found)
    grade = FAIR if abs(late) <= 5 else POOR
    remedy = (
        "it is undone, as long as it is the same throughout; look whether the program that "
        "recorded shifts sound"
    )
    return Finding("Delay", grade, found, remedy)


def score(figures: ClipFigures, findings: list[Finding]) -> int:
    """Marks of a clip: 100 less what its grades cost, from 0 on; few if it is refused."""
    left = 100 - sum(COSTS[finding.grade] for finding in findings)
    return max(0, min(left, REFUSED if figures.refused else 100))


def verdict(figures: ClipFigures, findings: list[Finding]) -> str:
    """The clip in a sentence."""
    grades = [finding.grade for finding in findings]
    if figures.refused:
        return "The preparation does not take this clip as it is."
    if POOR in grades:
        return "Put right what is poor first, or take another clip."
    if FAIR in grades:
        return "A portrait can be made of it; what is fair costs quality."
    return "A clip as portraits want it."
