"""Head poses refined through the rasterizer."""

import torch

from tests.support.subject import FRAMES
from unigs.model.storage import load_portrait
from unigs.stage.files import load_npz
from unigs.subject.dataset import Dataset
from unigs.train.poses import PoseTensors
from unigs.train.refine_poses import refine_poses


def test_refined_poses_come_nearer_to_the_truth(files, static_run):
    """PoseTensors that drift by some millimeters are pulled back by the field, inside the head."""
    dataset = Dataset(files)
    portrait = load_portrait(static_run / "portrait.safetensors")
    poses = PoseTensors(dataset.performance, torch.device("cpu"))
    truth = poses.t.clone()
    phase = torch.arange(FRAMES)[:, None] * torch.tensor([0.31, 0.23, 0.0])
    poses.t = truth + 0.004 * torch.sin(phase)
    points = torch.randn(50, 3, generator=torch.Generator().manual_seed(0)) * 0.03

    def seen(R: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """Where points of the head appear in each frame, pixels [T,50,2]."""
        camera = points @ R.transpose(1, 2) + t[:, None]
        return camera[..., :2] / camera[..., 2:] * dataset.poses.focal

    expected = seen(poses.R, truth)
    before = (seen(poses.R, poses.t) - expected).norm(dim=-1).mean()
    refine_poses(portrait, dataset, poses)
    after = (seen(poses.R, poses.t) - expected).norm(dim=-1).mean()
    assert after < 0.6 * before
    assert len(load_npz(static_run / "pose.npz", "R", "t", "focal")["R"]) == FRAMES
