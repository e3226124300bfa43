"""Light-ASD: names, pieces and offsets; its judgment where the weights are there."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from tests.support.lip_models import light_asd_state
from tests.support.sounds import voice
from unigs.evaluate import sync_asd
from unigs.evaluate.light_asd import (
    CHUNK,
    LightASD,
    in_chunks,
    load_light_asd,
    own_name,
)
from unigs.evaluate.records import find, to_json
from unigs.pretrained.auto import LIGHT_ASD
from unigs.pretrained.catalogue import find_model
from unigs.stage.errors import UserError


@pytest.fixture(scope="module")
def network() -> LightASD:
    torch.manual_seed(0)
    network = LightASD()
    for name, value in network.state_dict().items():
        if "running_var" in name:
            value.uniform_(0.5, 2)
    return network


def test_published_names_and_shapes():
    name = "model.visualEncoder.block2.bn_t_5.running_mean"
    assert own_name(name) == "faces.1.branches.1.4.running_mean"
    assert own_name("model.audioEncoder.block3.m_3.weight") == "sound.2.branches.0.0.weight"
    assert own_name("lossV.FC.weight") == ""
    shapes = {k: tuple(v.shape) for k, v in light_asd_state(LightASD()).items()}
    assert shapes["model.visualEncoder.block1.s_5.weight"] == (32, 1, 1, 5, 5)
    assert shapes["model.visualEncoder.block3.t_3.weight"] == (128, 128, 3, 1, 1)
    assert shapes["model.audioEncoder.block2.m_5.weight"] == (64, 32, 5, 1)
    assert shapes["model.audioEncoder.block1.t_3.weight"] == (32, 32, 1, 3)
    assert shapes["model.GRU.gru_backward.weight_ih_l0"] == (384, 128)


@pytest.mark.parametrize("kind", ["model", "safetensors"])
def test_both_kinds_of_file_are_read(network, tmp_path, kind):
    state, path = light_asd_state(network), tmp_path / f"asd.{kind}"
    torch.save(state, path) if kind == "model" else save_file(state, path)
    for name, value in load_light_asd(path).state_dict().items():
        torch.testing.assert_close(value, network.state_dict()[name])
    del state["lossAV.FC.bias"]
    torch.save(state, tmp_path / "less.model")
    with pytest.raises(UserError, match=r"less\.model does not hold Light-ASD"):
        load_light_asd(tmp_path / "less.model")


def test_pieces_are_the_whole(network):
    rng = np.random.default_rng(0)
    faces = rng.integers(0, 256, (CHUNK + 9, 112, 112), dtype=np.uint8)[:, ::4, ::4].copy()
    rows = rng.normal(size=(4 * len(faces), 13)).astype(np.float32)
    for encode, data, per in ((network.encode_faces, faces, 1), (network.encode_sound, rows, 4)):
        whole = encode(torch.from_numpy(data).float())
        assert whole.shape == (len(faces), 128)
        torch.testing.assert_close(in_chunks(encode, data, per), whole, rtol=1e-3, atol=1e-4)


def test_sound_that_begins_a_frame_later_is_a_row_later(network):
    samples = voice(1.2)
    early = sync_asd.encode_recording(network, samples)
    late = sync_asd.encode_recording(network, np.concatenate([np.zeros(640, np.float32), samples]))
    torch.testing.assert_close(late[9:25], early[8:24], rtol=1e-3, atol=1e-3)
    assert len(early) == 30


def stub() -> SimpleNamespace:
    """A network that says minus the distance of what it is shown."""

    class Stub:
        speaks = torch.nn.Linear(1, 1)

        @staticmethod
        def encode_faces(faces):
            return faces[:, 0, :1]

        def __call__(self, seen, heard):
            return -(seen - heard).abs().sum(-1)

    return Stub()


@pytest.mark.parametrize("late", [-15, -3, 0, 4])
def test_a_delay_is_found_and_the_wrong_sound_is_half_a_recording_away(late):
    wave = np.random.default_rng(1).permutation(200).astype(np.float32)
    frames = np.arange(60, 120)
    faces = np.zeros((60, 2, 2), np.float32)
    faces[:, 0, 0] = wave[frames + late]
    found = sync_asd.score(stub(), faces, torch.from_numpy(wave)[:, None], frames)
    assert found.offset == late and found.curve.max() == 0 and found.frames == 40
    inner = slice(sync_asd.MARGIN, -sync_asd.MARGIN)
    expected = -np.abs(wave[frames + late] - wave[(frames + 100) % 200])[inner].mean()
    assert found.wrong == pytest.approx(expected, rel=1e-5)
    rows = to_json(sync_asd.sync_asd_records(found, ""))
    assert find(rows, "sync_asd_offset", "mouth")["value"] == late
    assert find(rows, "sync_asd", "mouth")["value"] == pytest.approx(found.at_zero, rel=1e-5)


def test_the_published_weights_load_and_silence_is_no_speaker():
    path = find_model(LIGHT_ASD)
    if path is None:
        pytest.skip("light-asd.safetensors is not in resources/models or $UNIGS_MODELS")
    network = load_light_asd(path)
    still = np.full((50, 112, 112), 110, np.uint8)
    sound = sync_asd.encode_recording(network, np.zeros(32000, np.float32))
    assert sync_asd.score(network, still, sound, np.arange(50)).at_zero < 0
