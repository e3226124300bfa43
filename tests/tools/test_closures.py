"""The score of p, b and m is learned from voices, and scaled by voices that it did not hear."""

import numpy as np
import pytest

from tools.lip_prior import closures
from unigs.speech.lip_prior import HALF

W, D = 2 * HALF + 1, 2


@pytest.fixture
def speech(monkeypatch):
    """Rows of eight voices, shut by a rule that no line tells: a product of two numbers."""
    monkeypatch.setattr(closures, "BATCH", 32)
    rng = np.random.default_rng(0)
    heard = rng.normal(size=(8000, W, D)).astype(np.float32)
    shut = heard[:, HALF].prod(1) > 0.8
    names = [f"voice {k}" for k in range(7)] + [closures.HELD_OUT]
    return heard.reshape(len(heard), -1), shut, np.repeat(names, 1000)


def test_a_voice_that_is_held_out_is_scored_and_teaches_nothing(speech):
    heard, shut, voices = speech
    held = voices == closures.HELD_OUT
    score = closures.learn_closures(heard, shut, voices)
    assert score.fits((W, D)) and score.units == closures.MEMBERS * closures.UNITS
    # A score that knows nothing, or only a line, finds as many closures as false ones.
    found = score.scores(heard[held])
    assert np.mean(found[shut[held]] > 0) > 0.5 and np.mean(found[~shut[held]] > 0) < 0.06
    assert 0.6 < np.median(found[shut[held]]) < 1.6
    lied = shut.copy()
    lied[held] = ~lied[held]
    same = closures.learn_closures(heard, lied, voices)
    assert all(np.array_equal(getattr(same, p), getattr(score, p)) for p in score.PARTS)


def test_members_side_by_side_say_the_mean_of_what_each_says(speech):
    heard, shut, _ = speech
    import torch

    torch.manual_seed(0)
    nets = [closures._learn(heard[:600] / 2, shut[:600]) for _ in range(2)]
    score = closures._side_by_side(nets, 2.0, low=1.0, high=5.0)
    mean = np.mean([closures._score(net, heard[:50] / 2) for net in nets], 0)
    np.testing.assert_allclose(score.scores(heard[:50]), (mean - 1) / 4, atol=1e-4)
