"""The panel beside the scene: what people choose, and what they are told."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from unigs.view import pictures, scene
from unigs.view.clip import PARTS
from unigs.view.coloring import COLORINGS, OWN, REGION, legend
from unigs.view.conditions import STEP, Control
from unigs.view.field import Field

if TYPE_CHECKING:
    from viser import GuiEvent, GuiFolderHandle, GuiInputHandle, ViserServer

MEANINGS = {
    "AU01": "Raises the inner brow.",
    "AU04": "Lowers the brow.",
    "AU05": "Raises the upper lid.",
    "AU06": "Raises the cheek.",
    "AU07": "Tightens the lids.",
    "AU45": "Closes the lids.",
    "opening": "Of the mouth, in standard deviations of the clip.",
    "width": "Of the mouth, in standard deviations of the clip.",
}
"""What the panel says of conditions whose names do not tell."""


class Panel:
    """Controls, all in viser's panel; whoever changes one is heard.

    Args:
        server: viser's server.
        title: heading of the panel.
        counts: number of frames of each of `PARTS`.
        changed: called after somebody changed something.
    """

    def __init__(
        self, server: ViserServer, title: str, counts: dict[str, int], changed: Callable[[], None]
    ) -> None:
        self.gui, self.counts, self.changed = server.gui, counts, changed
        self.held: dict[tuple[str, str], float] = {}
        self.sliders: dict[tuple[str, str], GuiInputHandle] = {}
        self.folders: list[GuiFolderHandle] = []
        self.moved = self.reload = self.look = False
        self.gui.set_panel_label(title)
        self.gui.main_panel.dock_right()
        self.theme()
        self._frame()
        tabs = self.gui.add_tab_group()
        with tabs.add_tab("Gaussians"):
            self._gaussians()
        self.tab = tabs.add_tab("Conditions")
        with self.tab:
            self._conditions()
        with tabs.add_tab("Portrait"):
            self._portrait()

    def theme(self) -> None:
        """Dress the panel; nobody can publish it through viser's tunnel."""
        dark = getattr(self, "dark", None)
        self.gui.configure_theme(
            control_width="large",
            show_logo=False,
            show_share_button=False,
            dark_mode=dark is not None and dark.value,
        )

    def _frame(self) -> None:
        gui = self.gui
        blank = np.zeros((2, 2, 3), np.uint8)
        self.image = gui.add_image(blank, format="jpeg", jpeg_quality=90)
        self.status = gui.add_markdown("")
        kinds = [pictures.ALL, pictures.TRUTH, pictures.RENDER, pictures.DIFFERENCE]
        hint = f"The difference is shown {pictures.GAIN} times."
        self.kind = self._heard(gui.add_dropdown("Picture", kinds, hint=hint))
        names = [name for key, name in PARTS.items() if self.counts[key]]
        self.part = gui.add_dropdown("Frames", names)
        self.index = gui.add_slider("Frame", 0, self._last(), 1, 0)
        self.step = gui.add_button_group("Step", ["back", "on"])
        self.play = self._heard(gui.add_checkbox("Play", False))
        self.index.on_update(self._scrubbed)

        @self.part.on_update
        def _(_event: GuiEvent) -> None:
            self.index.value = 0
            self.index.max = self._last()
            self._notice("moved")

        @self.step.on_click
        def _(_event: GuiEvent) -> None:
            by = -1 if self.step.value == "back" else 1
            self.index.value = int(np.clip(self.index.value + by, 0, self._last()))
            self._notice("moved")

    def _gaussians(self) -> None:
        gui = self.gui
        self.shape = self._heard(gui.add_dropdown("Shown as", scene.SHAPES))
        self.coloring = self._heard(gui.add_dropdown("Color", list(COLORINGS)))
        self.legend = gui.add_html("")
        self.least = self._heard(
            gui.add_slider("Least opacity", 0.0, 1.0, 0.01, 0.0, hint="Fainter ones are hidden.")
        )
        self.point = self._heard(gui.add_slider("Points (mm)", 0.2, 5.0, 0.1, 1.0))
        hint = "Radius of the ellipsoids in standard deviations."
        self.deviations = self._heard(gui.add_slider("Ellipsoids", 0.2, 3.0, 0.1, 1.0, hint=hint))
        self.camera = self._heard(gui.add_checkbox("Its camera", False))
        self.cameras = self._heard(gui.add_checkbox("All cameras", False))
        self.looks = gui.add_button("Look through the camera")
        self.looks.on_click(lambda _event: self._notice("look"))

    def _conditions(self) -> None:
        self.gui.add_markdown(
            "Within the range of the clip. What you move is held in all frames until you reset it."
        )
        self.reset = self.gui.add_button("Reset")

        @self.reset.on_click
        def _(_event: GuiEvent) -> None:
            self.held.clear()
            self.changed()

    def _portrait(self) -> None:
        gui = self.gui
        self.about = gui.add_markdown("")
        hint = "Load the portrait anew whenever its file has changed."
        self.watch = gui.add_checkbox("Follow the file", True, hint=hint)
        self.load = gui.add_button("Load it again")
        self.load.on_click(lambda _event: self._notice("reload"))
        self.dark = gui.add_checkbox("Dark", False)
        self.dark.on_update(lambda _event: self.theme())

    def set_controls(self, field: Field) -> None:
        """Put a slider for each condition of a portrait in the place of those of the last one.

        Args:
            field: the portrait.
        """
        keys = {control.key for control in field.controls}
        self.held = {key: value for key, value in self.held.items() if key in keys}
        for folder in self.folders:
            folder.remove()
        self.folders.clear()
        self.sliders.clear()
        with self.tab:
            for group, controls in groupby(field.controls, key=lambda control: control.group):
                self.folders.append(self.gui.add_folder(group.capitalize()))
                with self.folders[-1]:
                    for control in controls:
                        self._slider(control)

    def _slider(self, control: Control) -> None:
        unit = f" ({control.unit})" if control.unit else ""
        low, high = control.low, control.high
        label, hint = f"{control.name}{unit}", MEANINGS.get(control.name)
        slider = self.gui.add_slider(label, low, high, STEP, low, hint=hint)
        self.sliders[control.key] = slider

        @slider.on_update
        def _(event: GuiEvent) -> None:
            # What this program sets, as the frames pass, nobody holds.
            if event.client is not None:
                self.held[control.key] = slider.value
                self.changed()

    def follow(self, field: Field, frame: int) -> None:
        """Let the sliders that nobody holds show the frame's own values.

        Args:
            field: the portrait.
            frame: number of the frame.
        """
        for control in field.controls:
            if control.key not in self.held:
                self.sliders[control.key].value = field.value(control, frame)

    def tell(self, text: str, legend_of: tuple[str, float]) -> None:
        """Say what the frame is, and what the colors are.

        Args:
            text: of the frame.
            legend_of: the coloring, and the end of its scale in meters.
        """
        self.status.content = text
        self.legend.content = legend(*legend_of)

    def set_colorings(self, regions: bool) -> None:
        """Offer the coloring by region only where there are regions."""
        offered = [name for name in COLORINGS if regions or name != REGION]
        if tuple(self.coloring.options) != tuple(offered):
            self.coloring.options = offered
            self.coloring.value = OWN

    def set_index(self, index: int) -> None:
        """Move the slider of the frames."""
        self.index.value = index

    @property
    def chosen(self) -> str:
        """The chosen one of `PARTS`."""
        return next(key for key, name in PARTS.items() if name == self.part.value)

    def take(self, name: str) -> bool:
        """Whether `moved`, `reload` or `look` was asked for since the last call."""
        asked = getattr(self, name)
        setattr(self, name, False)
        return asked

    def _last(self) -> int:
        return max(1, self.counts[self.chosen] - 1)

    def _scrubbed(self, event: GuiEvent) -> None:
        if event.client is not None:
            self._notice("moved")

    def _notice(self, name: str) -> None:
        setattr(self, name, True)
        self.changed()

    def _heard(self, handle: GuiInputHandle) -> GuiInputHandle:
        """The same control, whose changes are heard."""
        handle.on_update(lambda _event: self.changed())
        return handle
