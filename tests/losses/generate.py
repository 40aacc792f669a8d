"""Writes cases of the losses of PyTorch and segmentation_models.pytorch: `generate.py SEED FILE [small]` (CPU, channels first).

FILE is as that of `pytorch_ops/generate.py`; `parameters` of a case are the loss as `tgs_salt` writes it in JSON. All is computed in
double precision from the float32 inputs: in single precision PyTorch's own Lovász gradients are off by 1e-3, since each is the
difference of two Jaccard indices that are nearly equal. `small` writes the few small cases that are committed as
`tests/fixtures/losses/expected.safetensors`.
"""

import json
import random
import sys

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from segmentation_models_pytorch.losses import DiceLoss, FocalLoss, TverskyLoss

out: dict[str, torch.Tensor] = {}
cases: list[dict] = []


def lovasz_grad(gt_sorted):
    """Berman's: Alg. 1 of the paper."""
    gts = gt_sorted.sum()
    intersection = gts - gt_sorted.cumsum(0)
    union = gts + (1 - gt_sorted).cumsum(0)
    jaccard = 1.0 - intersection / union
    if len(gt_sorted) > 1:
        jaccard[1:] = jaccard[1:] - jaccard[:-1]
    return jaccard


def lovasz_flat(logits, labels, hinge):
    errors = 1.0 - logits * (2.0 * labels - 1.0)
    errors_sorted, perm = torch.sort(errors, dim=0, descending=True, stable=True)
    return torch.dot(hinge(errors_sorted), lovasz_grad(labels[perm.data]))


def lovasz(logits, labels, hinge=F.relu):
    """`lovasz_hinge(per_image=True)`, classes as images of their own."""
    rows = zip(logits.flatten(0, 1).flatten(1), labels.flatten(0, 1).flatten(1))
    return torch.stack([lovasz_flat(x, t, hinge) for x, t in rows]).mean()


def elu_1(errors):
    return F.elu(errors) + 1


def lovasz_symmetric(logits, labels):
    return (lovasz(logits, labels, elu_1) + lovasz(-logits, 1 - labels, elu_1)) / 2


def boundary(logits, labels):
    """As the published kernels; Keras' pooling with the padding "same" does not count what lies outside."""
    averaged = F.avg_pool2d(labels, 11, 1, 5, count_include_pad=False)
    weight = 1 + 2 * ((averaged > 0.005) & (averaged < 0.995)).to(labels.dtype)
    weight = weight * (weight.numel() / weight.sum())
    bce = (weight * F.binary_cross_entropy_with_logits(logits, labels, reduction="none")).sum() / weight.sum()
    p = torch.sigmoid(logits)
    score = (2 * (weight * p * labels).sum() + 1) / ((weight * labels).sum() + (weight * p).sum() + 1)
    return bce + 1 - score


def mode(xs):
    return "multilabel" if xs.shape[1] > 1 else "binary"


def of_logits(module, **settings):
    return lambda x, t: module(mode(x), **settings)(x, t)


FOCAL_TVERSKY = {"FocalTversky": {"alpha": 0.7, "gamma": 0.75}}
DICE = of_logits(DiceLoss)
LOSSES = [
    ("Bce", F.binary_cross_entropy_with_logits),
    ("Dice", DICE),
    ("BceDice", lambda x, t: F.binary_cross_entropy_with_logits(x, t) + DICE(x, t)),
    ("LogDice", of_logits(DiceLoss, log_loss=True)),
    ("BoundaryBceDice", boundary),
    ({"Focal": {"gamma": 2.0}}, of_logits(FocalLoss, gamma=2.0)),
    ({"Focal": {"gamma": 1.5}}, of_logits(FocalLoss, gamma=1.5)),
    ({"Tversky": {"alpha": 0.7}}, of_logits(TverskyLoss, alpha=0.3, beta=0.7)),
    (FOCAL_TVERSKY, of_logits(TverskyLoss, alpha=0.3, beta=0.7, gamma=0.75)),
    ("Lovasz", lovasz),
    ("LovaszElu", lambda x, t: lovasz(x, t, elu_1)),
    ("LovaszSymmetric", lovasz_symmetric),
    ({"Sum": [[0.7, "Lovasz"], [0.15, "Bce"], [0.15, "Dice"]]}, lambda x, t: 0.7 * lovasz(x, t) + 0.15 * F.binary_cross_entropy_with_logits(x, t) + 0.15 * DICE(x, t)),
]


def record(what, loss, reference, logits, target) -> None:
    name = f"case.{len(cases)}"
    label = loss if isinstance(loss, str) else " ".join(loss)
    cases.append({"name": name, "operation": label, "kind": what, "parameters": {"loss": loss}})
    xs = logits.double().requires_grad_()
    ys = reference(xs, target.double())
    ys.backward()
    # The slope of 0^0.75 is infinite, times a class that counts 0: PyTorch's is not a number, ours 0.
    grad = xs.grad.nan_to_num(0.0) if loss == FOCAL_TVERSKY and ys == 0 else xs.grad
    tensors = {"in.0": logits, "in.1": target, "ys": ys.detach(), "grad.in.0": grad}
    out.update({f"{name}/{key}": value.float().contiguous().clone() for key, value in tensors.items()})


def mask(shape):
    """Blobs of 4 by 4 pixels."""
    images, classes, height, width = shape
    coarse = torch.rand(images, classes, -(-height // 4), -(-width // 4)) > 0.6
    return F.interpolate(coarse.float(), scale_factor=4)[..., :height, :width].contiguous()


def fifty(shape):
    return torch.where(torch.rand(shape) > 0.5, 50.0, -50.0)


def inputs(shape, several):
    xs, ts = torch.randn(shape) * 2, mask(shape)
    three = torch.randn(several) * 2
    without_last = mask(several)
    without_last[:, -1] = 0
    return {
        "random": (xs, ts),
        "empty masks": (xs, torch.zeros(shape)),
        "full masks": (xs, torch.ones(shape)),
        "one mask empty": (xs, ts * (torch.arange(shape[0]) > 0).float().view(-1, 1, 1, 1)),
        "mixed with ±50": (torch.where(torch.rand(shape) > 0.5, fifty(shape), xs), ts),
        "all ±50": (fifty(shape), ts),
        "all ±50, right": (ts * 100 - 50, ts),
        "soft targets": (xs, torch.rand(shape)),
        "several classes": (three, mask(several)),
        "several classes, one empty": (three, without_last),
    }


def main(seed: int, path: str, small: bool) -> None:
    random.seed(seed)
    torch.manual_seed(seed)
    sizes = lambda: [random.randrange(5, 40, 2) for _ in range(2)]
    if small:
        every = inputs((2, 1, 7, 9), (2, 3, 5, 7))
        keep = ("random", "one mask empty", "mixed with ±50", "several classes, one empty")
        every = {what: every[what] for what in keep}
    else:
        every = inputs((random.randint(2, 4), 1, *sizes()), (random.randint(1, 3), 3, *sizes()))
        every["16,384 pixels"] = (torch.randn(2, 1, 128, 128) * 2, mask((2, 1, 128, 128)))
        every["one pixel"] = (torch.randn(1, 1, 1, 1), torch.ones(1, 1, 1, 1))
    for what, (logits, target) in every.items():
        for loss, reference in LOSSES:
            record(what, loss, reference, logits, target)
    save_file(out, path, metadata={"cases": json.dumps(cases)})


main(int(sys.argv[1]), sys.argv[2], "small" in sys.argv[3:])
