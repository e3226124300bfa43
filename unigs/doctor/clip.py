"""What is wrong with a clip, and what to do about it.

Each limit stands with its reason in docs/doctor.md.
"""

from collections.abc import Iterator

from unigs.doctor.figures import ClipFigures
from unigs.doctor.finding import LOOK, STOP, Finding

SHORT_SECONDS = 20.0
"""Seconds of kept frames under which a clip is short."""
FEW_TEST_FRAMES = 50
"""Test frames under which figures scatter."""
SLOW_SOURCE = 20.0
"""Frames per second of a source under which motion between its frames is made up."""
MUCH_CARRIED = 0.5
"""Share of carried frames over which most pictures are not the camera's own."""
ENLARGED = 0.8
"""Source pixels per pixel of the clip under which the picture is blown up."""
LOW_KEPT = 0.8
"""Share of kept frames under which something in the clip is in the way."""
LOW_FOUND = 0.95
"""Share of frames with a face under which the face is hard to see."""
SMALL_FACE, LARGE_FACE = 0.2, 0.65
"""Widths of the face, shares of the frame, between which a portrait is framed as the method
expects."""
STILL_HEAD = 3.0
"""Range in degrees under which the head does not turn."""
STILL_MOUTH = 0.1
"""Range of the opening in face sizes under which the mouth does not speak."""
LOOSE_FIT = 1.2
"""Median reprojection in pixels at 256 over which the fitted face does not lie on the detected."""
OUT_OF_SYNC = 2.0
"""Frames between sound and picture over which viewers notice."""
OTHER_SOUND = 8.0
"""Frames between sound and picture from which the sound is hardly that of the picture."""
SHORT_PIECE = 5.0
"""Seconds of the longest piece without a cut under which talking videos repeat themselves."""
TELLING_SHARE = 0.02
"""Share of removed frames from which a reason is named."""
REMEDIES = {
    "no_face": "cut out where the face is turned away or covered (column remove)",
    "second_face": "cut out or crop away other people (columns remove, crop)",
    "hands": "use a clip with the hands away from the face",
    "fade": "cut titles and fades off (columns start, stop)",
    "head_turn": "let the head turn less, or raise screen.max_yaw and screen.max_pitch",
    "user": "they stand in the column remove of the sheet",
}
"""Reason of the frame table -> what to do about it."""


def judge_clip(clip: ClipFigures) -> Iterator[Finding]:
    """Judge what is known of a clip.

    Args:
        clip: its figures.
    """
    if clip.source_fps is not None:
        yield from _source(clip)
    if clip.kept is not None:
        yield from _frames(clip)
    if clip.found is not None:
        yield from _face(clip)
    if clip.reprojection is not None:
        yield _fit(clip)
    if clip.offset is not None:
        yield from _sound(clip)
    if clip.body == "rest":
        yield Finding(
            "Torso",
            "too little of it is seen to follow it",
            "how it moves is left to the training (static.refine_torso)",
            "use a clip that shows the shoulders, or a wider crop (column crop)",
            LOOK,
        )


def _source(clip: ClipFigures) -> Iterator[Finding]:
    """Size, frame rate and sound of the source."""
    words = f"{clip.seconds:.0f} s, {clip.size} px from a window of {clip.window} px"
    if clip.window < ENLARGED * clip.size:
        yield Finding(
            "Picture",
            words,
            "it is blown up and stays as soft as its source",
            "use a sharper source, or a smaller crop.size",
            LOOK,
        )
    else:
        yield Finding("Picture", words)
    words = f"source of {clip.source_fps:g} frames a second, {clip.carried:.0%} of them carried"
    if clip.source_fps < min(SLOW_SOURCE, clip.fps):
        yield Finding(
            "Frame rate",
            words,
            f"at {clip.fps:g} frames a second many pictures of fast lips are guessed",
            "use a source of 25 frames a second or more",
            LOOK,
        )
    elif clip.carried > MUCH_CARRIED:
        yield Finding(
            "Frame rate",
            words,
            "most pictures are warped by optical flow and a little softer than the camera's",
            f"if the source is nearly constant, set crop.fps to its {clip.source_fps:g}",
            LOOK,
        )
    if not clip.has_audio:
        yield Finding(
            "Sound",
            "the source has none",
            "lips cannot be learned from speech, and the portrait's mouth will not follow any",
            "use a video with its sound",
            STOP,
        )


def _frames(clip: ClipFigures) -> Iterator[Finding]:
    """How much of the clip counts, and why the rest does not."""
    words = f"{clip.kept:.0%} kept, {clip.kept_seconds:.0f} s"
    if clip.kept < LOW_KEPT:
        named = {name: share for name, share in clip.removed.items() if share >= TELLING_SHARE}
        why = ", ".join(f"{name} {share:.0%}" for name, share in named.items())
        advice = "; ".join(REMEDIES[name] for name in named if name in REMEDIES)
        yield Finding(
            "Frames",
            f"{words}; removed for {why}",
            "the portrait learns from the rest alone",
            advice,
            LOOK,
        )
    else:
        yield Finding("Frames", words)
    if clip.kept_seconds < SHORT_SECONDS:
        yield Finding(
            "Length",
            f"{clip.kept_seconds:.0f} s count",
            "poses and sounds that were not seen are guessed: hair and mouth blur",
            "use half a minute or more",
            LOOK,
        )
    if clip.test_frames < FEW_TEST_FRAMES:
        yield Finding(
            "Test",
            f"{clip.test_frames} frames",
            "figures of lips and eyes scatter by .1 from run to run",
            "use a longer clip before comparing figures",
            LOOK,
        )
    if clip.longest_seconds < SHORT_PIECE:
        yield Finding(
            "Cuts",
            f"the longest piece without one lasts {clip.longest_seconds:.1f} s",
            "talking videos replay that piece to and fro",
            "use a clip of one shot",
            LOOK,
        )


def _face(clip: ClipFigures) -> Iterator[Finding]:
    """Whether the face is seen, how large it is, whether it moves."""
    words = f"found in {clip.found:.0%} of the frames, {clip.face_width:.0%} of the frame wide"
    if clip.found < LOW_FOUND:
        yield Finding(
            "Face",
            words,
            "frames without it are lost",
            "look for covered, dark or blurred moments in figures/sheet.png; give a crop or remove",
            LOOK,
        )
    elif clip.face_width < SMALL_FACE:
        yield Finding(
            "Face",
            words,
            "lips and eyes are a few pixels, too few to learn their motion",
            "give a narrower crop (column crop), or set crop.margin lower",
            LOOK,
        )
    elif clip.face_width > LARGE_FACE:
        yield Finding(
            "Face",
            words,
            "hair and shoulders are cut off, and poses have little to hold on to",
            "give a wider crop (column crop), or use a source that shows the shoulders",
            LOOK,
        )
    else:
        yield Finding("Face", words)
    if clip.turn < STILL_HEAD:
        yield Finding(
            "Head",
            f"it turns by {clip.turn:.0f} degrees at most",
            "the portrait stays flat and tears where another pose is asked of it",
            "use a clip in which the head nods and turns a little",
            LOOK,
        )
    if clip.opening < STILL_MOUTH:
        yield Finding(
            "Mouth",
            f"it opens by {clip.opening:.2f} of the face's size",
            "there is no speech to learn lips from",
            "use a clip in which the person talks",
            LOOK,
        )


def _fit(clip: ClipFigures) -> Finding:
    words = f"the fitted face lies {clip.reprojection:.2f} px (at 256) beside the detected one"
    if clip.reprojection <= LOOSE_FIT:
        return Finding("Poses", words)
    return Finding(
        "Poses",
        words,
        "the head trembles, and its texture blurs",
        "look at the axes in figures/sheet.png; a wide-angle lens wants a smaller pose.focal; a "
        "face that is covered now and then wants remove",
        LOOK,
    )


def _sound(clip: ClipFigures) -> Iterator[Finding]:
    """Delay between sound and picture, and what hears the speech."""
    late = "after" if clip.offset > 0 else "before"
    ms = abs(clip.offset) / clip.fps * 1000
    words = f"sound comes {ms:.0f} ms {late} the picture" if clip.offset else "sound is in step"
    if abs(clip.offset) >= OTHER_SOUND:
        yield Finding(
            "Sync",
            words,
            "so large a delay is rather another sound: dubbed, or music over it",
            "compare lips and sound; if the clip is in sync, set speech.max_offset: 0",
            LOOK,
        )
    elif abs(clip.offset) >= OUT_OF_SYNC:
        yield Finding(
            "Sync",
            words,
            "the portrait is taught without the delay; figures of sync of the clip itself have it",
            "nothing, if the clip looks late to you, too; else set speech.max_offset: 0",
            LOOK,
        )
    else:
        yield Finding("Sync", words)
    if clip.speech != "whisper":
        yield Finding(
            "Speech",
            f"heard by {clip.speech}",
            "lips follow the clip's own voice, and other voices hardly (r .25 instead of .62)",
            "unigs models fetch whisper-tiny-en, then run again",
            LOOK,
        )
    else:
        yield Finding("Speech", "heard by whisper")
