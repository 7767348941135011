"""MobileNetV2: its layout, and the faster strided convolutions on CPUs."""

import pytest
import torch

from imagefinder.training.models.mobilenet import Convolution, MobileNetV2, recalibrate_batch_norm


def test_the_layout_is_mobilenet_v2s() -> None:
    model = MobileNetV2(dim=320)
    assert [shape.channels for shape in model.shapes] == [
        32, 16, 24, 24, 32, 32, 32, 64, 64, 64, 64, 96, 96, 96, 160, 160, 160, 320, 1280,
    ]  # fmt: skip
    with torch.no_grad():
        maps = model.eval().feature_maps(torch.zeros(1, 3, 64, 64))
    for given, shape in zip(maps, model.shapes, strict=True):
        assert given.shape == (1, shape.channels, 64 // shape.stride, 64 // shape.stride)
    # Sandler et al. give 3.4 million parameters, 1.28 of them in the classifier, which we have not
    assert sum(p.numel() for p in model.blocks.parameters()) == pytest.approx(2.22e6, rel=0.01)


def test_rows_have_length_one() -> None:
    with torch.no_grad():
        rows = MobileNetV2(dim=8, width=0.25).eval()(torch.randn(3, 3, 32, 32))
    assert rows.norm(dim=1).tolist() == pytest.approx([1, 1, 1], abs=1e-5)


@pytest.mark.parametrize("groups", [1, 6])
def test_the_shortcut_through_strides_changes_no_number(groups: int) -> None:
    layer = Convolution(6, 6, 3, stride=2, groups=groups)
    maps = torch.randn(2, 6, 8, 8)
    layer.train()
    plain = layer._convolved(maps)
    shortcut = layer._convolved(maps.clone().requires_grad_())
    assert torch.allclose(plain, shortcut, atol=1e-6)


def test_norms_take_the_plain_mean_of_what_they_are_shown() -> None:
    layer = Convolution(3, 4, 1)
    batches = [torch.randn(2, 3, 5, 5) for _ in range(3)]
    with torch.no_grad():
        means = [layer.conv(batch).mean((0, 2, 3)) for batch in batches]
    recalibrate_batch_norm(layer, batches)
    assert layer.norm.running_mean is not None
    assert torch.allclose(layer.norm.running_mean, torch.stack(means).mean(0), atol=1e-6)
    assert not layer.training
    assert layer.norm.momentum == 0.1
