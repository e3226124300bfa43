"""Players' pages of made-up portraits, and the browser that they are opened in."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from scipy.io import wavfile
from scipy.spatial.transform import Rotation

from tests.support.portraits import moving_portrait
from tests.support.sounds import voice
from tests.support.subject import subject_files, write_features, write_table
from unigs.media.audio import RATE
from unigs.model.anchor import Body
from unigs.model.motion import Motion
from unigs.model.portrait import Portrait
from unigs.model.storage import save_portrait
from unigs.settings.drive import DriveSettings
from unigs.settings.speech import SpeechSettings
from unigs.speech.encoder import SpeechEncoder
from unigs.subject.labels import FACE, HAIR, MOUTH, TORSO, write_labels
from unigs.web.export import export_player

FRAMES, CLIP = 40, "clip.wav"
PLACES = {
    "portrait": "unigs_plus/dynamic/portrait.safetensors",
    "pose": "unigs_plus/static/pose.npz",
    "frame_table": "clip/frames.csv",
    "body": "unigs_plus/static/motion.npz",
    "eyes": "face/eyes.csv",
    "speech": "speech/features.npz",
    "labels": "regions/labels.mkv",
}
"""Files that a page is made of -> their places in a subject's results."""
BYTES = (
    "a => { const x = new Uint8Array(a.buffer, a.byteOffset, a.byteLength); let s = ''; "
    "for (let i = 0; i < x.length; i += 8192) s += String.fromCharCode(...x.subarray(i, i + 8192));"
    " return btoa(s); }"
)


@dataclass
class Made:
    """A portrait, its subject's files and its page."""

    page: Path
    portrait: Portrait
    encoder: SpeechEncoder
    arguments: dict
    """Paths that `export_player` was given."""


def speaking_portrait(encoder: SpeechEncoder, speech: dict, **changes) -> Portrait:
    """A portrait of random weights that moves by centimeters and hears with an encoder."""
    base = moving_portrait()
    window = {"window": encoder.width, "dim": len(encoder.mean)}
    config = {**base.motion.config, **changes, "speech": {"feature_dim": 6, **window, **speech}}
    torch.manual_seed(2)
    motion = Motion(config)
    for plane in motion.planes:
        plane.low.fill_(-0.15)
        plane.high.fill_(0.15)
        torch.nn.init.normal_(plane.tables, std=0.3)
    if motion.torso_spares_head:
        motion.head_low.fill_(-0.06)
        motion.head_high.fill_(0.07)
    torch.nn.init.normal_(motion.deformation.output.weight, std=0.4)
    for name, buffer in motion.named_buffers():
        if "lip_net" in name and not name.endswith((".low", ".high", ".gain", ".sure", ".view")):
            buffer.normal_(std=0.05)
    torch.nn.init.normal_(base.gaussians.harmonics, std=0.2)
    torch.nn.init.normal_(base.gaussians.log_scales, mean=-4.5, std=0.4)
    torch.nn.init.normal_(base.gaussians.quats)
    body = Body(torch.eye(3), torch.tensor([0.0, 0.0, 0.6]))
    plate = base.plate.numpy()
    return Portrait(base.gaussians, plate, 96.0, 25.0, body, motion, {})


def make_page(
    folder: Path, settings: SpeechSettings, speech: dict, seconds: float = 1.3, **changes
) -> Made:
    """Write a made-up subject and export its page.

    Args:
        folder: for all files.
        settings: of the speech encoder.
        speech: header of the speech network, without window and width.
        seconds: of the recording that the page comes with.
        changes: of the motion's configuration; `follow`: whether the torso is followed.
    """
    files, follow = subject_files(folder), changes.pop("follow", True)
    encoder = SpeechEncoder(settings)
    clip = voice(4.0, seed=1)
    columns = encoder.columns(clip)
    encoder.fit(encoder.windows(columns, 100, 25.0))
    encoder.learn_profile(clip, columns)
    portrait = speaking_portrait(encoder, speech, **changes)
    portrait.follows_body = follow
    save_portrait(portrait, folder / "portrait.safetensors")
    rng, along = np.random.default_rng(0), np.linspace(0, 1, FRAMES)[:, None]
    write_table(files.frame_table, FRAMES, test=np.zeros(FRAMES, bool))
    R = Rotation.from_rotvec(0.2 * along * [0.3, 1, 0.1]).as_matrix()
    t = [0, 0, 0.6] + 0.02 * along * [1, 0.5, 0]
    torso = R * [1.0, 1.02, 1.0], t + [0.005, 0, 0]
    write_features(
        files, FRAMES, head=(R, t), torso=torso, encoder=encoder.to_dict(),
        outline=0.01 * rng.normal(size=(FRAMES, 2)), eyes=rng.uniform(0, 5, (FRAMES, 7)),
        speech=np.zeros((FRAMES, encoder.width, len(encoder.mean))),
    )  # fmt: skip
    size = portrait.size
    label = np.full((size, size), HAIR, np.uint8)
    label[size // 3 :], label[size // 2 :], label[2 * size // 3 :] = FACE, MOUTH, TORSO
    write_labels(files.labels, [label] * FRAMES, size, size, 25)
    write_sound(folder / CLIP, voice(seconds, seed=2))
    arguments = {
        "portrait": folder / "portrait.safetensors", "audio": folder / CLIP,
        "frame_table": files.frame_table, "pose": files.pose, "body": files.body,
        "eyes": files.eyes, "speech": files.speech, "labels": files.labels,
        "out": folder / "player.html", "settings": DriveSettings(),
    }  # fmt: skip
    export_player(**arguments)
    return Made(arguments["out"], portrait, encoder, arguments)


def write_sound(path: Path, samples: np.ndarray) -> None:
    """A WAV of 16 bits at RATE."""
    wavfile.write(path, RATE, np.rint(np.clip(samples, -1, 1) * 32767).astype(np.int16))


@dataclass
class Tab:
    """A page that is open, and what it did that it must not do."""

    page: object
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def run(self, body: str, argument: object = None) -> object:
        """Run the body of an async function of `p`, the player, and `x`, the argument."""
        return self.page.evaluate(
            f"async x => {{ const p = await unigs; const b64 = {BYTES}; {body} }}", argument
        )

    def wait(self, condition: str) -> None:
        """Wait until an expression of `p` is true, for at most 20 seconds."""
        done = self.run(
            f"for (let k = 0; k < 1000; k++) {{ if ({condition}) return true;"
            " await new Promise(r => setTimeout(r, 20)); } return false;"
        )
        assert done, (condition, self.page.inner_text("#status"), self.errors)

    def frame(self, number: int) -> np.ndarray:
        """Draw a frame: uint8 [H,W,3]."""
        text, size = self.run(
            "p.draw(x); const r = p.performance.renderer; return [b64(r.pixels()), r.size];", number
        )
        return np.frombuffer(base64.b64decode(text), np.uint8).reshape(size, size, 3)

    def heard(self, samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Features, flat, and rest that the page hears in samples."""
        text = base64.b64encode(np.float32(samples).tobytes()).decode()
        parts = self.run(
            "const u = Uint8Array.from(atob(x), c => c.charCodeAt(0));"
            "const h = await p.ear.hear(new Float32Array(u.buffer), () => {});"
            "return [b64(h.columns), b64(h.rest)];",
            text,
        )
        return tuple(np.frombuffer(base64.b64decode(part), np.float32) for part in parts)


@contextmanager
def opened(browser: object, path: Path, **context) -> Iterator[Tab]:
    """Open a page from the file system and wait until its player is there."""
    page = browser.new_context(**context).new_page()
    tab = Tab(page)
    page.on("request", lambda request: tab.requests.append(request.url))
    page.on("pageerror", lambda error: tab.errors.append(str(error)))
    page.on("console", lambda said: said.type == "error" and tab.errors.append(said.text))
    page.goto(path.absolute().as_uri())
    tab.run("return 1")
    yield tab
    page.context.close()
