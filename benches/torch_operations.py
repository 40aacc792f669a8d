"""PyTorch's side of the per-operation table of `compare.sh`.

`torch_operations.py KIND SIZES PASS` as `engine/operations.rs` takes them.
"""

import sys

import torch
from torch import nn
from torch.nn import functional as F
from torch_serve import serve, values

BATCH = 8


def images(size, channels):
    return values(BATCH, channels, size, size).to(memory_format=torch.channels_last).requires_grad_()


def layer(module):
    return module.train().to(memory_format=torch.channels_last)


def conv(inputs, outputs, kernel, stride, size):
    module = layer(nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2, bias=False))
    return lambda xs: module(xs), [images(size, inputs)], module


def transposed(inputs, outputs, size):
    module = layer(nn.ConvTranspose2d(inputs, outputs, 3, stride=2, padding=1, output_padding=1))
    return lambda xs: module(xs), [images(size, inputs)], module


def depthwise(channels, size):
    module = layer(nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False))
    return lambda xs: module(xs), [images(size, channels)], module


def conv_norm(inputs, outputs, size):
    convolution = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
    module = layer(nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)))
    return lambda xs: module(xs), [images(size, inputs)], module


def norm(channels, size):
    module = layer(nn.BatchNorm2d(channels))

    def forward(xs, residual):
        ys = module(xs)
        ys += residual
        return F.relu(ys, inplace=True)

    return forward, [images(size, channels), images(size, channels)], module


def upsample_concat(channels, skip, size):
    def forward(xs, skip):
        return torch.cat([F.interpolate(xs, scale_factor=2, mode="nearest"), skip], 1)

    return forward, [images(size, channels), images(2 * size, skip)], None


def scse(channels, size):
    # Its import takes seconds that the other operations need not wait for.
    from segmentation_models_pytorch.base.modules import SCSEModule

    module = layer(SCSEModule(channels, 16))
    return lambda xs: module(xs), [images(size, channels)], module


def max_pool(channels, size):
    return lambda xs: F.max_pool2d(xs, 3, 2, 1), [images(size, channels)], None


def bilinear(channels, size):
    return lambda xs: F.interpolate(xs, scale_factor=2, mode="bilinear"), [images(size, channels)], None


def dropout(channels, size):
    return lambda xs: F.dropout(xs, 0.5), [images(size, channels)], None


def argsort(columns):
    return lambda xs: xs.argsort(-1, descending=True, stable=True), [values(BATCH, columns)], None


def cumsum(columns):
    return lambda xs: xs.cumsum(-1), [values(BATCH, columns).requires_grad_()], None


def bce(columns):
    target = (values(BATCH, columns) > 0).float()
    xs = values(BATCH, columns).requires_grad_()
    return lambda xs: F.binary_cross_entropy_with_logits(xs, target), [xs], None


def dice(columns):
    from segmentation_models_pytorch.losses import DiceLoss

    target, loss = (values(2 * BATCH, 1, 1, columns) > 0).float(), DiceLoss("binary")
    return lambda xs: loss(xs, target), [values(2 * BATCH, 1, 1, columns).requires_grad_()], None


def lovasz(columns):
    """The paper's, image by image."""
    from segmentation_models_pytorch.losses import LovaszLoss

    target, loss = (values(2 * BATCH, 1, columns) > 0).float(), LovaszLoss("binary", per_image=True)
    return lambda xs: loss(xs, target), [values(2 * BATCH, 1, columns).requires_grad_()], None


def adam():
    """A step over all parameters of the ResNet34 U-Net, given their gradients."""
    import segmentation_models_pytorch as smp

    net = layer(smp.Unet("resnet34", encoder_weights=None, in_channels=3))
    for parameter in net.parameters():
        parameter.grad = values(*parameter.shape).to(parameter)
    return torch.optim.Adam(net.parameters(), lr=1e-3).step


def both(forward, inputs, module):
    """A pass forward and back that leaves no gradients behind."""
    leaves = inputs + (list(module.parameters()) if module else [])

    def run():
        ys = forward(*inputs)
        ys.backward(torch.ones_like(ys))
        for leaf in leaves:
            leaf.grad = None

    return run


def main(kind, sizes, run):
    kind = globals()[kind]
    if kind is adam:
        return serve(adam)
    if run == "both":
        return serve(lambda: both(*kind(*map(int, sizes.split(",")))))

    def build():
        # Layers and inputs are made outside of the inference mode, as by a user.
        with torch.inference_mode(False):
            forward, inputs, _ = kind(*map(int, sizes.split(",")))
        return lambda: forward(*inputs)

    with torch.inference_mode():
        serve(build)


if __name__ == "__main__":
    main(*sys.argv[1:])
