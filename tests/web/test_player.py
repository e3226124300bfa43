"""The page in a real browser draws what the Python player draws, and hears what Python hears."""

import math

import numpy as np
import pytest

from tests.support.browser import needs_browser
from tests.support.pages import make_page, opened, write_sound
from tests.support.portraits import PLANE
from tests.support.sounds import voice
from tests.support.whisper import REAL, made_file, needs_real
from unigs.drive.speak import performances, read_motion
from unigs.media.audio import RATE, read_audio
from unigs.model.storage import load_portrait
from unigs.playback.play import Playback
from unigs.provenance.mark import VisibleMark
from unigs.settings.drive import DriveSettings
from unigs.settings.speech import SpeechSettings

pytestmark = needs_browser

NETS = {"lip_dim": 2, "members": 3, "hidden": 4}
CLOSING = {"lip_dim": 2, "lips": "closing map", "hidden": 16}
HASHED = {**PLANE, "finest": 40, "log2_entries": 7}


def driven(made, audio, count):
    """Frames of the Python player as `drive` shows them."""
    a = made.arguments
    motion = read_motion(*(a[k] for k in ("frame_table", "pose", "body", "eyes")), 0.8 * 25)
    samples = read_audio(audio)
    total = math.ceil(len(samples) / RATE * 25)
    block = next(performances(motion, made.encoder, samples, total, 25.0, DriveSettings()))
    portrait = load_portrait(a["portrait"])
    mark = VisibleMark.of(portrait.size, portrait.size)
    return [mark.on(image) for image in Playback(portrait).clip(block[:count])]


def psnr(a, b):
    return 10 * np.log10(255**2 / np.mean((a.astype(float) - b) ** 2))


@pytest.fixture(scope="module")
def usual(tmp_path_factory):
    return make_page(tmp_path_factory.mktemp("page"), SpeechSettings(backend="logmel"), NETS)


@pytest.fixture(scope="module")
def tab(usual, browser):
    with opened(browser, usual.page) as tab:
        yield tab


VARIANTS = {
    "closing map, whisper": ("whisper", CLOSING, {"deform": "position,scale,rotation"}),
    "map, cepstra, one hashed plane, resting torso": (
        "mfcc", {"lip_dim": 2, "lips": "map"},
        {"planes": [HASHED], "follow": False, "body_blendshapes": False, "hidden": 32},
    ),
    "a head that the torso moves": (
        "logmel", {"lip_dim": 0, "feature_dim": 8},
        {"lip_code": False, "body_input": True, "torso_spares_head": False},
    ),
    "the torso's pose alone": (
        "logmel", {"lip_dim": 0, "feature_dim": 8}, {"lip_code": False, "pose_input": False},
    ),
    "no lips, no shapes": (
        "logmel", {"lip_dim": 0, "feature_dim": 8},
        {"lip_code": False, "blendshapes": False, "pose_blendshapes": False,
         "body_blendshapes": False},
    ),
}  # fmt: skip


def assert_same_frames(tab, truth):
    """Every frame within 40 dB, and the order of depths counts: backwards it is another picture."""
    assert min(psnr(tab.frame(k), image) for k, image in enumerate(truth)) > 40
    tab.run(
        "const s = p.performance.renderer.sort; s.sorted = function (r) {"
        " return Object.getPrototypeOf(s).sorted.call(s, r).slice().reverse(); };"
    )
    assert psnr(tab.frame(0), truth[0]) < 40
    tab.run("delete p.performance.renderer.sort.sorted;")


def test_a_second_that_is_driven_is_the_python_players(usual, tab):
    truth = driven(usual, usual.arguments["audio"], 25)
    assert np.std(np.array(truth, float), 0).mean() > 2, "it moves"
    assert_same_frames(tab, truth)
    assert not tab.errors and len(tab.requests) == 1


@pytest.mark.parametrize("name", VARIANTS)
def test_every_kind_of_portrait_is_drawn_and_heard_as_in_python(browser, tmp_path, name):
    backend, speech, changes = VARIANTS[name]
    model = str(made_file(tmp_path)) if backend == "whisper" else ""
    made = make_page(tmp_path, SpeechSettings(backend=backend, model=model), speech, **changes)
    with opened(browser, made.page) as tab:
        assert_same_frames(tab, driven(made, made.arguments["audio"], 8))
        sound = voice(2.0, seed=5)
        wanted = made.encoder.foreign_columns(sound)
        columns, _ = tab.heard(sound)
        assert np.abs(columns.reshape(wanted.shape) - wanted).max() < 1e-3 * wanted.std()
        assert not tab.errors and {u[:5] for u in tab.requests[1:]} <= {"blob:"}


@needs_real
def test_the_real_encoder_hears_in_the_page_what_it_hears_in_python(browser, tmp_path):
    made = make_page(tmp_path, SpeechSettings(backend="whisper", model=str(REAL)), CLOSING)
    sound = voice(5.0, seed=7)
    wanted = made.encoder.foreign_columns(sound)
    with opened(browser, made.page) as tab:
        columns, rest = tab.heard(sound)
    # The weights are float16 in their file: nothing is lost on the way into the page.
    assert np.abs(columns.reshape(wanted.shape) - wanted).max() < 1e-4 * wanted.std()
    assert len(rest) == 125


def test_another_sound_file_is_spoken_as_drive_speaks_it(usual, tab, tmp_path):
    write_sound(tmp_path / "other.wav", voice(1.0, seed=9))
    tab.page.set_input_files("#sound", tmp_path / "other.wav")
    tab.wait("p.name === 'other.wav'")
    tab.run("p.sound.pause();")
    truth = driven(usual, tmp_path / "other.wav", 20)
    assert min(psnr(tab.frame(k), image) for k, image in enumerate(truth)) > 40
    assert not tab.errors


def test_the_same_file_can_be_chosen_again(tab, tmp_path):
    for seconds in (0.5, 0.8):
        write_sound(tmp_path / "again.wav", voice(seconds, seed=9))
        tab.page.set_input_files("#sound", tmp_path / "again.wav")
        tab.wait(f"p.name === 'again.wav' && Math.abs(p.sound.length - {seconds}) < 0.01")
        assert tab.page.input_value("#sound") == ""
    assert not tab.errors


def test_a_file_without_sound_is_refused_in_a_sentence(tab, tmp_path):
    (tmp_path / "letter.wav").write_text("no sound")
    tab.page.set_input_files("#sound", tmp_path / "letter.wav")
    tab.page.wait_for_selector("#status.error")
    assert "letter.wav cannot be used" in tab.page.inner_text("#status")
    assert not tab.errors
