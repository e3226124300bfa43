"""Gaussians as .ply, read back by plyfile: values, pictures, sequences, and what is refused."""

import importlib.util
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from plyfile import PlyData
from scipy.io import wavfile
from scipy.spatial.transform import Rotation

from tests.support import reference_rasterizer
from tests.support.pages import CLIP, FRAMES, PLACES, make_page
from tests.support.portraits import layered_portrait, one_frame, portrait
from unigs.__main__ import main
from unigs.drive.speak import performances, read_motion
from unigs.exchange.ply.fields import Mover, canonical, turned
from unigs.exchange.ply.give import export_canonical
from unigs.exchange.ply.layout import Rows, write_ply
from unigs.geometry.cameras import intrinsics, view_matrix
from unigs.media.audio import RATE, read_audio
from unigs.model.gaussians import MAX_SCALE, Gaussians
from unigs.model.storage import load_portrait, save_portrait
from unigs.playback.play import Playback
from unigs.settings.drive import DriveSettings
from unigs.settings.speech import SpeechSettings
from unigs.stage.errors import UserError
from unigs.subject.features import HeadPoses
from unigs.subject.frame_table import read_frame_table
from unigs.subject.performance import Performance, read_performance
from unigs.subject.trajectory import RigidTrajectory

HOME = Path("results/zoe/unigs_plus/dynamic/portrait.safetensors")


def published_colors(degree: int, directions: torch.Tensor, sh: torch.Tensor) -> torch.Tensor:
    """Sum of the harmonics by gsplat, without importing the package (it may start a build)."""
    if (spec := importlib.util.find_spec("gsplat")) is None:
        pytest.skip("gsplat is not installed")
    path = Path(spec.submodule_search_locations[0]) / "cuda" / "_torch_impl.py"
    spec = importlib.util.spec_from_file_location("gsplat_torch_functions", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module._spherical_harmonics(degree, directions, sh)


@pytest.fixture(scope="module")
def subject(tmp_path_factory):
    """A folder with results/zoe, what made it, and the performance of its clip."""
    made = make_page(
        tmp_path_factory.mktemp("flat"), SpeechSettings(backend="logmel"),
        {"lip_dim": 2, "members": 2, "hidden": 4},
    )  # fmt: skip
    work, given = tmp_path_factory.mktemp("work"), made.arguments
    for name, place in PLACES.items():
        path = work / "results/zoe" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(given[name], path)
    shutil.copy(given["audio"], work / CLIP)
    table = read_frame_table(given["frame_table"])
    own = read_performance(*(table, given["pose"], given["body"], given["eyes"], given["speech"]))
    return work, made, own


@pytest.fixture
def work(subject, monkeypatch):
    monkeypatch.chdir(subject[0])
    yield subject
    for left in ("results/zoe/unigs_plus/ply", "out"):
        shutil.rmtree(left, ignore_errors=True)


def columns(path: Path, *stems: str) -> np.ndarray:
    """Properties whose names begin so, in the file's order, by plyfile [N,C]."""
    vertices = PlyData.read(path)["vertex"]
    found = [p.name for p in vertices.properties if p.name.startswith(stems)]
    return np.stack([vertices[name] for name in found], 1)


def comments(path: Path) -> str:
    return "\n".join(PlyData.read(path).comments)


def harmonics(path: Path) -> torch.Tensor:
    """Coefficients [N,K,3] as the published layout has them: f_rest channel by channel."""
    first = columns(path, "f_dc_")
    names = [p.name for p in PlyData.read(path)["vertex"].properties]
    each = sum(name.startswith("f_rest_") for name in names) // 3
    sh = np.zeros((len(first), each + 1, 3))
    sh[:, 0] = first
    vertices = PlyData.read(path)["vertex"]
    for channel in range(3):
        for k in range(each):
            sh[:, k + 1, channel] = vertices[f"f_rest_{channel * each + k}"]
    return torch.from_numpy(sh)


def picture(path: Path) -> np.ndarray:
    """The file's Gaussians from the camera in its header over black, by code of the tests alone."""
    said = comments(path)
    R, t = re.search(r"camera.*: R (.*) t (.*)", said).groups()
    focal, size = re.search(r"focal (\S+) size (\d+) pixels", said).groups()
    R = torch.tensor([float(x) for x in R.split()]).double().view(3, 3)
    t, size = torch.tensor([float(x) for x in t.split()]).double(), int(size)
    means, quats = (
        torch.from_numpy(columns(path, *s)).double() for s in (("x", "y", "z"), ("rot_",))
    )
    sh = harmonics(path)
    directions = torch.nn.functional.normalize(means + R.T @ t, dim=1)
    degree = int(sh.shape[1] ** 0.5) - 1
    colors = (0.5 + published_colors(degree, directions, sh)).clamp(min=0)
    image, _ = reference_rasterizer.render(
        means, quats, torch.from_numpy(columns(path, "scale_")).double().exp(),
        torch.from_numpy(columns(path, "opacity")[:, 0]).double().sigmoid(), colors,
        view_matrix(R, t), intrinsics(float(focal), size).double(), size, size,
        torch.zeros(3).double(),
    )  # fmt: skip
    return image.clamp(0, 1).numpy()


def without_plate(path: Path):
    """A portrait whose plate is black."""
    made = load_portrait(path)
    made.plate.zero_()
    made.plate_image.zero_()
    return made


def same_picture(path: Path, played: np.ndarray) -> None:
    assert played.std() > 20, "the picture shows nothing"
    # Half a level of rounding, and what single precision leaves.
    assert np.abs(picture(path) - played / 255.0).max() < 0.6 / 255


def test_the_canonical_field_is_written_value_by_value(work):
    main(["export", "ply", "zoe"])
    path, field = Path("results/zoe/unigs_plus/ply/canonical.ply"), work[1].portrait.gaussians
    data = PlyData.read(path)
    assert (data.text, data.byte_order) == (False, "<")
    names = [p.name for p in data["vertex"].properties]
    assert names == [
        "x", "y", "z", "nx", "ny", "nz", "f_dc_0", "f_dc_1", "f_dc_2",
        *(f"f_rest_{k}" for k in range(9)), "opacity", "scale_0", "scale_1", "scale_2",
        "rot_0", "rot_1", "rot_2", "rot_3",
    ]  # fmt: skip
    assert {p.val_dtype for p in data["vertex"].properties} == {"f4"}
    own = {name: value.detach().numpy() for name, value in field.present().items()}
    np.testing.assert_array_equal(columns(path, "x", "y", "z"), own["means"])
    np.testing.assert_array_equal(columns(path, "opacity")[:, 0], own["opacities"])
    np.testing.assert_array_equal(harmonics(path).numpy(), field.sh().detach().double().numpy())
    np.testing.assert_allclose(
        np.exp(columns(path, "scale_")), np.minimum(np.exp(own["log_scales"]), MAX_SCALE), 1e-6
    )
    unit = own["quats"] / np.linalg.norm(own["quats"], axis=1, keepdims=True)
    np.testing.assert_allclose(columns(path, "rot_"), unit, atol=1e-6)
    assert not columns(path, "n").any()
    for words in ("meters", "up is -y", "frame of the head", "Synthetic"):
        assert words in comments(path)


def test_the_canonical_field_looks_as_the_portrait_at_rest(work):
    main(["export", "ply", str(HOME), "--out", "rest.ply"])
    made = without_plate(HOME)
    with torch.no_grad():
        shown = made(made.body_R, made.body_t, deform=False).image.numpy()
    same_picture(Path("rest.ply"), (shown.clip(0, 1) * 255).round())
    Path("rest.ply").unlink()


@pytest.mark.parametrize("number", [0, FRAMES - 1])
def test_a_frame_looks_as_the_player_shows_it(work, number):
    main(["export", "ply", "zoe", "--frame", str(number)])
    path = Path(f"results/zoe/unigs_plus/ply/frame_{number:04d}.ply")
    same_picture(path, Playback(without_plate(HOME)).frame(work[2], number))
    main(["export", "ply", "zoe"])
    moved = columns(path, "x", "y", "z") - columns(path.with_name("canonical.ply"), "x", "y", "z")
    assert np.abs(moved).max() > 0.005


def test_frames_make_a_numbered_folder(work):
    main(["export", "ply", "zoe", "--frames", "7:10", "--out", "out/seven"])
    files = sorted(Path("out/seven").iterdir())
    assert [path.name for path in files] == [f"frame_{k:04d}.ply" for k in (7, 8, 9)]
    assert list(Path("out").iterdir()) == [Path("out/seven")]
    main(["export", "ply", "zoe", "--frame", "8"])
    one = Path("results/zoe/unigs_plus/ply/frame_0008.ply")
    assert comments(one) == comments(files[1])
    np.testing.assert_allclose(columns(one, ""), columns(files[1], ""), atol=1e-5)
    assert np.abs(columns(one, "") - columns(files[0], "")).max() > 1e-3
    assert "25 frames a second" in comments(one) and "frame 8 of the clip" in comments(one)


def test_a_recording_drives_as_drive_does(work):
    main(["export", "ply", "zoe", "--audio", CLIP, "--frames", "9:12"])
    files = sorted(Path(f"results/zoe/unigs_plus/ply/{Path(CLIP).stem}_frames_0009_0012").iterdir())
    given, settings = work[1].arguments, DriveSettings()
    motion = read_motion(
        *(given[k] for k in ("frame_table", "pose", "body", "eyes")), settings.turn_seconds * 25
    )
    samples = read_audio(Path(CLIP), RATE)
    (spoken,) = performances(motion, work[1].encoder, samples, 32, 25.0, settings)
    playback = Playback(without_plate(HOME))
    for number, path in zip((9, 10, 11), files, strict=True):
        same_picture(path, playback.frame(spoken, number))
        assert "did not say this" in comments(path)


def test_all_of_a_recording_is_a_sequence(work):
    samples = read_audio(Path(CLIP), RATE)
    wavfile.write("short.wav", RATE, samples[: RATE // 5])
    main(["export", "ply", "zoe", "--audio", "short.wav"])
    folder = Path("results/zoe/unigs_plus/ply/short_frames")
    assert sorted(p.name for p in folder.iterdir()) == [f"frame_{k:04d}.ply" for k in range(5)]


def test_both_layers_are_written_the_torso_last(tmp_path, caplog):
    made, path = layered_portrait(), tmp_path / "p.ply"
    save_portrait(made, tmp_path / "p.safetensors")
    with caplog.at_level("INFO", "unigs"):
        export_canonical(tmp_path / "p.safetensors", path)
    said = "the last 40 Gaussians are the torso's"
    assert said in caplog.text and said in comments(path)
    places = [layer.gaussians.means.detach().numpy() for layer in made.layers]
    np.testing.assert_array_equal(columns(path, "x", "y", "z"), np.concatenate(places))
    performance = one_frame()
    (posed,) = Mover(made.requires_grad_(False)).frames(performance)
    R, t, eyes, windows = (
        torch.from_numpy(x[0])
        for x in (performance.head.R, performance.head.t, performance.eyes, performance.speech)
    )
    for layer, rows in zip(made.layers, (slice(0, 60), slice(60, 100)), strict=True):
        splats, _ = layer.pose(R, t, layer.motion.hear(windows[None])[0], eyes)
        np.testing.assert_allclose(posed.rows.means[rows], splats.means, atol=1e-5)
        sigmoid = 1 / (1 + np.exp(-posed.rows.opacities[rows]))
        np.testing.assert_allclose(sigmoid, splats.opacities, atol=1e-5)


def test_a_torso_keeps_its_colors_from_every_side_while_the_head_turns():
    """What the anchor holds at rest is the canonical field, moved as a whole."""
    made = portrait(motion=False).requires_grad_(False)
    made.gaussians.anchors.fill_(30.0)
    made.gaussians.harmonics.normal_(std=0.2)
    turn = Rotation.from_rotvec([0.1, 0.4, -0.1]).as_matrix().astype(np.float32)[None]
    performance = Performance(RigidTrajectory(turn, np.float32([[0.01, 0, 0.58]])))
    (posed,) = Mover(made).frames(performance)
    R, t, own = performance.head.R[0], performance.head.t[0], canonical(made).rows
    for camera in ([0.0, 0.0, -0.6], [0.5, -0.2, 0.1]):
        moved = R.T @ (made.body_R.numpy() @ camera + made.body_t.numpy() - t)
        seen = []
        for rows, center in ((own, np.array(camera)), (posed.rows, moved)):
            directions = rows.means - center
            directions /= np.linalg.norm(directions, axis=1, keepdims=True)
            parts = (torch.from_numpy(x).double() for x in (directions, rows.sh))
            seen.append(published_colors(1, *parts).numpy())
        np.testing.assert_allclose(seen[0], seen[1], atol=1e-4)
    assert np.abs(own.sh - posed.rows.sh).max() > 0.01


def test_a_static_portrait_has_a_canonical_field(tmp_path):
    still = portrait(motion=False)
    save_portrait(still, tmp_path / "p.safetensors")
    export_canonical(tmp_path / "p.safetensors", tmp_path / "p.ply")
    assert len(columns(tmp_path / "p.ply", "x")) == len(still.gaussians)


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_every_degree_is_laid_out_channel_by_channel(tmp_path, degree):
    rng, count = np.random.default_rng(degree), (degree + 1) ** 2
    sh = rng.normal(size=(5, count, 3)).astype(np.float32)
    numbers = (rng.normal(size=s).astype(np.float32) for s in ((5, 3), (5,), (5, 3), (5, 4)))
    means, opacities, scales, quats = numbers
    told = "a \u00fc\nend_header"
    write_ply(tmp_path / "a.ply", Rows(means, sh, opacities, scales, quats), [told])
    np.testing.assert_array_equal(harmonics(tmp_path / "a.ply").float().numpy(), sh)
    assert "a \\xfc end header" in comments(tmp_path / "a.ply")


@pytest.mark.parametrize("degree", [1, 2, 3])
def test_turned_harmonics_show_the_old_color_from_the_turned_side(degree):
    rng = np.random.default_rng(degree)
    turns, d = Rotation.random(7, random_state=1), rng.normal(size=(7, 3))
    d /= np.linalg.norm(d, axis=1, keepdims=True)
    sh = torch.from_numpy(rng.normal(size=(7, (degree + 1) ** 2, 3))).float()
    quats = torch.from_numpy(2 * turns.as_quat()[:, [3, 0, 1, 2]]).float()
    before, after = (torch.from_numpy(x).float() for x in (d, turns.apply(d)))
    np.testing.assert_allclose(
        published_colors(degree, after, turned(sh, quats)),
        published_colors(degree, before, sh), atol=2e-5,
    )  # fmt: skip


@pytest.mark.parametrize(
    "words, sentence",
    [
        (["ann"], "there is no portrait results/ann/.*make it first"),
        (["none.safetensors"], "there is no portrait none.safetensors"),
        (["zoe", "--frame", "40"], "no frame 40 of the clip, whose frames are 0 to 39"),
        (["zoe", "--frame", "-1"], "no frame -1 of the clip"),
        (["zoe", "--frames", "30:41"], "no frames 30:41 of the clip"),
        (["zoe", "--frames", "5:5"], "no frames 5:5 of the clip"),
        (["zoe", "--frames", "5"], "5 is no range of frames like 0:50"),
        (["zoe", "--frame", "33", "--audio", CLIP], "no frame 33 of clip.wav.* 0 to 32"),
        (["zoe", "--audio", "none.wav"], "there is no file none.wav"),
        (["zoe", "--out", CLIP], "clip.wav is there already"),
        (["zoe", "--frames", "0:2", "--out", "results"], "results is there already"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(work, words, sentence, capsys):
    before = sorted(Path().rglob("*"))
    with pytest.raises(SystemExit) as stop:
        main(["export", "ply", *words])
    assert stop.value.code == 2
    assert re.search(sentence, " ".join(capsys.readouterr().err.split()))
    assert sorted(Path().rglob("*")) == before


def test_a_frame_without_a_face_is_refused_and_nothing_stays(work, tmp_path, capsys):
    folder = tmp_path / "zoe"
    shutil.copytree("results/zoe", folder)
    path = folder / "unigs_plus/static/pose.npz"
    poses = HeadPoses.read(path)
    poses.head.R[12], poses.head.t[12], poses.reprojection[12] = np.nan, np.nan, np.nan
    poses.write(path)
    with pytest.raises(SystemExit):
        main(["export", "ply", str(folder), "--frames", "10:14"])
    assert "frame 12 of the clip has no head pose" in capsys.readouterr().err
    assert not list(folder.rglob("*.ply"))


def test_a_sequence_that_fails_leaves_nothing(work, monkeypatch):
    from unigs.exchange.ply import give

    def fail(path, *rest):
        if path.name == "frame_0002.ply":
            raise UserError("no")
        write_ply(path, *rest)

    monkeypatch.setattr(give, "write_ply", fail)
    with pytest.raises(SystemExit):
        main(["export", "ply", "zoe", "--frames", "0:4", "--out", "out/four"])
    assert not list(Path("out").iterdir())


def test_a_portrait_beside_no_results_has_its_canonical_field_alone(tmp_path, capsys):
    path = tmp_path / "a/b/c/p.safetensors"
    path.parent.mkdir(parents=True)
    save_portrait(portrait(), path)
    main(["export", "ply", str(path)])
    assert (path.parent / "ply/canonical.ply").is_file()
    with pytest.raises(SystemExit):
        main(["export", "ply", str(path), "--frame", "0"])
    assert re.search("there is no .*clip/frames.csv, and a frame needs", capsys.readouterr().err)


def test_large_fields_are_turned_in_pieces(monkeypatch):
    from unigs.exchange.ply import fields

    sh, quats = torch.randn(11, 4, 3), torch.randn(11, 4)
    whole = turned(sh, quats)
    monkeypatch.setattr(fields, "AT_ONCE", 4)
    torch.testing.assert_close(turned(sh, quats), whole)


def test_scales_are_limited_as_the_renderer_limits_them(tmp_path):
    made = portrait(motion=False)
    values = {name: p.detach().clone() for name, p in made.gaussians.present().items()}
    values["log_scales"][0] = 1.0
    made.gaussians = Gaussians(**values)
    save_portrait(made, tmp_path / "p.safetensors")
    export_canonical(tmp_path / "p.safetensors", tmp_path / "p.ply")
    np.testing.assert_allclose(np.exp(columns(tmp_path / "p.ply", "scale_")[0]), MAX_SCALE, 1e-6)
