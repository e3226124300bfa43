"""Write unigs/face/mean_mesh.safetensors (python -m tools.mean_mesh).

The mean face of `unigs.face.lift68` is that of the synthetic speaker, as the face mesh sees it in
frames that look at the camera: nobody's face.
"""

import numpy as np

from unigs.face.detectors import open_detectors
from unigs.face.lift68 import MEAN
from unigs.face.mesh import VERTICES
from unigs.face.shape import to_head_frame, vertices_to_head
from unigs.geometry.similarity import similarity
from unigs.settings.demo import DemoSettings
from unigs.sources.synthetic.speaker import Clip
from unigs.stage.files import save_tensors

SPEAKER = DemoSettings(seconds=20.0, fps=25.0, size=512, background="plain", strands=300, seed=1)


def main() -> None:
    """Follow the speaker's face and average its frontal half in the head's axes."""
    with open_detectors().mesh(static=False, confidence=0.5) as mesh:
        found = [mesh.find(np.ascontiguousarray(frame)) for frame, *_ in Clip(SPEAKER).frames()]
    points = np.stack([face for face in found if face is not None]).astype(np.float64)
    facing = vertices_to_head(points[:, :VERTICES])[:, 2, 2]
    points = points[facing >= np.median(facing)]
    mean = points[0]
    for _ in range(4):
        scale, R, shift = similarity(points, mean)
        placed = scale[:, None, None] * points @ R.swapaxes(1, 2) + shift[:, None]
        mean = np.median(placed, axis=0)
    scale, R, shift = to_head_frame(mean[:VERTICES])
    save_tensors(MEAN, {"points": (scale * mean @ R.T + shift).astype(np.float32)}, {})
    print(f"{MEAN}: {len(points)} frames")


if __name__ == "__main__":
    main()
