"""Pre-training of the lip networks, on made-up speech whose lips are known."""

import numpy as np
import pytest
import torch

from unigs.lips import folds
from unigs.lips.networks import pretrain, resting_shape
from unigs.model.speech_net import SpeechNet
from unigs.stage.errors import UserError
from unigs.subject.frame_table import FEWEST_TRAINING_FRAMES

W, D = 9, 6


def talk(frames, noise, seed=0):
    """Speech windows that tell the lips (opening is the first column's amplitude) plus noise."""
    rng = np.random.default_rng(seed)
    loud = np.abs(np.convolve(rng.normal(size=frames + W + 4), np.ones(4) / 2, "valid"))
    loud = loud[: frames + W - 1]
    mixing = rng.normal(size=D)
    columns = np.sqrt(loud)[:, None] * mixing + noise * rng.normal(size=(len(loud), D))
    features = np.stack([columns[k : k + frames] for k in range(W)], 1)
    features = (features - features.mean((0, 1))) / features.std((0, 1))
    lips = np.stack([loud[W // 2 :][:frames], -loud[W // 2 - 1 :][:frames]], 1)
    silence = (0 - columns.mean(0)) / columns.std(0)
    lips = (lips - lips.mean(0)) / lips.std(0)
    return features.astype(np.float32), lips.astype(np.float32), np.tile(silence, (W, 1))


def correlation(a, b):
    return np.corrcoef(a, b)[0, 1]


def small_net(seed=0, members=6, lip_dim=2):
    torch.manual_seed(seed)
    return SpeechNet(W, D, feature_dim=5, lip_dim=lip_dim, members=members, hidden=12)


@pytest.fixture(scope="module")
def learnt():
    features, lips, silence = talk(500, noise=0.15)
    net = small_net()
    train = np.arange(420)
    result = pretrain(net, features, lips, train, silence, steps=250)
    return net, features, lips, silence.astype(np.float32), train, result


def test_lips_of_unheard_speech_are_predicted_as_lively_as_the_truth(learnt):
    net, features, lips, _, train, result = learnt
    predicted = net.lips(torch.from_numpy(features[430:])).numpy()
    for k in range(2):
        assert correlation(predicted[:, k], lips[430:, k]) > 0.7
        assert 0.7 < predicted[:, k].std() / lips[430:, k].std() < 1.3
        assert 0.85 < result.out_of_fold[train, k].std() / lips[train, k].std() < 1.1


def test_out_of_fold_correlation_tells_the_truth_about_new_speech(learnt):
    net, features, lips, _, _, result = learnt
    predicted = net.lips(torch.from_numpy(features[430:])).numpy()
    held_out = correlation(predicted[:, 0], lips[430:, 0])
    assert result.correlation[0] == pytest.approx(held_out, abs=0.15)


def test_nothing_is_learnt_from_noise_though_it_could_be_memorised():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(300, W, D)).astype(np.float32)
    lips = rng.normal(size=(300, 2)).astype(np.float32)
    net = small_net()
    result = pretrain(net, features, lips, np.arange(300), steps=150)
    assert np.abs(result.correlation).max() < 0.3
    assert np.abs(correlation(result.out_of_fold[:, 0], lips[:, 0])) < 0.3
    assert float(net.lip_net.gain.max()) <= folds.LARGEST_GAIN


def test_a_member_never_sees_its_fold_nor_its_neighbours():
    frames = np.delete(np.arange(200), np.arange(60, 80))
    fold = folds.contiguous_folds(frames, 12)
    left = np.zeros(len(frames), int)
    for member in range(12):
        out, seen = frames[fold.left_out(member)], frames[fold.allowed(member)]
        assert np.abs(out[:, None] - seen[None]).min() > folds.FOLD_GAP
        left += fold.left_out(member)
    # Every frame is predicted by as many members.
    assert (left == 2).all()


def test_silence_closes_the_mouth(learnt):
    net, _, lips, silence, train, result = learnt
    quiet = net.lips(torch.from_numpy(silence)[None])[0].numpy()
    closed = np.quantile(lips[train, 0], 0.15)
    assert quiet[0] <= closed
    assert quiet[0] == pytest.approx(result.rest[0], abs=0.4)


def test_predictions_stay_within_what_was_seen(learnt):
    net, features, lips, _, train, _ = learnt
    shouted = net.lips(torch.from_numpy(features * 30)).numpy()
    assert (shouted >= lips[train].min(0) - 1e-4).all()
    assert (shouted <= lips[train].max(0) + 1e-4).all()


def test_same_seed_same_networks():
    features, lips, silence = talk(200, noise=0.2)
    results = [
        pretrain(small_net(3), features, lips, np.arange(200), silence, steps=15, seed=7)
        for _ in range(2)
    ]
    np.testing.assert_array_equal(results[0].out_of_fold, results[1].out_of_fold)


def test_pretraining_leaves_the_random_sequence_and_the_audio_feature_alone():
    features, lips, _ = talk(200, noise=0.2)
    net = small_net()
    before = net(torch.from_numpy(features[:4]))
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    pretrain(net, features, lips, np.arange(200), steps=3)
    assert torch.rand(1) == expected
    torch.testing.assert_close(net(torch.from_numpy(features[:4])), before)


def test_frames_without_a_face_are_not_learnt_from():
    features, lips, _ = talk(250, noise=0.2)
    lips[40:60] = np.nan
    result = pretrain(small_net(), features, lips, np.arange(250), steps=10)
    assert np.isfinite(result.out_of_fold).all() and np.isfinite(result.correlation).all()


def test_half_of_the_members_sees_the_features_partly_whitened(learnt):
    net, features, *_ = learnt
    seen = net.lip_net.views(torch.from_numpy(features[:200])).numpy()
    np.testing.assert_array_equal(seen[:, 0], features[:200])
    plain, view = (np.cov(seen[:, m].reshape(-1, D).T) for m in (0, 5))
    spread = [np.ptp(np.log(np.linalg.eigvalsh(c))) for c in (plain, view)]
    assert spread[1] < 0.7 * spread[0]
    assert np.square(seen[:, 5]).mean() == pytest.approx(1, abs=0.2)


def test_rest_is_a_closed_mouth():
    lips = np.stack([np.linspace(-2, 2, 100), np.linspace(1, 0, 100)], 1)
    rest = resting_shape(lips)
    assert rest[0] < -1.85 and rest[1] > 0.95


def test_as_few_frames_as_promised_are_enough_and_one_less_is_one_sentence():
    features, lips, silence = talk(FEWEST_TRAINING_FRAMES, noise=0.15)
    train = np.arange(FEWEST_TRAINING_FRAMES)
    result = pretrain(small_net(), features, lips, train, silence, steps=5)
    assert np.isfinite(result.out_of_fold).all()
    with pytest.raises(UserError, match="^99 training frames .* too few .*, 100 are needed: use"):
        pretrain(small_net(), features, lips, train[1:], silence, steps=5)
