"""The networks that look at lips: who is asked, about which square, and why a figure is empty."""

import numpy as np
import pytest
import torch

from tests.support import astronaut
from tests.support.face_points import moving_points
from tests.support.lip_models import write_lip_models
from tests.support.sounds import voice
from tests.support.subject import write_table
from unigs.evaluate.lip_networks import LipNetworks, Places
from unigs.evaluate.records import PORTRAIT, find, to_json
from unigs.evaluate.split import Split
from unigs.face import fan
from unigs.face.squares import cut_square, face_squares, from_square
from unigs.pretrained.auto import chosen_model
from unigs.pretrained.catalogue import find_model
from unigs.settings.evaluate import ScoreSettings
from unigs.stage.errors import UserError

FRAMES, COUNT, SIZE = 26, 90, 256
METHODS = ("portrait", "shuffled", "static", "nearest_pose", "mean_frame")
OFF = {"landmarks_model": "", "sync_model": "", "syncnet_model": ""}
METRICS = (
    "lmd_68", "lmd_256_68", "opening_correlation_68", "opening_spread_68", "lmd_256_shuffled_68",
    "lmd_256_gain_68", "opening_correlation_shuffled_68", "opening_agreement_68", "sync_asd",
    "sync_asd_offset", "sync_asd_wrong", "sync_c", "sync_d", "sync_offset",
)  # fmt: skip


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return write_lip_models(tmp_path_factory.mktemp("models"))


@pytest.fixture
def split(tmp_path):
    test = np.arange(COUNT - FRAMES, COUNT)
    return Split(write_table(tmp_path / "frames.csv", COUNT), test, np.arange(COUNT - FRAMES))


def pictures(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (FRAMES, SIZE, SIZE, 3), dtype=np.uint8)


def watched(places: Places, split: Split, settings: ScoreSettings, samples=None) -> list[dict]:
    """Records of a faithful portrait among other methods."""
    networks = LipNetworks.build(settings, "cpu", METHODS, places)
    truth, other = pictures(0), pictures(1)
    for k in range(FRAMES):
        shown = {name: other[k] for name in METHODS}
        networks.add(truth[k], {**shown, "portrait": truth[k]})
    return to_json(networks.mouth_records(SIZE) + networks.sync_records(samples, split))


@pytest.fixture
def places():
    points = moving_points()[:FRAMES]
    points[:, 33, :2], points[:, 263, :2] = (120, 140), (180, 140)
    return Places(points, points + np.float32([9, 0, 0]))


def test_a_faithful_portrait_is_the_truth_to_every_network(places, split, models, monkeypatch):
    monkeypatch.setenv("UNIGS_MODELS", str(models))
    rows = watched(places, split, ScoreSettings(), voice(COUNT / 25))
    assert find(rows, "lmd_256_68", "mouth")["value"] == 0
    assert find(rows, "opening_correlation_68", "mouth")["value"] == pytest.approx(1)
    assert find(rows, "lmd_256_68", "mouth", "static")["value"] > 0
    assert find(rows, "lmd_256_gain_68", "mouth")["value"] > 0
    for metric in ("sync_asd", "sync_asd_wrong", "sync_c", "sync_d"):
        row = find(rows, metric, "mouth")
        assert (
            row["value"] is not None
            and row["value"] == find(rows, metric, "mouth", "truth")["value"]
        )
    names = {row["backend"] for row in rows}
    assert names == {"FaceLandmark68Net (face-api)", "Light-ASD (AVA)", "SyncNet v2"}


def test_the_nearest_frame_is_looked_at_where_its_own_face_is(places):
    own, near = places.squares(4, 1), places.squares(4, 1, "nearest_pose")
    np.testing.assert_allclose(near - own, np.broadcast_to([9, 0, 0], own.shape), atol=1e-4)
    np.testing.assert_array_equal(places.squares(4, 1, "static"), own)


def test_frames_without_a_face_in_the_truth_do_not_count(places, split, models, monkeypatch):
    monkeypatch.setenv("UNIGS_MODELS", str(models))
    places.truth[3:8] = np.nan
    rows = watched(places, split, ScoreSettings(sync_model="", syncnet_model=""))
    assert find(rows, "lmd_256_68", "mouth")["frames"] == FRAMES - 5


def test_every_figure_is_empty_with_a_reason_without_weights(places, split, tmp_path, monkeypatch):
    monkeypatch.setenv("UNIGS_MODELS", str(tmp_path))
    for settings in (ScoreSettings(), ScoreSettings(**OFF)):
        rows = watched(places, split, settings, voice(1.0))
        for metric in METRICS:
            row = find(rows, metric, "mouth")
            assert row["value"] is None and "weights" in row["reason"], metric
        assert {row["method"] for row in rows} == {"portrait"}


def test_no_sound_another_rate_and_no_face_are_reasons(
    places, split, models, tmp_path, monkeypatch
):
    monkeypatch.setenv("UNIGS_MODELS", str(models))
    settings = ScoreSettings(landmarks_model="")
    rows = watched(places, split, settings)
    assert "no recording" in find(rows, "sync_asd", "mouth")["reason"]
    table = write_table(tmp_path / "other.csv", COUNT, fps=30)
    other = Split(table, split.test, split.train)
    rows = watched(places, other, settings, voice(1.0))
    assert "30 frames a second" in find(rows, "sync_c", "mouth")["reason"]
    nobody = Places(np.full_like(places.truth, np.nan))
    rows = watched(nobody, split, ScoreSettings(), voice(1.0))
    assert all(row["value"] is None and "no face was found" in row["reason"] for row in rows)


def test_a_setting_names_a_file_or_asks_for_the_fetched_one(models, tmp_path, monkeypatch):
    monkeypatch.setenv("UNIGS_MODELS", str(models))
    assert find_model("light-asd") == models / "light-asd.safetensors"
    assert chosen_model("auto", "light-asd") == find_model("light-asd")
    assert chosen_model("auto", "none") is None and chosen_model("", "light-asd") is None
    monkeypatch.delenv("UNIGS_MODELS")
    monkeypatch.chdir(tmp_path)
    assert find_model("light-asd") is None
    (tmp_path / "resources/models").mkdir(parents=True)
    (tmp_path / "resources/models/light-asd.safetensors").touch()
    assert find_model("light-asd").is_file()
    missing = ScoreSettings(**{**OFF, "sync_model": "none.model"})
    with pytest.raises(UserError, match=r"none\.model does not exist"):
        LipNetworks.build(missing, "cpu", METHODS, Places(moving_points()))


def test_a_judge_of_face_alignment_is_named_and_shown_its_own_square(tmp_path):
    """A narrow FAN in the place of face-api's network: its points come back as pixels."""
    torch.manual_seed(0)
    network = fan.FAN((8, 16, 16, 32), 1, 68)
    torch.save(network.state_dict(), tmp_path / "fan.pth.tar")
    truth = np.stack([astronaut.landmarks()] * 2)
    settings = ScoreSettings(**OFF | {"landmarks_model": str(tmp_path / "fan.pth.tar")})
    lips = LipNetworks.build(settings, "cpu", [PORTRAIT], Places(truth))
    image = astronaut.portrait()
    for _ in truth:
        lips.add(image, {PORTRAIT: image})
    square = face_squares(truth, fan.SIDE, fan.DOWN)
    wanted = from_square(network.find(cut_square(image, square[0], fan.SIZE)[None]), square[:1])
    np.testing.assert_allclose(lips.points68()[PORTRAIT][0], wanted[0], atol=1e-4)
    records = lips.mouth_records(256)
    assert {record.backend for record in records} == {"FAN (face-alignment)"}
