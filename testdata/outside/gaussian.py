"""Writes testdata/cases/gaussian.json: sums of random numbers, whose answers
were computed outside of this project, by NumPy in float64.

    python3 testdata/outside/gaussian.py > testdata/cases/gaussian.json

Most other known answers are small integers, of which every correct kernel
makes the same bits. Of these cases two machines, two versions of TensorFlow or
oneDNN on and off may make different bits. The numbers are drawn from fixed
seeds and rounded to four places, so that the file stays small; as float32 they
use all bits. Only +, * and max of NumPy are used for the answers.
"""

import itertools
import sys

import numpy as np


def padding_of(padding, sizes, windows, strides, dilations):
    """Rows and columns of padding: [[top, bottom], [left, right]]."""
    if padding == "VALID":
        return [[0, 0], [0, 0]]
    if padding != "SAME":
        return padding
    sides = []
    for size, window, stride, dilation in zip(sizes, windows, strides, dilations):
        reach = (window - 1) * dilation + 1
        total = max((-(-size // stride) - 1) * stride + reach - size, 0)
        sides.append([total // 2, total - total // 2])
    return sides


def windows_of(x, size, strides, dilations, padding, filler):
    """The output's places, each with its window of the padded x."""
    sides = padding_of(padding, x.shape[1:3], size, strides, dilations)
    x = np.pad(x, [[0, 0], *sides, [0, 0]], constant_values=filler)
    counts = [
        (x.shape[1 + axis] - (size[axis] - 1) * dilations[axis] - 1) // strides[axis] + 1
        for axis in (0, 1)
    ]
    for n, i, j in itertools.product(range(x.shape[0]), *map(range, counts)):
        top, left = i * strides[0], j * strides[1]
        yield (n, i, j), x[
            n,
            top : top + (size[0] - 1) * dilations[0] + 1 : dilations[0],
            left : left + (size[1] - 1) * dilations[1] + 1 : dilations[1],
        ]


def filled(answers):
    shape = [1 + max(place[axis] for place in answers) for axis in range(3)]
    result = np.zeros(shape + [len(next(iter(answers.values())))])
    for place, channels in answers.items():
        result[place] = channels
    return result


def conv2d(x, w, bias=None, strides=(1, 1), dilations=(1, 1), padding="VALID", groups=1):
    inputs, filters = w.shape[2], w.shape[3] // groups
    answers = {}
    for place, window in windows_of(x, w.shape[:2], strides, dilations, padding, 0.0):
        channels = []
        for f in range(w.shape[3]):
            g = f // filters
            channels.append((window[:, :, g * inputs : (g + 1) * inputs] * w[:, :, :, f]).sum())
        answers[place] = np.array(channels) + (0 if bias is None else bias)
    return filled(answers)


def avg_pool(x, size, strides, padding="VALID"):
    # Padding is NaN, and not counted.
    answers = {}
    for place, window in windows_of(x, size, strides, (1, 1), padding, np.nan):
        answers[place] = np.nanmean(window, axis=(0, 1))
    return filled(answers)


def max_pool(x, size, strides, padding="VALID"):
    answers = {}
    for place, window in windows_of(x, size, strides, (1, 1), padding, -np.inf):
        answers[place] = window.max(axis=(0, 1))
    return filled(answers)


class Cases:
    def __init__(self):
        self.lines, self.drawn = [], 0

    def draw(self, *shape, spread=0):
        """Gaussian numbers, each times a power of ten up to 10**spread."""
        self.drawn += 1
        rng = np.random.default_rng([2026, self.drawn])
        x = np.round(rng.standard_normal(shape), 4)
        if spread:
            x = x * 10.0 ** rng.integers(-spread, spread + 1, shape)
        return x.astype(np.float32).astype(np.float64)

    def add(self, name, op, x, answer, **fields):
        parts = [f'"name":"{name}"', f'"op":"{op}"', f'"input":{tensor(x)}']
        for key, value in fields.items():
            text = tensor(value) if isinstance(value, np.ndarray) else f'"{value}"' if isinstance(value, str) else value
            parts.append(f'"{key}":{text}'.replace("(", "[").replace(")", "]"))
        if op != "max_pool":  # a sum, by whose errors a device is judged
            parts.append('"random_signs":true')
        parts.append(f'"expect":{tensor(answer)}')
        self.lines.append("{" + ",\n".join(parts) + "}")

    def conv2d(self, name, x, w, **fields):
        self.add(name, "conv2d", x, conv2d(x, w, **fields), filter=w, **fields)

    def pool(self, name, op, x, **fields):
        self.add(name, op, x, {"avg_pool": avg_pool, "max_pool": max_pool}[op](x, **fields), **fields)


def tensor(x):
    numbers = ",".join(str(np.float32(v)).removesuffix(".0") for v in x.reshape(-1))
    return f'{{"shape":{list(x.shape)},"data":[{numbers}]}}'.replace(" ", "")


def main():
    c = Cases()
    d = c.draw
    c.conv2d("1x1, 64 channels", d(1, 5, 5, 64), d(1, 1, 64, 8))
    c.conv2d("3x3, a batch of 2", d(2, 9, 9, 8), d(3, 3, 8, 8))
    c.conv2d("3x3, SAME, bias", d(1, 8, 8, 16), d(3, 3, 16, 8), bias=d(8), padding="SAME")
    c.conv2d("5x5, SAME, stride 2", d(1, 13, 13, 6), d(5, 5, 6, 8), strides=(2, 2), padding="SAME")
    c.conv2d("7x7, strides 2 and 3, padding of each side", d(1, 20, 23, 3), d(7, 7, 3, 4),
             strides=(2, 3), padding=[[3, 2], [0, 4]])
    c.conv2d("11x11, stride 4", d(1, 27, 27, 3), d(11, 11, 3, 4), strides=(4, 4))
    c.conv2d("3x3, dilations 2 and 3", d(1, 15, 17, 4), d(3, 3, 4, 6), dilations=(2, 3))
    c.conv2d("3x3, SAME, dilation 2, bias", d(1, 11, 11, 4), d(3, 3, 4, 6), bias=d(6), dilations=(2, 2), padding="SAME")
    c.conv2d("3x3, 2 groups", d(1, 9, 9, 8), d(3, 3, 4, 8), groups=2)
    c.conv2d("3x3, SAME, a group a channel, bias", d(1, 9, 9, 6), d(3, 3, 1, 6), bias=d(6), groups=6, padding="SAME")
    c.conv2d("1152 terms", d(1, 3, 3, 128), d(3, 3, 128, 4))
    c.conv2d("whole input, 2048 terms", d(1, 8, 8, 32), d(8, 8, 32, 1))
    c.conv2d("numbers of many sizes", d(1, 9, 9, 6, spread=4), d(3, 3, 6, 4, spread=4))
    c.conv2d("one filter, one channel", d(1, 24, 24, 1), d(5, 5, 1, 1))
    c.pool("3x3, stride 2", "avg_pool", d(1, 13, 13, 4), size=(3, 3), strides=(2, 2))
    c.pool("2x2, SAME, stride 1", "avg_pool", d(1, 9, 9, 3), size=(2, 2), strides=(1, 1), padding="SAME")
    c.pool("7x5, SAME, strides 3 and 2", "avg_pool", d(2, 14, 11, 2), size=(7, 5), strides=(3, 2), padding="SAME")
    c.pool("5x5, padding of each side", "avg_pool", d(1, 12, 12, 3), size=(5, 5), strides=(2, 2), padding=[[2, 1], [0, 3]])
    c.pool("numbers of many sizes", "avg_pool", d(1, 12, 12, 2, spread=4), size=(4, 4), strides=(2, 2))
    c.pool("3x3, SAME, stride 2", "max_pool", d(1, 13, 13, 4), size=(3, 3), strides=(2, 2), padding="SAME")
    sys.stdout.write('{"cases":[\n' + ",\n".join(c.lines) + "\n]}\n")


main()
