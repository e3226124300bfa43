"""Portraits on disk."""

import numpy as np
import pytest
import torch

from tests.support.portraits import one_frame, portrait
from unigs.model.storage import load_portrait, save_portrait
from unigs.playback.play import Playback
from unigs.stage.errors import UserError


def test_saved_portrait_plays_the_same(tmp_path):
    original = portrait()
    torch.nn.init.normal_(original.motion.deformation.output.weight)
    frame = Playback(original).frame(one_frame(), 0)
    save_portrait(original, tmp_path / "portrait.safetensors")
    loaded = load_portrait(tmp_path / "portrait.safetensors")
    np.testing.assert_array_equal(Playback(loaded).frame(one_frame(), 0), frame)
    assert loaded.meta == original.meta and loaded.fps == 25.0 and loaded.has_dynamics


def test_a_file_that_is_no_portrait_gets_one_sentence(tmp_path):
    path = tmp_path / "portrait.safetensors"
    with pytest.raises(UserError, match="does not exist"):
        load_portrait(path)
    path.write_bytes(b"not a portrait")
    with pytest.raises(UserError, match="no UniGS portrait"):
        load_portrait(path)
