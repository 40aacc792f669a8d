"""Writes random cases of PyTorch's operations: `generate.py SEED FILE` (CPU, float32, channels first).

FILE is a safetensors file. Its metadata `cases` lists name, operation, kind and parameters as JSON; the tensors of a case are
`NAME/in.I` (inputs), `NAME/w.WEIGHT`, `NAME/ys`, `NAME/cotangent`, `NAME/grad.in.I`, `NAME/grad.w.WEIGHT` and, of running
statistics, `NAME/after.BUFFER`.
"""

import json
import random
import sys

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from safetensors.torch import save_file

CASES = 6
out: dict[str, torch.Tensor] = {}
cases: list[dict] = []


def odd(low: int, high: int) -> int:
    return random.randrange(low | 1, high + 1, 2)


def pair(low: int, high: int) -> list[int]:
    return [random.randint(low, high), random.randint(low, high)]


def image(channels: int, least: int = 5, ties: bool = False) -> torch.Tensor:
    shape = (random.randint(1, 3), channels, odd(least, 23), odd(least, 23))
    return torch.randint(-2, 3, shape).float() if ties else torch.randn(shape)


def add(operation: str, kind: str, parameters: dict) -> str:
    name = f"{kind}.{len(cases)}"
    cases.append({"name": name, "operation": operation, "kind": kind, "parameters": parameters})
    return name


def record(operation, kind, parameters, forward, inputs, module=None, gradients=True, fixed=()) -> None:
    """One pass forward and back; `fixed` are the places of the inputs without a gradient."""
    name = add(operation, kind, parameters)
    inputs = [xs.clone().requires_grad_(gradients and at not in fixed) for at, xs in enumerate(inputs)]
    state = module.state_dict() if module else {}
    out.update({f"{name}/w.{key}": value.clone() for key, value in state.items()})
    ys = forward(*inputs)
    out.update({f"{name}/in.{at}": xs.detach().clone() for at, xs in enumerate(inputs)})
    out[f"{name}/ys"] = ys.detach()
    if gradients:
        out[f"{name}/cotangent"] = torch.randn_like(ys)
        ys.backward(out[f"{name}/cotangent"])
        out.update({f"{name}/grad.in.{at}": xs.grad for at, xs in enumerate(inputs) if xs.requires_grad})
    if module:
        out.update({f"{name}/grad.w.{key}": value.grad for key, value in module.named_parameters()})
        out.update({f"{name}/after.{key}": value.clone() for key, value in module.named_buffers()})


def convolution(at: int, transposed: bool) -> None:
    groups = [1, 1, odd(2, 5), 1, odd(3, 19), odd(2, 4)][at % 6]
    depthwise = at % 6 == 4
    channels = [groups * (1 if depthwise else odd(1, 21)) for _ in range(2)]
    least = 1 if transposed else 13
    kernel, stride, dilation = pair(1, 5), pair(1, 3), pair(1, 3) if at % 2 else [1, 1]
    p = {"channels": channels, "kernel": kernel, "stride": stride, "dilation": dilation, "groups": groups}
    p |= {"padding": [random.randint(0, k // 2 if transposed else k) for k in kernel], "bias": at % 3 != 1}
    if transposed:
        p["output_padding"] = [random.randint(0, s - 1) for s in stride]
    settings = {key: tuple(value) if isinstance(value, list) else value for key, value in p.items() if key != "channels"}
    module = (nn.ConvTranspose2d if transposed else nn.Conv2d)(*channels, settings.pop("kernel"), **settings)
    operation = type(module).__name__ + (" (depthwise)" if depthwise else " (groups)" if groups > 1 else "")
    kind = "conv_transpose2d" if transposed else "conv2d"
    record(operation, kind, p, module, [image(channels[0], max(least, 3))], module)


ACTIVATIONS = {
    "none": lambda xs: xs,
    "relu": F.relu,
    "leaky_relu": lambda xs: F.leaky_relu(xs, 0.1),
    "elu": F.elu,
    "sigmoid": torch.sigmoid,
}


def norm(channels: int) -> nn.BatchNorm2d:
    module = nn.BatchNorm2d(channels)
    nn.init.uniform_(module.weight, 0.5, 1.5)
    nn.init.normal_(module.bias)
    nn.init.normal_(module.running_mean)
    nn.init.uniform_(module.running_var, 0.5, 1.5)
    return module


def batch_norm(name: str, at: int) -> None:
    activation, module = ACTIVATIONS[name], norm(odd(1, 37))
    xs = image(module.num_features) * 2 + 1
    p = {"channels": module.num_features, "activation": name}
    if at % 2:
        forward = lambda xs, residual: activation(module(xs) + residual)
        record(f"BatchNorm2d + residual + {name}", "batch_norm", p, forward, [xs, torch.randn_like(xs)], module)
    else:
        record(f"BatchNorm2d + {name}", "batch_norm", p, lambda xs: activation(module(xs)), [xs], module)


class SCSE(nn.Module):
    """As in segmentation_models.pytorch."""

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        squeezed = channels // reduction
        squeeze, excite = nn.Conv2d(channels, squeezed, 1), nn.Conv2d(squeezed, channels, 1)
        self.cSE = nn.Sequential(nn.AdaptiveAvgPool2d(1), squeeze, nn.ReLU(), excite, nn.Sigmoid())
        self.sSE = nn.Sequential(nn.Conv2d(channels, 1, 1), nn.Sigmoid())

    def forward(self, xs: torch.Tensor) -> torch.Tensor:
        return xs * self.cSE(xs) + xs * self.sSE(xs)


class Chain(nn.Module):
    """A small network whose every operation has a kernel of tgs_salt's own."""

    def __init__(self, first: int, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(first, channels, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1, self.bn2, self.scse = norm(channels), norm(channels), SCSE(2 * channels, 2)
        self.head = nn.Conv2d(2 * channels, 1, 3, padding=1)

    def forward(self, xs: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        hs = F.relu(self.bn1(self.conv1(xs)))
        ys = F.elu(self.bn2(self.conv2(hs)) + hs)
        up = F.interpolate(F.max_pool2d(ys, 2), size=ys.shape[2:])
        logits = self.head(self.scse(torch.cat([up, ys], 1)))
        return F.binary_cross_entropy_with_logits(logits, target)


def pooling(at: int) -> None:
    kernel = random.randint(1, 5)
    p = {"kernel": kernel, "stride": random.randint(1, 4), "padding": random.randint(0, kernel // 2)}
    arguments = tuple(p.values())
    record("max_pool2d", "max_pool2d", p, lambda xs: F.max_pool2d(xs, *arguments), [image(odd(1, 37), ties=at % 2 == 1)])
    record("avg_pool2d", "avg_pool2d", p, lambda xs: F.avg_pool2d(xs, *arguments), [image(odd(1, 37))])
    record("adaptive_avg_pool2d(1)", "global_avg_pool2d", {}, lambda xs: F.adaptive_avg_pool2d(xs, 1), [image(odd(1, 37))])


def resampling(at: int) -> None:
    xs = image(odd(1, 37), least=1)
    size = pair(1, 12) if at % 2 else pair(24, 61)
    p = {"size": size}
    record("interpolate nearest", "nearest", p, lambda xs: F.interpolate(xs, size=size), [xs])
    for align in (False, True):
        forward = lambda xs: F.interpolate(xs, size=size, mode="bilinear", align_corners=align)
        record(f"interpolate bilinear, align_corners={align}", "bilinear", p | {"align_corners": align}, forward, [xs])
    skip = torch.randn(xs.shape[0], odd(1, 19), *size)
    forward = lambda xs, skip: torch.cat([F.interpolate(xs, size=skip.shape[2:]), skip], 1)
    record("upsample nearest + cat", "upsample_concat", {}, forward, [xs, skip])
    other = torch.randn(xs.shape[0], odd(1, 19), *xs.shape[2:])
    record("cat", "concat", {}, lambda a, b: torch.cat([a, b], 1), [xs, other])


def pointwise_and_rows(at: int) -> None:
    for name in list(ACTIVATIONS)[1:]:
        record(name, "activation", {"activation": name}, ACTIVATIONS[name], [image(odd(1, 37)) * 3])
    rows = torch.randn(random.randint(1, 3), odd(3, 9999))
    record("cumsum", "cumsum", {}, lambda xs: torch.cumsum(xs, -1), [rows])
    row = torch.randint(-500, 500, (1, 20000)).float() / 7
    order = lambda xs: torch.argsort(xs, dim=-1, descending=True, stable=True).float()
    record("argsort (exact)", "argsort", {}, order, [row], gradients=False)
    logits = image(1) * 10
    target = (torch.rand_like(logits) > 0.5).float() if at % 2 else torch.rand_like(logits)
    record("binary_cross_entropy_with_logits", "bce", {}, F.binary_cross_entropy_with_logits, [logits, target], fixed=[1])


def blocks(at: int) -> None:
    channels, reduction = 2 * odd(3, 17), 2
    scse = SCSE(channels, reduction)
    record("scSE", "scse", {"channels": channels, "reduction": reduction}, scse, [image(channels)], scse)
    channels = odd(1, 19)
    conv = nn.Conv2d(channels, channels, 3, padding=1)
    record("shared convolution", "shared", {"channels": channels}, lambda xs: conv(xs) + conv(conv(xs)), [image(channels)], conv)
    first, channels = odd(1, 7), odd(3, 19)
    chain, xs = Chain(first, channels), image(first)
    target = (torch.rand_like(xs[:, :1]) > 0.5).float()
    record("chain of own operations to bce", "chain", {"channels": [first, channels]}, chain, [xs, target], chain, fixed=[1])


def optimizer(label: str, rule: str, make, **settings) -> None:
    name = add(label, "optimizer", {"rule": rule, **settings})
    param = nn.Parameter(torch.randn(odd(3, 499)))
    out[f"{name}/in.0"] = param.detach().clone()
    out[f"{name}/gradients"] = torch.randn(20, len(param)) * torch.logspace(-4, 1, len(param))
    steps, optimizer = [], make([param], **settings)
    for grad in out[f"{name}/gradients"]:
        param.grad = grad.clone()
        optimizer.step()
        steps.append(param.detach().clone())
    out[f"{name}/ys"] = torch.stack(steps)


def main(seed: int, path: str) -> None:
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    for at in range(CASES):
        convolution(at, transposed=False)
        convolution(at, transposed=True)
        for name in ACTIVATIONS:
            batch_norm(name, at)
        for write in (pooling, resampling, pointwise_and_rows, blocks):
            write(at)
        rate = 10 ** random.uniform(-4, -1)
        optim = torch.optim
        optimizer("Adam", "adam", optim.Adam, lr=rate, weight_decay=0.0)
        optimizer("Adam, weight decay", "adam", optim.Adam, lr=rate, weight_decay=0.01)
        optimizer("AdamW", "adam_w", optim.AdamW, lr=rate, weight_decay=0.02)
        optimizer("SGD", "sgd", optim.SGD, lr=rate)
        optimizer("SGD, momentum", "sgd", optim.SGD, lr=rate, momentum=0.9)
        optimizer("SGD, Nesterov", "sgd", optim.SGD, lr=rate, momentum=0.9, nesterov=True)
        optimizer("SGD, weight decay", "sgd", optim.SGD, lr=rate, momentum=0.5, weight_decay=0.01)
    keep = {key: value.contiguous().float().clone() for key, value in out.items() if not key.endswith("num_batches_tracked")}
    save_file(keep, path, metadata={"cases": json.dumps(cases)})


main(int(sys.argv[1]), sys.argv[2])
