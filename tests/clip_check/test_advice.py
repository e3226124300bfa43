"""What figures of a clip mean, and that the document states the same limits."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from unigs.clip_check.advice import FAIR, GOOD, POOR, RULES, judge, score, verdict
from unigs.clip_check.figures import ClipFigures

DOCUMENT = (Path(__file__).parents[2] / "docs/collecting_clips.md").read_text()
IDEAL = ClipFigures(
    seconds=200.0, fps=25.0, uneven=0.0, width=1080, height=1080, window=700, face_height=260.0,
    kept_seconds=198.0, no_face=0.0, second_face=0.0, hands=0.0, fade=0.0, head_turn=0.0, yaw=20.0,
    pitch=12.0, hair_reach=0.7, hair_below=0.4, hair_cut_off=0.0, hair_goes_on=0.0, torso=0.2,
    background=1.0, level=-20.0, clipped=0.0, noise=-65.0, over_noise=45.0, speech=0.6, late=0.0,
)  # fmt: skip


def found(**changes):
    return {finding.about: finding for finding in judge(replace(IDEAL, **changes))}


def test_a_clip_as_portraits_want_it():
    findings = judge(IDEAL)
    assert {finding.grade for finding in findings} == {GOOD}
    assert not any(finding.remedy for finding in findings)
    assert score(IDEAL, findings) == 100 and verdict(IDEAL, findings).startswith("A clip as")


@pytest.mark.parametrize(
    "about, grade, changes, words",
    [
        ("Length", FAIR, {"kept_seconds": 60.0}, "60 s can be used"),
        ("Length", POOR, {"kept_seconds": 8.0}, "film two to five minutes in one take"),
        ("Frame rate", POOR, {"fps": 15.0}, "15 frames a second"),
        ("Frame times", FAIR, {"uneven": 0.5}, "switch variable frame rate off"),
        ("Size", FAIR, {"window": 300}, "the portrait is cut from 300 x 300 pixels"),
        ("Size", POOR, {"window": 150}, "move nearer"),
        ("Face in view", FAIR, {"no_face": 0.05}, "the face is lost in 5 % of the frames"),
        ("Other people", POOR, {"second_face": 0.5}, "another face in 50 % of the frames"),
        ("Hands", FAIR, {"hands": 0.1}, "keep the hands below the picture"),
        ("Fades", FAIR, {"fade": 0.5}, "cut titles and fades off"),
        ("Head turns", POOR, {"head_turn": 0.3}, "20 degrees to either side"),
        ("Head motion", FAIR, {"yaw": 1.0}, "the head turns over 1 degrees"),
        ("Framing", FAIR, {"hair_cut_off": 0.4}, "room above the hair"),
        ("Shoulders", FAIR, {"torso": 0.05}, "show the shoulders"),
        ("Background", POOR, {"background": 30.0}, "put the camera on a tripod"),
        ("Clipping", POOR, {"clipped": 0.01}, "1 % of the samples at full scale"),
        ("Noise", POOR, {"over_noise": 8.0}, "the speech is 8 dB over the noise"),
        ("Speech", FAIR, {"speech": 0.1}, "someone speaks 10 % of the time"),
        ("Sound level", POOR, {"level": -60.0}, "go nearer to the microphone"),
        ("Sound level", FAIR, {"level": -8.0}, "turn the microphone down"),
        ("Delay", FAIR, {"late": 4.5}, "the sound is 4.5 frames late"),
        ("Delay", POOR, {"late": -9.0}, "the sound is 9 frames early"),
        ("Cuts", FAIR, {"cuts": [3.5]}, "1 (at 3.5 s)"),
        ("Cuts", POOR, {"cuts": [float(k) for k in range(20)]}, "5, ... s)"),
        ("Hair", GOOD, {"hair_reach": -0.3}, "short: it ends above the chin"),
        ("Hair", GOOD, {"hair_reach": 2.0, "hair_below": 0.01}, "short"),
        ("Hair", GOOD, {"hair_reach": 1.2}, "past the shoulders, 1.2 heights of the face"),
        ("Hair", FAIR, {"hair_goes_on": 0.9}, "leaves the picture at the bottom"),
    ],
)
def test_what_is_found_is_said_with_what_to_do(about, grade, changes, words):
    finding = found(**changes)[about]
    assert finding.grade == grade and words in f"{finding.found}. {finding.remedy}"
    assert bool(finding.remedy) == (grade != GOOD)


def test_a_clip_that_is_refused_scores_low_and_says_why():
    figures = ClipFigures(seconds=2.0, fps=25.0, uneven=0.0, refused="a.mp4 lasts 2 s.")
    findings = judge(figures)
    assert findings[0].found == "a.mp4 lasts 2 s" and findings[0].grade == POOR
    assert score(figures, findings) == 20
    assert verdict(figures, findings).startswith("The preparation does not take")


def test_grades_cost_marks():
    for changes, marks in (({"late": 3.0}, 95), ({"kept_seconds": 5.0}, 80)):
        figures = replace(IDEAL, **changes)
        assert score(figures, judge(figures)) == marks


def test_the_document_states_the_limits():
    rows = re.findall(r"^\| (.+?) \| (.+?) \| (.+?) \| (.+?) \|$", DOCUMENT, re.M)
    stated = {about: (good, fair) for about, good, fair, _ in rows}

    def numbers(text):
        return [float(number) for number in re.findall(r"\d+(?:\.\d+)?", text)]

    for rule in RULES:
        good, fair = stated[rule.about]
        unit = 100 if "%" in good else 1
        assert pytest.approx(rule.good * unit) in numbers(good), rule.about
        if rule.worst == POOR:
            assert pytest.approx(rule.fair * unit) in numbers(fair), rule.about
        else:
            assert fair == "else", rule.about
