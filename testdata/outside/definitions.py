"""The operations by their definitions, in NumPy and float64: what vocabulary.py
takes its answers from. Written from the formulas, not from the Go code.

Images are [N, H, W, C]. Attributes are float32, as TensorFlow's are.
"""

from fractions import Fraction

import numpy as np


def f32(x):
    """A number as the float32 that it is read as."""
    return float(np.float32(x))


def sides_of(padding, sizes, kernel, strides, dilations):
    """Rows and columns of padding: [[top, bottom], [left, right]]."""
    if padding == "VALID":
        return [[0, 0], [0, 0]]
    if padding != "SAME":
        return padding
    sides = []
    for size, taps, stride, dilation in zip(sizes, kernel, strides, dilations):
        windows = -(-size // stride)
        total = max((windows - 1) * stride + (taps - 1) * dilation + 1 - size, 0) if windows else 0
        sides.append([total // 2, total - total // 2])
    return sides


def conv2d(x, w, strides=(1, 1), dilations=(1, 1), padding="VALID", groups=1):
    """Tap by tap: each adds its own number times a shifted image."""
    sides = sides_of(padding, x.shape[1:3], w.shape[:2], strides, dilations)
    size = x.shape[1:3]
    x = np.pad(x, [[0, 0], *sides, [0, 0]])
    counts = [
        max((x.shape[1 + a] - (w.shape[a] - 1) * dilations[a] - 1) // strides[a] + 1, 0) for a in (0, 1)
    ]
    if padding == "SAME":
        counts = [-(-size[a] // strides[a]) for a in (0, 1)]
    y = np.zeros([x.shape[0], *counts, w.shape[3]])
    if 0 in y.shape:
        return y
    inputs, filters = w.shape[2], w.shape[3] // groups
    for i in range(w.shape[0]):
        for j in range(w.shape[1]):
            top, left = i * dilations[0], j * dilations[1]
            shifted = x[
                :,
                top : top + (counts[0] - 1) * strides[0] + 1 : strides[0],
                left : left + (counts[1] - 1) * strides[1] + 1 : strides[1],
            ]
            for g in range(groups):
                y[..., g * filters : (g + 1) * filters] += (
                    shifted[..., g * inputs : (g + 1) * inputs] @ w[i, j, :, g * filters : (g + 1) * filters]
                )
    return y


def depthwise_conv2d(x, filter, bias=None, **geometry):
    """Each channel by itself under each of its own filters."""
    channels, multiplier = filter.shape[2:]
    parts = [
        conv2d(x[..., c : c + 1], filter[:, :, c : c + 1, m : m + 1], **geometry)
        for c in range(channels)
        for m in range(multiplier)
    ]
    y = np.concatenate(parts, axis=-1)
    return y if bias is None else y + bias


def conv2d_transpose(x, filter, output_size, bias=None, groups=1, **geometry):
    """The transpose of the matrix that the forward convolution is: its columns
    are what becomes of images with a single 1."""
    shape = [*output_size, filter.shape[2] * groups]
    n = int(np.prod(shape))
    forward = conv2d(np.eye(n).reshape([n, *shape]), filter, groups=groups, **geometry)
    if n:
        assert forward.shape[1:] == x.shape[1:], (forward.shape, x.shape)
    matrix = forward.reshape(n, int(np.prod(x.shape[1:])))
    # Not a matrix product: 0 times an infinity is no term of these sums.
    with np.errstate(invalid="ignore"):
        products = np.where(matrix == 0, 0, x.reshape(x.shape[0], 1, matrix.shape[1]) * matrix)
    y = products.sum(axis=2).reshape([x.shape[0], *shape])
    return y if bias is None else y + bias


def dense(x, filter, bias=None):
    y = x @ filter
    return y if bias is None else y + bias


def flatten(x):
    return x.reshape([x.shape[0], int(np.prod(x.shape[1:]))])


def batch_norm(x, scale, offset, mean, variance, epsilon=0.001):
    return scale * (x - mean) / np.sqrt(variance + f32(epsilon)) + offset


def lrn(x, depth_radius=5, lrn_bias=1.0, alpha=1.0, beta=0.5):
    sums = np.zeros(x.shape)
    channels = x.shape[-1]
    for c in range(channels):
        for k in range(channels):
            if abs(k - c) <= depth_radius:
                sums[..., c] += x[..., k] ** 2
    return x / (f32(lrn_bias) + f32(alpha) * sums) ** f32(beta)


def relu6(x):
    return np.clip(x, 0, 6)


def leaky_relu(x, alpha=0.2):
    return np.where(x < 0, f32(alpha) * x, x)


def elu(x):
    with np.errstate(over="ignore"):
        return np.where(x < 0, np.expm1(x), x)


def selu(x):
    # The constants are those of the paper (Klambauer and others 2017).
    with np.errstate(over="ignore"):
        return 1.0507009873554805 * np.where(x < 0, 1.6732632423543772 * np.expm1(x), x)


def sigmoid(x):
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-x))


def tanh(x):
    return np.tanh(x)


def swish(x):
    with np.errstate(over="ignore"):
        return x / (1 + np.exp(-x))


def hard_swish(x):
    return x * np.clip(x + 3, 0, 6) / 6


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True)) if x.size else x
    return e / e.sum(axis=-1, keepdims=True)


def pad(x, padding):
    return np.pad(x, [[0, 0], *padding, [0, 0]])


def resize(x, size, method):
    """The middle of output pixel i of n lies at (i + ½)·m/n of m input pixels.

    nearest takes the pixel that it lies in; bilinear has pixels' numbers in
    their middles and straight lines between, and is flat outside.
    """
    for axis, n in ((1, size[0]), (2, size[1])):
        m = x.shape[axis]
        rows = []
        for i in range(n):
            place = (Fraction(i) + Fraction(1, 2)) * m / n
            if method == "nearest":
                rows.append(np.take(x, place.numerator // place.denominator, axis=axis))
                continue
            place = min(max(place - Fraction(1, 2), Fraction(0)), Fraction(m - 1))
            low = place.numerator // place.denominator
            part = float(place - low)
            rows.append((1 - part) * np.take(x, low, axis=axis) + part * np.take(x, min(low + 1, m - 1), axis=axis))
        x = np.stack(rows, axis=axis)
    return x


def scale_shift(x, scale=None, shift=None):
    y = x if scale is None else x * scale
    return y if shift is None else y + shift


def reverse_channels(x):
    return x[..., ::-1]


def identity(x):
    return x


def add(*inputs):
    total = inputs[0]
    for x in inputs[1:]:
        total = total + x
    return total


def concat(*inputs):
    return np.concatenate(inputs, axis=-1)
