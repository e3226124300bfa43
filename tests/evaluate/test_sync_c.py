"""Sync-C: SyncNet's shapes, and the published protocol on points with a known offset."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from tests.support.sounds import voice
from unigs.evaluate import sync_c
from unigs.evaluate.records import find, to_json
from unigs.evaluate.syncnet import SyncNet, load_syncnet
from unigs.stage.errors import UserError

SMALL = 1 / 64


@pytest.fixture(scope="module")
def small() -> SyncNet:
    torch.manual_seed(0)
    return SyncNet(SMALL)


def test_published_shapes():
    shapes = {k: tuple(v.shape) for k, v in SyncNet().state_dict().items()}
    assert shapes["netcnnaud.0.weight"] == (64, 1, 3, 3)
    assert shapes["netcnnaud.4.weight"] == (192, 64, 3, 3)
    assert shapes["netcnnaud.18.weight"] == (512, 256, 5, 4)
    assert shapes["netcnnlip.0.weight"] == (96, 3, 5, 7, 7)
    assert shapes["netcnnlip.18.weight"] == (512, 256, 1, 6, 6)
    assert shapes["netfcaud.3.weight"] == shapes["netfclip.3.weight"] == (1024, 512)


def test_what_it_is_shown_becomes_one_point(small):
    assert small.encode_faces(torch.rand(2, 3, 5, 224, 224)).shape == (2, 16)
    assert small.encode_sound(torch.rand(2, 1, 13, 20)).shape == (2, 16)


@pytest.mark.parametrize("kind", ["model", "safetensors"])
def test_both_kinds_of_file_are_read(small, tmp_path, kind):
    path = tmp_path / f"syncnet.{kind}"
    state = small.state_dict()
    torch.save(state, path) if kind == "model" else save_file(state, path)
    columns = torch.rand(3, 1, 13, 20)
    expected = small.encode_sound(columns)
    torch.testing.assert_close(load_syncnet(path).encode_sound(columns), expected)
    torch.save({"netfclip.0.bias": torch.zeros(8)}, tmp_path / "other.model")
    with pytest.raises(UserError, match=r"other\.model does not hold SyncNet v2"):
        load_syncnet(tmp_path / "other.model")


def test_frames_are_seen_five_at_a_time_in_their_order_and_as_bgr(small):
    seen = []

    class Spy(SyncNet):
        def encode_faces(self, pictures):
            seen.append(pictures)
            return torch.arange(len(pictures)).float()[:, None]

    reader, square = sync_c.SyncReader(Spy(SMALL)), np.array([150.0, 150, 200])
    for k in range(14):
        image = np.zeros((300, 300, 3), np.uint8)
        image[...] = (k, 50 + k, 200)
        reader.read(image, square)
    assert reader.points().shape == (10, 1)
    shown = torch.cat(seen)
    assert shown.shape == (10, 3, 5, 224, 224)
    first, center = shown[:, 2, :, 112, 112], shown[3, :, 1, 112, 112]
    assert first.tolist() == [[k + j for j in range(5)] for k in range(10)]
    assert center.tolist() == [200, 54, 4]


def test_sound_gives_the_published_number_of_points(small):
    # 20 columns from every fourth on: the last five frames have none.
    assert len(sync_c.sound_points(small, voice(2.0))) == 50 - 5
    assert len(sync_c.sound_points(small, np.zeros(640 * 5))) == 0


def by_hand(faces, sound, reach):
    """Means of distances, pair by pair; what is missing is a point at zero."""
    curve = []
    for k in range(-reach, reach + 1):
        total = 0.0
        for i, point in enumerate(faces):
            other = sound[i + k] if 0 <= i + k < len(sound) else np.zeros_like(point)
            total += float(np.sqrt(((point - other + 1e-6) ** 2).sum()))
        curve.append(total / len(faces))
    return np.array(curve)


@pytest.mark.parametrize("late", [-7, 0, 4])
def test_points_that_agree_at_an_offset_give_it_and_its_confidence(late):
    rng = np.random.default_rng(3)
    speech = rng.normal(size=(80, 12)).astype(np.float32)
    faces, sound = speech[10:60], np.roll(speech, late, 0)[10:60]
    found = sync_c.confidence(torch.from_numpy(faces), torch.from_numpy(sound))
    curve = by_hand(faces, sound, 15)
    assert found.offset == late
    assert found.distance == pytest.approx(curve.min(), rel=1e-4)
    assert found.confidence == pytest.approx(np.median(curve) - curve.min(), rel=1e-4)
    rows = to_json(sync_c.sync_c_records(found, 54))
    assert find(rows, "sync_c", "mouth")["value"] == pytest.approx(found.confidence, rel=1e-5)
    assert find(rows, "sync_offset", "mouth")["value"] == late


def test_confidence_grows_with_the_points_and_ignores_rotations():
    rng = np.random.default_rng(4)
    faces = torch.from_numpy(rng.normal(size=(40, 8)).astype(np.float32))
    sound = faces + 0.3 * torch.from_numpy(rng.normal(size=(40, 8)).astype(np.float32))
    one = sync_c.confidence(faces, sound)
    twice = sync_c.confidence(2 * faces, 2 * sound)
    turn = torch.linalg.qr(torch.from_numpy(rng.normal(size=(8, 8)).astype(np.float32)))[0]
    turned = sync_c.confidence(faces @ turn, sound @ turn)
    assert twice.confidence == pytest.approx(2 * one.confidence, rel=1e-4)
    assert turned.confidence == pytest.approx(one.confidence, rel=1e-3)


def test_nothing_to_judge_is_empty_with_its_reason():
    assert sync_c.confidence(torch.zeros(0, 4), torch.zeros(9, 4)) is None
    for row in to_json(sync_c.sync_c_records(None, 3)):
        assert row["value"] is None and "fewer than 6" in row["reason"]
