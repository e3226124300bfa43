"""SyncNet v2 (Chung and Zisserman 2016): faces and speech as points that lie near when in sync.

Two convolutional networks turn five color pictures of a face and 20 columns of cepstra (0.2 s of
either) into 1024 numbers. The network is written from the article and the names of the published
weights, `syncnet_v2.model`, which it reads as they are; they may be used for research alone and are
not part of this program.
"""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from unigs.pretrained.weights import fill, read_weights

BACKEND = "SyncNet v2"
"""Name of the network, for the records."""
SIZE = 224
"""Side of the network's faces, px."""
FRAMES, COLUMNS = 5, 20
"""Pictures and columns of cepstra that the network sees at once."""


def _sound(wide: float) -> nn.Sequential:
    """Cepstra [B,1,13,20] -> [B,512,1,1]; `wide` scales all inner widths."""
    a, b, c, d, e = (max(1, round(n * wide)) for n in (64, 192, 384, 256, 512))
    return nn.Sequential(
        *_flat(1, a, 3, 1), nn.MaxPool2d(1, 1),
        *_flat(a, b, 3, 1), nn.MaxPool2d(3, (1, 2)),
        *_flat(b, c, 3, 1), *_flat(c, d, 3, 1),
        *_flat(d, d, 3, 1), nn.MaxPool2d(3, 2),
        *_flat(d, e, (5, 4), 0),
    )  # fmt: skip


def _faces(wide: float) -> nn.Sequential:
    """Pictures [B,3,5,224,224] -> [B,512,1,1,1]; `wide` scales all inner widths."""
    a, b, e = (max(1, round(n * wide)) for n in (96, 256, 512))
    pool, half = (1, 3, 3), (1, 2, 2)
    return nn.Sequential(
        *_deep(3, a, (5, 7, 7), half, 0), nn.MaxPool3d(pool, half),
        *_deep(a, b, (1, 5, 5), half, (0, 1, 1)), nn.MaxPool3d(pool, half, (0, 1, 1)),
        *_deep(b, b, pool, 1, (0, 1, 1)), *_deep(b, b, pool, 1, (0, 1, 1)),
        *_deep(b, b, pool, 1, (0, 1, 1)), nn.MaxPool3d(pool, half),
        *_deep(b, e, (1, 6, 6), 1, 0),
    )  # fmt: skip


def _flat(a: int, b: int, kernel: int | tuple, padding: int) -> tuple[nn.Module, ...]:
    return nn.Conv2d(a, b, kernel, padding=padding), nn.BatchNorm2d(b), nn.ReLU()


def _deep(
    a: int, b: int, kernel: tuple, stride: int | tuple, padding: int | tuple
) -> tuple[nn.Module, ...]:
    return nn.Conv3d(a, b, kernel, stride, padding), nn.BatchNorm3d(b), nn.ReLU()


def _head(width: int, out: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(width, width), nn.BatchNorm1d(width), nn.ReLU(), nn.Linear(width, out)
    )


class SyncNet(nn.Module):
    """Both networks; state keys as in the published file.

    Args:
        wide: factor of all inner widths, and of the 1024 numbers; 1 for the published weights,
            less for tests.
    """

    def __init__(self, wide: float = 1.0) -> None:
        super().__init__()
        width, out = max(1, round(512 * wide)), max(1, round(1024 * wide))
        self.netcnnaud, self.netfcaud = _sound(wide), _head(width, out)
        self.netcnnlip, self.netfclip = _faces(wide), _head(width, out)
        self.requires_grad_(False)
        self.eval()

    def encode_faces(self, pictures: Tensor) -> Tensor:
        """[B,1024] of BGR pictures, 0 to 255, float [B,3,5,224,224]."""
        return self.netfclip(self.netcnnlip(pictures).flatten(1))

    def encode_sound(self, columns: Tensor) -> Tensor:
        """[B,1024] of cepstra [B,1,13,20]."""
        return self.netfcaud(self.netcnnaud(columns).flatten(1))


def load_syncnet(path: Path, device: str = "cpu") -> SyncNet:
    """Read `syncnet_v2.model`, or the same tensors as .safetensors.

    Args:
        path: the file. Widths other than the published are taken from the tensors.
        device: where the network runs.

    Raises:
        UserError: the file is missing or holds another network.
    """
    state = read_weights(path)
    network = SyncNet(len(state.get("netfclip.0.bias", ())) / 512)
    fill(network, state, path, "SyncNet v2 under its own names (syncnet_v2.model)")
    return network.to(device)
