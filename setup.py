"""Puts the workflow into the wheel, which pyproject.toml alone cannot say.

`workflow/`, `config/` and the paper's figures lie beside the package in the repository, where
Snakemake looks for them. A wheel holds copies in `unigs/shipped/`, under the same names, so that
`unigs.workflow.home` finds them without a checkout.
"""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
SHIPPED = ("workflow", "config", "resources/paper", "constraints.txt")
"""Folders and files of the repository that a wheel holds."""


class BuildWithWorkflow(build_py):
    """Builds the package with copies of the workflow's files; an editable install needs none."""

    def run(self):
        """Build, then copy."""
        super().run()
        if not self.editable_mode:
            for source, target in self._copies():
                self.mkpath(str(Path(target).parent))
                self.copy_file(source, target)

    def get_source_files(self):
        """What an sdist has to hold, too."""
        return [*super().get_source_files(), *(source for source, _ in self._copies())]

    def get_outputs(self, include_bytecode=True):
        """What the build makes."""
        made = super().get_outputs(include_bytecode)
        return made if self.editable_mode else [*made, *(target for _, target in self._copies())]

    def _copies(self):
        """Pairs of a file, as seen from the repository, and its place in the build."""
        for name in SHIPPED:
            path = ROOT / name
            for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
                source = file.relative_to(ROOT)
                hidden = any(part.startswith((".", "__")) for part in source.parts)
                if file.is_file() and not hidden:
                    yield str(source), str(Path(self.build_lib, "unigs/shipped", source))


setup(cmdclass={"build_py": BuildWithWorkflow})
