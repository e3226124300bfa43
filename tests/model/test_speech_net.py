"""The speech networks."""

import pytest
import torch

from unigs.model.speech_net import LipNets, SpeechNet

W, D = 9, 6


def test_grouped_networks_are_separate():
    nets = LipNets(W, D, 2, 3, 8)
    torch.manual_seed(0)
    windows = torch.randn(4, 3, W, D)
    changed = windows.clone()
    changed[:, 1] += 1
    before, after = nets.each(windows), nets.each(changed)
    torch.testing.assert_close(before[:, [0, 2]], after[:, [0, 2]])
    assert (before[:, 1] - after[:, 1]).abs().max() > 1e-3


@pytest.mark.parametrize("window", [5, 8, 9, 17, 25])
def test_any_window_gives_a_and_lips(window):
    net = SpeechNet(window, D, feature_dim=7, lip_dim=3, members=2, hidden=4)
    windows = torch.randn(2, window, D)
    assert net(windows).shape == (2, 7)
    assert net.lips(windows).shape == (2, 3)
    assert SpeechNet(window, D, lip_dim=0).lips(windows).shape == (2, 0)


def test_audio_feature_learns_where_in_time_a_sound_is():
    torch.manual_seed(0)
    net = SpeechNet(W, D, feature_dim=1, lip_dim=0)
    optimizer = torch.optim.Adam(net.parameters(), 1e-2)
    windows = torch.randn(128, W, D)
    target = windows[:, W // 2, :1]
    for _ in range(150):
        loss = (net(windows) - target).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.3
