"""PyTorch's side of `compare.sh`: prediction or a training step of a whole network.

`torch_worker.py TASK MODEL BATCH SIZE DTYPE` as `engine/main.rs` takes them.
"""

import contextlib
import sys

import segmentation_models_pytorch as smp
import torch
from torch import nn
from torch_serve import serve, values


def double(inputs, outputs):
    """Twice convolution, batch norm, ReLU."""
    layers = []
    for channels in (inputs, outputs):
        layers += [nn.Conv2d(channels, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


class PlainUnet(nn.Module):
    """The crate's U-Net over the plain encoder with its defaults."""

    def __init__(self, depth=4, filters=16):
        super().__init__()
        channels = [filters << level for level in range(depth + 1)]
        self.stages = nn.ModuleList(double(*pair) for pair in zip([1] + channels, channels))
        pairs = list(zip(channels, channels[1:]))[::-1]
        self.ups = nn.ModuleList(
            nn.ConvTranspose2d(below, above, 3, stride=2, padding=1, output_padding=1) for above, below in pairs
        )
        self.blocks = nn.ModuleList(double(2 * above, above) for above, _ in pairs)
        self.head = nn.Conv2d(filters, 1, 1)

    def forward(self, xs):
        skips = []
        for stage in self.stages:
            xs = stage(nn.functional.max_pool2d(xs, 2) if skips else xs)
            skips.append(xs)
        skips.pop()
        for up, block in zip(self.ups, self.blocks):
            xs = block(torch.cat([up(xs), skips.pop()], 1))
        return self.head(xs)


class Clouds(nn.Module):
    """The crate's UNet++ over the plain encoder with its defaults."""

    def __init__(self, filters=(32, 64, 128, 256, 512)):
        super().__init__()
        self.depth = len(filters) - 1
        unit = lambda inputs, outputs: nn.Sequential(
            *(layer for channels in (inputs, outputs) for layer in
              (nn.Conv2d(channels, outputs, 3, padding=1), nn.ELU(inplace=True), nn.Dropout(0.5))))
        self.units, self.ups = nn.ModuleDict(), nn.ModuleDict()
        for level, channels in enumerate(filters):
            self.units[f"{level} 0"] = unit(filters[level - 1] if level else 1, channels)
            for step in range(1, self.depth - level + 1):
                self.ups[f"{level} {step}"] = nn.ConvTranspose2d(filters[level + 1], channels, 2, stride=2)
                self.units[f"{level} {step}"] = unit((step + 1) * channels, channels)
        self.head = nn.Conv2d(filters[0], 1, 1)

    def forward(self, xs):
        maps = []
        for level in range(self.depth + 1):
            maps.append([self.units[f"{level} 0"](nn.functional.max_pool2d(maps[-1][0], 2) if level else xs)])
        for step in range(1, self.depth + 1):
            for level in range(self.depth - step + 1):
                up = self.ups[f"{level} {step}"](maps[level + 1][step - 1])
                maps[level].append(self.units[f"{level} {step}"](torch.cat([up, *maps[level][::-1]], 1)))
        return self.head(maps[0][-1])


def network(model):
    torch.manual_seed(42)
    if model == "plain":
        return PlainUnet(), 1
    if model == "plain++":
        return Clouds(), 1
    kind = smp.UnetPlusPlus if model.endswith("++") else smp.Unet
    encoder = model.removesuffix("++").replace("inception_v3", "tu-inception_v3")
    return kind(encoder, encoder_weights=None, in_channels=3), 3


def predict(model, batch, size):
    net, channels = network(model)
    net = net.eval().to(memory_format=torch.channels_last)
    xs = values(batch, channels, size, size)
    return lambda: net(xs.to(memory_format=torch.channels_last)).float()


def train(model, batch, size):
    net, channels = network(model)
    net = net.train().to(memory_format=torch.channels_last)
    xs = values(batch, channels, size, size)
    target = (values(batch, 1, size, size) > 0).float()
    loss = nn.BCEWithLogitsLoss()
    adam = torch.optim.Adam(net.parameters(), lr=1e-3)

    def step():
        adam.zero_grad(set_to_none=True)
        loss(net(xs.to(memory_format=torch.channels_last)), target).backward()
        adam.step()

    return step


def main(task, model, batch, size, dtype):
    batch, size = int(batch), int(size)
    half = torch.autocast("cpu", dtype=torch.bfloat16) if dtype == "bf16" else contextlib.nullcontext()
    if task == "predict":
        # Around all passes, as around a loop over many batches: autocast converts the weights once.
        with torch.inference_mode(), half:
            serve(lambda: predict(model, batch, size))
    else:
        assert dtype == "f32", "a training step in bf16 is not compared"
        serve(lambda: train(model, batch, size))


if __name__ == "__main__":
    main(*sys.argv[1:])
