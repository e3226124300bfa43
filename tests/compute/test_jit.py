"""The cache of machine code sees every file that a kernel is made of."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from unigs.compute import jit

KERNEL_MODULES = [path for path in jit.kernel_files() if b"@kernel" in path.read_bytes()]

HELPER = "VALUE = 2.0\n"
KERNELS = """
import numpy as np
from unigs.compute.jit import kernel
from unigs.render.spec import VALUE

@kernel
def fill(out):
    for k in range(out.shape[0]):
        out[k] = VALUE

def run():
    out = np.zeros(2)
    fill(out)
    print(out[0], sum(fill.stats.cache_hits.values()))
"""


@pytest.fixture
def package(tmp_path) -> Path:
    """A package with one kernel that takes a number from another file."""
    for folder in ("compute", "render"):
        (tmp_path / "unigs" / folder).mkdir(parents=True)
    shutil.copy(jit.__file__, tmp_path / "unigs/compute/jit.py")
    (tmp_path / "unigs/render/spec.py").write_text(HELPER)
    (tmp_path / "unigs/render/harmonics.py").write_text("")
    (tmp_path / "unigs/render/kernels.py").write_text(KERNELS)
    return tmp_path


def run(package: Path, **variables: str) -> tuple[float, int]:
    """Value that the kernel writes in a fresh process, and how often its code was in the cache."""
    command = [sys.executable, "-c", "from unigs.render.kernels import run; run()"]
    clean = {"PATH": "", "HOME": str(package / "home")} | variables
    done = subprocess.run(command, cwd=package, env=clean, capture_output=True, text=True)
    assert not done.returncode, done.stderr
    value, hits = done.stdout.split()
    return float(value), int(hits)


def test_machine_code_is_kept_and_an_edit_of_another_file_is_seen(package):
    assert run(package) == (2.0, 0)
    assert run(package) == (2.0, 1)
    (package / "unigs/render/spec.py").write_text("VALUE = 3.0\n")
    assert run(package) == (3.0, 0)
    (package / "unigs/render/spec.py").write_text(HELPER)
    assert run(package) == (2.0, 1), "going back finds the old code"


def test_old_machine_code_does_not_pile_up(package):
    for value in range(2 * jit.KEPT):
        (package / "unigs/render/spec.py").write_text(f"VALUE = {value}.0\n")
        run(package)
    assert len(list(package.glob("unigs/__pycache__/kernels/*"))) == jit.KEPT


def test_the_folder_can_be_chosen(package, tmp_path):
    chosen = tmp_path / "elsewhere"
    run(package, NUMBA_CACHE_DIR=str(chosen))
    assert list(chosen.rglob("*.nbc")) and not list((package / "unigs").rglob("*.nbc"))


def test_a_package_that_cannot_be_written_to_uses_the_users_cache(package, tmp_path):
    (package / "unigs/__pycache__").mkdir()
    (package / "unigs/__pycache__/kernels").write_text("a file where the folder would be")
    assert run(package, XDG_CACHE_HOME=str(tmp_path / "cache")) == (2.0, 0)
    assert list((tmp_path / "cache/unigs").rglob("*.nbc"))


@pytest.mark.parametrize("path", KERNEL_MODULES, ids=lambda path: path.stem)
def test_kernels_take_names_from_kernel_files_alone(path):
    """Inside compiled functions; what plain functions of the file use does not matter."""
    tree = ast.parse(path.read_text())
    sources = {}
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("unigs."):
            for alias in node.names:
                sources[alias.asname or alias.name] = node.module
    compiled = [
        node
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
        and {ast.unparse(d) for d in node.decorator_list} & {"kernel", "inlined", "lane_loop"}
    ]
    assert compiled
    # Numbers of the module that are made of imported ones count as well.
    numbers = [node for node in tree.body if isinstance(node, ast.Assign | ast.AnnAssign)]
    names = {n.id for part in compiled + numbers for n in ast.walk(part) if isinstance(n, ast.Name)}
    files = set(jit.kernel_files())
    for name in names & set(sources):
        file = jit.PACKAGE.joinpath(*sources[name].split(".")[1:]).with_suffix(".py")
        assert file in files, f"{path.name} takes {name} from {sources[name]}, unseen by the cache"
