"""The same pipelines in albumentations: each one's microseconds per image of 101×101 with its mask, per line.

The first argument is the type of the images, uint8 (as most people have them) or float32 (as this crate has them). With
`--report` it reads lines `ours|float32|uint8 pipeline microseconds …` and prints medians and ratios.
"""

import os
import statistics
import sys
import time

os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
COUNT = 2000


def pipelines():
    import albumentations as A
    import cv2

    cv2.setNumThreads(1)
    reflect = cv2.BORDER_REFLECT_101
    flip = [A.HorizontalFlip(p=0.5)]
    affine = A.Affine(
        translate_percent=(-0.15, 0.15), scale=(0.8, 1.2), rotate=(-10, 10), shear={"x": (-4, 4), "y": (0, 0)},
        border_mode=reflect, p=1,
    )
    light = [A.RandomBrightnessContrast(0.1, 0.1, p=1), A.RandomGamma((91, 110), p=1)]
    elastic = A.ElasticTransform(alpha=30, sigma=10, border_mode=reflect, p=1)
    rest = [A.GaussNoise(std_range=(0.0, 0.05), p=1), A.CoarseDropout((1, 2), (0.2, 0.2), (0.2, 0.2), p=1)]
    return {
        "flip": A.Compose(flip),
        "strong": A.Compose([*flip, affine, *light]),
        "everything": A.Compose([*flip, affine, elastic, *light, *rest]),
    }


def main(kind):
    import numpy as np

    random = np.random.default_rng(0)
    images = [random.random((101, 101, 1), dtype=np.float32) for _ in range(100)]
    if kind == "uint8":
        images = [(255 * image).astype(np.uint8) for image in images]
    masks = [(random.random((101, 101)) > 0.5).astype(np.uint8) for _ in images]
    for name, pipeline in pipelines().items():
        start = time.perf_counter()
        for i in range(COUNT):
            pipeline(image=images[i % 100], mask=masks[i % 100])
        print(name, f"{1e6 * (time.perf_counter() - start) / COUNT:.2f}")


def report():
    times = {}
    for line in sys.stdin:
        who, name, microseconds, *_ = line.split()
        times.setdefault(name, {}).setdefault(who, []).append(float(microseconds))
    for name, by in times.items():
        ours, *others = [(who, statistics.median(by[who])) for who in ("ours", "float32", "uint8")]
        ratios = ", ".join(f"{who} {theirs:.0f} µs, {theirs / ours[1]:.1f} times ours" for who, theirs in others)
        print(f"{name}: ours {ours[1]:.0f} µs ({1e6 / ours[1]:,.0f} images/s); albumentations {ratios}")


if __name__ == "__main__":
    report() if sys.argv[1] == "--report" else main(sys.argv[1])
