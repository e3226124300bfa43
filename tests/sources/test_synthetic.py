"""The synthetic speaker: what it says about itself is true, and detectors see a person."""

from pathlib import Path

import numpy as np
import pytest

from unigs.face.detectors import open_detectors
from unigs.media.audio import read_audio
from unigs.media.video import frame_count, probe, read_video
from unigs.settings.demo import DemoSettings
from unigs.sources.synthetic import voice
from unigs.sources.synthetic.motion import blink_curve, blink_times, follow_late
from unigs.sources.synthetic.shapes import ellipsoid, normals, sample_surface
from unigs.sources.synthetic.speaker import Clip, make_speaker
from unigs.stage.errors import UserError
from unigs.stage.files import load_npz
from unigs.subject.labels import FACE, HAIR, MOUTH, TORSO, read_labels

SMALL = DemoSettings(seconds=4.0, fps=25.0, size=192, background="plain", strands=200, seed=3)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> dict:
    folder = tmp_path_factory.mktemp("speaker")
    video, truth = folder / "speaker.mp4", folder / "truth.npz"
    make_speaker(video, truth, SMALL)
    return {
        "video": video,
        "truth": load_npz(truth, "R", "t", "points_px", "blink", "mouth_opening"),
        "labels": np.array(list(read_labels(folder / "truth.mkv"))),
        "frames": np.array(list(read_video(video))),
        "sound": read_audio(video, 16000),
    }


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a, b)[0, 1])


def test_lengths_are_exact(clip: dict) -> None:
    count = round(SMALL.seconds * SMALL.fps)
    assert frame_count(clip["video"]) == count
    assert clip["labels"].shape == (count, SMALL.size, SMALL.size)
    for name in ("R", "t", "blink", "mouth_opening", "mouth_width", "points_px"):
        assert len(clip["truth"][name]) == count
    # An AAC stream is longer by up to two packets of 1024 samples, never shorter.
    assert 0 <= len(clip["sound"]) - SMALL.seconds * 16000 <= 2 * 1024
    info = probe(clip["video"])
    assert (info.width, info.height, info.fps, info.has_audio) == (192, 192, 25.0, True)


def test_the_same_seed_gives_the_same_clip_and_another_seed_another() -> None:
    def first(seed: int) -> tuple[np.ndarray, ...]:
        clip = Clip(DemoSettings(seconds=1.0, size=96, strands=60, seed=seed))
        return (*next(clip.frames()), clip.sound, clip.opening)

    one, again, other = first(5), first(5), first(6)
    for a, b in zip(one, again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(one[0], other[0])
    assert not np.array_equal(one[3], other[3])


def test_sound_and_picture_are_in_step(clip: dict) -> None:
    opening = clip["truth"]["mouth_opening"]
    count = len(opening)
    power = np.convolve(clip["sound"] ** 2, np.ones(640) / 640, mode="same")
    loudness = np.sqrt(power[np.arange(count) * 640])
    lags = range(-6, 7)
    match = [correlation(loudness[10 + lag : count - 10 + lag], opening[10:-10]) for lag in lags]
    assert lags[int(np.argmax(match))] == 0


def test_labels_follow_the_picture(clip: dict) -> None:
    labels, frames = clip["labels"], clip["frames"].astype(int)
    assert set(np.unique(labels)) == {0, 1, 2, 3, 4}
    wall = frames[0, 2, 2]
    difference = np.abs(frames - wall).max(-1)
    # At the rim of the hair a pixel is a mixture; the contrast of hair and wall is about 150.
    assert np.mean(labels[difference > 90] > 0) > 0.995
    assert np.mean(labels[difference < 12] == 0) > 0.98
    # The median of each region has the color it was given: brown hair, blue clothes, red lips.
    hair, torso = (np.median(frames[labels == k], axis=0) for k in (HAIR, TORSO))
    mouth, face = (np.median(frames[labels == k], axis=0) for k in (MOUTH, FACE))
    assert hair[0] > hair[2] + 30 and face[0] > face[2] + 20
    assert mouth[0] - mouth[1] > face[0] - face[1] + 20
    clothes = frames[:, -20:, 85:107][labels[:, -20:, 85:107] == TORSO]
    assert np.median(clothes[:, 2] - clothes[:, 0]) > 10 and torso.shape == (3,)
    height = [np.nonzero(labels == k)[1].mean() for k in (HAIR, FACE, MOUTH, TORSO)]
    assert height[1] < height[2] < height[3]


def test_named_points_lie_on_their_parts(clip: dict) -> None:
    names, pixels = list(clip["truth"]["names"]), clip["truth"]["points_px"]
    labels = clip["labels"]

    def at(name: str) -> np.ndarray:
        x, y = np.floor(pixels[:, names.index(name)]).astype(int).T
        return labels[np.arange(len(labels)), y, x]

    for name in ("nose_tip", "chin", "right_iris", "left_iris", "left_eye_inner"):
        assert np.all(at(name) == FACE), name
    for name in ("right_eye_outer", "left_eye_outer", "right_brow_middle", "left_brow_inner"):
        assert np.all(at(name) == FACE), name
    for name in ("upper_lip_inner", "lower_lip_inner"):
        assert np.all(at(name) == MOUTH), name
    right, left = (pixels[:, names.index(f"{s}_mouth_corner"), 0] for s in ("right", "left"))
    spans = [np.ptp(np.nonzero(image == MOUTH)[1]) + 1 for image in labels]
    np.testing.assert_allclose(left - right, spans, atol=4.0)
    assert np.all(right < left)


def test_poses_and_points_agree(clip: dict) -> None:
    truth = clip["truth"]
    names, head = list(truth["names"]), truth["points_head"]
    R, t = truth["R"], truth["t"]
    np.testing.assert_allclose(
        R @ R.transpose(0, 2, 1), np.tile(np.eye(3), (len(R), 1, 1)), atol=1e-9
    )
    for name in ("nose_tip", "left_eye_inner", "right_eye_outer"):
        point = head[:, names.index(name)]
        np.testing.assert_allclose(point, np.tile(point[0], (len(point), 1)), atol=5e-5)
    assert head[0, names.index("nose_tip"), 2] < -0.08  # the face looks to -z
    assert np.all(head[:, names.index("chin"), 1] > 0.09)  # y points down
    camera = np.einsum("tij,tkj->tki", R, head) + t[:, None]
    pixels = truth["focal"] * camera[..., :2] / camera[..., 2:] + truth["size"] / 2
    np.testing.assert_allclose(pixels, truth["points_px"], atol=1e-6)
    gap = head[:, names.index("lower_lip_inner")] - head[:, names.index("upper_lip_inner")]
    np.testing.assert_allclose(np.linalg.norm(gap, axis=1), truth["mouth_opening"], atol=2e-4)
    eye = head[:, names.index("left_lower_lid")] - head[:, names.index("left_upper_lid")]
    full = eye[np.argmin(truth["blink"]), 1]
    np.testing.assert_allclose(eye[:, 1], full * (1 - truth["blink"]), atol=1e-6)


def test_head_and_torso_move_differently(clip: dict) -> None:
    truth = clip["truth"]
    turn = np.einsum("tij,tkj->tik", truth["R"], truth["body_R"])
    angle = np.degrees(np.arccos(np.clip((np.trace(turn, axis1=1, axis2=2) - 1) / 2, -1, 1)))
    assert 3.0 < angle.max() < 20.0
    step = np.einsum("tij,tik->tjk", truth["R"][:-1], truth["R"][1:])
    jump = np.degrees(np.arccos(np.clip((np.trace(step, axis1=1, axis2=2) - 1) / 2, -1, 1)))
    assert jump.max() < 2.0


def test_a_face_mesh_sees_mouth_and_lids_as_they_are(clip: dict) -> None:
    truth = clip["truth"]
    with open_detectors().mesh(static=False, confidence=0.5) as mesh:
        points = np.array([mesh.find(np.ascontiguousarray(frame)) for frame in clip["frames"]])
    points = points[..., :2]

    def apart(a: int, b: int) -> np.ndarray:
        return np.linalg.norm(points[:, a] - points[:, b], axis=1)

    assert correlation(apart(13, 14), truth["mouth_opening"]) > 0.9
    assert correlation(apart(61, 291), truth["mouth_width"]) > 0.9
    eyes = apart(159, 145) + apart(386, 374)
    assert correlation(-eyes, truth["blink"]) > 0.9
    names = list(truth["names"])
    pairs = {"right_iris": 468, "left_iris": 473, "upper_lip_inner": 13, "lower_lip_inner": 14}
    pairs |= {"right_mouth_corner": 61, "left_mouth_corner": 291, "right_eye_inner": 133}
    for name, index in pairs.items():
        error = points[:, index] - truth["points_px"][:, names.index(name)]
        assert np.median(np.linalg.norm(error, axis=1)) < 0.012 * SMALL.size, name


def test_a_person_mask_agrees_with_the_labels(clip: dict) -> None:
    with open_detectors().person() as segment:
        for k in range(0, len(clip["frames"]), 20):
            mask = segment.find(np.ascontiguousarray(clip["frames"][k])) > 0.5
            person = clip["labels"][k] > 0
            assert (mask & person).sum() / (mask | person).sum() > 0.95


@pytest.mark.parametrize("seconds", [8.0, 20.0, 24.0])
def test_the_last_eleventh_has_speech_and_a_blink(seconds: float) -> None:
    time = np.arange(int(seconds * 25)) / 25
    test = time >= seconds * 10 / 11
    for seed in range(12):
        speech = voice.compose(seconds, np.random.default_rng(seed))
        opening, _ = voice.mouth_curves(speech, time)
        assert np.mean(opening[test] > 1.0) > 0.4 and opening[test].max() > 4.0
        shut = blink_curve(time, blink_times(seconds, 3.5, np.random.default_rng(seed)))
        assert shut[test].max() > 0.95
        assert shut.min() == 0.0 and np.mean(shut > 0.05) < 0.25


def test_pauses_are_silent_with_lips_closed() -> None:
    seconds = 12.0
    speech = voice.compose(seconds, np.random.default_rng(2))
    sound = voice.synthesize(speech, seconds, 16000, 190.0, np.random.default_rng(3))
    assert sound.shape == (12 * 16000,) and np.abs(sound).max() <= 0.85
    loud = np.sqrt(np.mean(sound**2))
    pauses = [k for k, s in enumerate(speech.symbols) if s == "_"]
    assert len(pauses) >= 3
    for k in pauses[1:-1]:
        start, end = speech.starts[k], speech.starts[k + 1]
        inner = np.linspace(start + voice.REACH, end - voice.REACH, 9)
        opening, width = voice.mouth_curves(speech, inner)
        np.testing.assert_allclose([opening, width], 0.0, atol=1e-9)
        quiet = sound[int((start + 0.1) * 16000) : int((end - 0.05) * 16000)]
        assert np.sqrt(np.mean(quiet**2)) < 0.02 * loud


def test_the_mouth_depends_only_on_phones_nearby() -> None:
    speech = voice.compose(6.0, np.random.default_rng(1))
    middle = len(speech.symbols) // 2
    changed = voice.Speech(
        speech.symbols[:middle] + ["a"] * (len(speech.symbols) - middle),
        speech.starts,
        speech.stress,
    )
    time = np.arange(0, 6.0, 0.005)
    before, after = (voice.mouth_curves(s, time)[0] for s in (speech, changed))
    same = time < speech.starts[middle] - voice.REACH
    np.testing.assert_allclose(before[same], after[same], atol=1e-12)
    assert np.abs(before - after)[~same].max() > 3.0
    # Smooth: at 5 ms steps no jump, and bilabials close the lips.
    assert np.abs(np.diff(before)).max() < 1.5


def test_vowels_have_their_formants() -> None:
    def spectrum(symbol: str) -> tuple[np.ndarray, np.ndarray]:
        speech = voice.Speech(["_", symbol, "_"], np.array([0, 0.2, 1.8, 2.0]), np.ones(3))
        sound = voice.synthesize(speech, 2.0, 16000, 110.0, np.random.default_rng(0))
        steady = sound[6400:25600] * np.hanning(19200)
        power = np.abs(np.fft.rfft(steady)) ** 2
        smooth = np.convolve(power, np.hanning(240), mode="same")
        return np.fft.rfftfreq(19200, 1 / 16000), smooth

    for symbol in ("a", "i", "u", "ae"):
        frequency, power = spectrum(symbol)
        first, second, _ = voice.PHONES[symbol].formants
        # Between 3/5 and 8/5 of a formant the strongest frequency is that formant's.
        for formant, low, high in ((first, 0.75, 1.25), (second, 0.85, 1.2)):
            band = (frequency > low * formant) & (frequency < high * formant)
            peak = frequency[band][np.argmax(power[band])]
            assert abs(peak - formant) < 0.12 * formant + 40, (symbol, formant, peak)


def test_late_hair_swings_like_a_damped_spring() -> None:
    step, hertz, damping = 0.04, 1.4, 0.45
    time = np.arange(60) * step
    goal = np.column_stack([np.minimum(time / step, 1.0)])  # a step, spread over one frame
    late = follow_late(goal, step, hertz, damping)[:, 0]
    omega, root = 2 * np.pi * hertz, np.sqrt(1 - damping**2)
    t = np.maximum(time - 0.5 * step, 0.0)  # mean moment of the step
    decay = np.exp(-damping * omega * t)
    phase = omega * root * t
    closed = 1 - decay * (np.cos(phase) + damping / root * np.sin(phase))
    np.testing.assert_allclose(late[2:], closed[2:], atol=0.05)
    assert late.max() > 1.1 and abs(late[-1] - 1.0) < 0.02


def test_surface_samples_lie_on_the_surface_without_holes() -> None:
    def ball(p: np.ndarray) -> np.ndarray:
        return ellipsoid(p, (1.0, 2.0, 3.0), (20.0, 20.0, 20.0))

    p = sample_surface(ball, (-25, -25, -25), (25, 25, 25), 3.0, np.random.default_rng(0))
    offset = p - np.array([1.0, 2.0, 3.0])
    np.testing.assert_allclose(np.linalg.norm(offset, axis=1), 20.0, atol=0.3)
    np.testing.assert_allclose(normals(ball, p), offset / 20.0, atol=0.05)
    probe_at = np.random.default_rng(1).normal(size=(2000, 3))
    probe_at = 20 * probe_at / np.linalg.norm(probe_at, axis=1, keepdims=True)
    nearest = np.min(np.linalg.norm(probe_at[:, None] - offset[None], axis=-1), axis=1)
    assert nearest.max() < 1.15 * 3.0


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"size": 255}, "size"),
        ({"seconds": 0.2}, "second"),
        ({"hair_color": "brown"}, "hair_color"),
        ({"sample_rate": 11025}, "sample_rate"),
    ],
)
def test_bad_settings_are_explained(tmp_path: Path, change: dict, word: str) -> None:
    settings = DemoSettings(**({"seconds": 1.0, "size": 96} | change))
    with pytest.raises(UserError, match=word):
        make_speaker(tmp_path / "a.mp4", tmp_path / "a.npz", settings)
    assert not list(tmp_path.iterdir())
