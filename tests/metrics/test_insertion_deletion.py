"""Insertion and deletion against closed forms, loops over pixels and the published algorithm in straight lines."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from attx.attribution.forward import counted
from attx.errors import UserError
from attx.metrics.insertion_deletion import build, insertion_deletion
from attx.metrics.substrates import make
from attx.models.classifier import Classifier
from attx.preprocess import Preprocess
from tests.toy_models import SmallCNN

CLASSES = 4


def toy(shape, seed=0, dtype=torch.float64):
    """A smooth, non-linear model in which every value of every position counts differently; images for it."""
    draw = torch.Generator().manual_seed(seed)
    first, second = (torch.randn(k, generator=draw, dtype=dtype) for k in ((int(np.prod(shape[1:])), 6), (6, CLASSES)))
    images = torch.rand(shape, generator=draw, dtype=dtype)
    attributions = torch.randn(shape, generator=draw, dtype=dtype)
    return lambda x: torch.tanh(x.flatten(1) @ first) @ second * 2, images, attributions


def probability(model, image, target):
    return torch.softmax(model(torch.tensor(image)[None]), 1)[0, target].item()


def curves_by_lists(model, image, cover, lists, target, step, points):
    """Every list holds positions (channel or None for all, row, column) and gives `step` of them at each step."""
    shown, hidden = cover.copy(), image.copy()
    insertion, deletion = [probability(model, shown, target)], [probability(model, hidden, target)]
    for t in range(points - 1):
        for positions in lists:
            for channel, row, column in positions[t * step : (t + 1) * step]:
                where = (slice(None) if channel is None else channel, row, column)
                shown[where] = image[where]
                hidden[where] = cover[where]
        insertion.append(probability(model, shown, target))
        deletion.append(probability(model, hidden, target))
    return insertion, deletion


def descending(values):
    """The indices of an array from its largest value down, ties in reading order, one loop at a time."""
    return sorted(np.ndindex(values.shape), key=lambda index: -values[index])


def lists_of(attribution, order):
    if order == "flat_3hw":
        return [descending(attribution)], len(attribution)
    maps = [attribution.sum(0)] if order == "rise_2d" else list(attribution)
    return [[(None, *position) for position in descending(m)] for m in maps], 1


@settings(max_examples=25, deadline=None)
@given(
    order=st.sampled_from(["rise_2d", "channel_union", "flat_3hw"]),
    height=st.integers(1, 7),
    width=st.integers(1, 7),
    channels=st.sampled_from([1, 3]),
    step=st.integers(1, 60),
    tied=st.booleans(),
    batch_size=st.integers(1, 9),
)
def test_equals_a_loop_over_pixels(order, height, width, channels, step, tied, batch_size):
    model, images, attributions = toy((2, channels, height, width))
    attributions = attributions.round() if tied else attributions
    target = [1, 3]
    found = insertion_deletion(model, images, attributions, order, step, "mean", target, batch_size)
    points = -(-height * width // step) + 1
    assert found.insertion_curve.shape == found.deletion_curve.shape == (2, points)
    for i, (image, attribution) in enumerate(zip(images.numpy(), attributions.numpy(), strict=True)):
        cover = np.broadcast_to(image.mean((1, 2), keepdims=True), image.shape)
        lists, many = lists_of(attribution, order)
        insertion, deletion = curves_by_lists(model, image, cover, lists, target[i], step * many, points)
        np.testing.assert_allclose(found.insertion_curve[i], insertion, rtol=0, atol=1e-13)
        np.testing.assert_allclose(found.deletion_curve[i], deletion, rtol=0, atol=1e-13)


def test_closed_form_of_a_linear_model():
    draw = np.random.default_rng(1)
    image, weight = draw.random((1, 3, 5, 7)), draw.normal(size=(3, 5, 7))
    contribution = (weight * image[0]).sum(0)

    def model(x):
        score = (x * torch.tensor(weight)).sum((1, 2, 3))
        return torch.stack([score, torch.zeros_like(score)], 1)

    found = insertion_deletion(
        model, torch.tensor(image), torch.tensor(contribution)[None], pixels_per_step=4, target=0
    )
    largest_first = np.sort(contribution.ravel())[::-1]
    shown = np.array([largest_first[: 4 * t].sum() for t in range(10)])
    np.testing.assert_allclose(found.insertion_curve[0], 1 / (1 + np.exp(-shown)), atol=1e-13)
    np.testing.assert_allclose(found.deletion_curve[0], 1 / (1 + np.exp(shown - contribution.sum())), atol=1e-13)
    np.testing.assert_allclose(found.insertion_auc, np.trapezoid(found.insertion_curve, dx=1 / 9), atol=1e-13)
    np.testing.assert_allclose(found.deletion_auc, np.trapezoid(found.deletion_curve, dx=1 / 9), atol=1e-13)


def test_equals_the_published_channel_union():
    """The code of AttEXplore: each channel's own order, and all channels overwritten where any of them points."""
    model, images, attributions = toy((1, 3, 8, 9), seed=2)
    step, size = 10, 8 * 9
    start, finish = np.zeros((1, 3, size)), images.numpy().reshape(1, 3, size)
    salient_order = np.flip(np.argsort(attributions.numpy().reshape(3, size), axis=1), axis=-1)
    target = int(model(images).argmax())
    steps = (size + step - 1) // step
    scores = np.empty(steps + 1)
    for i in range(steps + 1):
        scores[i] = probability(model, start.reshape(3, 8, 9), target)
        if i < steps:
            coords = salient_order[:, step * i : step * (i + 1)]
            start[0, :, coords] = finish[0, :, coords]
    area = (scores.sum() - scores[0] / 2 - scores[-1] / 2) / (len(scores) - 1)
    found = insertion_deletion(model, images, attributions, order="channel_union", pixels_per_step=step)
    np.testing.assert_allclose(found.insertion_curve[0], scores, rtol=0, atol=1e-13)
    np.testing.assert_allclose(found.insertion_auc[0], area, rtol=0, atol=1e-13)


@pytest.mark.parametrize("substrate", ["zeros", "mean", "blur"])
def test_substrates(substrate):
    images = torch.rand(2, 3, 9, 6, dtype=torch.float64)
    expected = {
        "zeros": np.zeros(images.shape),
        "mean": np.broadcast_to(images.numpy().mean((2, 3), keepdims=True), images.shape),
        "blur": np.array([[gaussian_filter(c, 5, radius=5, mode="nearest") for c in i] for i in images.numpy()]),
    }
    np.testing.assert_allclose(make(images, substrate=substrate), expected[substrate], atol=1e-14)


def test_batch_size_changes_nothing_and_no_image_is_seen_twice():
    model, images, attributions = toy((3, 3, 6, 6), seed=3)
    seen = []

    def counting(batch):
        assert not torch.is_grad_enabled()
        seen.extend(batch.flatten(1).tolist())
        return model(batch)

    reference = insertion_deletion(counting, images, attributions, pixels_per_step=5, substrate="mean", batch_size=1)
    assert len(seen) == len({tuple(x) for x in seen}) == 3 * 2 * 8
    for batch_size in (7, 1000):
        other = insertion_deletion(model, images, attributions, "rise_2d", 5, "mean", batch_size=batch_size)
        for name, values in vars(reference).items():
            np.testing.assert_allclose(getattr(other, name), values, rtol=0, atol=1e-13)


@pytest.mark.parametrize("last", [False, True])
def test_a_classifier_normalises_each_image_once_and_all_passes_count(last):
    net = SmallCNN(CLASSES).double()
    net = net.to(memory_format=torch.channels_last) if last else net
    model = Classifier(net, preprocess=Preprocess(8), classes=CLASSES)
    seen = []
    net.register_forward_pre_hook(lambda net, inputs: seen.append(inputs[0]))
    _, images, attributions = toy((2, 3, 9, 7), seed=4)
    with counted(model) as passes:
        found = insertion_deletion(model, images, attributions, pixels_per_step=10, substrate="mean", batch_size=5)
    assert passes.forward == sum(map(len, seen)) == 2 * 2 * 7
    assert all(x.is_contiguous(memory_format=torch.channels_last) == last for x in seen)
    expected = insertion_deletion(lambda x: model(x), images, attributions, pixels_per_step=10, substrate="mean")
    for name, values in vars(expected).items():
        np.testing.assert_allclose(getattr(found, name), values, rtol=0, atol=1e-14)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_other_types_of_numbers(dtype):
    model, images, attributions = toy((2, 3, 4, 4), dtype=torch.float64)
    exact = insertion_deletion(model, images, attributions, pixels_per_step=16)

    def model_of_type(x):
        assert x.dtype == dtype
        return model(x.double()).to(dtype)

    found = insertion_deletion(model_of_type, images.to(dtype), attributions.requires_grad_(), pixels_per_step=16)
    tolerance = {torch.float32: 1e-6, torch.float64: 1e-13, torch.bfloat16: 0.05}[dtype]
    np.testing.assert_allclose(found.insertion_curve, exact.insertion_curve, rtol=0, atol=tolerance)


def test_targets_of_build():
    model, images, attributions = toy((2, 3, 4, 4))
    predicted = model(images).argmax(1)
    targets = {"predicted": predicted, "label": (predicted + 1) % CLASSES}
    by_prediction = build(pixels_per_step=3)(model, images, attributions, targets)
    by_label = build(pixels_per_step=3, target="label")(model, images, attributions, targets)
    assert list(by_label) == ["insertion_curve", "deletion_curve", "insertion_auc", "deletion_auc"]
    for scores, target in ((by_prediction, "predicted"), (by_label, targets["label"].tolist())):
        expected = insertion_deletion(model, images, attributions, pixels_per_step=3, target=target)
        np.testing.assert_array_equal(scores["deletion_curve"], expected.deletion_curve)
    whole = torch.softmax(model(images), 1)
    np.testing.assert_allclose(by_label["insertion_curve"][:, -1], whole[[0, 1], targets["label"]], atol=1e-14)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"order": "channel_unoin"}, "did you mean 'channel_union'"),
        ({"substrate": "blurr"}, "did you mean 'blur'"),
        ({"pixels_per_step": 0}, "pixels_per_step 0"),
        ({"pixels_per_step": 2.5}, "pixels_per_step 2.5"),
        ({"batch_size": 0}, "batch_size 0"),
    ],
)
def test_wrong_settings_are_refused_before_any_work(settings, message):
    with pytest.raises(UserError, match=message):
        build(**settings)
    with pytest.raises(UserError, match=message):
        insertion_deletion(None, None, None, **settings)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ([0, 4], "classes are 0 to 3"),
        (-1, "classes are 0 to 3"),
        ([0, 1, 2], "shape"),
        ([0.0, 1.0], "float"),
        ("label", "label"),
    ],
)
def test_wrong_targets(target, message):
    model, images, attributions = toy((2, 3, 4, 4))
    with pytest.raises(UserError, match=message):
        insertion_deletion(model, images, attributions, target=target)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (lambda x: (x.flatten(1), None), "gave tuple"),
        (lambda x: x.flatten(1).sum(0, keepdim=True), "gave \\(1, 48\\)"),
        (lambda x: x.flatten(1) / x.flatten(1).sum(1, keepdim=True).sign(), "images \\[0, 1\\]"),
    ],
)
def test_models_that_break_the_contract(model, message):
    _, images, attributions = toy((2, 3, 4, 4))
    with pytest.raises(UserError, match=message):
        insertion_deletion(model, images, attributions)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("order", ["rise_2d", "channel_union", "flat_3hw"])
def test_same_on_a_gpu(order):
    model, images, attributions = toy((2, 3, 17, 13))
    tied = attributions.mul(2).round()
    expected = insertion_deletion(model, images, tied, order, 7, target=0)
    found = insertion_deletion(lambda x: model(x.cpu()).cuda(), images.cuda(), tied, order, 7, target=0)
    np.testing.assert_allclose(found.insertion_curve, expected.insertion_curve, rtol=0, atol=1e-12)
