"""DeepSpeech checkpoints: read without running them."""

import pytest
import torch

from tests.support.sounds import small_state, voice
from unigs.media.audio import RATE
from unigs.speech.deepspeech import DeepSpeech2, load_deepspeech, read_deepspeech, spectrogram
from unigs.stage.errors import UserError


@pytest.mark.parametrize("both", [True, False])
def test_deepspeech_reads_its_sizes_off_the_weights(tmp_path, both):
    state = small_state(both)
    torch.save({"state_dict": state}, tmp_path / "d.ckpt")
    net = load_deepspeech(tmp_path / "d.ckpt")
    logits = net.transcribe(torch.from_numpy(voice(1.0)))
    assert logits.shape == (51, 29)
    for name, value in net.state_dict().items():
        torch.testing.assert_close(value, state[name])


def test_spectrogram_of_a_tone_peaks_at_its_bin():
    time = torch.arange(RATE) / RATE
    picture = spectrogram(torch.sin(2 * torch.pi * 1000 * time))
    assert picture.shape == (161, 101)
    assert int(picture.mean(1).argmax()) == 20
    assert float(picture.std()) == pytest.approx(1, abs=1e-3)


class Bomb:
    """Unpickling this with pickle itself would create a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (exec, (f"open({str(self.path)!r}, 'w').close()",))


def test_checkpoint_runs_no_code(tmp_path):
    state = small_state()
    torch.save({"state_dict": state, "hyper_parameters": Bomb(tmp_path / "boom")}, tmp_path / "b")
    weights = read_deepspeech(tmp_path / "b")
    assert not (tmp_path / "boom").exists()
    assert set(weights) == set(state)
    DeepSpeech2(weights)


def test_other_files_are_refused_by_name(tmp_path):
    torch.save({"state_dict": {"a": torch.zeros(1)}}, tmp_path / "other.ckpt")
    (tmp_path / "text.ckpt").write_text("no checkpoint")
    for name in ("other.ckpt", "text.ckpt"):
        with pytest.raises(UserError, match=name):
            load_deepspeech(tmp_path / name)
