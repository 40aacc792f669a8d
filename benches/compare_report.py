"""`results.md`: tables of medians and ratios."""

import math
import statistics

from compare_workers import Result, ratio


def milliseconds(result):
    if not isinstance(result, Result):
        return "not supported"
    return f"{result.wall * 1e3:.3g}" if result.wall < 1 else f"{result.wall * 1e3:.0f}"


def megabytes(result, field):
    return f"{getattr(result, field) / 2**20:.0f}" if isinstance(result, Result) else "–"


def number(value, goal=None):
    """A ratio; with a goal also whether it is met."""
    if value is None:
        return "–"
    met = "" if goal is None else ", met" if value <= goal else ", **missed**"
    return f"{value:.2f}{met}"


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows])


def by_memory(result):
    """Peak and growth ratios of a scenario."""
    ours, torch = result["ours"], result["torch"]
    if not isinstance(ours, Result) or not isinstance(torch, Result):
        return None, None
    return ours.peak / torch.peak, ours.growth / torch.growth


def time_table(networks, results):
    header = ["network", "task", "batch", "threads", "ours, ms", "PyTorch, ms", "ratio", "goal", "CPU time, ratio"]
    rows = []
    for network in networks:
        ours, torch = results[network]["ours"], results[network]["torch"]
        times = [milliseconds(ours), milliseconds(torch), number(ratio(ours, torch), network.goal)]
        rows.append([network.model, network.task, network.batch, network.threads, *times, network.goal,
                     number(ratio(ours, torch, "cpus"))])
    return table(header, rows)


def memory_table(networks, results):
    header = ["network", "task", "dtype", "batch", "threads", "ours, MB", "PyTorch, MB", "ratio (goal 1.0)",
              "growth: ours, MB", "PyTorch, MB", "ratio"]
    rows = []
    for network in networks:
        ours, torch = results[network]["ours"], results[network]["torch"]
        peak, grown = by_memory(results[network])
        rows.append([network.model, network.task, network.dtype, network.batch, network.threads,
                     megabytes(ours, "peak"), megabytes(torch, "peak"), number(peak, 1.0),
                     megabytes(ours, "growth"), megabytes(torch, "growth"), number(grown)])
    return table(header, rows)


def operation_table(operations, results):
    header = ["operation", "forward: ours, ms", "PyTorch, ms", "ratio", "and backward: ours, ms", "PyTorch, ms", "ratio"]
    rows = []
    for operation in operations:
        row = [operation.title]
        for run in ("forward", "both"):
            result = results.get((operation, run))
            if result is None:
                row += ["", "", ""]
                continue
            ours, torch = result["ours"], result["torch"]
            row += [milliseconds(ours), milliseconds(torch), number(ratio(ours, torch))]
        rows.append(row)
    return table(header, rows)


def speed_up(result):
    value = ratio(result["stock"], result["ours"])
    return "–" if value is None else f"{value:.1f}"


def stock_table(results):
    header = ["what", "ours, ms", "PyTorch, ms", "stock candle, ms", "speed-up over stock candle"]
    rows = []
    for what, result in results.items():
        title = what if isinstance(what, str) else f"{what.model}, {what.task}, batch {what.batch}, {what.threads} threads"
        rows.append([title, *(milliseconds(result[who]) for who in ("ours", "torch", "stock")), speed_up(result)])
    return table(header, rows)


def growth_table(networks, results):
    def setting(name, network):
        what = name.split(", ")[1]
        value = getattr(network, what)
        return f"{what} {value}x{value}" if what == "size" else f"{what} {value}"

    rows = []
    for name, chosen in networks.items():
        for network in chosen:
            ours, torch = results[network]["ours"], results[network]["torch"]
            each = [f"{r.wall * 1e3 / network.batch:.3g}" if isinstance(r, Result) else "–" for r in (ours, torch)]
            grown = number(by_memory(results[network])[1])
            rows.append([network.task, setting(name, network), *each, number(ratio(ours, torch)), grown])
    header = ["task", "setting", "ours, ms per image", "PyTorch, ms per image", "ratio", "growth of memory, ratio"]
    return table(header, rows)


def summary_row(what, goal, values):
    """A goal, the geometric mean and the worst of the ratios, and how many rows meet it."""
    values = [value for value in values if value is not None]
    if not values:
        return [what, f"≤ {goal}", "–", "–", "not supported"]
    met = sum(value <= goal for value in values)
    return [what, f"≤ {goal}", number(math.exp(statistics.fmean(map(math.log, values)))), number(max(values)),
            f"{met} of {len(values)}"]


def summary(f32, bf16, avx2, results, depthwise):
    def times(networks, *tasks):
        chosen = [results[network] for network in networks if network.task in tasks]
        return [ratio(result["ours"], result["torch"]) for result in chosen]

    def peaks(index):
        return [by_memory(results[network])[index] for network in f32 + bf16]

    rows = [
        summary_row("training, f32", 1.0, times(f32, "train")),
        summary_row("prediction, f32", 0.9, times(f32, "predict")),
        summary_row("prediction, bf16", 1.0, times(bf16, "predict")),
        summary_row("AVX2 alone, f32", 1.2, times(avx2, "train", "predict")),
        summary_row("peak memory of the process", 1.0, peaks(0)),
        summary_row("peak memory above that of the idle process", 1.0, peaks(1)),
    ]
    text = table(["ratio to PyTorch", "goal", "geometric mean", "worst", "rows that meet the goal"], rows)
    if depthwise is None:
        return text
    value = ratio(depthwise["stock"], depthwise["ours"])
    met = "not supported" if value is None else f"{value:.0f} times, " + ("met" if value >= 50 else "**missed**")
    return text + f"\n\nDepthwise convolution of 728 channels, forward and backward: goal 50 times stock candle; {met}."
