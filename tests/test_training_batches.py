"""The order of samples and their augmentation: decided by seed and epoch alone, whoever computes them."""

from __future__ import annotations

import numpy as np
import pytest
from bitspike.errors import ProcessError

torch = pytest.importorskip("torch")
from bitspike.training.augment import Augmentation  # noqa: E402
from bitspike.training.batches import Samples, as_tensor, random_of  # noqa: E402
from bitspike.training.encoding import Constant, Frames, encode  # noqa: E402
from bitspike.training.gradient import make_gradient  # noqa: E402
from bitspike.training.loop import train  # noqa: E402
from bitspike.training.model import SpikingNetwork  # noqa: E402
from bitspike.training.processes import Processes  # noqa: E402
from builders import generic  # noqa: E402
from training_small import few_digits, small_recipe  # noqa: E402

IMAGES = np.random.default_rng(0).integers(1, 256, (23, 6, 5), dtype=np.uint8)
SAMPLES = Samples(IMAGES, np.arange(23), Frames(kind="frames", channels=5, most=255, rest=0), 255)
NETWORK = generic(np.ones((IMAGES[0].size, 4), int), threshold=200)
AUGMENT = Augmentation(move_rows=2, move_columns=1, hide_rows=1, hide_columns=1)


def drawn(seed=0, epoch=1, size=8, processes=(0, 1), augment=AUGMENT):
    return list(SAMPLES.batches(size, Processes(*processes), random_of(seed, epoch), augment))


def labels(batches):
    return [label for batch in batches for label in batch.labels.tolist()]


def test_every_sample_comes_once_an_epoch_with_its_label():
    batches = drawn(augment=None)
    assert [len(batch.labels) for batch in batches] == [8, 8, 7]
    assert sorted(labels(batches)) == list(range(23))
    for batch in batches:
        assert np.array_equal(batch.spikes.numpy(), IMAGES[batch.labels.numpy()])


def test_seed_and_epoch_decide_the_order_and_the_augmentation():
    first, same = drawn(3, 5), drawn(3, 5)
    assert all(torch.equal(a.spikes, b.spikes) for a, b in zip(first, same, strict=True))
    for other in (drawn(4, 5), drawn(3, 6)):
        assert labels(other) != labels(first)
    assert not torch.equal(first[0].spikes, drawn(3, 5, augment=None)[0].spikes)


def test_samples_to_validate_come_in_order_and_as_they_are():
    batches = list(SAMPLES.batches(10, Processes(0, 1)))
    assert labels(batches) == list(range(23))
    assert np.array_equal(torch.cat([batch.spikes for batch in batches]).numpy(), IMAGES)


@pytest.mark.parametrize("count", [2, 3])
def test_processes_share_the_batches_of_one_with_as_many_samples(count):
    whole = drawn(size=4 * count)
    parts = [drawn(size=4, processes=(rank, count)) for rank in range(count)]
    for batch, *shared in zip(whole, *parts, strict=True):
        of_label = dict(zip(batch.labels.tolist(), batch.spikes, strict=True))
        assert sorted(label for part in shared for label in part.labels.tolist()) == sorted(of_label)
        assert sum(part.share for part in shared) == pytest.approx(1)
        for part in shared:
            assert part.share == pytest.approx(len(part.labels) / len(batch.labels))
            assert all(torch.equal(of_label[k], s) for k, s in zip(part.labels.tolist(), part.spikes, strict=True))


def test_a_last_batch_may_leave_a_process_without_samples():
    last = [drawn(size=11, processes=(rank, 2))[-1] for rank in (0, 1)]
    assert [(len(batch.labels), batch.share) for batch in last] == [(1, 1.0), (0, 0.0)]


def test_two_trainings_of_a_seed_are_equal_with_everything_that_is_random(tmp_path, monkeypatch):
    few_digits(monkeypatch, 40)
    recipe, template = small_recipe(tmp_path)
    augment = Augmentation(move_rows=1, move_columns=1, hide_rows=1, hide_columns=1)
    recipe = recipe.model_copy(update={"validation": 10, "augment": augment, "epochs": 2})
    first, same, other = (train(recipe, template, seed) for seed in (5, 5, 6))
    assert first.history == same.history
    assert first.network == same.network
    assert all(torch.equal(a, b) for a, b in zip(first.model.parameters(), same.model.parameters(), strict=True))
    assert other.network != first.network


def test_a_steady_input_is_held_once_and_trains_to_the_same_bits():
    steady = Constant(kind="constant", steps=3, most=7)
    spikes = as_tensor(IMAGES, steady, 255)
    assert spikes.stride(1) == 0
    assert np.array_equal(spikes.numpy(), encode(IMAGES, steady, 255))
    gradients = []
    for given in (spikes, spikes.contiguous()):
        torch.manual_seed(0)
        model = SpikingNetwork(NETWORK, make_gradient("arctan"), max_input=7)
        emitted, registers = model(given, record=["membrane"])
        emitted["a"].sum().backward()
        gradients.append([registers["a"]["membrane"], *(weight.grad for weight in model.parameters())])
    assert torch.equal(gradients[0][0], gradients[1][0])
    assert all(weight.abs().sum() > 0 for weight in gradients[0][1:])
    for once, repeated in zip(*gradients, strict=True):
        torch.testing.assert_close(once, repeated)


def test_a_process_whose_partner_has_ended_says_so(monkeypatch):
    def closed(tensor):
        raise RuntimeError("Connection closed by peer")

    monkeypatch.setattr(torch.distributed, "all_reduce", closed)
    tensor = torch.ones(2)
    Processes(0, 1).sum([tensor])  # alone there is nothing to wait for
    with pytest.raises(ProcessError, match=r"^process 1 of 2: another has ended \(Connection closed by peer\)$"):
        Processes(1, 2).sum([tensor])
