"""Action units: blinks close, nods are no blinks, brows raise only their own unit."""

import numpy as np
import pandas as pd
import pytest

from tests.support import astronaut
from tests.support.openface import openface_csv
from tests.support.subject import write_table
from unigs.face import mesh
from unigs.face.action_units import action_units
from unigs.face.angles import head_to_camera
from unigs.prepare.face.eyes import measure_eyes
from unigs.prepare.face.landmarks import detect_landmarks
from unigs.settings.demo import DemoSettings
from unigs.settings.eyes import EyeSettings
from unigs.settings.landmarks import LandmarkSettings
from unigs.sources.synthetic.speaker import make_speaker
from unigs.stage.errors import UserError
from unigs.stage.files import load_npz
from unigs.subject.features import FACE_UNITS as UNITS
from unigs.subject.features import Landmarks

FRAMES = 300
LIDS = (
    (mesh.RIGHT_UPPER_LID, mesh.RIGHT_LOWER_LID),
    (mesh.LEFT_UPPER_LID, mesh.LEFT_LOWER_LID),
)
BROWS = [*mesh.RIGHT_BROW, *mesh.LEFT_BROW]


def head():
    """The portrait's landmarks in the head's own axes, centered."""
    points = astronaut.landmarks().astype(float)
    return (points - points[mesh.NOSE_TIP]) @ head_to_camera(points)


def acted(closed, raised=None, yaw=None, pitch=None, scale=None, noise=0.15, seed=0, smile=None):
    """Landmarks [T,478,3] of a face that closes its lids [T] 0..1 and raises its brows [T] px.

    yaw, pitch: degrees [T]; scale: size [T]; smile: way [T] px that lip corners go up and out.
    """
    zero = np.zeros(len(closed))
    raised, yaw, pitch, smile = (zero if v is None else v for v in (raised, yaw, pitch, smile))
    scale = zero + 1 if scale is None else scale
    rng = np.random.default_rng(seed)
    frames = []
    for k in range(len(closed)):
        points = head()
        for upper, lower in LIDS:
            gap = points[list(lower)] - points[list(upper)]
            points[list(upper)] += closed[k] * gap * 0.95
        points[BROWS, 1] -= raised[k]
        right, left = mesh.MOUTH_CORNERS
        points[[right, left], 1] -= smile[k]
        points[[right, left], 0] += smile[k] * np.sign(points[[right, left], 0])
        a, b = np.radians([yaw[k], pitch[k]])
        turn = np.array([[np.cos(a), 0, -np.sin(a)], [0, 1, 0], [np.sin(a), 0, np.cos(a)]])
        nod = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
        points = scale[k] * points @ (turn @ nod).T + 128
        frames.append(points + rng.normal(0, noise, points.shape))
    return np.array(frames, np.float32)


def blinks(frames=FRAMES, every=60):
    """Lid closure [T]: down in two frames, up in three."""
    closed = np.zeros(frames)
    for first in range(30, frames - 6, every):
        closed[first : first + 6] = [0.5, 1.0, 1.0, 0.7, 0.4, 0.15]
    return closed


def units(points, **options):
    return pd.DataFrame(action_units(points, **options))


def test_open_eyes_are_0_and_closed_ones_5():
    closed = blinks()
    measured = units(acted(closed))["AU45"]
    assert measured[closed == 1].min() > 4.5
    assert measured[closed == 0].max() < 0.5
    assert np.corrcoef(measured, closed)[0, 1] > 0.98


def test_a_nod_or_a_turn_is_no_blink():
    """A nod of 20 degrees foreshortens the eye by a third of what a blink does."""
    time = np.arange(FRAMES) / 25
    points = acted(blinks(), yaw=20 * np.sin(1.1 * time), pitch=20 * np.sin(0.7 * time))
    measured = units(points)["AU45"]
    assert measured[blinks() == 0].quantile(0.99) < 1.0
    assert np.corrcoef(measured, blinks())[0, 1] > 0.95


def test_coming_nearer_changes_nothing():
    zoom = 1 + 0.3 * np.sin(np.arange(FRAMES) / 40)
    measured = units(acted(blinks(), scale=zoom, noise=0.05))
    steady = units(acted(blinks(), noise=0.05))
    assert np.abs(measured["AU45"] - steady["AU45"]).max() < 0.5


def test_a_clip_without_a_blink_has_none():
    measured = units(acted(np.zeros(FRAMES)))
    assert measured["AU45"].max() < 1.0
    squint = units(acted(np.where(np.arange(FRAMES) > 200, 0.3, 0.0)))["AU45"]
    assert 0.8 < squint[210:].median() < 2.5  # not stretched into closed eyes


def test_raised_and_lowered_brows_move_their_own_units():
    pitch = 8 * np.sin(np.arange(FRAMES) / 17)
    raised = np.zeros(FRAMES)
    raised[100:140], raised[200:240] = 6.0, -5.0  # px; the outer eye corners are about 60 apart
    measured = units(acted(blinks(every=75), raised, pitch=pitch))
    assert measured["AU01"][105:135].median() > 3 and measured["AU04"][205:235].median() > 3
    assert measured["AU01"][205:235].max() < 0.5 and measured["AU04"][105:135].max() < 0.5
    calm = blinks(every=75) == 0
    calm[95:145] = calm[195:245] = False
    assert measured.loc[calm, ["AU01", "AU04"]].quantile(0.99).max() < 1.0


def test_a_smile_raises_its_unit_and_a_syllable_does_not():
    said = 1.5 * np.sin(2 * np.pi * np.arange(FRAMES) / 6)  # four syllables a second
    smile = np.where((np.arange(FRAMES) >= 100) & (np.arange(FRAMES) < 175), 6.0, 0.0)
    measured = units(acted(blinks(), smile=smile + said, pitch=6 * np.sin(np.arange(FRAMES) / 17)))
    assert measured["AU12"][115:160].min() > 4 and measured["AU12"][:75].max() < 1
    assert np.abs(np.diff(measured["AU12"])).max() < 0.6  # said, at 12.5 fps and 5 a smile: 2.2
    rest = measured.drop(columns=["AU12", "AU45"])
    assert rest[115:160].mean().max() < 1


def test_noise_is_not_stretched_into_expression():
    measured = units(acted(blinks(), noise=0.3))
    assert measured[["AU01", "AU04", "AU05", "AU06", "AU07"]].mean().max() < 0.8


def test_unusable_frames_do_not_set_the_scale():
    frown = np.where((np.arange(FRAMES) >= 155) & (np.arange(FRAMES) < 185), -5.0, 0.0)
    points, usable = acted(blinks(), frown), np.ones(FRAMES, bool)
    clean = units(points)
    usable[:25] = False
    spoilt = points.copy()
    spoilt[:25, BROWS, 1] += 25  # as landmarks of a faded picture may lie
    with_all, without = units(spoilt), units(spoilt, usable=usable)
    later = slice(35, None)  # the smoothing reaches a few frames beyond the spoilt ones
    assert np.abs(without - clean)[later].max().max() < 0.3
    assert np.abs(with_all - clean)[later].max().max() > 2.0


def test_test_frames_do_not_set_the_scale(tmp_path):
    """What they show may change; what is said of the other frames does not."""
    points, told = acted(blinks()), []
    write_table(tmp_path / "frames.csv", FRAMES)
    first = FRAMES * 10 // 11
    for _ in range(2):
        Landmarks(points, np.ones(FRAMES, bool), 256, "test").write(tmp_path / "face.npz")
        files = tmp_path / "face.npz", tmp_path / "eyes.csv"
        measure_eyes(*files, EyeSettings(), tmp_path / "frames.csv")
        told.append(pd.read_csv(tmp_path / "eyes.csv")[list(UNITS)].to_numpy())
        points = points.copy()
        points[first:, BROWS, 1] += 25
    np.testing.assert_array_equal(told[1][:first], told[0][:first])
    assert np.abs(told[1] - told[0])[first:].max() > 1


def test_frames_without_a_face_are_filled_and_rows_stay(tmp_path):
    points = acted(blinks())
    found = np.ones(FRAMES, bool)
    found[40:50] = found[-5:] = False
    points[~found] = np.nan
    Landmarks(points, found, 256, "test").write(tmp_path / "face.npz")
    measure_eyes(tmp_path / "face.npz", tmp_path / "eyes.csv", EyeSettings())
    table = pd.read_csv(tmp_path / "eyes.csv")
    assert list(table.columns) == ["frame", *UNITS] and len(table) == FRAMES
    values = table[list(UNITS)].to_numpy()
    assert np.isfinite(values).all() and values.min() >= 0 and values.max() <= 5
    np.testing.assert_allclose(values[-5:], np.tile(values[-6], (5, 1)))
    assert (np.flatnonzero(table["AU45"] > 2.5) < 40).sum() > 2


@pytest.fixture
def landmarks(tmp_path):
    Landmarks(np.zeros((30, 478, 3)), np.ones(30, bool), 256, "test").write(tmp_path / "face.npz")
    return tmp_path / "face.npz"


@pytest.mark.parametrize("comma", [", ", ",", " , "])
def test_openface_is_read_whatever_its_header(landmarks, tmp_path, comma):
    table = openface_csv(tmp_path / "of.csv", 30, comma)
    settings = EyeSettings(backend="openface")
    measure_eyes(landmarks, tmp_path / "eyes.csv", settings, openface=table)
    eyes = pd.read_csv(tmp_path / "eyes.csv")
    np.testing.assert_allclose(eyes["AU01"], np.arange(30) / 100 + 3, atol=1e-3)
    assert (eyes["AU45"] == 5.0).all()  # 8.x in the file, clipped to the scale


def test_openface_of_another_length_is_refused_with_both_files_and_numbers(landmarks, tmp_path):
    table = openface_csv(tmp_path / "of.csv", 36)
    settings = EyeSettings(backend="openface")
    with pytest.raises(UserError, match=r"of.csv has 36 rows but .*face.npz has 30 frames, and"):
        measure_eyes(landmarks, tmp_path / "eyes.csv", settings, openface=table)
    assert not (tmp_path / "eyes.csv").exists()


def test_openface_without_the_units_or_the_file(landmarks, tmp_path):
    settings = EyeSettings(backend="openface")
    table = openface_csv(tmp_path / "of.csv", 30, drop=("AU07_r",))
    with pytest.raises(UserError, match="of.csv has no column AU07_r: run OpenFace"):
        measure_eyes(landmarks, tmp_path / "eyes.csv", settings, openface=table)
    with pytest.raises(UserError, match="--openface"):
        measure_eyes(landmarks, tmp_path / "eyes.csv", settings)


def test_blendshapes_blink_with_the_speaker_and_leave_the_cheeks_to_the_landmarks(
    tmp_path, real_model, monkeypatch
):
    """The synthetic speaker's own blinks, and its landmarks as the tracker finds them."""
    settings = DemoSettings(seconds=8.0, fps=25.0, size=192, strands=100, seed=3)
    truth = tmp_path / "truth.npz"
    make_speaker(tmp_path / "speaker.mp4", truth, settings)
    files = tmp_path / "face.npz", tmp_path / "eyes.csv"
    detect_landmarks(tmp_path / "speaker.mp4", files[0], LandmarkSettings())
    own = EyeSettings(backend="blendshapes", model=str(real_model("face-landmarker")))
    measure_eyes(*files, own)
    found = pd.read_csv(files[1])
    blink = load_npz(truth, "blink")["blink"]
    assert np.corrcoef(found["AU45"], blink)[0, 1] > 0.9
    assert found["AU45"][blink > 0.95].mean() > 4 and found["AU45"][blink < 0.05].mean() < 0.5
    assert found[list(UNITS)].min().min() == 0 and found[list(UNITS)].max().max() <= 5
    measure_eyes(*files, EyeSettings())
    assert (pd.read_csv(files[1])["AU06"] == found["AU06"]).all()
    monkeypatch.setenv("UNIGS_MODELS", str(tmp_path))
    with pytest.raises(UserError, match="unigs models fetch face-landmarker"):
        measure_eyes(*files, EyeSettings(backend="blendshapes"))
