"""What a notebook with pandas, Pillow and numpy does: open the folder, decode all images, encode 18,000 masks.

Prints a step, its seconds and a checksum per line, as data.rs does. The first argument is the competition's folder.
With `--report` it reads lines `ours|plain step seconds checksum` and prints medians and ratios.
"""

import os
import statistics
import sys
import time


def rle(mask):
    """Start and length of the runs down the columns, counted from 1."""
    pixels = np.concatenate([[0], mask.T.flatten(), [0]])
    runs = np.where(pixels[1:] != pixels[:-1])[0] + 1
    runs[1::2] -= runs[::2]
    return " ".join(str(x) for x in runs)


def main(folder):
    start = time.perf_counter()
    train = pd.read_csv(os.path.join(folder, "train.csv"), index_col="id")
    depths = pd.read_csv(os.path.join(folder, "depths.csv"), index_col="id")
    train = train.join(depths)
    test = pd.read_csv(os.path.join(folder, "sample_submission.csv"), index_col="id").join(depths)
    names = {}
    for part in ["train/images", "train/masks", "test/images"]:
        path = os.path.join(folder, part)
        names[part] = [os.path.join(path, name) for name in sorted(os.listdir(path))]
    ids = {os.path.basename(name)[:-4] for name in names["train/images"]}
    assert ids == set(train.index) and len(names["test/images"]) == len(test)
    print("open", time.perf_counter() - start, len(train) + len(test))

    start = time.perf_counter()
    images = [np.array(Image.open(name).convert("L")) / 255 for name in names["train/images"] + names["test/images"]]
    seconds = time.perf_counter() - start
    print("decode", seconds, int(sum(np.rint(image * 255).sum() for image in images)))

    masks = [(np.array(Image.open(name)) > 0).astype(np.uint8) for name in names["train/masks"]]
    masks = [masks[i % len(masks)].copy() for i in range(18_000)]
    start = time.perf_counter()
    rows = [rle(mask) for mask in masks]
    seconds = time.perf_counter() - start
    print("encode", seconds, sum(len(row) for row in rows))


def report():
    seconds, checksums = {}, {}
    for line in sys.stdin:
        who, step, time_taken, checksum = line.split()
        seconds.setdefault(step, {}).setdefault(who, []).append(float(time_taken))
        checksums.setdefault(step, set()).add(checksum)
    print(f"{'step':8}{'plain, s':>10}{'ours, s':>10}{'ratio':>8}   ours, fastest to slowest")
    for step, times in seconds.items():
        assert len(checksums[step]) == 1, f"{step}: the results differ: {checksums[step]}"
        plain, ours = statistics.median(times["plain"]), statistics.median(times["ours"])
        print(f"{step:8}{plain:10.4f}{ours:10.4f}{plain / ours:8.1f}   {min(times['ours']):.4f} to {max(times['ours']):.4f}")


if __name__ == "__main__":
    if sys.argv[1] == "--report":
        report()
    else:
        import numpy as np
        import pandas as pd
        from PIL import Image

        main(sys.argv[1])
