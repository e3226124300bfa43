"""What the exporter writes and what it refuses, without a browser."""

import base64
import json
import re
import zlib

import numpy as np
import pytest
import torch

from tests.support.pages import make_page, write_sound
from tests.support.portraits import layered_portrait, portrait
from tests.support.sounds import voice
from unigs.__main__ import main
from unigs.model.gaussians import Gaussians
from unigs.model.storage import load_portrait, save_portrait
from unigs.playback.regions import NO_REGION, SHOWN, regions_of
from unigs.provenance.statement import SYNTHETIC
from unigs.settings.drive import DriveSettings
from unigs.settings.speech import SpeechSettings
from unigs.stage.errors import UserError
from unigs.subject.frame_table import read_frame_table
from unigs.subject.labels import FACE, HAIR, NAMES, write_labels
from unigs.subject.performance import Performance, read_performance
from unigs.subject.trajectory import AffineTrajectory, RigidTrajectory
from unigs.web import constants, export
from unigs.web.payload import TYPES, encode

NETS = {"lip_dim": 2, "members": 2, "hidden": 4}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make_page(tmp_path_factory.mktemp("page"), SpeechSettings(backend="logmel"), NETS)


def read_back(text: str) -> tuple[dict, dict]:
    """Header and arrays of a payload, by its description alone."""
    line, _, blob = zlib.decompress(base64.b64decode(text)).partition(b"\n")
    header, arrays = json.loads(line), {}
    for name, place in header["arrays"].items():
        kind = np.dtype(TYPES[place["type"]])
        count = int(np.prod(place["shape"]))
        planes = np.frombuffer(blob, np.uint8, count * kind.itemsize, place["at"])
        joined = np.ascontiguousarray(planes.reshape(kind.itemsize, count).T)
        arrays[name] = joined.view(kind).reshape(place["shape"])
    return header, arrays


def payload_of(page: str) -> tuple[dict, dict]:
    return read_back(re.search(r'id="payload"[^>]*>([^<]+)<', page)[1])


def test_arrays_come_back_as_they_were_and_large_ones_as_halves():
    rng = np.random.default_rng(0)
    given = {
        "small": rng.normal(size=(3, 5)).astype(np.float32),
        "large": rng.normal(size=(80, 90)).astype(np.float32),
        "exact": rng.normal(size=(80, 90)).astype(np.float32),
        "far": np.full(5000, 1e5, np.float32),
        "bytes": rng.integers(0, 256, (4, 7), np.uint8),
        "sound": rng.integers(-32768, 32768, 99).astype(np.int16),
        "nothing": np.zeros((0, 3), np.float32),
    }
    header, back = read_back(encode({"a": [1]}, given, frozenset({"exact"})))
    assert header["a"] == [1] and list(back) == list(given)
    for name, values in given.items():
        rounded = values.astype(np.float16) if name == "large" else values
        np.testing.assert_array_equal(back[name], rounded, err_msg=name)


def test_poses_of_a_minute_stay_exact():
    R = np.tile(np.eye(3), (1400, 1, 1))
    t = np.random.default_rng(0).normal(0.6, 0.05, (1400, 3))
    motion = Performance(
        RigidTrajectory(R, t), AffineTrajectory(R, t), np.zeros((1400, 2)), np.zeros((1400, 7))
    )
    header, arrays = constants.motion_part(motion, DriveSettings(), 7)
    _, back = read_back(encode(header, arrays, constants.EXACT))
    for name in ("head_R", "head_t", "torso_R", "torso_t"):
        np.testing.assert_array_equal(back[f"replay.{name}"], arrays[f"replay.{name}"], name)


def test_the_page_says_what_it_is_and_loads_nothing(made):
    page = made.page.read_text()
    assert page.count(SYNTHETIC) >= 3, "notice, description, statement"
    assert "%%" not in re.sub(r"<script.*?</script>", "", page, flags=re.S)
    assert not re.search(r"""(src|href)=["']""", page)
    header, arrays = payload_of(page)
    assert header["recording"]["name"] == "clip.wav" and header["recording"]["frames"] == 33
    np.testing.assert_array_equal(arrays["plate"], made.portrait.plate.numpy())


def test_the_mark_is_in_the_page_even_where_videos_bear_none(made, tmp_path):
    settings = DriveSettings(mark=False)
    export.export_player(**made.arguments | {"out": tmp_path / "p.html", "settings": settings})
    _, arrays = payload_of((tmp_path / "p.html").read_text())
    assert arrays["mark.ink"].max() > 100


def test_names_are_escaped(made, tmp_path):
    export.export_player(
        **made.arguments | {"out": tmp_path / "p.html"}, title="<img src=x onerror=alert(1)>"
    )
    page = (tmp_path / "p.html").read_text()
    assert "<img" not in page and "&lt;img" in page


def test_a_long_recording_is_cut_and_the_log_says_so(made, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(export, "LONGEST", 1)
    write_sound(tmp_path / "long.wav", voice(2.0))
    changes = {"audio": tmp_path / "long.wav", "out": tmp_path / "p.html"}
    with caplog.at_level("INFO", "unigs"):
        export.export_player(**made.arguments | changes)
    assert "first 1 seconds" in caplog.text
    assert payload_of((tmp_path / "p.html").read_text())[0]["recording"]["frames"] == 25


def test_what_the_player_cannot_draw_is_refused_in_a_sentence(made, tmp_path):
    path, out = tmp_path / "portrait.safetensors", tmp_path / "p.html"
    save_portrait(portrait(motion=False), path)
    with pytest.raises(UserError, match="static portrait"):
        export.export_player(**made.arguments | {"portrait": path, "out": out})
    high = load_portrait(made.arguments["portrait"])
    fields = {name: p.detach() for name, p in high.gaussians.present().items()}
    fields["harmonics"] = torch.zeros(len(high.gaussians), 8, 3)
    high.gaussians = Gaussians(**fields)
    save_portrait(high, path)
    with pytest.raises(UserError, match="degree 0 and 1, and this portrait has degree 2"):
        export.export_player(**made.arguments | {"portrait": path, "out": out})
    save_portrait(layered_portrait(), path)
    with pytest.raises(UserError, match="one field, and this portrait has a field for the head"):
        export.export_player(**made.arguments | {"portrait": path, "out": out})
    with pytest.raises(UserError, match="128 wide at most, .* this portrait's is 136"):
        make_page(tmp_path / "wide", SpeechSettings(backend="logmel"), NETS, hidden=136)
    assert not out.exists()


def test_a_gaussian_belongs_to_the_region_whose_pixels_it_fills(made, tmp_path):
    size = made.portrait.size
    label = np.full((size, size), HAIR, np.uint8)
    label[:, size // 2 :] = FACE
    write_labels(tmp_path / "labels.mkv", [label] * 40, size, size, 25)
    a = made.arguments
    table = read_frame_table(a["frame_table"])
    performance = read_performance(table, *(a[k] for k in ("pose", "body", "eyes", "speech")))
    subject = load_portrait(a["portrait"])
    regions = regions_of(subject, performance, table.keep, tmp_path / "labels.mkv")
    assert set(regions.tolist()) <= {NAMES.index("hair") - 1, NAMES.index("face") - 1, NO_REGION}
    head, x = performance.head, subject.gaussians.means.detach().numpy()
    seen = np.einsum("tij,nj->tni", head.R, x) + head.t[:, None]
    sides = (96 * seen[..., 0] / seen[..., 2]).mean(0)
    sure = (np.abs(sides) > 6) & (regions != NO_REGION)
    right = regions[sure] == SHOWN.index("face")
    assert sure.sum() > 10 and (right == (sides[sure] > 0)).mean() > 0.9


def test_the_command_names_a_portrait_that_is_not_there(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        main(["export", "html", "zoe"])
    assert stop.value.code == 2
    assert "there is no portrait results/zoe/unigs_plus/dynamic" in capsys.readouterr().err
