"""Facts about a machine are looked up without a failure, whatever is missing or broken."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from unigs.doctor import machine
from unigs.stage.errors import UserError


@pytest.fixture
def cuda(monkeypatch):
    """A CUDA build of torch that finds two cards."""
    card = SimpleNamespace(name="NVIDIA X", total_memory=80e9)
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "init", lambda: None)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda k: card)


def test_cards_are_those_that_torch_can_use(cuda):
    facts = machine._torch_facts()
    assert facts["torch_cuda"] == "13.0" and facts["gpus"] == ("NVIDIA X, 80 GB",) * 2


def test_a_driver_that_is_too_old_is_told_in_its_words(cuda, monkeypatch):
    def init():
        raise RuntimeError("CUDA initialization:\n  The NVIDIA driver on your system is too old\n")

    monkeypatch.setattr(torch.cuda, "init", init)
    facts = machine._torch_facts()
    assert facts["gpus"] == () and facts["gpu_error"].startswith("The NVIDIA driver on your system")


def test_without_torch_nothing_fails(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    facts = machine._torch_facts()
    assert facts["gpus"] == () and "torch" in facts["torch_error"]


def test_kernels_of_gsplat_that_cannot_be_had_are_a_sentence(monkeypatch):
    from unigs.render import cuda

    def broken():
        raise UserError("gsplat is installed without its CUDA kernels")

    monkeypatch.setattr(cuda, "load_gsplat", broken)
    assert machine._gsplat_error() == "gsplat is installed without its CUDA kernels"


def test_folders_in_memory_are_known():
    mounts = Path("/proc/mounts")
    if not mounts.is_file() or " /dev/shm tmpfs " not in mounts.read_text():
        pytest.skip("no file system in memory here")
    assert machine._in_memory("/dev/shm") and machine._in_memory("/dev/shm/deeper")
    assert not machine._in_memory("/proc/self")


def test_programs_that_are_missing_or_fail_say_nothing():
    assert machine._says("no-such-program") == machine._says("false") == ""
    assert machine._says("echo", "x") == "x\n"
    assert machine._answers("true") and not machine._answers("no-such-program")


def test_an_import_that_fails_gives_its_last_line():
    def load():
        raise ImportError("while loading\nlibGL.so.1: cannot open shared object file\n")

    assert machine._why_not(load) == "libGL.so.1: cannot open shared object file"
    assert machine._why_not(lambda: None) == ""


def test_without_ffmpeg_nothing_fails(tmp_path, monkeypatch):
    from unigs.media import ffmpeg

    def none():
        raise RuntimeError("no ffmpeg exe could be found")

    ffmpeg.ffmpeg_exe.cache_clear()
    monkeypatch.setattr(ffmpeg.imageio_ffmpeg, "__file__", str(tmp_path / "__init__.py"))
    monkeypatch.setattr(ffmpeg.imageio_ffmpeg, "get_ffmpeg_exe", none)
    assert machine._ffmpeg_facts() == {"ffmpeg": "", "encoders": ()}


def test_an_ffmpeg_without_its_encoders_is_known(tmp_path, monkeypatch):
    program = tmp_path / "ffmpeg"
    program.write_text("#!/bin/sh\necho ' V..... ffv1 FFmpeg video codec #1'\n")
    program.chmod(0o755)
    monkeypatch.setattr("unigs.media.ffmpeg.ffmpeg_exe", lambda: str(program))
    assert machine._ffmpeg_facts() == {"ffmpeg": str(program), "encoders": ("ffv1",)}
