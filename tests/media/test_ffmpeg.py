"""Which ffmpeg runs."""

from pathlib import Path

import imageio_ffmpeg
import pytest

from unigs.media.ffmpeg import ffmpeg_exe
from unigs.stage.errors import UserError


@pytest.fixture
def bare(monkeypatch):
    """No choice of the user's, and none remembered."""
    monkeypatch.delenv("IMAGEIO_FFMPEG_EXE", raising=False)
    return ffmpeg_exe.__wrapped__


def test_the_carried_ffmpeg_goes_before_the_one_on_the_path(bare, tmp_path, monkeypatch):
    other = tmp_path / "ffmpeg"
    other.write_text("#!/bin/sh\nexit 0\n")
    other.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    carried = list(Path(imageio_ffmpeg.__file__).parent.glob("binaries/ffmpeg-*"))
    if not carried:
        pytest.skip("this platform's imageio-ffmpeg carries no binary")
    assert bare() == str(carried[0])


def test_the_user_may_name_another(bare, monkeypatch):
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", "/opt/ffmpeg/bin/ffmpeg")
    assert bare() == "/opt/ffmpeg/bin/ffmpeg"


def test_without_any_one_sentence_says_so(bare, tmp_path, monkeypatch):
    def none() -> str:
        raise RuntimeError("No ffmpeg exe could be found.")

    monkeypatch.setattr(imageio_ffmpeg, "get_ffmpeg_exe", none)
    monkeypatch.setattr(imageio_ffmpeg, "__file__", str(tmp_path / "__init__.py"))
    with pytest.raises(UserError, match="no ffmpeg: install imageio-ffmpeg"):
        bare()
