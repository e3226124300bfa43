"""Each sentence about a clip, against figures that are made up for it."""

from dataclasses import replace

import pytest

from unigs.doctor.clip import judge_clip
from unigs.doctor.figures import ClipFigures
from unigs.doctor.finding import LOOK, OK, STOP

GOOD = ClipFigures(
    source_fps=25.0, window=512, size=256, seconds=40.0, kept=0.97, kept_seconds=38.8,
    removed={"hands": 0.03}, test_frames=88, longest_seconds=30.0, found=1.0, face_width=0.35,
    turn=14.0, opening=0.3, reprojection=0.4, offset=0.5, speech="whisper", body="ecc",
)  # fmt: skip


def test_nothing_is_said_against_a_good_clip():
    findings = list(judge_clip(GOOD))
    assert {f.mark for f in findings} == {OK} and not any(f.costs or f.remedy for f in findings)
    subjects = ["Picture", "Frames", "Face", "Poses", "Sync", "Speech"]
    assert [f.about for f in findings] == subjects


@pytest.mark.parametrize(
    "change, about, words",
    [
        ({"window": 200}, "Picture", "blown up"),
        ({"source_fps": 15.0}, "Frame rate", "at 25 frames a second many pictures"),
        ({"source_fps": 30.0, "carried": 0.6}, "Frame rate", "set crop.fps to its 30"),
        ({"has_audio": False}, "Sound", "the source has none"),
        ({"kept": 0.7, "removed": {"hands": 0.25, "fade": 0.05, "user": 0.01}}, "Frames",
         "removed for hands 25%, fade 5%; the portrait learns from the rest alone. To do: use a "
         "clip with the hands away from the face; cut titles"),
        ({"kept_seconds": 8.0}, "Length", "8 s count"),
        ({"test_frames": 46}, "Test", "scatter by .1"),
        ({"longest_seconds": 3.25}, "Cuts", "lasts 3.2 s"),
        ({"found": 0.9}, "Face", "frames without it are lost"),
        ({"face_width": 0.15}, "Face", "15% of the frame wide; lips and eyes are a few pixels"),
        ({"face_width": 0.7}, "Face", "hair and shoulders are cut off"),
        ({"turn": 2.0}, "Head", "turns by 2 degrees at most"),
        ({"opening": 0.05}, "Mouth", "no speech to learn lips from"),
        ({"reprojection": 1.5}, "Poses", "1.50 px (at 256) beside the detected one; the head"),
        ({"offset": 3.0}, "Sync", "sound comes 120 ms after the picture; the portrait is taught"),
        ({"offset": -2.0}, "Sync", "sound comes 80 ms before the picture"),
        ({"offset": 10.0}, "Sync", "rather another sound"),
        ({"speech": "logmel"}, "Speech", "heard by logmel; lips follow the clip's own voice"),
        ({"body": "rest"}, "Torso", "how it moves is left to the training"),
    ],
)  # fmt: skip
def test_each_fault_is_one_sentence_with_a_remedy(change, about, words):
    (fault,) = (f for f in judge_clip(replace(GOOD, **change)) if f.mark != OK)
    text = " ".join(fault.text().split())
    assert fault.about == about and words in text
    assert fault.costs and fault.remedy and text.endswith(f"To do: {fault.remedy}.")
    assert fault.mark == (STOP if about == "Sound" else LOOK)


def test_what_is_not_there_yet_is_not_judged():
    assert [f.about for f in judge_clip(ClipFigures(source_fps=25.0, seconds=9.0))] == ["Picture"]
    assert not list(judge_clip(ClipFigures()))


def test_sound_in_step_is_said_so():
    (sync,) = (f for f in judge_clip(replace(GOOD, offset=0.0)) if f.about == "Sync")
    assert sync.found == "sound is in step"
