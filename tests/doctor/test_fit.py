"""Each sentence about a trained portrait, against figures that are made up for it."""

from dataclasses import replace

import pytest

from unigs.doctor.figures import FitFigures
from unigs.doctor.finding import LOOK, OK
from unigs.doctor.fit import judge_fit
from unigs.evaluate.records import Record, to_json

GOOD = {
    ("psnr", "full", "portrait"): 33.0,
    ("psnr", "full", "static"): 30.0,
    ("psnr", "full", "nearest_pose"): 24.0,
    ("psnr", "full", "mean_frame"): 22.0,
    ("psnr", "face", "portrait"): 34.0,
    ("psnr", "torso", "portrait"): 32.0,
    ("psnr", "hair", "portrait"): 31.5,
    ("lmd_256_gain", "mouth", "portrait"): 0.4,
    ("opening_correlation", "mouth", "portrait"): 0.8,
    ("opening_spread", "mouth", "portrait"): 0.9,
    ("eye_correlation", "eyes", "portrait"): 0.97,
    ("lpips", "full", "portrait"): 0.02,
}


def fit(changes: dict, **more) -> FitFigures:
    """Good figures but for some; a figure that is None is empty, with a reason."""
    records = [
        Record(metric, value, region=region, method=method, reason=None if value else "no weights")
        for (metric, region, method), value in (GOOD | changes).items()
    ]
    good = FitFigures(steps=8000, psnr_train=35.0, records=to_json(records), test_frames=137)
    return replace(good, **more)


def test_nothing_is_said_against_a_good_portrait():
    findings = list(judge_fit(fit({})))
    assert {f.mark for f in findings} == {OK}
    assert [f.about for f in findings] == ["Training", "Picture", "Lips", "Eyes"]
    assert findings[1].found == "33.0 dB on 137 test frames"


@pytest.mark.parametrize(
    "key, value, about, words",
    [
        (("psnr", "full", "nearest_pose"), 33.5, "Picture",
         "33.0 dB, no better than the nearest training frame; something in the preparation"),
        (("psnr", "full", "static"), 32.9, "Motion", "+0.1 dB over the static portrait"),
        (("psnr", "torso", "portrait"), 27.0, "Torso", "27.0 dB, the face 34.0"),
        (("psnr", "hair", "portrait"), 28.0, "Hair", "28.0 dB, the face 34.0"),
        (("lmd_256_gain", "mouth", "portrait"), 0.02, "Lips", "is worth 0.02 px; the mouth moves"),
        (("opening_correlation", "mouth", "portrait"), 0.4, "Lips", "with r = 0.40; words are"),
        (("opening_spread", "mouth", "portrait"), 0.3, "Opening", "the person mumbles"),
        (("opening_spread", "mouth", "portrait"), 2.0, "Opening", "the mouth opens too far"),
        (("eye_correlation", "eyes", "portrait"), 0.3, "Eyes", "blinks come late"),
        (("lpips", "full", "portrait"), None, "LPIPS", "empty (no weights)"),
    ],
)  # fmt: skip
def test_each_fault_is_one_sentence_with_a_remedy(key, value, about, words):
    (fault,) = (f for f in judge_fit(fit({key: value})) if f.mark != OK)
    text = " ".join(fault.text().split())
    assert (fault.about, fault.mark) == (about, LOOK) and words in text
    assert fault.costs and text.endswith(f"To do: {fault.remedy}.")


def test_a_picture_that_nothing_beats_may_be_blurred_all_the_same():
    low = {key: value - 12 for key, value in GOOD.items() if key[0] == "psnr"}
    (fault,) = (f for f in judge_fit(fit(low, psnr_train=23.0)) if f.mark != OK)
    assert fault.about == "Picture" and fault.costs == "it is blurred"


def test_a_test_part_unlike_the_rest_is_named():
    (fault,) = (f for f in judge_fit(fit({}, psnr_train=40.0)) if f.mark != OK)
    assert fault.about == "Test part" and fault.found.startswith("7.0 dB worse")


def test_a_short_training_is_a_first_look():
    (fault,) = (f for f in judge_fit(fit({}, steps=1000)) if f.mark != OK)
    assert fault.about == "Training" and "a first look" in fault.costs


def test_what_is_not_there_yet_is_told_and_not_judged():
    (training,) = judge_fit(FitFigures())
    assert "not finished" in training.found
    training, judged = judge_fit(FitFigures(steps=8000, psnr_train=30.0))
    assert "not judged yet" in judged.found


def test_figures_that_were_not_taken_are_passed_over():
    few = [Record("psnr", 30.0)]
    findings = list(judge_fit(FitFigures(steps=8000, psnr_train=31.0, records=to_json(few))))
    assert [f.about for f in findings] == ["Training", "Picture"]
