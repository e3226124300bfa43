"""The networks that look at lips beside the landmarks: the second judge, Light-ASD, SyncNet.

None of them had a part in training the portrait. Each looks at a square around the face that the
skull of the TRUE frame places (`unigs.face.squares`), in truth and render alike.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from unigs.evaluate import light_asd, sync_asd, sync_c, syncnet
from unigs.evaluate.mouth import (
    MESH,
    POINTS68,
    correlation,
    mouth_opening,
    mouth_records,
    voice_records,
)
from unigs.evaluate.records import (
    NEAREST,
    PORTRAIT,
    SHUFFLED,
    STATIC,
    TRUTH,
    Record,
    measured,
)
from unigs.evaluate.split import Split, sound_of_frames
from unigs.face import landmarks68
from unigs.face.points68 import Points68, load_points68
from unigs.face.squares import cut_square, face_squares, from_square
from unigs.pretrained.auto import LANDMARKS68, LIGHT_ASD, SYNCNET, chosen_model
from unigs.settings.evaluate import ScoreSettings

BATCH = 32
"""Faces whose 68 points are found at once."""
FPS = 25.0
"""Frames per second of the networks that listen."""
NO_LANDMARKS = (
    "the weights of the 68-point network are not there: face-landmarks-68.safetensors, or "
    "evaluate.landmarks_model"
)
"""Why the second judge's figures are empty."""
NO_SOUND = "no recording was given to evaluate"
"""Why figures of sync are empty without sound."""
NOBODY = "no face was found in any true test frame"
"""Why all these figures are empty where there is nobody."""


@dataclass(frozen=True)
class Places:
    """Where the face is in every test frame, by the landmarks of the true frames."""

    truth: np.ndarray
    """Landmarks of the true test frames [n,478,3], px; NaN without a face."""
    nearest: np.ndarray | None = None
    """Landmarks of the nearest training frames [n,478,3], where that baseline is judged."""

    @property
    def nobody(self) -> bool:
        """Whether no true frame shows a face."""
        return not np.isfinite(self.truth).any()

    def of(self, method: str) -> np.ndarray:
        """Landmarks of a method's pictures; the nearest training frame has a pose of its own."""
        return self.nearest if method == NEAREST and self.nearest is not None else self.truth

    def squares(self, side: float, down: float, method: str = TRUTH) -> np.ndarray:
        """Squares [n,3] of a method's pictures.

        Args:
            side: side of the square, see `face_squares`.
            down: place of the square, see `face_squares`.
            method: whose pictures they are.
        """
        return face_squares(self.of(method), side, down)


@dataclass
class PointReader:
    """Collects the 68 points of one stream of frames."""

    network: Points68
    squares: np.ndarray
    """Where the faces are, [n,3]."""
    _cuts: list[np.ndarray] = field(default_factory=list)
    _found: list[np.ndarray] = field(default_factory=list)

    def read(self, image: np.ndarray, index: int) -> None:
        """Take test frame `index`, uint8 RGB [H,W,3]."""
        self._cuts.append(cut_square(image, self.squares[index], self.network.size))
        if len(self._cuts) == BATCH:
            self._find()

    def points(self) -> np.ndarray:
        """Points [n,68,2], px."""
        if self._cuts:
            self._find()
        return from_square(np.concatenate(self._found), self.squares)

    def _find(self) -> None:
        self._found.append(self.network.find(np.stack(self._cuts)))
        self._cuts = []


@dataclass
class LipNetworks:
    """Shows every test frame to the networks that there are, and keeps what they say."""

    places: Places
    points: dict[str, PointReader] = field(default_factory=dict)
    """Method -> its reader; empty without the second judge."""
    backend68: str = landmarks68.BACKEND
    """Name of the second judge."""
    asd: light_asd.LightASD | None = None
    sync: dict[str, sync_c.SyncReader] = field(default_factory=dict)
    """Method -> its reader; empty without SyncNet."""
    faces: dict[str, list[np.ndarray]] = field(default_factory=dict)
    """Method -> gray faces that Light-ASD is shown."""
    _asd_squares: np.ndarray | None = None
    _sync_squares: np.ndarray | None = None
    _count: int = 0

    @classmethod
    def build(
        cls, settings: ScoreSettings, device: str, methods: Iterable[str], places: Places
    ) -> "LipNetworks":
        """Load what there is.

        Args:
            settings: fields of the section `evaluate` that name weights.
            device: where the networks run, "cpu" or "cuda".
            methods: the methods that are judged.
            places: where the faces are; without any face no network is asked.
        """
        built = cls(places)
        if places.nobody:
            return built
        heard = (TRUTH, PORTRAIT)
        judged = [m for m in (TRUTH, PORTRAIT, SHUFFLED, STATIC, NEAREST) if m in (TRUTH, *methods)]
        if path := chosen_model(settings.landmarks_model, LANDMARKS68):
            network = load_points68(path, device)
            square = network.side, network.down
            squares = {m: places.squares(*square, m) for m in judged}
            built.backend68 = network.backend
            built.points = {
                m: PointReader(network, where)
                for m, where in squares.items()
                if np.isfinite(where).all()
            }
        if path := chosen_model(settings.sync_model, LIGHT_ASD):
            built.asd = light_asd.load_light_asd(path, device)
            built.faces = {m: [] for m in heard}
            built._asd_squares = places.squares(sync_asd.SIDE, sync_asd.DOWN)
        if path := chosen_model(settings.syncnet_model, SYNCNET):
            net = syncnet.load_syncnet(path, device)
            built.sync = {m: sync_c.SyncReader(net) for m in heard}
            built._sync_squares = places.squares(sync_c.SIDE, sync_c.DOWN)
        return built

    def add(self, real: np.ndarray, rendered: dict[str, np.ndarray]) -> None:
        """Look at one test frame.

        Args:
            real: the true frame, uint8 [H,W,3].
            rendered: method -> picture of that frame, uint8 [H,W,3].
        """
        index, pictures = self._count, {**rendered, TRUTH: real}
        for method, reader in self.points.items():
            reader.read(pictures[method], index)
        for method, faces in self.faces.items():
            faces.append(sync_asd.gray_face(pictures[method], self._asd_squares[index]))
        for method, reader in self.sync.items():
            reader.read(pictures[method], self._sync_squares[index])
        self._count += 1

    def points68(self) -> dict[str, np.ndarray]:
        """The second judge's points [n,68,2], px, by method; NaN where the truth has no face.

        The network always answers, also where there is no face; so it counts only where the first
        judge found one in the true frame.
        """
        found = {method: reader.points() for method, reader in self.points.items()}
        for method, points in found.items():
            points[~np.isfinite(self.places.of(method)).all(axis=(1, 2))] = np.nan
        return found

    def mouth_records(self, size: int) -> list[Record]:
        """The second judge's figures of the mouth, and how far both judges agree on the truth.

        Args:
            size: width of the frames, px.
        """
        found = self.points68() or {TRUTH: np.full((self._count, landmarks68.POINTS, 2), np.nan)}
        truth, name = found[TRUTH], self.backend68
        nowhere = np.full_like(truth, np.nan)
        records = []
        for method in (PORTRAIT, STATIC, NEAREST):
            if method in found or method == PORTRAIT:
                points = found.get(method, nowhere)
                records += mouth_records(truth, points, size, name, method, POINTS68)
        both = (found.get(method, nowhere) for method in (PORTRAIT, SHUFFLED))
        records += voice_records(truth, *both, size, name, POINTS68)
        first, second = mouth_opening(self.places.truth, MESH), mouth_opening(truth, POINTS68)
        records.append(
            measured(
                "opening_agreement_68", correlation(first, second),
                "the mouth opening is constant, or fewer than 3 true frames show a face",
                region="mouth", backend=name, frames=int(np.isfinite(second).sum()),
                how="Pearson, inner lip distance of the TRUE frames by both judges",
            )
        )  # fmt: skip
        if self.points:
            return records
        why = NOBODY if self.places.nobody else NO_LANDMARKS
        return [record.labeled(value=None, reason=why) for record in records]

    def sync_records(self, samples: np.ndarray | None, split: Split) -> list[Record]:
        """Figures of sync, of the portrait and of the true frames.

        Args:
            samples: the clip's sound, float [n] in [-1,1] at 16 kHz; None where there is none.
            split: the clip's test frames.
        """
        why = NO_SOUND if samples is None else None
        if self.places.nobody:
            why = NOBODY
        elif abs(split.table.fps - FPS) > 0.01:
            why = f"the clip has {split.table.fps:g} frames a second, these networks need 25"
        return [
            *self._asd_records(why, samples, split),
            *self._sync_c_records(why, samples, split),
        ]

    def _asd_records(
        self, why: str | None, samples: np.ndarray | None, split: Split
    ) -> list[Record]:
        if self.asd is None:
            why = NOBODY if self.places.nobody else sync_asd.NO_WEIGHTS
        elif self._count < sync_asd.FEWEST:
            why = why or sync_asd.TOO_SHORT
        if why is not None:
            return sync_asd.sync_asd_records(None, why)
        sound = sync_asd.encode_recording(self.asd, samples)
        records = []
        for method, faces in self.faces.items():
            scores = sync_asd.score(self.asd, np.stack(faces), sound, split.test)
            records += sync_asd.sync_asd_records(scores, "", method)
        return records

    def _sync_c_records(
        self, why: str | None, samples: np.ndarray | None, split: Split
    ) -> list[Record]:
        if not self.sync:
            why = NOBODY if self.places.nobody else sync_c.NO_WEIGHTS
        if why is not None:
            return sync_c.sync_c_records(None, self._count, why)
        network = self.sync[PORTRAIT].network
        sound = sync_c.sound_points(network, sound_of_frames(samples, split))
        records = []
        for method, reader in self.sync.items():
            found = sync_c.confidence(reader.points(), sound)
            records += sync_c.sync_c_records(found, self._count, method=method)
        return records
