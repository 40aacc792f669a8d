"""What is compared: networks, operations, and how networks grow."""

from dataclasses import dataclass, replace
from itertools import product


@dataclass(frozen=True)
class Network:
    """A network at work."""

    model: str = "resnet34"
    task: str = "train"
    batch: int = 8
    size: int = 128
    threads: int = 1
    dtype: str = "f32"
    simd: str = ""

    @property
    def arguments(self):
        return [self.task, self.model, str(self.batch), str(self.size), self.dtype]

    @property
    def environment(self):
        if self.simd == "avx2":
            return {"TGS_SALT_SIMD": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}
        return {}

    @property
    def goal(self):
        """The ratio to PyTorch that time may have."""
        if self.simd == "avx2":
            return 1.2
        return 0.9 if (self.task, self.dtype) == ("predict", "f32") else 1.0

    def __str__(self):
        simd = f" {self.simd}" if self.simd else ""
        return f"{self.model} {self.task} {self.dtype}{simd}, batch {self.batch}, {self.size}x{self.size}, {self.threads} threads"


@dataclass(frozen=True)
class Operation:
    """One operation on a batch of 8."""

    title: str
    kind: str
    sizes: str
    passes: tuple = ("forward", "both")
    stock: bool = False


OPERATIONS = [
    Operation("conv 3x3, 64 channels, 32x32", "conv", "64,64,3,1,32"),
    Operation("conv 3x3, 512 channels, 4x4", "conv", "512,512,3,1,4"),
    Operation("conv 3x3, 16 channels, 128x128", "conv", "16,16,3,1,128"),
    Operation("conv 7x7 stride 2, 3 to 64 channels, 128x128", "conv", "3,64,7,2,128"),
    Operation("conv 1x1 stride 2, 64 to 128 channels, 32x32", "conv", "64,128,1,2,32"),
    Operation("transposed conv 3x3 stride 2, 32 to 16 channels, 64x64", "transposed", "32,16,64"),
    Operation("depthwise conv 3x3, 728 channels, 8x8", "depthwise", "728,8", stock=True),
    Operation("conv 3x3 + batch norm + ReLU in training, 64 channels, 32x32", "conv_norm", "64,64,32"),
    Operation("batch norm + residual + ReLU in training, 64 channels, 32x32", "norm", "64,32"),
    Operation("max pool 3x3 stride 2, 64 channels, 64x64", "max_pool", "64,64"),
    Operation("nearest upsampling x2 of 64 channels, 32x32, and a skip of 64", "upsample_concat", "64,64,32"),
    Operation("bilinear upsampling x2, 64 channels, 32x32", "bilinear", "64,32"),
    Operation("scSE, 64 channels, 64x64", "scse", "64,64"),
    Operation("dropout, 64 channels, 64x64", "dropout", "64,64"),
    Operation("argsort of 8 rows of 16,384", "argsort", "16384", ("forward",)),
    Operation("running sums of 8 rows of 16,384", "cumsum", "16384"),
    Operation("binary cross-entropy of 8 x 16,384 logits", "bce", "16384"),
    Operation("Dice loss of 16 x 16,384 logits", "dice", "16384"),
    Operation("Lovász hinge of 16 rows of 16,384", "lovasz", "16384"),
    Operation("Adam over the 24 M parameters of the ResNet34 U-Net", "adam", "0", ("forward",)),
]

TASKS = ("train", "predict")


def thread_counts(cores):
    return sorted({1, cores})


def networks(cores, quick):
    """Both networks, both tasks: f32, bf16 prediction, and both with AVX2 alone."""
    batches, threads = ([8], [cores]) if quick else ([8, 32], thread_counts(cores))
    models = ("resnet34", "plain")
    f32 = [Network(m, t, b, threads=n) for m, t, b, n in product(models, TASKS, batches, threads)]
    bf16 = [replace(network, dtype="bf16") for network in f32 if network.task == "predict"]
    avx2 = [Network(m, t, threads=n, simd="avx2") for m, t, n in product(models, TASKS, threads)]
    return f32, bf16, avx2


def encoders(cores):
    """The U-Net of each encoder, and two UNet++, whose names end in ++."""
    models = ("vgg16", "vgg19", "resnet50", "inception_v3", "xception", "plain++", "resnet34++")
    return [Network(model, task, threads=cores) for model, task in product(models, TASKS)]


def growth(cores, quick):
    """One setting changed at a time, by the setting's name."""
    batches, sizes = ((1, 8), (64, 128)) if quick else ((1, 2, 4, 8, 16, 32), (64, 128, 256))
    networks = {}
    for task in TASKS:
        start = Network(task=task, threads=cores)
        networks[f"{task}, batch"] = [replace(start, batch=batch) for batch in batches]
        networks[f"{task}, size"] = [replace(start, size=size) for size in sizes]
        networks[f"{task}, threads"] = [replace(start, threads=n) for n in thread_counts(cores)]
    return networks


def stock(cores):
    """What candle's own layers are asked for."""
    return [Network(model, task, threads=cores) for model, task in product(("resnet34", "plain"), TASKS)]
