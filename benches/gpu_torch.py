"""PyTorch's side of `gpu.sh`: the same networks, batches, types and way of measuring, eager and compiled, channels last.

`gpu_torch.py [--rounds N] [--only WORDS]`; needs PyTorch with CUDA and segmentation_models_pytorch.
"""

import argparse
import contextlib
import time

import torch
from torch import nn
from torch_worker import network

SIZE, WARM_UP, PASSES = 128, 10, 10


def values(*shape):
    """Numbers between -1 and 1, those of the other side."""
    count = torch.Size(shape).numel()
    return (torch.arange(count) * 7919 % 20011 / 10000 - 1).reshape(shape).cuda()


def measure(rounds, run):
    """The median milliseconds of a pass."""
    for _ in range(WARM_UP):
        run()
    torch.cuda.synchronize()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        for _ in range(PASSES):
            run()
        torch.cuda.synchronize()
        times.append((time.perf_counter() - start) * 1e3 / PASSES)
    return sorted(times)[len(times) // 2]


def made(model, mode):
    net, channels = network(model)
    net = net.cuda().to(memory_format=torch.channels_last)
    # "reduce-overhead" replays CUDA graphs.
    return net if mode == "eager" else torch.compile(net, mode="reduce-overhead"), channels


def precision(dtype):
    return torch.autocast("cuda", dtype=torch.bfloat16) if dtype == "bf16" else contextlib.nullcontext()


def predict(mode, model, dtype, batch, rounds):
    net, channels = made(model, mode)
    net.eval()
    xs = values(batch, channels, SIZE, SIZE).to(memory_format=torch.channels_last)
    with torch.inference_mode(), precision(dtype):
        return measure(rounds, lambda: net(xs))


def train(mode, model, dtype, batch, rounds):
    net, channels = made(model, mode)
    net.train()
    xs = values(batch, channels, SIZE, SIZE).to(memory_format=torch.channels_last)
    target = (values(batch, 1, SIZE, SIZE) > 0).float()
    loss = nn.BCEWithLogitsLoss()
    adam = torch.optim.Adam(net.parameters(), lr=1e-3, fused=True)

    def step():
        adam.zero_grad(set_to_none=True)
        with precision(dtype):
            value = loss(net(xs), target)
        value.backward()
        adam.step()

    return measure(rounds, step)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    # Convolutions of f32 round their factors to TF32, PyTorch's default and ours.
    assert torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.benchmark = True
    print(f"{torch.cuda.get_device_name()}; PyTorch {torch.__version__}, cuDNN {torch.backends.cudnn.version()}")
    print(f"median of {arguments.rounds} rounds of {PASSES} passes, {SIZE} x {SIZE}")
    print("task             model    type   N  ms         images/s")
    for task, mode in ((task, mode) for task in ("train", "predict") for mode in ("eager", "compiled")):
        for model in ("resnet34", "plain"):
            for dtype, batch in ((dtype, batch) for dtype in ("bf16", "f32") for batch in (8, 32, 64)):
                line = f"{task + ' ' + mode:<16} {model:<8} {dtype:<4} {batch:>3}"
                if not set(arguments.only.split()) <= set(line.split()):
                    continue
                torch.compiler.reset()
                run = train if task == "train" else predict
                ms = run(mode, model, dtype, batch, arguments.rounds)
                print(f"{line}  {ms:<9.3}  {batch / ms * 1e3:<8.0f}", flush=True)


if __name__ == "__main__":
    main()
