"""What a convolution's code reads, for every small picture: each synapse once, the weights of a window in order."""

import itertools

import bitspike as bs
import numpy as np
import pytest
from bitspike.engine import sweep
from bitspike.engine.picture import picture_of
from bitspike.network.geometry import expand

OUT, PLANES = 8, 2
SIDES, HEIGHTS, WIDTHS, MARGINS = range(1, 5), range(1, 4), range(1, 5), range(4)


def tables(flipped):
    """Of every picture and kernel that fit: its shape, kernels, synapses, and the picture as it is computed."""
    for high, wide, down, across, above, aside in itertools.product(
        SIDES, SIDES, HEIGHTS, WIDTHS, MARGINS[:3], MARGINS
    ):
        if high + 2 * above < down or wide + 2 * aside < across:
            continue
        shape = bs.Convolution((PLANES, high, wide), 1, (above, aside))
        kernels = 1 + np.arange(OUT * PLANES * down * across).reshape(OUT, PLANES, down, across)
        synapses = expand(shape, kernels.shape, PLANES * high * wide, flipped=flipped)
        link = bs.Projection("input", "a", kernels, via="forward", shape=shape)
        yield shape, kernels, synapses, picture_of(link, kernels.ravel()[synapses.index], synapses)


@pytest.mark.parametrize("flipped", [False, True])
def test_patches_are_the_synapses_each_once(flipped):
    for shape, kernels, synapses, picture in tables(flipped):
        (down, tap_down), patches = picture.down, np.hstack([picture.patches, picture.sides])
        found = [
            (source, (place + run * down) // OUT + step, picture.kernel[(tap + run * tap_down) // OUT + step, 0])
            for source, ends in enumerate(itertools.pairwise(picture.first))
            for place, tap, runs, length in patches[slice(*ends)]
            for run, step in itertools.product(range(runs), range(length))
        ]
        places = np.prod(shape.output_shape(kernels.shape)[1:])
        assert all(place in range(places) for _, place, _ in found), shape
        found = [each for each in found if each[-1]]  # beside the window there are zeros
        one = synapses.targets < places  # the first channel's
        weights = kernels.ravel()[synapses.index[one]]
        assert sorted(found) == sorted(zip(synapses.sources[one], synapses.targets[one], weights, strict=True)), shape


def test_where_the_kernel_fits_into_the_target_each_source_has_one_patch_and_all_have_the_kernels_sides():
    alike = 0
    for shape, kernels, _, picture in tables(False):
        _, high, wide = shape.output_shape(kernels.shape)
        down, across = kernels.shape[2:]
        if picture.alike:
            assert high >= down, shape
            assert wide >= across, shape
            assert np.array_equal(picture.first, np.arange(len(picture.patches) + 1)), shape
            assert np.array_equal(picture.sides, np.tile([down, across], (len(picture.patches), 1))), shape
        alike += picture.alike
    assert alike > 500


@pytest.mark.parametrize("most", [(7 * 4) * PLANES * OUT - 1, (7 * 4) * PLANES * OUT])
def test_windows_that_fill_the_cache_with_zeros_keep_patches_of_their_own(monkeypatch, most):
    """Of 3 x 2 weights, 7 x 4 with the zeros."""
    monkeypatch.setattr("bitspike.engine.picture._MOST_ENTRIES", most)
    shape = bs.Convolution((PLANES, 6, 6))
    kernels = np.ones((OUT, PLANES, 3, 2), int)
    link = bs.Projection("input", "a", kernels, via="forward", shape=shape)
    synapses = expand(shape, kernels.shape, PLANES * 36)
    made = picture_of(link, kernels.ravel()[synapses.index], synapses)
    assert made.alike == (most >= 7 * 4 * PLANES * OUT)
    assert made.swept is not None


@pytest.mark.parametrize("flipped", [False, True])
def test_the_weights_of_a_window_lie_in_the_order_of_the_places_that_a_column_reaches(flipped):
    made = 0
    for shape, kernels, _, picture in tables(flipped):
        if picture.swept is None:
            continue
        seen = (kernels[:, :, ::-1, ::-1] if flipped else kernels)[..., ::-1]  # the last column acts on the first place
        assert np.array_equal(picture.swept.kernel, np.moveaxis(seen, (0, 2), (3, 0))), shape
        made += 1
    assert made > 1000


LINES = 3 + (sweep.ROWS - 1) + (sweep.MULTIPLES - 1) * (2 + sweep.ROWS - 1)


@pytest.mark.parametrize("farthest", [LINES * PLANES * 2 * OUT - 1, 1 << 31])
def test_a_kernel_whose_entries_a_list_could_not_name_is_not_swept(monkeypatch, farthest):
    """Three rows of two planes under a kernel of 2 x 2, each weight up to MULTIPLES times, between rows of zeros."""
    monkeypatch.setattr(sweep, "_FARTHEST", farthest)
    shape = bs.Convolution((PLANES, 3, 3))
    kernels = np.ones((OUT, PLANES, 2, 2), int)
    link = bs.Projection("input", "a", kernels, via="forward", shape=shape)
    synapses = expand(shape, kernels.shape, PLANES * 9)
    swept = picture_of(link, kernels.ravel()[synapses.index], synapses).swept
    assert (swept is None) == (farthest < 1 << 31)
