"""Cropping: one steady window, frame k at k/fps seconds, sound in step."""

import json

import cv2
import numpy as np
import pytest

from tests.support import astronaut
from tests.support.ffmpeg import run_ffmpeg
from unigs.face.mesh import FACE_OVAL
from unigs.media.audio import read_audio, write_wav
from unigs.media.timing import read_timing
from unigs.media.video import probe, read_video
from unigs.prepare.clip.crop import choose_window, crop_clip, parse_crop
from unigs.settings.crop import CropSettings
from unigs.stage.errors import UserError

NTSC = 30000 / 1001
SMALL = CropSettings(size=128, sample_every=1.0)


def faces_at(centers, width, height):
    """Landmarks [N,478,3] of oval faces of one size."""
    angle = np.linspace(0, 2 * np.pi, len(FACE_OVAL), endpoint=False)
    faces = np.zeros((len(centers), 478, 3), np.float32)
    faces[..., :2] = np.array(centers)[:, None]
    ring = np.stack([np.sin(angle) * width / 2, -np.cos(angle) * height / 2], -1)
    faces[:, FACE_OVAL, :2] += ring
    return faces


def test_source_times_are_those_of_the_frames(tmp_path):
    path = tmp_path / "a.mp4"
    astronaut.write_clip(path, lambda k: np.full((64, 64, 3), 2 * k, np.uint8), 45, NTSC)
    np.testing.assert_allclose(read_timing(path).times, np.arange(46) / NTSC, atol=1e-3)
    later = read_timing(path, start=0.5, stop=1.0).times
    assert len(later) - 1 == 15 and 0 <= later[0] <= 1 / NTSC


def test_window_holds_the_face_wherever_it_goes_with_room_for_hair_and_shoulders():
    settings = CropSettings()
    faces = faces_at([(300 + 40 * np.sin(a), 260 + 10 * np.cos(a)) for a in range(40)], 75, 100)
    x, y, side = choose_window(faces, 960, 720, settings)
    assert 0 <= x and 0 <= y and x + side <= 960 and y + side <= 720
    assert 240 < side < 400
    outline = faces[:, FACE_OVAL, :2]
    assert (outline.min((0, 1)) - [x, y] > [50, 50]).all()  # half a face beside, and above for hair
    assert (np.array([x, y]) + side - outline.max((0, 1)) > [50, 60]).all()
    assert abs(x + side / 2 - 300) < 10


@pytest.mark.parametrize("center", [(20, 30), (630, 20), (10, 470), (635, 475)])
def test_window_stays_inside_the_picture(center):
    x, y, side = choose_window(faces_at([center] * 5, 70, 90), 640, 480, CropSettings())
    assert 0 <= x <= 640 - side and 0 <= y <= 480 - side and side <= 480


def test_one_stray_detection_does_not_set_the_frame():
    steady = [(300.0, 200.0)] * 60
    usual = choose_window(faces_at(steady, 75, 100), 960, 720, CropSettings())
    stray = choose_window(faces_at([*steady, (900.0, 600.0)], 75, 100), 960, 720, CropSettings())
    np.testing.assert_allclose(stray, usual, atol=3)


def test_a_portrait_that_fills_its_square_is_kept_whole():
    assert choose_window(faces_at([(128, 128)] * 5, 110, 140), 256, 256, CropSettings()) == (
        0, 0, 256,
    )  # fmt: skip


@pytest.fixture(scope="module")
def ntsc_clip(tmp_path_factory):
    """29.97 fps, 480x320, a face, a number in a gray square, and a click at 1.5 s."""
    folder = tmp_path_factory.mktemp("crop source")
    sound = np.zeros(96000)
    sound[24000:24080] = 0.9
    write_wav(folder / "click.wav", sound, 16000)

    def frame(k):
        image = astronaut.placed(480, 320, 120 + 4 * np.sin(k / 9), 50)
        image[250:282, 232:264] = 20 + 16 * (k % 14)
        return image

    return astronaut.write_clip(folder / "in.mp4", frame, 180, NTSC, audio=folder / "click.wav")


def number(frame, window, expected):
    """The source frame that a clip frame shows: the one nearest to `expected` of that gray."""
    scale = frame.shape[0] / window[2]
    x, y = (248 - window[0]) * scale, (266 - window[1]) * scale
    patch = frame[int(y) - 3 : int(y) + 4, int(x) - 3 : int(x) + 4].astype(float)
    residue = round((patch.mean() - 20) / 16)
    return residue + 14 * round((expected - residue) / 14)


def offset(k):
    """Seconds from frame k of the clip to its source frame; number 15 is the first."""
    position = 15 + k / 25 * NTSC
    return abs(position - round(position)) / NTSC


def click(path):
    """Time of the loudest moment in seconds."""
    sound = np.abs(read_audio(path, 16000))
    return np.flatnonzero(sound > 0.5 * sound.max())[0] / 16000


def test_frame_k_shows_the_source_at_k_over_25(ntsc_clip, tmp_path):
    crop_clip(ntsc_clip, tmp_path / "v.mp4", tmp_path / "c.json", SMALL, start=0.5)
    facts = json.loads((tmp_path / "c.json").read_text())
    info = probe(tmp_path / "v.mp4")
    assert (info.width, info.height, info.fps, info.has_audio) == (128, 128, 25.0, True)
    assert facts["frames"] == int(165 / NTSC * 25)
    assert facts["start"] == pytest.approx(15 / NTSC, abs=1e-3)
    assert facts["source_size"] == [480, 320] and facts["window"][2] == facts["window"][3]
    frames = list(read_video(tmp_path / "v.mp4"))
    assert len(frames) == facts["frames"]
    for k, frame in enumerate(frames):
        shown = number(frame, facts["window"], expected=(k / 25 + 0.5) * NTSC) / NTSC - 0.5
        assert abs(shown - k / 25) < 0.5 / NTSC + 0.002
    # Two of five frames are more than 10 ms from their nearest source frame; of these, those near
    # which the still number changes cannot be carried.
    assert set(facts["carried"]) <= {k for k in range(len(frames)) if offset(k) > 0.0099}
    assert abs(click(tmp_path / "v.mp4") - 1.0) < 0.005
    length = len(read_audio(tmp_path / "v.mp4", 16000)) / 16000
    assert abs(length - facts["frames"] / 25) < 0.06


def test_sound_that_begins_later_than_the_picture_stays_in_step(ntsc_clip, tmp_path):
    late = tmp_path / "late.mkv"
    run_ffmpeg(
        ["-i", str(ntsc_clip), "-itsoffset", "0.4", "-i", str(ntsc_clip), "-map", "0:v", "-map",
         "1:a", "-c", "copy", str(late)],
        "delay the sound",
    )  # fmt: skip
    crop_clip(late, tmp_path / "v.mp4", tmp_path / "c.json", SMALL)
    assert abs(click(tmp_path / "v.mp4") - 1.9) < 0.005


def test_the_users_square_is_taken_as_it_is(ntsc_clip, tmp_path):
    crop_clip(ntsc_clip, tmp_path / "v.mp4", tmp_path / "c.json", SMALL, crop="256:256:120:50")
    assert json.loads((tmp_path / "c.json").read_text())["window"] == [120, 50, 256, 256]
    frame = next(read_video(tmp_path / "v.mp4")).astype(float)
    whole = next(read_video(ntsc_clip))[50:306, 120:376]
    truth = cv2.resize(whole, (128, 128), interpolation=cv2.INTER_AREA).astype(float)
    assert np.abs(frame - truth).mean() < 3.0


def test_a_rotated_phone_video_without_sound(tmp_path):
    upright = astronaut.placed(300, 400, 20, 80)
    lying = np.ascontiguousarray(np.rot90(upright, -1))  # right again 90 degrees counter-clockwise
    wink = lying.copy()
    wink[100:160, 60:200] = 90
    flat = astronaut.write_clip(
        tmp_path / "flat.mp4", lambda k: wink if 40 <= k < 75 else lying, 125
    )
    turned = tmp_path / "turned.mp4"
    try:
        run_ffmpeg(["-display_rotation", "90", "-i", str(flat), "-c", "copy", str(turned)], "turn")
    except UserError:  # ffmpeg before 6
        tag = ["-metadata:s:v:0", "rotate=90"]
        run_ffmpeg(["-i", str(flat), "-c", "copy", *tag, str(turned)], "turn")
    crop_clip(turned, tmp_path / "v.mp4", tmp_path / "c.json", SMALL)
    facts = json.loads((tmp_path / "c.json").read_text())
    assert facts["source_size"] == [300, 400] and facts["rotation"] == 90
    assert facts["has_audio"] is False and not probe(tmp_path / "v.mp4").has_audio
    x, y, w, h = facts["window"]
    truth = cv2.resize(upright[y : y + h, x : x + w], (128, 128), interpolation=cv2.INTER_AREA)
    frame = next(read_video(tmp_path / "v.mp4"))
    assert np.abs(frame.astype(float) - truth).mean() < 4.0


@pytest.mark.parametrize("text", ["270:270:135", "a:b:c:d", "270x270", "500:100:0:0", "32:32:0:0"])
def test_a_crop_that_cannot_be_is_named(ntsc_clip, text):
    with pytest.raises(UserError, match=f"crop '{text}'.*in.mp4"):
        parse_crop(text, ntsc_clip, probe(ntsc_clip))


@pytest.mark.parametrize("start, stop", [(3.0, 2.0), (2.0, 2.0), (-1.0, None), (None, 0.0)])
def test_seconds_that_name_no_part_of_the_source(ntsc_clip, tmp_path, start, stop):
    with pytest.raises(UserError, match=r"start .* and stop .* name no part of .*in\.mp4: give"):
        crop_clip(ntsc_clip, tmp_path / "v.mp4", tmp_path / "c.json", SMALL, "", start, stop)


def test_too_short_unreadable_or_faceless(ntsc_clip, tmp_path):
    out, info = tmp_path / "v.mp4", tmp_path / "c.json"
    with pytest.raises(UserError, match="in.mp4 lasts 3.60 s .*: training alone needs 4.0 s"):
        crop_clip(ntsc_clip, out, info, SMALL, stop=3.6)
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(UserError, match="text.mp4"):
        crop_clip(tmp_path / "text.mp4", out, info, SMALL)
    blank = np.full((96, 96, 3), 90, np.uint8)
    wall = astronaut.write_clip(tmp_path / "wall.mp4", lambda k: blank, 125)
    with pytest.raises(UserError, match="wall.mp4 shows no face"):
        crop_clip(wall, out, info, SMALL)
    assert not out.exists() and not info.exists()
