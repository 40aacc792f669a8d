"""Writes steps of the optimizers of PyTorch: `generate.py SEED FILE [small]`.

FILE is a safetensors file: `start` (all tensors of a case, one after another), `gradients` (20, the same), and for each case the values
after some of 20 steps. Its metadata have `shapes` of the tensors, and `cases` as JSON: the name, the label of the optimizer, the
optimizer as `tgs_salt` writes it in JSON, the rate, the largest norm (0: any), and factor of the rate and weight decay of each
tensor. The last tensor never has a gradient. All is computed in double precision from the float32 inputs. `small` writes the few numbers that
are committed as `tests/fixtures/optimizers/expected.safetensors`.
"""

import json
import random
import sys

import torch
from safetensors.torch import save_file
from torch import optim

STEPS = 20
BETAS = {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8}


class NormalizedSgd(optim.SGD):
    """Each tensor's gradient divided by its norm, then SGD."""

    def __init__(self, groups, eps, **settings):
        super().__init__(groups, **settings)
        self.eps = eps

    def step(self):
        for group in self.param_groups:
            for param in group["params"]:
                if param.grad is not None:
                    param.grad = param.grad / (torch.sqrt(torch.sum(param.grad * param.grad)) + self.eps)
        super().step()


def of_betas(make, beta1, beta2, eps, **more):
    return lambda groups: make(groups, betas=(beta1, beta2), eps=eps, **more)


def of(make, **settings):
    return lambda groups: make(groups, lr=1.0, **settings)


def settings():
    """Label, optimizer as JSON, PyTorch's from its groups, rate."""
    other = {"beta1": 0.8, "beta2": 0.95, "eps": 1e-3}
    for name, make in ("Adam", optim.Adam), ("AdamW", optim.AdamW):
        yield name, {name: BETAS}, of_betas(make, **BETAS), 3e-3
        yield f"{name}, other numbers", {name: other}, of_betas(make, **other), 3e-3
    for decay in 0.004, 0.1:
        label = "NAdam" if decay == 0.004 else "NAdam, other momentum decay"
        numbers = {**BETAS, "momentum_decay": decay}
        yield label, {"Nadam": numbers}, of_betas(optim.NAdam, **numbers), 3e-3
    for label, momentum, nesterov in ("", 0.0, False), (", momentum", 0.9, False), (", Nesterov", 0.9, True):
        numbers = {"momentum": momentum, "nesterov": nesterov}
        yield "SGD" + label, {"Sgd": numbers}, of(optim.SGD, **numbers), 3e-2
        numbers["eps"] = 1e-8
        yield "normalized SGD" + label, {"NormalizedSgd": numbers}, of(NormalizedSgd, **numbers), 3e-2
    for label, numbers in ("", (0.99, 1e-8, 0.0)), (", momentum", (0.9, 1e-4, 0.9)):
        numbers = dict(zip(("alpha", "eps", "momentum"), numbers))
        yield "RMSprop" + label, {"RmsProp": numbers}, of(optim.RMSprop, **numbers), 3e-3


def variants(tensors, norm):
    """Largest norm, and factor and weight decay of each tensor."""
    one, decayed, encoder = (1.0, 0.0), (1.0, 0.02), (0.1, 0.0)
    yield "", 0.0, [one] * tensors
    yield "weight decay", 0.0, [decayed] * tensors
    yield "clipped", norm, [one] * tensors
    yield "two groups", 0.0, [encoder if i % 2 else decayed for i in range(tensors)]
    yield "two groups, clipped", norm, [encoder if i % 2 else decayed for i in range(tensors)]


def steps(make, rate, max_norm, groups, start, gradients):
    params = [torch.nn.Parameter(value.double()) for value in start]
    optimizer = make([{"params": [p], "weight_decay": decay} for p, (_, decay) in zip(params, groups)])
    for at in range(STEPS):
        # As a schedule: other rates in each step.
        for group, (factor, _) in zip(optimizer.param_groups, groups):
            group["lr"] = factor * rate * (1.0 - at / STEPS)
        for param, gradient in zip(params[:-1], gradients[at]):
            param.grad = gradient.double()
        if max_norm > 0:
            torch.nn.utils.clip_grad_norm_(params, max_norm)
        optimizer.step()
        yield torch.cat([param.detach().flatten() for param in params]).float()


def main(seed: int, path: str, small: bool) -> None:
    random.seed(seed)
    torch.manual_seed(seed)
    shapes = [[2, 3], [5], [2, 2]] if small else [[random.randint(2, 9) for _ in range(4)], [random.randint(3, 99)], [40_000], [7]]
    sizes = [torch.Size(shape).numel() for shape in shapes]
    start = torch.randn(sum(sizes))
    # Small and large ones, as in a network, that change over the steps.
    gradients = torch.randn(STEPS, sum(sizes)) * torch.logspace(-3, 1, sum(sizes)) * torch.logspace(0.5, -0.5, STEPS)[:, None]
    split = lambda values: [v.view(shape) for v, shape in zip(values.split(sizes), shapes)]
    # Some steps are clipped, some are not.
    max_norm = float(gradients.norm(dim=1).median())
    out, cases = {"start": start, "gradients": gradients}, []
    for label, optimizer, make, rate in settings():
        for variant, norm, groups in variants(len(shapes), max_norm):
            name = str(len(cases))
            values = list(steps(make, rate, norm, groups, split(start), [split(g)[:-1] for g in gradients]))
            out[name] = torch.stack([values[at - 1] for at in (1, 2, STEPS)])
            cases.append(dict(name=name, label=label, variant=variant, optimizer=optimizer, rate=rate, max_norm=norm, groups=groups))
    save_file(out, path, metadata={"cases": json.dumps(cases), "shapes": json.dumps(shapes)})


main(int(sys.argv[1]), sys.argv[2], "small" in sys.argv[3:])
