"""A torso pasted from the true test frames: exactly that, only of two fields, and said."""

from dataclasses import replace

import numpy as np
import pytest

from tests.support.stages import STATIC, STATIC_RESULTS
from tests.support.subject import write_subject
from tests.train.test_dynamic import DYNAMIC
from unigs.evaluate.document import PASTED_PROTOCOL
from unigs.evaluate.records import find
from unigs.evaluate.render import render_test, torsos
from unigs.evaluate.score import evaluate
from unigs.evaluate.split import split_of
from unigs.media.tags import read_tags
from unigs.media.video import read_video
from unigs.model.storage import load_portrait, save_portrait
from unigs.playback.cues import cues
from unigs.playback.play import Playback
from unigs.settings.evaluate import EvaluateSettings
from unigs.stage.errors import UserError
from unigs.stage.files import read_json
from unigs.subject.dataset import Dataset
from unigs.subject.labels import TORSO
from unigs.train.dynamic import train_dynamic
from unigs.train.static import train_static

PASTED = EvaluateSettings(
    device="cpu", torso="pasted", lpips_model="", sync_model="", syncnet_model="",
    landmarks_model="",
)  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A subject, and the folder of a portrait of two fields after a few steps."""
    files, out = write_subject(tmp_path_factory.mktemp("subject")), tmp_path_factory.mktemp("two")
    short = replace(STATIC, iterations=60, fields="separate")
    train_static(files, *(out / name for name in STATIC_RESULTS), short)
    names = ("moving.safetensors", "moving.csv", "moving.json")
    settings = replace(DYNAMIC, iterations=3, lip_code=0, validation_share=0.0)
    train_dynamic(files, out / STATIC_RESULTS[0], *(out / name for name in names), settings)
    return files, out


def render(files, out, folder, settings, labels="labels", portrait="moving.safetensors"):
    """Test frames of a portrait in a folder of their own."""
    (out / folder).mkdir(exist_ok=True)
    videos = [out / folder / name for name in ("test.mkv", "shuffled.mkv", "test.mp4")]
    render_test(
        out / portrait, files.video, files.frame_table, files.pose, files.body, files.eyes,
        files.speech, *videos, settings, labels=labels and files.labels,
    )  # fmt: skip
    return videos


def test_pasted_torso_is_the_truth_to_the_bit(made):
    files, out = made
    dataset, portrait = Dataset(files), load_portrait(out / "moving.safetensors")
    split = split_of(dataset.table, dataset.performance.head.known)
    behind = list(torsos(portrait, files.video, files.labels, split))
    pasted, shuffled, preview = render(files, out, "pasted", PASTED)
    rendered, *_ = render(files, out, "rendered", replace(PASTED, torso="rendered"))
    streams = [list(read_video(path)) for path in (pasted, shuffled, rendered)]
    assert len(behind) == len(split.test) == len(streams[0])
    player, free, changed, exact = Playback(portrait).cpu_player, 0, 0, 0
    for k, frame in enumerate(split.test):
        truth, torso = np.array(dataset.frames[frame]), np.array(dataset.labels[frame]) == TORSO
        np.testing.assert_array_equal(behind[k][torso], truth[torso])
        np.testing.assert_array_equal(behind[k][~torso], portrait.plate.numpy()[~torso])
        (cue,) = cues(portrait, dataset.performance[frame : frame + 1])
        seen_through = torso & (player.render(cue)[1][..., 0] == 0)
        np.testing.assert_array_equal(streams[0][k][seen_through], truth[seen_through])
        free += seen_through.sum()
        changed += (streams[0][k][seen_through] != streams[2][k][seen_through]).sum()
        exact += (streams[1][k][seen_through] == truth[seen_through]).mean() > 0.95
    assert free > 1000 and changed > 1000
    assert exact == len(behind), "the render with shuffled speech is pasted, too"
    assert "torso is pasted" in read_tags(preview)["comment"]


def test_figures_say_that_the_torso_is_pasted(made):
    files, out = made
    for torso in ("rendered", "pasted"):
        render(files, out, torso, replace(PASTED, torso=torso))
        evaluate(
            out / torso / "test.mkv", files.video, files.frame_table, files.landmarks, files.pose,
            files.labels, out / f"{torso}.json", out / f"{torso}.csv", replace(PASTED, torso=torso),
            shuffled=out / torso / "shuffled.mkv", run=out / "moving.json", body=files.body,
            static=out / STATIC_RESULTS[0],
        )  # fmt: skip
    rendered, pasted = (read_json(out / f"{torso}.json") for torso in ("rendered", "pasted"))
    assert pasted["truth_pasted"] is True and pasted["protocol"] == PASTED_PROTOCOL
    assert rendered["truth_pasted"] is False and "PASTED" not in rendered["protocol"]
    figures = [find(x["metrics"], "psnr", "torso")["value"] for x in (rendered, pasted)]
    assert figures[1] > figures[0] + 3
    regions = {row["region"] for row in pasted["metrics"] if row["metric"] == "psnr"}
    assert {"face", "hair", "torso", "band"} <= regions
    # The static portrait is rendered whole: its figures would say less than they seem to.
    assert find(rendered["metrics"], "psnr", method="static")
    assert not find(pasted["metrics"], "psnr", method="static")


def test_one_field_has_no_torso_to_paste_over(made):
    files, out = made
    whole = load_portrait(out / "moving.safetensors")
    whole.behind = None
    save_portrait(whole, out / "one.safetensors")
    with pytest.raises(UserError, match=r"one\.safetensors is one field, .*fields separate"):
        render(files, out, "one", PASTED, portrait="one.safetensors")
    with pytest.raises(UserError, match="name them with --labels"):
        render(files, out, "unlabeled", PASTED, labels=None)
