"""Renders of other systems in the plan, and further seeds."""

import pytest

from unigs.stage.errors import UserError
from unigs.workflow.renders import render_file, render_flags, rendered
from unigs.workflow.variants import bases, settings, with_seeds

CONFIG = {"renders": {"wav2lip": {"invalid": ["psnr", "ssim"]}, "gs": {"pasted": True}, "er": None}}


def test_a_render_is_a_video_or_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "resources/renders/gs/ann").mkdir(parents=True)
    (tmp_path / "resources/renders/gs/bob.mp4").write_bytes(b"x")
    (tmp_path / "resources/renders/gs/bobby.mp4").write_bytes(b"x")
    assert render_file("gs", "ann") == "resources/renders/gs/ann"
    assert render_file("gs", "bob") == "resources/renders/gs/bob.mp4"
    assert render_file("gs", "eve") is None and render_file("er", "ann") is None
    found = rendered(CONFIG, ["unigs", "er", "gs"], ["ann", "bob", "eve"])
    assert found == ["results/ann/gs", "results/bob/gs"]
    (tmp_path / "resources/renders/gs/bob").mkdir()
    with pytest.raises(UserError, match="two renders of bob, bob and bob.mp4"):
        render_file("gs", "bob")


def test_flags_say_what_does_not_count():
    assert render_flags(CONFIG, "wav2lip") == "--invalid psnr ssim"
    assert render_flags(CONFIG, "gs") == "--pasted True" and render_flags(CONFIG, "er") == ""


def test_seeds_are_variants_in_the_same_tables():
    config = {
        "variants": {"a": {"dynamic": {"iterations": 5}, "seeds": [3, 7]}, "b": {"base": "a"}},
        "tables": {"t": {"variants": ["b", "a", "er"]}},
    }
    seeded = with_seeds(config)
    assert seeded["tables"]["t"]["variants"] == ["b", "a", "a_seed3", "a_seed7", "er"]
    chain = bases(seeded["variants"], "a_seed7")
    assert settings(seeded, "dynamic", chain) == {"iterations": 5, "seed": 7}
    assert settings(seeded, "static", chain) == {"seed": 7}
    assert settings(seeded, "static", bases(seeded["variants"], "b")) == {}
    config["variants"]["a_seed3"] = {}
    with pytest.raises(UserError, match="a_seed3: a with seed 3 has this name"):
        with_seeds(config)
