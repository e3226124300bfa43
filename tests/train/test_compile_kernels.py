"""Warming up compiles what training and playing call, in the types they call it with."""

import pytest
import torch

from tests.support.stages import STATIC, STATIC_RESULTS
from tests.support.subject import write_subject
from unigs.losses import l1, ssim_kernels
from unigs.model.kernels import deform_kernels, pose_kernels
from unigs.model.kernels import encoding_kernels as plane_kernels
from unigs.playback import cpu_player as player
from unigs.playback import network as deform_playback
from unigs.playback.play import Playback
from unigs.render import binning, blend_kernels, composite, project_kernels, record_kernels
from unigs.settings.dynamic import DynamicSettings
from unigs.settings.static import StaticSettings
from unigs.subject.dataset import Dataset
from unigs.train import dynamic, static
from unigs.train.compile_kernels import compile_kernels
from unigs.train.dynamic import DynamicTask
from unigs.train.static import StaticTask

MODULES = (
    deform_kernels, deform_playback, l1, composite, plane_kernels, ssim_kernels, binning,
    blend_kernels, player, pose_kernels, project_kernels, record_kernels,
)  # fmt: skip
UNUSED = {"point_gradient"}  # for callers that move the points; training does not
INNER = {"layer", "fill", "rectify", "center", "shading", "block_rows", "block_spans"}
"""Called by kernels: those from the cache hold them already."""


def compiled() -> dict[str, list]:
    """Signatures of the functions that Python calls (and of the helpers they call), by name."""
    return {
        f"{module.__name__}.{name}": list(value.signatures)
        for module in MODULES
        for name, value in vars(module).items()
        if hasattr(value, "signatures") and value.__module__ == module.__name__
    }


def test_training_and_playing_compile_nothing_more(tmp_path):
    compile_kernels()
    before = compiled()
    public = {name for name in before if not name.rpartition(".")[2].startswith("_")}
    assert not {n.rpartition(".")[2] for n in public if not before[n]} - UNUSED - INNER
    dataset = Dataset(write_subject(tmp_path))
    settings = StaticSettings(points=200, anchor=True, lambda_alpha=0.1, device="cpu")
    task = StaticTask(dataset, settings, torch.device("cpu"))
    task.step(1)
    Playback(task.portrait).frame(dataset.performance, 0)
    for planes in (0, 2):  # of the face: the paper's plane alone, and both
        chosen = DynamicSettings(face_grid_levels=planes, blendshapes=planes > 0, device="cpu")
        torch.manual_seed(0)
        moving = DynamicTask(dataset, task.portrait, chosen, torch.device("cpu"))
        moving.step(1)
    assert compiled() == before


class Asked(Exception):
    """Instead of an answer."""


@pytest.mark.parametrize("stage", [static, dynamic])
def test_both_stages_let_the_kernels_be_compiled(stage, files, static_run, tmp_path, monkeypatch):
    """By another process: one that compiles rounds otherwise than one that loads."""

    def ask(device: str) -> None:
        raise Asked(device)

    monkeypatch.setattr(stage, "ensure_compiled", ask)
    monkeypatch.setattr(stage, "StaticTask" if stage is static else "DynamicTask", None)
    out = [tmp_path / name for name in STATIC_RESULTS]
    with pytest.raises(Asked, match="cpu"):
        if stage is static:
            static.train_static(files, *out, STATIC)
        else:
            chosen = DynamicSettings(device="cpu")
            dynamic.train_dynamic(files, static_run / STATIC_RESULTS[0], *out[1:], chosen)
