"""The viewer: one thread draws what the panel asks for; the panel's own threads only say so."""

from __future__ import annotations

import contextlib
import io
import logging
import math
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from unigs.stage.errors import UserError
from unigs.stage.own_page import page_at
from unigs.subject.frame_table import TEST
from unigs.view.access import Address, refuse_taken, server_class
from unigs.view.clip import Clip
from unigs.view.coloring import colors_of, scale_of
from unigs.view.field import Field, Moment, load_field, part_of
from unigs.view.panel import Panel
from unigs.view.pictures import decibels, picture
from unigs.view.scene import Scene

if TYPE_CHECKING:
    from viser import ViserServer

log = logging.getLogger("unigs")

LOOK_EVERY = 2.0
"""Seconds between two looks whether the portrait's file has changed."""
IDLE = 0.5
"""Seconds that the drawing thread waits for a change at most, so that it can be stopped."""


class Viewer:
    """Serves a portrait until it is stopped.

    Args:
        clip: the clip of the portrait.
        title: heading of the panel.
        device: auto, cpu or cuda.
        address: where it is served.

    Raises:
        UserError: viser is not installed, the port is taken, or the portrait cannot be shown.
    """

    def __init__(self, clip: Clip, title: str, device: str, address: Address) -> None:
        make_server = server_class()
        self.clip, self.device = clip, device
        self.change, self.stopped = threading.Event(), False
        self.version = self.loaded = version_of(clip.files.portrait)
        self.field: Field = load_field(clip, device)
        refuse_taken(address)
        # Where it is served is told by the command, once.
        with contextlib.redirect_stdout(io.StringIO()):
            self.server: ViserServer = make_server(address.host, address.port, verbose=False)
        portrait = self.field.portrait
        self.scene = Scene(self.server, 2 * math.atan(portrait.size / 2 / portrait.focal))
        counts = {key: len(frames) for key, frames in self.frames.items()}
        self.panel = Panel(self.server, title, counts, self.change.set)
        self.started, self.looked, self.note = None, time.monotonic(), ""
        self.cameras_shown: object = None
        self._show_field()
        self.frame, self.moment = self._chosen(), None
        self.draw()
        self.scene.look_from(self.moment)

    @property
    def frames(self) -> dict[str, np.ndarray]:
        """Frames of each part of the clip that the portrait can play."""
        known = self.field.known
        return {key: frames[known[frames]] for key, frames in self.clip.parts.items()}

    @property
    def url(self) -> str:
        """Address of the page."""
        return f"{page_at(self.server.get_host())}:{self.server.get_port()}"

    def run(self) -> None:
        """Draw until `stop` is called or the process is interrupted."""
        try:
            while not self.stopped:
                playing = self.panel.play.value
                asked = self.change.wait(1 / self.field.portrait.fps / 4 if playing else IDLE)
                # What changes from here on is seen by this drawing, or asks for the next one.
                self.change.clear()
                self._look_at_the_file()
                if self._advance() or asked:
                    self.draw()
        finally:
            self.server.stop()

    def stop(self) -> None:
        """End `run`, soon."""
        self.stopped = True
        self.change.set()

    def draw(self) -> None:
        """Draw the frame as the panel asks for it."""
        p, field = self.panel, self.field
        self.frame, held = self._chosen(), p.held.copy()
        self.moment = moment = field.moment(self.frame, held)
        truth = self.clip.truth[self.frame]
        labels = None if self.clip.labels is None else self.clip.labels[self.frame]
        coloring = p.coloring.value
        visible = moment.shown.opacities >= p.least.value
        colors = colors_of(coloring, moment.shown, field)[visible]
        with self.server.atomic():
            p.image.image = picture(p.kind.value, truth, moment.render, labels)
            p.follow(field, self.frame)
            p.tell(self._told(truth, moment, held), (coloring, scale_of(coloring, field)))
            sizes = p.point.value, p.deviations.value
            self.scene.draw(p.shape.value, part_of(moment.shown, visible), colors, sizes)
            self.scene.draw_camera(moment, truth, p.camera.value)
            self._cameras()
        if p.take("look"):
            self.scene.look_from(moment)

    def _told(self, truth: np.ndarray, moment: Moment, held: dict) -> str:
        """What the panel says of a frame."""
        by_hand = "; conditions changed by hand" if held else ""
        psnr = decibels(truth, moment.render)
        return f"{self.clip.told(self.frame)}: **{psnr:.2f} dB** PSNR{by_hand}"

    def _chosen(self) -> int:
        """Number of the frame that the panel asks for."""
        frames = self.frames[self.panel.chosen]
        return int(frames[min(self.panel.index.value, len(frames) - 1)])

    def _advance(self) -> bool:
        """Move to the frame of this moment while the clip is played; late ones are left out."""
        p, now, fps = self.panel, time.monotonic(), self.field.portrait.fps
        if not p.play.value:
            self.started = None
            return False
        if self.started is None or p.take("moved"):
            self.started = now, p.index.value
        since, first = self.started
        index = (first + int((now - since) * fps)) % len(self.frames[p.chosen])
        if index == p.index.value:
            return False
        p.set_index(index)
        return True

    def _cameras(self) -> None:
        """Draw the cameras of the chosen part, if that or the wish has changed."""
        part, visible = self.panel.chosen, self.panel.cameras.value
        if self.cameras_shown != (part, visible, self.loaded):
            self.cameras_shown = part, visible, self.loaded
            chosen, head = self.frames[part], self.field.performance.head
            test = self.clip.table.split[chosen] == TEST
            self.scene.draw_cameras(head.R[chosen], head.t[chosen], test, visible)

    def _look_at_the_file(self) -> None:
        """Load the portrait anew if somebody asks, or if its file has changed."""
        asked, now = self.panel.take("reload"), time.monotonic()
        if not asked and (not self.panel.watch.value or now - self.looked < LOOK_EVERY):
            return
        self.looked = now
        try:
            version = version_of(self.clip.files.portrait)
            if asked or version != self.version:
                self.version = version
                self.field, self.note = load_field(self.clip, self.device), ""
                self.loaded = version
                log.info("%s: loaded again", self.clip.files.portrait)
                self._show_field()
                self.change.set()
        except UserError as error:
            # A training may be about to write it: what was shown stays.
            if str(error) != self.note:
                self.note = str(error)
                log.warning("%s", error)
                self._about()

    def _show_field(self) -> None:
        """Let the panel follow a portrait that was loaded."""
        self.panel.set_colorings(self.field.regions is not None)
        self.panel.set_controls(self.field)
        self._about()

    def _about(self) -> None:
        """What the panel says of the portrait."""
        portrait, (path, written, *_) = self.field.portrait, self.loaded
        kind = "dynamic" if portrait.has_dynamics else "static: nothing moves but the head"
        told = [
            # The beginning of a long path would push its end out of the panel.
            "/".join(Path(path).absolute().parts[-4:]),
            f"{portrait.count:,} Gaussians, {kind}",
            f"{portrait.size}x{portrait.size} at {portrait.fps:g} frames a second",
            f"written {time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(written))}",
        ]
        note = f"\n\n**Not loaded again:** {self.note}" if self.note else ""
        self.panel.about.content = "\n\n".join(told) + note


def version_of(path: Path) -> tuple[str, float, int, int]:
    """What tells a file from one that was written later in its place."""
    stat = path.stat()
    return str(path), stat.st_mtime_ns / 1e9, stat.st_ino, stat.st_size
