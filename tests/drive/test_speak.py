"""A portrait speaks a recording: in step, steady, shut in pauses."""

import hashlib
import os
import sys
import tempfile
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

import unigs
from tests.support.certificates import write_certificate
from tests.support.full_disk import full_disk
from tests.support.sounds import RATE, speech
from tests.support.subject import subject_files, write_features, write_table
from unigs.drive import speak
from unigs.drive.speak import performances
from unigs.media.audio import read_audio, write_wav
from unigs.media.video import probe, read_video
from unigs.provenance.clip import UNTOLD, Provenance
from unigs.provenance.command import verify
from unigs.provenance.manifest import read_manifest
from unigs.provenance.mark import VisibleMark
from unigs.settings.drive import DriveSettings
from unigs.settings.speech import SpeechSettings
from unigs.speech.encoder import SpeechEncoder
from unigs.stage.errors import UserError
from unigs.subject.performance import Performance
from unigs.subject.trajectory import AffineTrajectory, RigidTrajectory


def encoder():
    made = SpeechEncoder(SpeechSettings())
    made.fit(made.windows(made.columns(speech(4.0)), 100, 25.0))
    return made


def still(frames=50):
    rest = np.tile(np.eye(3), (frames, 1, 1)), np.zeros((frames, 3))
    head, torso = RigidTrajectory(*rest), AffineTrajectory(*rest)
    return Performance(head, torso, np.zeros((frames, 2)), np.zeros((frames, 7)))


def heard(encoder, samples, count):
    """The speech windows of all blocks that drive a still clip."""
    blocks = performances(still(), encoder, samples, count, 25.0, DriveSettings())
    return np.concatenate([block.speech for block in blocks])


def test_a_pause_with_background_noise_sounds_like_silence_and_speech_is_left_alone():
    rng = np.random.default_rng(1)
    samples = speech(6.0)
    samples[2 * RATE : 4 * RATE] = 0
    samples += rng.normal(size=len(samples)).astype(np.float32) * 5e-4
    made = encoder()
    windows = heard(made, samples, 150)
    np.testing.assert_allclose(windows[65:85], np.tile(made.silence, (20, 1, 1)), atol=1e-5)
    plain = made.encode(samples, 150, 25.0)
    np.testing.assert_allclose(windows[:48], plain[:48], atol=1e-5)
    np.testing.assert_allclose(windows[104:], plain[104:], atol=1e-5)
    assert np.abs(plain[75] - made.silence).max() > 0.5


def test_windows_do_not_depend_on_the_block_size(monkeypatch):
    made, samples = encoder(), speech(3.0)
    whole = heard(made, samples, 75)
    monkeypatch.setattr(speak, "FRAMES_AT_ONCE", 7)
    np.testing.assert_allclose(heard(made, samples, 75), whole, atol=1e-6)


class FakePlayback:
    """Shows what it is given: gray is loudness. Keeps the performances."""

    def __init__(self, portrait):
        self.portrait = portrait

    def clip(self, performance):
        for k, heard in enumerate(performance.speech):
            self.portrait.seen.append(performance[k : k + 1])
            gray = np.clip(128 + 60 * heard[heard.shape[0] // 2].mean(), 0, 255)
            size = self.portrait.size
            yield np.full((size, size, 3), gray, np.uint8)


RECORD = {
    "backends": {"speech": "logmel"},
    "provenance": {"license": "own recording", "consent": "signed form 1"},
}


def fake_portrait(dynamic=True, size=32):
    meta = {"dynamic": RECORD}
    return SimpleNamespace(size=size, fps=25.0, has_dynamics=dynamic, seen=[], meta=meta)


def made_up_subject(folder, frames=60, **table):
    """A head that turns and moves to the right from 0 to 1 m."""
    files, along = subject_files(folder), np.linspace(0, 1, frames)[:, None] * [1, 0, 0]
    write_table(files.frame_table, frames, test=np.zeros(frames, bool), **table)
    R = Rotation.from_rotvec(0.3 * along[:, [1, 0, 2]]).as_matrix()
    write_features(
        files, frames, head=(R, along), torso=(R, along + [2, 0, 0]), encoder=encoder().to_dict()
    )
    return files


def run_drive(files, monkeypatch, audio, portrait=None, provenance=UNTOLD, out=None, **settings):
    portrait = portrait or fake_portrait()
    monkeypatch.setattr(speak, "load_portrait", lambda path, device: portrait)
    monkeypatch.setattr(speak, "Playback", FakePlayback)
    folder = files.video.parent
    (folder / "portrait.safetensors").write_bytes(b"a portrait")
    speak.drive(
        folder / "portrait.safetensors", audio, files.frame_table, files.pose, files.body,
        files.eyes, files.speech, out or folder / "out.mp4",
        DriveSettings(device="cpu", **settings), provenance,
    )  # fmt: skip
    return portrait


@pytest.mark.parametrize(("rate", "seconds"), [(44100, 3.3), (8000, 1.01)])
def test_a_recording_of_any_rate_and_length_is_spoken_in_step(tmp_path, monkeypatch, rate, seconds):
    files = made_up_subject(tmp_path)
    samples = np.zeros(int(seconds * rate), np.float32)
    start = int(0.6 * rate)
    samples[start : start + rate // 5] = np.random.default_rng(0).normal(size=rate // 5) * 0.2
    write_wav(tmp_path / "talk.wav", samples, rate)
    portrait = run_drive(files, monkeypatch, tmp_path / "talk.wav")
    images = list(read_video(tmp_path / "out.mp4"))
    assert len(images) == len(portrait.seen) == int(np.ceil(seconds * 25 - 1e-6))
    assert probe(tmp_path / "out.mp4").has_audio
    heard = read_audio(tmp_path / "out.mp4", RATE)
    loud = np.flatnonzero(np.abs(heard) > 0.1)
    gray = np.array([image.mean() for image in images])
    bright = np.flatnonzero(gray > (gray.min() + gray.max()) / 2)
    assert gray.max() - gray.min() > 20
    # The picture's burst and the sound's burst: at the same time to within a frame.
    assert bright[0] / 25 == pytest.approx(loud[0] / RATE, abs=0.05)
    assert (bright[-1] + 1) / 25 == pytest.approx(loud[-1] / RATE, abs=0.05)


def test_the_video_says_what_it_is_and_the_verifier_reads_it_back(tmp_path, monkeypatch):
    files = made_up_subject(tmp_path)
    write_wav(tmp_path / "talk.wav", speech(0.5), RATE)
    run_drive(
        files, monkeypatch, tmp_path / "talk.wav", provenance=Provenance(consent="signed form 2")
    )
    read = verify(
        tmp_path / "out.mp4", (), tmp_path / "portrait.safetensors", tmp_path / "talk.wav"
    )
    assert read.fits and read.vouched_for and not read.faults
    assert read.source_type.endswith("/trainedAlgorithmicMedia")
    assert read.program == f"UniGS {unigs.__version__}"
    digest = hashlib.sha256((tmp_path / "talk.wav").read_bytes()).hexdigest()
    assert read.about["sound"] == {"name": "talk.wav", "sha256": digest}
    digest = hashlib.sha256(b"a portrait").hexdigest()
    assert read.about["portrait"] == {"sha256": digest, "backends": {"speech": "logmel"}}
    # The sheet goes before what the portrait was trained with.
    assert read.about["clip"] == {
        "source": "not told", "license": "own recording", "consent": "signed form 2",
    }  # fmt: skip
    assert read.tags["title"] == "Synthetic talking portrait (UniGS)"
    for words in ("did not say this", "from talk.wav", digest, "consent: signed form 2"):
        assert words in read.tags["comment"]


def test_a_video_whose_name_is_no_utf8_is_signed(tmp_path, monkeypatch):
    files = made_up_subject(tmp_path)
    write_wav(tmp_path / "talk.wav", speech(0.5), RATE)
    out = tmp_path / os.fsdecode(b"gr\xfc\xdfe.mp4")
    run_drive(files, monkeypatch, tmp_path / "talk.wav", out=out)
    assert read_manifest(out).manifest["title"] == "gr??e.mp4"


def test_the_mark_is_in_a_corner_and_off_only_by_a_setting_that_is_recorded(tmp_path, monkeypatch):
    files = made_up_subject(tmp_path)
    write_wav(tmp_path / "talk.wav", speech(0.5), RATE)
    videos, said = [], []
    for mark in (True, False):
        portrait = fake_portrait(size=256)
        run_drive(files, monkeypatch, tmp_path / "talk.wav", portrait, mark=mark, quality="high")
        videos.append(np.array(list(read_video(tmp_path / "out.mp4"))).astype(int))
        read = verify(tmp_path / "out.mp4")
        said.append(read.about["visible_mark"])
        assert f"visible mark: {said[-1]}" in read.tags["comment"]
    assert said == ["AI, upper right corner", "none (drive.mark was off)"]
    area = VisibleMark.of(256, 256).area
    difference = np.abs(videos[0] - videos[1]).max(3)
    assert (difference[:, *area].max((1, 2)) > 60).all(), "every frame bears it"
    # Lossy coding carries the edge of the mark a few pixels further.
    difference[:, : area[0].stop + 16, area[1].start - 16 :] = 0
    assert difference.max() <= 4


def test_without_the_library_the_log_says_that_the_manifest_is_missing(
    tmp_path, monkeypatch, caplog
):
    files = made_up_subject(tmp_path)
    write_wav(tmp_path / "talk.wav", speech(0.5), RATE)
    with monkeypatch.context() as patched:
        patched.setitem(sys.modules, "c2pa", None)
        with pytest.raises(UserError, match=r"without c2pa-python nothing is signed with me\.pem"):
            run_drive(files, patched, tmp_path / "talk.wav", certificate="me.pem", private_key="k")
        caplog.clear()
        run_drive(files, patched, tmp_path / "talk.wav")
    told = [line for line in caplog.messages if "no signed manifest" in line]
    assert len(told) == 1 and "pip install c2pa-python" in told[0]
    read = verify(tmp_path / "out.mp4")
    assert not read.signed and "did not say this" in read.tags["comment"]
    assert probe(tmp_path / "out.mp4").has_audio


def test_the_users_own_certificate_signs(tmp_path, monkeypatch):
    files = made_up_subject(tmp_path)
    write_wav(tmp_path / "talk.wav", speech(0.5), RATE)
    chain, key, authority = write_certificate(tmp_path / "own")
    own = {"certificate": str(chain), "private_key": str(key)}
    run_drive(files, monkeypatch, tmp_path / "talk.wav", **own)
    assert verify(tmp_path / "out.mp4", (authority,)).vouched_for
    assert b"PRIVATE KEY" not in (tmp_path / "out.mp4").read_bytes()
    with pytest.raises(UserError, match=r"none\.pem cannot be read"):
        run_drive(files, monkeypatch, tmp_path / "talk.wav", **own | {"certificate": "none.pem"})


def test_motion_goes_on_beyond_the_clip_without_a_jump_and_off_its_cut(tmp_path, monkeypatch):
    files = made_up_subject(tmp_path, reason={15: "jump_cut"})
    write_wav(tmp_path / "talk.wav", speech(5.0), RATE)
    portrait = run_drive(files, monkeypatch, tmp_path / "talk.wav")
    x = np.array([seen.head.t[0, 0] for seen in portrait.seen])
    step = 1 / 59
    assert x.min() >= 15 * step - 1e-6 and x.max() <= 1
    assert np.abs(np.diff(x)).max() <= step * 1.001
    assert np.abs(np.diff(x, 2)).max() <= step * np.pi / 20 * 1.01
    assert (np.diff(np.sign(np.diff(x))) != 0).sum() >= 2


def test_a_silent_recording_gives_silence(tmp_path, monkeypatch):
    files = made_up_subject(tmp_path)
    write_wav(tmp_path / "mute.wav", np.zeros(RATE, np.float32), RATE)
    portrait = run_drive(files, monkeypatch, tmp_path / "mute.wav")
    silence = encoder().silence
    for seen in portrait.seen:
        np.testing.assert_allclose(seen.speech[0], silence, atol=1e-5)


def test_failures_are_sentences_and_leave_no_file(tmp_path, monkeypatch):
    files = made_up_subject(tmp_path)
    (tmp_path / "talk.wav").write_text("no sound")
    with pytest.raises(UserError, match=r"talk\.wav has no audio"):
        run_drive(files, monkeypatch, tmp_path / "talk.wav")
    write_wav(tmp_path / "talk.wav", speech(0.5), RATE)
    static = fake_portrait(dynamic=False)
    with pytest.raises(UserError, match="static portrait"):
        run_drive(files, monkeypatch, tmp_path / "talk.wav", static)
    write_features(files, 59, encoder=encoder().to_dict())
    with pytest.raises(UserError, match=r"pose\.npz has 59 rows but .*frames\.csv has 60 frames"):
        run_drive(files, monkeypatch, tmp_path / "talk.wav")
    assert not (tmp_path / "out.mp4").exists()


@pytest.mark.parametrize("name", ["talk.webm", "talk"])
def test_a_video_is_called_what_it_is(tmp_path, monkeypatch, name):
    files = made_up_subject(tmp_path)
    write_wav(tmp_path / "talk.wav", speech(0.5), RATE)
    portrait = fake_portrait()
    with pytest.raises(UserError, match=rf"{name} is to be .* MP4: let its name end in \.mp4"):
        run_drive(files, monkeypatch, tmp_path / "talk.wav", portrait, out=tmp_path / name)
    assert not portrait.seen and not (tmp_path / name).exists()


def test_a_full_scratch_folder_is_named_and_not_the_disk_of_the_video(tmp_path, monkeypatch):
    files = made_up_subject(tmp_path)
    write_wav(tmp_path / "talk.wav", speech(6.0), RATE)
    with full_disk(tmp_path, kilobytes=64) as folder:
        monkeypatch.setattr(tempfile, "tempdir", str(folder))
        with pytest.raises(UserError, match=f"scratch folder {folder} is full"):
            run_drive(files, monkeypatch, tmp_path / "talk.wav")
    assert not (tmp_path / "out.mp4").exists()


def test_a_clip_without_a_usable_frame_says_so(tmp_path):
    files = made_up_subject(tmp_path, keep=False)
    with pytest.raises(UserError, match="keeps no frame"):
        speak.read_motion(files.frame_table, files.pose, files.body, files.eyes, 20)
