"""Checkpoints: whose they are."""

from dataclasses import replace

from tests.support.stages import STATIC
from unigs.train.checkpoint import Checkpoint, key_of


def test_checkpoint_of_other_settings_is_not_resumed(files, tmp_path):
    key = key_of(STATIC, [files.frame_table])
    Checkpoint(tmp_path, key).save({"step": 3})
    assert Checkpoint(tmp_path, key).load() == {"step": 3}
    other = key_of(replace(STATIC, lambda_alpha=0.2), [files.frame_table])
    assert Checkpoint(tmp_path, other).load() is None
    (tmp_path / "last.ckpt").write_bytes(b"damaged")
    assert Checkpoint(tmp_path, key).load() is None


def test_checkpoint_of_older_code_is_not_resumed(files, tmp_path, monkeypatch):
    Checkpoint(tmp_path, key_of(STATIC, [files.frame_table])).save({"step": 3})
    monkeypatch.setattr("unigs.train.checkpoint.LAYOUT", 1)
    assert Checkpoint(tmp_path, key_of(STATIC, [files.frame_table])).load() is None
