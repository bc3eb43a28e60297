"""Known answers for package ref, with mpmath at 60 digits: known.json.

    python3 known.py > known.json

Inputs are float32 numbers, written so that float64 has them exactly. Nothing
of the project is used: the formulas are those of the papers.
"""
import json
import struct

from mpmath import exp, expm1, mp, mpf, sqrt, tanh

mp.dps = 60


def f32(x):
    return struct.unpack("f", struct.pack("f", x))[0]


def number(x):
    return float(mp.nstr(x, 25))


SCALE = mpf("1.0507009873554804934193349852946")
ALPHA = mpf("1.6732632423543772848170429916717")
FUNCTIONS = {
    "relu6": lambda x: min(max(x, mpf(0)), mpf(6)),
    "leaky_relu": lambda x: x if x > 0 else mpf(f32(0.3)) * x,
    "elu": lambda x: x if x > 0 else expm1(x),
    "selu": lambda x: SCALE * x if x > 0 else SCALE * ALPHA * expm1(x),
    "sigmoid": lambda x: 1 / (1 + exp(-x)),
    "tanh": tanh,
    "swish": lambda x: x / (1 + exp(-x)),
    "hard_swish": lambda x: x * min(max(x + 3, mpf(0)), mpf(6)) / 6,
}
INPUTS = [f32(x) for x in (
    -1e30, -104.5, -88.0, -50.0, -20.0, -9.1, -7.25, -4.0, -1.5, -1.0, -0.75, -0.5, -0.1, -1e-3, -1e-7, -1e-20, -1e-37,
    0.0, 1e-37, 1e-20, 1e-7, 1e-3, 0.1, 0.5, 0.75, 1.0, 1.5, 4.0, 5.999, 6.0, 6.001, 7.25, 9.1, 20.0, 88.0, 1e30)]

rows = [[f32(x) for x in row] for row in (
    (0, 0, 0, 0), (1, 2, 3, 4), (-1, 0.5, 20, 21), (1000, 999, 998, -1000), (-0.1, 0.2, -0.3, 0.4), (-50, 0, 50, 49.5))]

scale, offset, mean, variance, epsilon = [f32(x) for x in (1.5, -0.25, 0)], [f32(x) for x in (0.1, 2, -3)], \
    [f32(x) for x in (0.3, -100, 7)], [f32(x) for x in (2, 0, 1e-4)], f32(1e-3)
normed = [f32(x) for x in (0.3, -100, 7, 1, 2, 3, -5.5, -99.9, 1e4)]

pixel = [f32(x) for x in (1, -2, 0.5, 0.25, -3, 4, 0)]
responses = []
for radius, bias, alpha, beta in ((2, 1, 1, 0.5), (1, 2, 1e-4, 0.75), (5, 1, 0.01, 1), (0, 0.5, 2, 0.3)):
    bias, alpha, beta = f32(bias), f32(alpha), f32(beta)
    out = []
    for c, x in enumerate(pixel):
        window = pixel[max(0, c - radius):c + radius + 1]
        out.append(number(mpf(x) / (mpf(bias) + mpf(alpha) * sum(mpf(v) ** 2 for v in window)) ** mpf(beta)))
    responses.append({"radius": radius, "bias": bias, "alpha": alpha, "beta": beta, "values": out})


def softmax(row):
    terms = [exp(mpf(x)) for x in row]
    return [number(t / sum(terms)) for t in terms]


print(json.dumps({
    "inputs": INPUTS,
    "functions": {name: [number(f(mpf(x))) for x in INPUTS] for name, f in FUNCTIONS.items()},
    "rows": rows,
    "softmax": [softmax(row) for row in rows],
    "batch_norm": {
        "scale": scale, "offset": offset, "mean": mean, "variance": variance, "epsilon": epsilon, "input": normed,
        "values": [number((mpf(x) - mpf(mean[i % 3])) * mpf(scale[i % 3]) / sqrt(mpf(variance[i % 3]) + mpf(epsilon))
                          + mpf(offset[i % 3])) for i, x in enumerate(normed)],
    },
    "pixel": pixel,
    "lrn": responses,
}, indent="\t"))
