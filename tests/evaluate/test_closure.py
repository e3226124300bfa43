"""Closure of the lips on phones that are known, against counts by hand."""

import numpy as np
import pytest

from unigs.evaluate.closure import Levels, closure, closure_records, levels_of
from unigs.evaluate.records import find, to_json
from unigs.sources.synthetic import voice
from unigs.speech.phones import Phone

FPS = 25
LEVELS = Levels(closed=2.0, opened=10.0)  # threshold 4


def at(symbol: str, first: int, last: int) -> Phone:
    """A phone that fills the frames first to last."""
    return Phone(symbol, first / FPS, (last + 1) / FPS)


def test_lips_meet_below_a_quarter_of_the_way():
    assert LEVELS.threshold == 4
    phones = [at("b", 10, 11), at("a", 12, 15), at("p", 20, 21), at("m", 30, 31)]
    opening = np.full(40, 9.0)
    opening[11], opening[20], opening[31] = 3.9, 4.1, np.nan
    found = closure(opening, phones, FPS, LEVELS)
    assert (found.bilabials, found.bilabial_count) == (pytest.approx(1 / 3), 3)
    assert (found.pauses, found.pause_count, found.pause_frames) == (None, 0, None)


@pytest.mark.parametrize("frame, met", [(8, 0), (9, 1), (12, 1), (13, 0)])
def test_a_frame_early_or_late_counts(frame, met):
    opening = np.full(40, 9.0)
    opening[frame] = 2
    assert closure(opening, [at("m", 10, 11)], FPS, LEVELS).bilabials == met


def test_pauses_are_merged_and_their_frames_are_counted():
    phones = [at("pau", 0, 4), at("pau", 5, 9), at("a", 10, 19), at("_", 20, 23)]
    opening = np.full(24, 9.0)
    opening[:7] = 2
    found = closure(opening, phones, FPS, LEVELS)
    assert (found.pauses, found.pause_count) == (0.5, 2)
    assert found.pause_frames == pytest.approx(7 / 14)


def test_phones_that_nobody_saw_do_not_count():
    opening = np.full(20, np.nan)
    opening[:5] = 9
    phones = [at("p", 10, 11), at("b", 30, 31), at("pau", 12, 15)]
    found = closure(opening, phones, FPS, LEVELS)
    assert found.bilabials is None and found.pauses is None and found.bilabial_count == 0
    for row in to_json(closure_records(found, "test")):
        assert row["value"] is None and "face" in row["reason"]


def test_levels_do_not_depend_on_the_unit_or_on_gaps():
    rng = np.random.default_rng(0)
    opening = rng.uniform(0, 1, 1001)
    levels = levels_of(opening)
    assert levels.closed == pytest.approx(np.quantile(opening, 0.05))
    assert levels.opened == pytest.approx(0.75, abs=0.02)
    scaled = levels_of(np.append(3 * opening + 2, np.nan))
    assert scaled.closed == pytest.approx(3 * levels.closed + 2)
    assert scaled.threshold == pytest.approx(3 * levels.threshold + 2)


@pytest.mark.parametrize("seed", range(3))
def test_the_synthetic_speaker_closes_its_lips_and_a_late_one_does_not(seed):
    speech = voice.compose(22, np.random.default_rng(seed))
    opening, _ = voice.mouth_curves(speech, np.arange(550) / FPS)
    starts = speech.starts
    phones = [Phone(*row) for row in zip(speech.symbols, starts[:-1], starts[1:], strict=True)]
    levels = levels_of(opening)
    found = closure(opening, phones, FPS, levels)
    assert found.bilabials == found.pauses == 1 and found.pause_frames > 0.85
    wrong = closure(np.roll(opening, 275), phones, FPS, levels)
    assert wrong.bilabials < 0.8
    rows = to_json(closure_records(found, "test"))
    assert find(rows, "closure_bilabial", "mouth")["frames"] == found.bilabial_count > 5
