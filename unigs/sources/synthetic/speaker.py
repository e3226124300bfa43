"""make_speaker: a clip of a synthetic long-haired speaker, with ground truth.

Two results: the video with its sound, as a camera would give it, and the ground truth beside it: an
.npz with poses, focal length, landmarks, blinks and mouth, and a label video of the same name with
the suffix .mkv. Every other stage can be run on the video and measured against the ground truth.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from unigs.geometry.cameras import intrinsics
from unigs.media.audio import write_wav
from unigs.media.video import VideoWriter
from unigs.render.rasterize import rasterize
from unigs.settings.demo import DemoSettings
from unigs.sources.synthetic import voice
from unigs.sources.synthetic.anatomy import Posed, Speaker, build_speaker, color, pose
from unigs.sources.synthetic.motion import SpeakerMotion, make_motion
from unigs.stage import cli
from unigs.stage.errors import UserError
from unigs.stage.files import atomic, save_npz
from unigs.stage.leftovers import scratch_folder
from unigs.stage.progress import progress
from unigs.subject.labels import FACE, HAIR, MOUTH

CAMERA_BELOW_EYES = 0.048
"""Distance below the eyes at which the optical axis meets the rest pose, m."""
CLASSES = (FACE, MOUTH, HAIR)
"""Regions that are rendered as channels of their own; the torso is the rest of the opacity."""


def make_speaker(out_video: Path, out_truth: Path, settings: DemoSettings) -> None:
    """Render a synthetic talking person with ground truth.

    Args:
        out_video: video to write (.mp4, H.264 with AAC sound).
        out_truth: file to write (.npz) with poses and curves; the label video goes beside it with
            the suffix .mkv.
        settings: what the clip shows.

    Raises:
        UserError: the settings make no clip.
    """
    _check(settings)
    clip = Clip(settings)
    labels = out_truth.with_suffix(".mkv")
    size, fps = settings.size, settings.fps
    with scratch_folder() as folder:
        wav = folder / "voice.wav"
        write_wav(wav, clip.sound, settings.sample_rate)
        with atomic(out_video) as video_part, atomic(labels) as label_part:
            with (
                VideoWriter(
                    video_part, size, size, fps, audio=wav, title="Synthetic speaker",
                    comment="Rendered from 3D Gaussians; shows no real person.",
                ) as video,
                VideoWriter(label_part, size, size, fps, quality="lossless", gray=True) as regions,
            ):  # fmt: skip
                points = []
                for image, label, world in progress(clip.frames(), clip.count, "frames"):
                    video.write(image)
                    regions.write(label)
                    points.append(world)
            save_npz(out_truth, **clip.truth(np.array(points)))


class Clip:
    """One clip, ready to render: speaker, motion, speech and wall.

    Frame k shows the time k / fps; `sound` [n] covers exactly count / fps seconds.

    Args:
        settings: what the clip shows.
    """

    def __init__(self, settings: DemoSettings) -> None:
        """Build the speaker and all curves; takes about two seconds."""
        s = self.settings = settings
        self.count = int(round(s.seconds * s.fps))
        self.time = np.arange(self.count) / s.fps
        seconds = self.count / s.fps
        rng = [np.random.default_rng([s.seed, k]) for k in (2, 3, 4)]
        self.speech = voice.compose(seconds, rng[0])
        self.opening, self.width = voice.mouth_curves(self.speech, self.time)
        self.sound = voice.synthesize(self.speech, seconds, s.sample_rate, s.voice_pitch, rng[1])
        self.motion: SpeakerMotion = make_motion(
            self.time, seconds, s.head_motion, s.torso_motion, s.hair_sway, s.blink_interval, rng[2]
        )
        self.speaker: Speaker = build_speaker(
            s.hair_color, s.clothes_color, s.eye_color, s.strands, s.seed
        )
        self.focal = s.focal_factor * s.size
        self.offset = np.array([0.0, -CAMERA_BELOW_EYES, s.distance])
        self.plate = wall(s)

    def frames(self) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Yield image uint8 [H, W, 3], labels uint8 [H, W], named points [K, 3] in camera space."""
        for frame in range(self.count):
            posed, points = pose(
                self.speaker, self.motion, frame, self.opening[frame], self.width[frame]
            )
            image, label = self._render(posed)
            yield image, label, points + self.offset

    def _render(self, posed: Posed) -> tuple[np.ndarray, np.ndarray]:
        part, size = self.speaker.part, self.settings.size
        owners = np.stack([part.labels == c for c in CLASSES], 1)
        colors = np.concatenate([part.colors, owners], 1)
        arrays = (posed.means + self.offset, posed.quats, posed.scales, part.opacities, colors)
        tensors = [torch.from_numpy(np.ascontiguousarray(a, np.float32)) for a in arrays]
        K = intrinsics(self.focal, size)
        with torch.no_grad():
            image, alpha, _ = rasterize(*tensors, torch.eye(4), K, size, size)
        image, alpha = image.numpy(), alpha.numpy()
        seen = image[..., :3] + (1.0 - alpha) * self.plate
        shares = image[..., 3:]
        torso = alpha - shares.sum(-1, keepdims=True)
        label = np.concatenate([1.0 - alpha, shares, torso], -1).argmax(-1)
        return (np.clip(seen, 0, 1) * 255 + 0.5).astype(np.uint8), label.astype(np.uint8)

    def truth(self, points: np.ndarray) -> dict[str, np.ndarray]:
        """Ground truth of the clip.

        Args:
            points: named points [T, K, 3] in camera space, m.

        Returns:
            Arrays by name:
            R [T, 3, 3], t [T, 3]: head pose, x_cam = R x + t, m;
            body_R [T, 3, 3], body_t [T, 3]: pose of the torso, m;
            focal, size: px;
            fps: 1/s;
            names [K]: of the points;
            points_head [T, K, 3]: points with the expression in the head frame, m;
            points_px [T, K, 2]: projections of the points, px;
            blink [T]: 0 open .. 1 shut;
            brow [T]: brow raise, m;
            gaze [T, 2]: yaw and pitch of the eyeballs, rad;
            mouth_opening [T], mouth_width [T]: m;
            phones [P]: symbols;
            phone_starts [P + 1]: s, the last is the end;
            audio_offset: seconds by which the sound is late.
        """
        motion = self.motion
        R, t = motion.head_R, motion.head_t + self.offset
        head = np.einsum("tji,tkj->tki", R, points - t[:, None])
        pixels = self.focal * points[..., :2] / points[..., 2:] + self.settings.size / 2
        corners = [self.speaker.names.index(f"{side}_mouth_corner") for side in ("right", "left")]
        return {
            "R": R, "t": t, "focal": np.array(self.focal), "size": np.array(self.settings.size),
            "fps": np.array(self.settings.fps), "names": np.array(self.speaker.names),
            "points_head": head, "points_px": pixels,
            "body_R": motion.body_R, "body_t": motion.body_t + self.offset,
            "blink": motion.blink, "brow": 1e-3 * motion.brow, "gaze": motion.gaze,
            "mouth_opening": 1e-3 * self.opening,
            "mouth_width": np.linalg.norm(head[:, corners[0]] - head[:, corners[1]], axis=1),
            "phones": np.array(self.speech.symbols), "phone_starts": self.speech.starts,
            "audio_offset": np.array(0.0),
        }  # fmt: skip


def wall(settings: DemoSettings) -> np.ndarray:
    """The background [H, W, 3] in [0, 1]."""
    size = settings.size
    y, x = (np.mgrid[0:size, 0:size] + 0.5) / size
    plate = np.ones((size, size, 1)) * np.array(color(settings.wall_color))
    if settings.background == "plain":
        return plate
    plate = plate * (1.08 - 0.25 * np.hypot(x - 0.35, y - 0.25))[..., None]
    if settings.background == "frame":
        box = np.maximum(np.abs(x - 0.16) / 0.11, np.abs(y - 0.22) / 0.15)
        stripes = 0.5 + 0.3 * np.sin(2 * np.pi * (x + 0.6 * y) * 22)
        picture = stripes[..., None] * np.array([0.9, 0.75, 0.45])
        plate = np.where((box < 1.0)[..., None], np.array([0.25, 0.17, 0.12]), plate)
        plate = np.where((box < 0.84)[..., None], picture, plate)
    return np.clip(plate, 0.0, 1.0)


def _check(s: DemoSettings) -> None:
    if s.size < 64 or s.size % 2:
        raise UserError(f"size is {s.size}: give an even number of pixels, 64 or more.")
    if s.seconds < 1.0 or s.fps <= 0:
        raise UserError(f"{s.seconds} s at {s.fps} fps is no clip: give at least one second.")
    if s.sample_rate % voice.CONTROL:
        raise UserError(f"sample_rate is {s.sample_rate}: give a multiple of {voice.CONTROL} Hz.")
    for name in ("hair_color", "clothes_color", "eye_color", "wall_color"):
        try:
            color(getattr(s, name))
        except ValueError as error:
            raise UserError(f"{name}: {error}.") from None


if __name__ == "__main__":
    cli.run(make_speaker)
