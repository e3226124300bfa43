"""A subject and its static portrait, made once for all tests of training."""

import pytest

from tests.support.stages import PROVENANCE, STATIC, STATIC_RESULTS
from tests.support.subject import write_subject
from unigs.train.static import train_static


@pytest.fixture(scope="package")
def files(tmp_path_factory):
    return write_subject(tmp_path_factory.mktemp("subject with spaces"))


@pytest.fixture(scope="package")
def static_run(files, tmp_path_factory):
    out = tmp_path_factory.mktemp("static")
    train_static(files, *(out / name for name in STATIC_RESULTS), STATIC, PROVENANCE)
    return out
