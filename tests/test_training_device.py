"""Training on a device of torch: a GPU computes the same network, its gradients to rounding."""

from __future__ import annotations

import bitspike as bs
import numpy as np
import pytest
from bitspike.errors import FileError, InputError

torch = pytest.importorskip("torch")
from bitspike.training.loop import train  # noqa: E402
from bitspike.training.processes import own_device  # noqa: E402
from training_small import few_digits, small_recipe  # noqa: E402


@pytest.fixture
def small(tmp_path, monkeypatch):
    few_digits(monkeypatch, 40)
    return small_recipe(tmp_path)


def test_a_device_that_torch_does_not_see_is_refused_before_the_training(small):
    with pytest.raises(InputError, match=r"^device: found 'cuda:99'; allowed: cpu"):
        train(*small, device="cuda:99")


def test_each_process_of_torchrun_has_a_gpu_of_its_own(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    assert own_device("cuda") == torch.device("cuda")
    monkeypatch.setenv("LOCAL_RANK", "2")
    assert own_device("cuda") == torch.device("cuda:2")
    assert own_device("cuda:1") == torch.device("cuda:1")
    assert own_device("cpu") == torch.device("cpu")
    monkeypatch.setenv("LOCAL_RANK", "3")
    with pytest.raises(InputError, match=r"^device: found 'cuda:3'; allowed: cpu, cuda, cuda:0, cuda:1, cuda:2$"):
        own_device("cuda")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no GPU")
def test_a_gpu_trains_as_the_cpu_does_to_rounding_and_its_forward_pass_is_the_datapath(small, tmp_path):
    recipe = small[0].model_copy(update={"epochs": 2, "validation": 10})
    on_cpu, on_gpu = train(recipe, small[1]), train(recipe, small[1], device="cuda", checkpoint=tmp_path / "c")
    for cpu, gpu in zip(on_cpu.history, on_gpu.history, strict=True):
        assert (gpu.loss, gpu.validation_loss) == pytest.approx((cpu.loss, cpu.validation_loss), rel=1e-3)
    spikes = np.random.default_rng(0).integers(0, 2, (20, 3, 64))
    bs.compare(on_gpu.model.trace(spikes), bs.run(on_gpu.network, spikes, record="all")).check()
    with pytest.raises(FileError, match=r"device: found 'cuda'; allowed: 'cpu'$"):
        train(recipe, small[1], checkpoint=tmp_path / "c", resume=True)
