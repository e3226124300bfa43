"""`unigs models convert`: each format of a face model, and what is refused."""

import json
import os
import sys

import numpy as np
import pytest
from scipy.io import savemat

from tests.support.face_model_files import (
    bfm_2017,
    blendshapes,
    bomb,
    eos_bin,
    exp_pca,
    flame_pkl,
    old_array,
    old_pickle,
    pca,
    small_model,
)
from unigs.__main__ import main
from unigs.pretrained.face_models.convert import convert_face_model
from unigs.pretrained.face_models.eos import read_eos
from unigs.stage.errors import UserError

SMALL = small_model()
RNG = np.random.default_rng(1)


@pytest.fixture
def places(tmp_path):
    """eos's two text files for the small model."""
    (tmp_path / "ibug.txt").write_text(
        "# a comment\n[landmark_mappings]\n 31 =  4  # nose\n#40 = 1\n37 = 2\n46=3 \n"
        "[contour_landmarks]\nright = [ 1,\n 2 ]\n"
    )
    lists = {"right_contour": [0, 5], "left_contour": [1, 6, 7]}
    (tmp_path / "jaw.json").write_text(json.dumps({"model_contour": lists}))
    return tmp_path / "ibug.txt", tmp_path / "jaw.json"


def converted(folder, model, places, *expressions):
    out = folder / "model.npz"
    convert_face_model(model, out, *places, expressions)
    with np.load(out, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def check_identity(found, scale=1e-3, mean=SMALL.mean):
    np.testing.assert_allclose(found["mean"][: len(mean)], mean * scale, rtol=1e-5)
    np.testing.assert_allclose(found["shape"], SMALL.shape * scale, rtol=1e-5)
    np.testing.assert_allclose(found["shape_std"], [20, 10, 5, 2], rtol=1e-6)
    np.testing.assert_array_equal(found["ibug"], [31, 37, 46])
    np.testing.assert_array_equal(found["vertices"], [4, 2, 3])
    np.testing.assert_array_equal(found["right_contour"], [0, 5])
    np.testing.assert_array_equal(found["left_contour"], [1, 6, 7])


def test_eos_with_blendshapes_beside_it(tmp_path, places):
    (tmp_path / "sfm.bin").write_bytes(eos_bin(SMALL))
    (tmp_path / "faces.bin").write_bytes(blendshapes(SMALL.expression))
    found = converted(tmp_path, tmp_path / "sfm.bin", places, tmp_path / "faces.bin")
    check_identity(found)
    np.testing.assert_allclose(found["expression"], SMALL.expression / 1000, rtol=1e-5)
    assert np.isnan(found["expression_std"]).all()


def test_eos_with_expressions_of_its_own(tmp_path, places):
    shapes = b"\x00" + (1).to_bytes(4, "little") + blendshapes(SMALL.expression)
    (tmp_path / "v2.bin").write_bytes(eos_bin(SMALL, 2, shapes))
    found = converted(tmp_path, tmp_path / "v2.bin", places)
    check_identity(found)
    np.testing.assert_allclose(found["expression"], SMALL.expression / 1000, rtol=1e-5)

    shift = RNG.normal(size=SMALL.mean.shape).astype(np.float32)
    model = pca(shift, SMALL.expression, np.array([9.0, 16]), SMALL.triangles)
    (tmp_path / "v4.bin").write_bytes(eos_bin(SMALL, 4, b"\x00" + bytes(4) + model))
    found = converted(tmp_path, tmp_path / "v4.bin", places)
    check_identity(found, mean=SMALL.mean + shift)
    np.testing.assert_allclose(found["expression_std"], [3, 4])

    (tmp_path / "v3.bin").write_bytes(eos_bin(SMALL, 3, b"\x01"))
    assert converted(tmp_path, tmp_path / "v3.bin", places)["expression"].shape == (27, 0)


def bfm_2009(path, **changes):
    """The model in micrometers, with deviations in shapeEV."""
    arrays = {"shapeMU": SMALL.mean.reshape(-1, 1) * 1000, "shapePC": SMALL.shape}
    savemat(path, arrays | {"shapeEV": np.sqrt(SMALL.variance)[:, None] * 1000} | changes)


def test_basel_2009_with_exp_pca(tmp_path, places):
    bfm_2009(tmp_path / "01.mat")
    kept = np.array([2, 0, 8, 4])  # expressions know some of the vertices, in their own order
    directions, shift = RNG.normal(size=(12, 3)) * 1000, RNG.normal(size=12) * 1000
    (tmp_path / "Exp_Pca.bin").write_bytes(exp_pca(directions, shift))
    (tmp_path / "std_exp.txt").write_text("3.5 2.25 1")
    savemat(tmp_path / "idx.mat", {"trimIndex": kept[:, None] + 1})
    files = [tmp_path / name for name in ("Exp_Pca.bin", "std_exp.txt", "idx.mat")]
    found = converted(tmp_path, tmp_path / "01.mat", places, *files)
    mean = SMALL.mean.copy()
    mean[kept] += shift.reshape(4, 3) / 1000
    np.testing.assert_allclose(found["mean"], mean / 1000, rtol=1e-4)
    np.testing.assert_allclose(found["shape"] * found["shape_std"],
                               SMALL.shape * np.sqrt(SMALL.variance) / 1000, rtol=1e-4)  # fmt: skip
    np.testing.assert_allclose(found["expression_std"], [3.5, 2.25, 1])
    by_vertex = found["expression"].reshape(9, 3, 3)
    np.testing.assert_allclose(by_vertex[kept], directions.reshape(4, 3, 3) / 1e6, rtol=1e-4)
    assert not by_vertex[[1, 3, 5, 6, 7]].any()


def test_basel_2009_of_matlab_7_3(tmp_path, places):
    h5py = pytest.importorskip("h5py", reason="h5py reads .mat files of version 7.3")
    with h5py.File(tmp_path / "01.mat", "w", userblock_size=512) as file:
        file["shapeMU"], file["shapePC"] = SMALL.mean.reshape(1, -1), SMALL.shape.T
        file["shapeEV"] = np.sqrt(SMALL.variance)[None]
    check_identity(converted(tmp_path, tmp_path / "01.mat", places))


def test_basel_2017(tmp_path, places):
    pytest.importorskip("h5py", reason="h5py reads BFM 2017")
    shift = RNG.normal(size=27)
    bfm_2017(tmp_path / "bfm.h5", SMALL, shift)
    found = converted(tmp_path, tmp_path / "bfm.h5", places)
    check_identity(found, mean=SMALL.mean + shift.reshape(-1, 3))
    np.testing.assert_allclose(found["expression"], SMALL.expression / 1000, rtol=1e-5)
    np.testing.assert_allclose(found["expression_std"], [3, 4])


def test_without_h5py_the_message_says_what_to_install(tmp_path, places, monkeypatch):
    (tmp_path / "bfm.h5").write_bytes(b"\x89HDF")
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(UserError, match=r"needs h5py: pip install 'unigs\[models\]'"):
        convert_face_model(tmp_path / "bfm.h5", tmp_path / "o.npz", *places)


def flame() -> tuple[np.ndarray, np.ndarray]:
    return SMALL.mean.astype(float) / 1000, RNG.normal(size=(9, 3, 302))


def flame_places(folder):
    """FLAME's embeddings: 51 landmarks in triangles, and a jaw of 17 for three angles."""
    faces, shares = RNG.integers(0, 5, 51), RNG.dirichlet([1, 1, 1], 51)
    parts = {"lmk_face_idx": old_array(faces), "lmk_b_coords": old_array(shares)}
    (folder / "static.pkl").write_bytes(old_pickle(parts))
    jaw = {"lmk_face_idx": RNG.integers(0, 5, (3, 17)),
           "lmk_b_coords": RNG.dirichlet([1, 1, 1], (3, 17))}  # fmt: skip
    np.save(folder / "dynamic.npy", jaw, allow_pickle=True)
    return (folder / "static.pkl", folder / "dynamic.npy"), (faces, shares), jaw


@pytest.mark.parametrize("kind", ["pkl", "npz"])
def test_flame_with_its_embeddings(tmp_path, kind):
    mean, directions = flame()
    files, (faces, shares), jaw = flame_places(tmp_path)
    path = tmp_path / f"flame.{kind}"
    if kind == "pkl":
        path.write_bytes(flame_pkl(mean, directions, SMALL.triangles))
    else:  # with a part that only a pickle could read
        np.savez(path, v_template=mean, shapedirs=directions, f=SMALL.triangles,
                 J_regressor=np.array({"a": 1}, dtype=object))  # fmt: skip
    found = converted(tmp_path, path, files)
    assert found["shape"].shape[1] == 300 and found["expression"].shape[1] == 2
    assert (found["shape_std"] == 1).all() and (found["expression_std"] == 1).all()
    whole = found["shape"].reshape(-1, 3, 300)
    np.testing.assert_allclose(whole[:9], directions[..., :300], rtol=1e-6)
    np.testing.assert_array_equal(found["ibug"], np.arange(18, 69))
    corners = SMALL.triangles[faces]
    landmark = sum(shares[:, [k]] * mean[corners[:, k]] for k in range(3))
    np.testing.assert_allclose(found["mean"][found["vertices"]], landmark, rtol=1e-5)
    moved = sum(shares[:, [k], None] * directions[corners[:, k], :, :300] for k in range(3))
    np.testing.assert_allclose(whole[found["vertices"]], moved, rtol=1e-4, atol=1e-6)
    left = found["mean"][found["left_contour"]]
    corners, shares = SMALL.triangles[jaw["lmk_face_idx"][0, 9:]], jaw["lmk_b_coords"][0, 9:]
    np.testing.assert_allclose(left, np.einsum("nk,nki->ni", shares, mean[corners]), rtol=1e-5)
    assert len(found["right_contour"]) == 8


@pytest.mark.parametrize("where", ["flame.pkl", "static.pkl"])
def test_code_in_a_pickle_never_runs(tmp_path, where):
    mean, directions = flame()
    files, _, _ = flame_places(tmp_path)
    (tmp_path / "flame.pkl").write_bytes(flame_pkl(mean, directions, SMALL.triangles))
    mark = tmp_path / "ran"
    (tmp_path / where).write_bytes(bomb(f"touch {mark}"))
    with pytest.raises(UserError, match="lacks"):
        convert_face_model(tmp_path / "flame.pkl", tmp_path / "o.npz", *files)
    assert not mark.exists() and not (tmp_path / "o.npz").exists()


@pytest.mark.parametrize("share", [0.0, 0.001, 0.4, 0.99])
@pytest.mark.parametrize("kind", ["bin", "mat", "h5", "pkl", "npz"])
def test_a_truncated_model_is_one_sentence(tmp_path, places, kind, share):
    path = tmp_path / f"model.{kind}"
    if kind == "bin":
        path.write_bytes(eos_bin(SMALL)[:-40])  # what stands behind the shape
    elif kind == "mat":
        bfm_2009(path)
    elif kind == "h5":
        pytest.importorskip("h5py", reason="h5py reads BFM 2017")
        bfm_2017(path, SMALL, np.zeros(27))
    elif kind == "pkl":
        path.write_bytes(flame_pkl(*flame(), SMALL.triangles))
    else:
        mean, directions = flame()
        np.savez(path, v_template=mean, shapedirs=directions, f=SMALL.triangles)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(UserError, match=f"model.{kind} cannot be read as"):
        convert_face_model(path, tmp_path / "out.npz", *places)
    assert not (tmp_path / "out.npz").exists()


def write_eos(path, mean=SMALL.mean, shape=SMALL.shape, variance=SMALL.variance, version=1):
    changed = type(SMALL)(mean, shape, variance, SMALL.expression, SMALL.triangles)
    path.write_bytes(eos_bin(changed, version))


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"mean": SMALL.mean / 50}, "longest side is 3.6, which is no head in"),
        ({"mean": SMALL.mean[:-1]}, "do not fit each other"),
        ({"shape": SMALL.shape * np.nan}, "not finite"),
        ({"variance": -SMALL.variance}, "variances below zero"),
        ({"version": 0}, "version 0 of eos's layout"),
    ],
)
def test_an_impossible_eos_model_is_named(tmp_path, places, changes, words):
    write_eos(tmp_path / "m.bin", **changes)
    with pytest.raises(UserError, match=words):
        convert_face_model(tmp_path / "m.bin", tmp_path / "out.npz", *places)


def test_wrong_companions_are_named(tmp_path, places):
    model, out = tmp_path / "m.bin", tmp_path / "out.npz"
    write_eos(model)
    ibug, jaw = places
    with pytest.raises(UserError, match="nowhere.txt does not exist"):
        convert_face_model(model, out, tmp_path / "nowhere.txt")
    with pytest.raises(UserError, match="ends in no kind of face model"):
        convert_face_model(ibug, out, ibug)
    with pytest.raises(UserError, match="does not end in .npz"):
        convert_face_model(model, tmp_path / "out.bin", ibug)
    with pytest.raises(UserError, match="jaw.json .* does not map landmarks"):
        convert_face_model(model, out, jaw)
    with pytest.raises(UserError, match="ibug.txt .* no file of eos's contours"):
        convert_face_model(model, out, ibug, ibug)
    (tmp_path / "far.txt").write_text("31 = 9\n")
    with pytest.raises(UserError, match="far.txt .* which has 9, lacks"):
        convert_face_model(model, out, tmp_path / "far.txt")
    (tmp_path / "faces.bin").write_bytes(blendshapes(SMALL.expression[:-3]))
    with pytest.raises(UserError, match="blendshapes of 8 vertices for 9"):
        convert_face_model(model, out, ibug, None, [tmp_path / "faces.bin"])
    (tmp_path / "faces.bin").write_bytes(blendshapes(SMALL.expression)[:-1])
    with pytest.raises(UserError, match="faces.bin .* ends 1 bytes too early"):
        convert_face_model(model, out, ibug, None, [tmp_path / "faces.bin"])
    bfm_2009(tmp_path / "b.mat")
    (tmp_path / "Exp_Pca.bin").write_bytes(exp_pca(np.ones((12, 3)), np.ones(12)))
    with pytest.raises(UserError, match="4 vertices for a model of 9: name the .mat file"):
        convert_face_model(tmp_path / "b.mat", out, ibug, None, [tmp_path / "Exp_Pca.bin"])
    assert not out.exists()


def test_the_command_says_what_to_set(tmp_path, places, capsys):
    write_eos(tmp_path / "m.bin")
    ibug, jaw = map(str, places)
    words = ["models", "convert", f"{tmp_path}/m.bin", f"{tmp_path}/m.npz", "--landmarks", ibug]
    main([*words, "--contours", jaw])
    said = capsys.readouterr().out
    assert "9 vertices, 4 directions of identity" in said and f"pose.model to {tmp_path}/m" in said
    with pytest.raises(SystemExit) as stop:
        main([*words[:2], f"{tmp_path}/none.bin", *words[3:]])
    assert stop.value.code == 2
    assert (
        capsys.readouterr().err == f"error: {tmp_path}/none.bin does not exist: check the path.\n"
    )


SURREY = os.environ.get("UNIGS_TEST_SURREY", "")
"""Folder share/ of eos, or a copy of its files of the Surrey Face Model."""


@pytest.mark.skipif(not os.path.isdir(SURREY), reason="UNIGS_TEST_SURREY names no folder")
def test_the_surrey_face_model_itself(tmp_path):
    model = read_eos(f"{SURREY}/sfm_shape_3448.bin")
    assert model.mean.shape == (3448, 3) and model.shape.shape == (10344, 63)
    np.testing.assert_allclose(model.shape.T @ model.shape, np.eye(63), atol=1e-3)
    assert (np.diff(model.shape_std) <= 0).all() and model.triangles.max() == 3447
    # The reference is the first 845 vertices of the mean, before it was trained: alike, not equal.
    lines = open(f"{SURREY}/sfm_reference.obj").read().splitlines()
    reference = np.array([line.split()[1:4] for line in lines if line.startswith("v ")], float)
    away = np.linalg.norm(model.mean[: len(reference)] - reference, axis=1)
    assert np.median(away) < 8  # millimeters
