"""Shared by all tests: one thread per library, no GPU tests without a GPU, a full disk."""

import atexit
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest

from tests.support import fault_records

# Several processes share few cores: a slow draw says something of the machine.
hypothesis.settings.register_profile(
    "shared machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("shared machine")
# What a script starts in the background is born deaf to Ctrl-C, which tests send.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
# Before numpy and torch are imported: the tests' arrays are too small for more threads.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
# Tests share the first GPU with what runs there, where a stage would wait for a free one.
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "0")
# What `auto` takes must not depend on this machine's models. Tests of real ones look here.
MODELS = os.environ.get("UNIGS_MODELS") or Path(__file__).parents[1] / "resources/models"
os.environ.setdefault("UNIGS_TEST_MODELS", str(MODELS))
DETECTORS = "mediapipe-detectors.safetensors"
REAL_MODELS = Path(os.environ["UNIGS_TEST_MODELS"])
# Of them the detectors alone are found by `auto`: without them, and without mediapipe, no test that
# looks for a face could run.
EMPTY = Path(tempfile.mkdtemp(prefix="unigs-tests-"))
atexit.register(shutil.rmtree, EMPTY, ignore_errors=True)
if (REAL_MODELS / DETECTORS).is_file():
    (EMPTY / DETECTORS).symlink_to((REAL_MODELS / DETECTORS).absolute())
os.environ["UNIGS_MODELS"] = str(EMPTY)
# Keys that tests make for signing videos are not the user's.
os.environ["XDG_DATA_HOME"] = tempfile.mkdtemp(prefix="unigs-tests-data-")
atexit.register(shutil.rmtree, os.environ["XDG_DATA_HOME"], ignore_errors=True)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--fault-records FILE`."""
    fault_records.add_option(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Gather what tests of faults tell, if somebody asked for it."""
    fault_records.configure(config)


@pytest.fixture
def tried(record_property) -> Callable[..., None]:
    """Tell what a test of faults tried, for docs/reliability.md."""
    return fault_records.recorder(record_property)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip tests marked gpu where torch sees no CUDA device."""
    if not any("gpu" in item.keywords for item in items):
        return
    import torch

    if not torch.cuda.is_available():
        for item in items:
            if "gpu" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="needs a CUDA device"))


@pytest.fixture(scope="session")
def real_model() -> Callable[[str], Path]:
    """Path of real pretrained weights by name; the test is skipped where they are not there."""

    def find(name: str) -> Path:
        path = REAL_MODELS / f"{name}.safetensors"
        if not path.is_file():
            pytest.skip(f"{path} is not there: unigs models fetch {name}")
        return path

    return find


@pytest.fixture
def restored_threads() -> Iterator[None]:
    """Put the threads of kernels and of torch back after a test that sets them."""
    import torch

    from unigs.compute import threads

    before = threads.get_threads(), torch.get_num_threads()
    yield
    threads.set_threads(before[0])
    torch.set_num_threads(before[1])


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every temporary file lie on a device that is always full."""

    def mkstemp(prefix: str, suffix: str, dir: str) -> tuple[int, str]:
        path = os.path.join(dir, f"{prefix}full{suffix}")
        os.symlink("/dev/full", path)
        return os.open(path, os.O_RDONLY), path

    monkeypatch.setattr("unigs.stage.files.tempfile.mkstemp", mkstemp)
