"""The README's example runs as it stands."""

import re
from pathlib import Path

import numpy as np

from tests.support.portraits import SPEECH, portrait
from tests.support.subject import subject_files, write_features, write_table
from unigs.model.storage import save_portrait

README = (Path(__file__).parents[1] / "README.md").read_text()
FOLDERS = {
    "frame_table": "clip/frames.csv",
    "body": "unigs_plus/static/motion.npz",
    "eyes": "face/eyes.csv",
    "speech": "speech/features.npz",
    "pose": "unigs_plus/static/pose.npz",
}
FRAMES = 160


def test_a_portrait_plays_a_performance(tmp_path):
    (example,) = re.findall(r"```python\n(.*?)```", README, flags=re.S)
    flat = subject_files(tmp_path / "flat")
    write_table(flat.frame_table, FRAMES)
    write_features(flat, FRAMES, speech=np.zeros((FRAMES, SPEECH["window"], SPEECH["dim"])))
    for name, place in FOLDERS.items():
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        getattr(flat, name).rename(tmp_path / place)
    (tmp_path / "unigs_plus/dynamic").mkdir()
    save_portrait(portrait(), tmp_path / "unigs_plus/dynamic/portrait.safetensors")
    assert '"results/me"' in example
    names = {}
    exec(example.replace('"results/me"', repr(str(tmp_path))), names)
    images = names["images"]
    assert len(images) == 50
    assert all(image.shape == (48, 48, 3) and image.dtype == np.uint8 for image in images)
    lines = [line for line in example.splitlines() if line and not line.startswith("from ")]
    assert len(lines) <= 7
