"""What tests of the losses share."""

import pytest
import torch

from unigs.compute import threads


@pytest.fixture
def restored_threads():
    """Put the threads of kernels and of torch back after a test that sets them."""
    before = threads.get_threads(), torch.get_num_threads()
    yield
    threads.set_threads(before[0])
    torch.set_num_threads(before[1])
