"""Portraits on disk: what was written is read, what a stranger made is checked first."""

import json
import struct

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from tests.support.full_disk import full_disk
from tests.support.portraits import CONFIG, SPEECH, layered_portrait, one_frame, portrait
from unigs.model.motion import Motion
from unigs.model.storage import load_portrait, save_portrait
from unigs.playback.play import Playback
from unigs.stage.errors import UserError

MOTION = "motion.speech_net.audio.out.bias"
"""Any tensor of the deformation."""


def test_saved_portrait_plays_the_same(tmp_path):
    original = portrait()
    torch.nn.init.normal_(original.motion.deformation.output.weight)
    frame = Playback(original).frame(one_frame(), 0)
    save_portrait(original, tmp_path / "portrait.safetensors")
    loaded = load_portrait(tmp_path / "portrait.safetensors")
    np.testing.assert_array_equal(Playback(loaded).frame(one_frame(), 0), frame)
    assert loaded.meta == original.meta and loaded.fps == 25.0 and loaded.has_dynamics


def test_a_portrait_whose_lips_are_a_linear_map_speaks_the_same(tmp_path):
    made = portrait()
    made.motion = Motion({**CONFIG, "speech": {**SPEECH, "window": 13, "lips": "map"}})
    made.motion.speech_net.lip_net.weights.normal_()
    path = tmp_path / "portrait.safetensors"
    save_portrait(made, path)
    windows = torch.randn(4, 13, SPEECH["dim"])
    assert torch.equal(load_portrait(path).motion.lips(windows), made.motion.lips(windows))
    with pytest.raises(ValueError, match="hears 11 columns"):
        Motion({**CONFIG, "speech": {**SPEECH, "lips": "map"}})


def test_equal_portraits_give_equal_files(tmp_path):
    for name in ("a", "b"):
        save_portrait(portrait(), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_full_disk_keeps_the_portrait_that_was_there(tmp_path):
    with full_disk(tmp_path, kilobytes=16) as folder:
        (folder / "portrait.safetensors").write_text("old")
        with pytest.raises(UserError, match=rf"the disk of {folder} is full: make room and run"):
            save_portrait(portrait(), folder / "portrait.safetensors")
        assert [path.read_text() for path in folder.iterdir()] == ["old"]


def test_a_file_that_is_no_portrait_gets_one_sentence(tmp_path):
    path = tmp_path / "portrait.safetensors"
    with pytest.raises(UserError, match="does not exist"):
        load_portrait(path)
    path.write_bytes(b"not a portrait")
    with pytest.raises(UserError, match="no UniGS portrait"):
        load_portrait(path)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Path of a good portrait."""
    path = tmp_path_factory.mktemp("whole") / "portrait.safetensors"
    save_portrait(portrait(), path)
    return path


def contents(path):
    """Tensors and header of a portrait."""
    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}
        return tensors, json.loads(file.metadata()["unigs"])


def rewrite(path, whole, change):
    """Write a portrait, changed and without a checksum, as an older program or a stranger does."""
    tensors, header = contents(whole)
    header.pop("checksum", None)
    text = change(tensors, header)
    save_file(tensors, path, metadata={"unigs": json.dumps(header) if text is None else text})


def test_an_older_portrait_without_a_checksum_is_read(whole, tmp_path):
    rewrite(tmp_path / "old", whole, lambda tensors, header: None)
    old, new = load_portrait(tmp_path / "old"), load_portrait(whole)
    for name, value in old.state_dict().items():
        assert torch.equal(value, new.state_dict()[name])
    assert old.meta == new.meta


@pytest.mark.parametrize("place", [0.3, 0.6, 0.99])
def test_a_flipped_byte_is_noticed(whole, tmp_path, place):
    data = bytearray(whole.read_bytes())
    start = 8 + struct.unpack("<Q", data[:8])[0]
    data[start + int(place * (len(data) - start))] ^= 1
    (tmp_path / "flipped").write_bytes(data)
    with pytest.raises(UserError, match="flipped is not as it was written .*checksum.*: copy it"):
        load_portrait(tmp_path / "flipped")


def test_a_changed_header_is_noticed(whole, tmp_path):
    tensors, header = contents(whole)
    header["focal"] = 97.0
    save_file(tensors, tmp_path / "changed", metadata={"unigs": json.dumps(header)})
    with pytest.raises(UserError, match="checksum"):
        load_portrait(tmp_path / "changed")


def sets(where, *keys):
    """Change that sets an entry of the header, or of an object inside it."""

    def change(tensors, header):
        for key in keys[:-1]:
            header = header[key]
        header[keys[-1]] = where

    return change


def drops(name):
    """Change that leaves a tensor or an entry of the header out."""

    def change(tensors, header):
        (tensors if name in tensors else header).pop(name)

    return change


def replaces(name, make):
    """Change that puts a tensor in the place of a tensor."""

    def change(tensors, header):
        tensors[name] = make(tensors[name]).contiguous()

    return change


def shortened(name):
    return replaces(f"gaussians.{name}", lambda x: x[:-1])


def hurt(number):
    def make(tensor):
        tensor = tensor.clone()
        tensor.view(-1)[-1] = number
        return tensor

    return make


NESTED = "[" * 200_000
HOSTILE = {
    "2000 times the means": (
        replaces("gaussians.means", lambda x: x.repeat(2000, 1)), r"log_scales has the shape \[60",
    ),
    **{
        f"a row of {name} missing": (shortened(name), rf"gaussians\.{name} has the shape \[59")
        for name in ("log_scales", "quats", "opacities", "anchors", "colors", "harmonics")
    },
    "no Gaussians": (
        lambda tensors, header: tensors.update(
            {k: v[:0].clone() for k, v in tensors.items() if k.startswith("gaussians.")}
        ),
        r"gaussians\.means has the shape \[0, 3\], not \[N, 3\]",
    ),
    "a fifth of the harmonics": (
        replaces("gaussians.harmonics", lambda x: x[:, :2]), r"harmonics has the shape",
    ),
    "NaN in the means": (replaces("gaussians.means", hurt(torch.nan)), "means .* not finite"),
    "infinity in the motion": (replaces(MOTION, hurt(torch.inf)), f"{MOTION} .* not finite"),
    "a number that overflows": (replaces(MOTION, hurt(1e30)), f"{MOTION} .* beyond 1e.06"),
    "a deviation of zero": (
        replaces("motion.pose_norm.std", hurt(0.0)), "pose_norm.std .* not positive",
    ),
    "a box without inside": (
        replaces("motion.planes.1.low", hurt(9.0)), r"box motion\.planes\.1 is empty",
    ),
    "double precision": (
        replaces("gaussians.means", torch.Tensor.double), r"means is F64 \[60, 3\], not float32",
    ),
    "a plate of floats": (
        replaces("plate", torch.Tensor.float), r"plate is float32 .*, not uint8 \[S, S, 3\]",
    ),
    "an oblong plate": (replaces("plate", lambda x: x[:40]), r"plate has the shape \[40, 48, 3\]"),
    "a gray plate": (replaces("plate", lambda x: x[..., 0]), "plate is uint8"),
    **{
        f"{name} missing": (drops(name), f"{name} is missing")
        for name in ("plate", "body_R", "body_t", "gaussians.means", MOTION, "motion", "focal")
    },
    "a tensor too many": (
        lambda tensors, header: tensors.update(spare=torch.zeros(2)), "tensor spare is unknown",
    ),
    "a motion that the header denies": (sets(None, "motion"), r"tensor motion\..* is unknown"),
    "NaN as focal length": (sets(float("nan"), "focal"), "focal is nan, but must be a finite"),
    "no focal length": (sets(0, "focal"), "focal is 0, but must be above 0"),
    "negative fps": (sets(-25.0, "fps"), "fps is -25.0, but must be from 1 to 1000"),
    "fps as text": (sets("25", "fps"), "fps is 25, but must be a finite number"),
    "true as fps": (sets(True, "fps"), "fps is True"),
    "fps beyond all numbers": (sets(10**400, "fps"), "fps is 1000.* must be a finite number"),
    "follows_body as text": (sets("yes", "follows_body"), "follows_body is yes, but must be true"),
    "metadata as list": (sets([1], "meta"), r"meta is \[1\], but must be an object"),
    "metadata of a stage as list": (sets([1], "meta", "static"), r"meta\[static\] is \[1\]"),
    "a width of a million": (
        sets(10**6, "motion", "hidden"), r"motion\.hidden is 1000000, but must be from 8 to 4096",
    ),
    "an odd width": (sets(60, "motion", "hidden"), "hidden is 60, but must be .* a multiple of 8"),
    "another width": (sets(32, "motion", "hidden"), r"the shape \[64, \d+\], not \[32, \d+\]"),
    "a long window": (sets(10**9, "motion", "speech", "window"), r"speech\.window is 1000000000"),
    "no coefficients": (sets(0, "motion", "speech", "dim"), r"speech\.dim is 0"),
    "a window as text": (sets("9", "motion", "speech", "window"), r"speech\.window is 9, but"),
    "an unknown word": (sets(1, "motion", "speech", "depth"), r"motion\.speech\.depth is unknown"),
    "no planes": (sets([], "motion", "planes"), r"the length of motion\.planes is 0"),
    "huge planes": (
        sets(60, "motion", "planes", 0, "log2_entries"), r"planes\[0\]\.log2_entries is 60",
    ),
    "three features": (sets(3, "motion", "planes", 1, "features"), "one of 1, 2, 4"),
    "a plane that narrows": (
        sets(2, "motion", "planes", 0, "finest"), "motion does not fit together .*base <= finest",
    ),
    "a color of another tongue": (
        sets("position,colour", "motion", "deform"), "deform is position,colour, but must be names",
    ),
    "a header that is a list": (lambda tensors, header: "[1]", r"the header is \[1\]"),
    "a header that is no JSON": (lambda tensors, header: "{focal:", "no UniGS portrait"),
    "a header nested without end": (lambda tensors, header: NESTED, "no UniGS portrait"),
    "a number of 5000 digits": (lambda tensors, header: "1" * 5000, "no UniGS portrait"),
    "another format": (sets(2, "format"), "has format 2, this program reads 1"),
}  # fmt: skip


@pytest.mark.parametrize("change, words", HOSTILE.values(), ids=HOSTILE)
def test_a_strangers_portrait_is_refused_with_one_sentence(whole, tmp_path, change, words):
    path = tmp_path / "stranger"
    rewrite(path, whole, change)
    with pytest.raises(UserError, match=words) as caught:
        load_portrait(path)
    text = str(caught.value)
    assert text.startswith(f"{path} ") and "train it again" in text and len(text) < 400


def fills(name, value):
    """Change that makes all numbers of a tensor the same."""

    def change(tensors, header):
        tensors[name].fill_(value)

    return change


LAYERS = {
    "no torso": (drops("behind.gaussians.means"), "behind.gaussians.means is missing"),
    "a torso that nobody announced": (drops("behind"), "behind.* is unknown"),
    "a plate of its own": (
        lambda tensors, header: tensors.update({"behind.plate": tensors["plate"].clone()}),
        "behind.plate is unknown",
    ),
    "an empty box": (
        fills("behind.motion.planes.0.low", 1), "box behind.motion.planes.0 is empty"
    ),
    "a deviation of 0": (fills("behind.motion.pose_norm.std", 0), "not positive"),
    "lips of a deaf torso": (
        sets(True, "behind", "motion", "lip_code"), "hears nothing has no lip code"
    ),
    "a torso behind the torso": (sets({}, "behind", "behind"), "behind is unknown"),
}  # fmt: skip


@pytest.mark.parametrize("change, words", LAYERS.values(), ids=LAYERS)
def test_a_strangers_layers_are_refused_with_one_sentence(tmp_path, change, words):
    save_portrait(layered_portrait(), tmp_path / "layers")
    rewrite(tmp_path / "stranger", tmp_path / "layers", change)
    with pytest.raises(UserError, match=words):
        load_portrait(tmp_path / "stranger")


def test_a_header_that_promises_too_much_is_refused(tmp_path):
    for length in (2**63, 10**8, 100):
        path = tmp_path / f"{length}"
        path.write_bytes(struct.pack("<Q", length) + b"{" * 50)
        with pytest.raises(UserError, match="no UniGS portrait"):
            load_portrait(path)


def test_a_folder_is_no_portrait(tmp_path):
    with pytest.raises(UserError, match="does not exist"):
        load_portrait(tmp_path)
