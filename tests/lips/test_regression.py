"""Lips from speech by a linear map that a prior holds, on made-up speech whose lips are known."""

import numpy as np
import pytest
import torch

from unigs.lips.regression import fit_map, kind_of, regression
from unigs.model.lip_nets import PRESS, RAMP, SURE
from unigs.model.speech_net import SpeechNet
from unigs.speech.closure_score import ClosureScore
from unigs.speech.lip_prior import HALF, STRENGTH, LipPrior

W, D = 2 * HALF + 1, 6


def talk(frames, noise, seed=0):
    """Windows [T,W,D], their lips [T,2], and the map between them."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(frames + W, D))
    windows = np.stack([rows[k : k + frames] for k in range(W)], 1).astype(np.float32)
    weights = rng.normal(size=(W, D, 2)) * np.hanning(W + 2)[1:-1, None, None]
    lips = windows.reshape(frames, -1) @ weights.reshape(-1, 2)
    lips = lips + noise * lips.std(0) * rng.normal(size=lips.shape)
    scale = lips.std(0)
    lips = ((lips - lips.mean(0)) / scale).astype(np.float32)
    return windows, lips, (weights / scale).astype(np.float32)


def net():
    return SpeechNet(W, D, feature_dim=2, lip_dim=2, lips="map")


def prior_of(weights):
    return LipPrior(weights, weights[..., 0], 0.0, "")


def correlation(a, b):
    return np.corrcoef(a, b)[0, 1]


def test_the_regression_is_least_squares_with_rows_that_pull_to_the_prior():
    rng = np.random.default_rng(3)
    heard, lips, start = rng.normal(size=(50, 8)), rng.normal(size=(50, 2)), rng.normal(size=(8, 2))
    weights, bias = regression(heard, lips, start, None, np.zeros(2), STRENGTH)
    x, y = heard - heard.mean(0), lips - lips.mean(0)
    pull = np.sqrt(STRENGTH * np.square(x).sum() / 8)
    rows, targets = np.vstack([x, pull * np.eye(8)]), np.vstack([y, pull * start])
    expected = np.linalg.lstsq(rows, targets, rcond=None)[0]
    assert np.allclose(weights, expected)
    assert np.allclose(heard.mean(0) @ weights + bias, lips.mean(0))


def test_unheard_speech_moves_the_lips_as_lively_as_the_truth():
    windows, lips, weights = talk(700, noise=0.5)
    blind, taught = net(), net()
    train = np.arange(400)
    fit_map(blind, windows, lips, train, None, prior_of(0 * weights))
    result = fit_map(taught, windows, lips, train, None, prior_of(weights))
    for k in range(2):
        seen = [m.lips(torch.from_numpy(windows[420:])).numpy()[:, k] for m in (blind, taught)]
        right = [correlation(s, lips[420:, k]) for s in seen]
        assert right[1] > right[0] and right[1] > 0.8
        assert 0.8 < seen[1].std() / lips[420:, k].std() < 1.2
        assert abs(result.correlation[k] - right[1]) < 0.1
        assert 0.9 < result.out_of_fold[train, k].std() / lips[train, k].std() < 1.1


def test_out_of_fold_predictions_do_not_know_their_frames():
    windows, _, weights = talk(400, noise=0)
    noise = np.random.default_rng(5).normal(size=(400, 2)).astype(np.float32)
    result = fit_map(net(), windows, noise, np.arange(400), None, prior_of(0 * weights))
    assert np.abs(result.correlation).max() < 0.25


def test_silence_rests_and_nothing_goes_beyond_what_was_seen():
    windows, lips, weights = talk(500, noise=0.3)
    silence = np.full((W, D), -1.5, np.float32)
    speaker = net()
    result = fit_map(speaker, windows, lips, np.arange(450), silence, prior_of(weights))
    quiet = speaker.lips(torch.from_numpy(silence)[None]).numpy()[0]
    assert quiet[0] < np.quantile(lips[:, 0], 0.25)
    loud = speaker.lips(torch.from_numpy(20 * windows)).numpy()
    assert (loud.max(0) <= lips[:450].max(0)).all()
    assert (loud.min(0) >= np.minimum(lips[:450].min(0), result.rest)).all()


def test_more_numbers_than_opening_and_width_start_from_nothing():
    windows, lips, weights = talk(300, noise=0.3)
    three = np.concatenate([lips, lips[:, :1]], 1)
    speaker = SpeechNet(W, D, feature_dim=2, lip_dim=3, lips="map")
    fit_map(speaker, windows, three, np.arange(300), None, prior_of(weights))
    assert speaker.lips(torch.from_numpy(windows)).shape == (300, 3)


def test_short_windows_are_refused():
    windows, lips, weights = talk(300, noise=0.3)
    with pytest.raises(Exception, match="context_ms"):
        fit_map(net(), windows[:, :9], lips, np.arange(300), None, prior_of(weights))


def closing_prior(weights):
    """A prior whose first feature of the middle column says how surely the lips must meet."""
    hidden = np.zeros((W, D, 1), np.float32)
    hidden[HALF, 0] = 1
    one, zero = np.ones(1, np.float32), np.zeros(1, np.float32)
    closure = ClosureScore(hidden, zero, one, zero)
    return LipPrior(weights, weights[..., 0], 0.0, "", closure)


@pytest.mark.parametrize("column", [HALF + 1, HALF + 2])
def test_lips_meet_where_a_closure_is_sure_and_nowhere_else(column):
    """The frame's two columns are the middle one of its window and the next."""
    windows, lips, weights = talk(400, noise=0.3)
    windows = np.pad(windows, ((0, 0), (1, 1), (0, 0)))
    windows[:, HALF + 1 : HALF + 3, 0] = -1
    plain = SpeechNet(W + 2, D, feature_dim=2, lip_dim=2, lips="map")
    closes = SpeechNet(W + 2, D, feature_dim=2, lip_dim=2, **kind_of(closing_prior(weights)))
    fit_map(plain, windows, lips, np.arange(400), None, prior_of(weights))
    result = fit_map(closes, windows, lips, np.arange(400), None, closing_prior(weights))
    asked = torch.from_numpy(windows).repeat(3, 1, 1)
    asked[400:800, column, 0], asked[800:, column, 0] = SURE, SURE + RAMP
    free, begins, shut = closes.lips(asked).split(400)
    assert torch.allclose(free, plain.lips(asked[:400]))
    assert torch.allclose(begins, plain.lips(asked[400:800]), atol=1e-5)
    assert torch.allclose(shut[:, 0], (closes.lip_net.low[0] - PRESS).expand(400))
    assert torch.allclose(shut[:, 1], plain.lips(asked[800:])[:, 1])
    assert closes.lip_net.low[0] >= lips[:, 0].min() and result.out_of_fold.shape == (400, 2)


@pytest.mark.parametrize("right", [True, False])
def test_a_score_that_a_person_s_lips_deny_counts_less(right):
    """Where it is high the lips are shut, or as open as ever."""
    windows, lips, weights = talk(400, noise=0.3)
    windows = np.pad(windows, ((0, 0), (1, 1), (0, 0)))
    windows[:, HALF + 1 : HALF + 3, 0] = -1
    windows[::4, HALF + 1, 0] = 0.6
    if right:
        lips[::4, 0] = lips[:, 0].min()
    closes = SpeechNet(W + 2, D, feature_dim=2, lip_dim=2, **kind_of(closing_prior(weights)))
    fit_map(closes, windows, lips, np.arange(400), None, closing_prior(weights))
    sure = closes.lip_net.sure.item()
    assert sure == pytest.approx(SURE) if right else sure > 0.6


def test_a_score_that_is_always_sure_does_not_count():
    windows, lips, weights = talk(400, noise=0.3)
    windows = np.pad(windows, ((0, 0), (1, 1), (0, 0)))
    windows[:, HALF + 1 : HALF + 3, 0] = 10
    plain = SpeechNet(W + 2, D, feature_dim=2, lip_dim=2, lips="map")
    closes = SpeechNet(W + 2, D, feature_dim=2, lip_dim=2, **kind_of(closing_prior(weights)))
    free = fit_map(plain, windows, lips, np.arange(400), None, prior_of(weights))
    found = fit_map(closes, windows, lips, np.arange(400), None, closing_prior(weights))
    np.testing.assert_allclose(found.out_of_fold, free.out_of_fold, atol=1e-5)
    heard = torch.from_numpy(windows)
    assert torch.allclose(closes.lips(heard), plain.lips(heard), atol=1e-5)


def test_a_frame_of_which_one_column_is_not_heard_is_refused():
    with pytest.raises(ValueError, match="hears 13 columns"):
        SpeechNet(W, D, lips="closing map", hidden=3)


def test_what_predicts_lips_is_what_the_prior_knows():
    weights = np.zeros((W, D, 2), np.float32)
    kinds = [kind_of(prior) for prior in (None, prior_of(weights), closing_prior(weights))]
    assert [kind["lips"] for kind in kinds] == ["networks", "map", "closing map"]
    assert kinds[2]["hidden"] == 1
