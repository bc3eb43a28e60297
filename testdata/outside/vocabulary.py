"""Writes the case files of the operations besides conv2d, the pools and relu.

    python3 testdata/outside/vocabulary.py            # writes testdata/cases
    python3 testdata/outside/vocabulary.py --check    # are they what it writes?

The answers are computed outside of this project, by NumPy in float64, from
definitions.py; or they were published, published.py names by whom. The numbers
are drawn from fixed seeds and rounded to four places. crosscheck.py holds the
files to two other programs.
"""

import pathlib
import sys

import numpy as np

import published
import refusals
from casefile import Cases, filled

INF = float("inf")


def depthwise_conv2d(c):
    def add(name, x, filter, **fields):
        c.add(name, "depthwise_conv2d", x, filter=filter, **fields)

    d = c.draw
    add("multiplier 3: channel c under filter m is channel 3c+m", filled(1, 1, 2, 2), np.array([[[[1.0, 10, 100], [2, 20, 200]]]]))
    add("multiplier 1, SAME", d(2, 5, 6, 3), d(3, 3, 3, 1), padding="SAME")
    add("multiplier 2, bias", d(1, 6, 5, 3), d(3, 2, 3, 2), bias=d(6))
    add("multiplier 3, stride 2, SAME", d(1, 7, 8, 2), d(3, 3, 2, 3), strides=[2, 2], padding="SAME")
    add("one channel, multiplier 3", d(1, 6, 6, 1), d(3, 3, 1, 3))
    add("strides 1 and 2", d(1, 6, 7, 2), d(3, 3, 2, 1), strides=[1, 2])
    add("strides 3 and 1, SAME, bias", d(1, 8, 5, 2), d(2, 3, 2, 2), strides=[3, 1], padding="SAME", bias=d(4))
    add("strides 2 and 3, padding of each side", d(1, 6, 7, 2), d(3, 3, 2, 2), strides=[2, 3], padding=[[2, 0], [1, 3]])
    add("dilations 2 and 3", d(1, 7, 9, 2), d(3, 3, 2, 2), dilations=[2, 3])
    add("dilation 2, SAME, bias", d(1, 6, 6, 3), d(3, 3, 3, 1), dilations=[2, 2], padding="SAME", bias=d(3))
    add("dilations 1 and 2, strides 2 and 1, padding of one side", d(1, 6, 6, 2), d(2, 3, 2, 2), dilations=[1, 2],
        strides=[2, 1], padding=[[0, 2], [0, 0]])
    add("padding larger than the filter", filled(1, 2, 2, 2), filled(2, 2, 2, 1), padding=[[3, 2], [0, 4]], bias=np.array([1.0, -1]))
    add("filter larger than the picture, SAME", filled(1, 2, 1, 2), filled(5, 4, 2, 1), padding="SAME")
    add("stride larger than the filter", filled(1, 5, 7, 2), filled(1, 2, 2, 2), strides=[3, 4])
    add("1×1 picture", filled(1, 1, 1, 3), filled(3, 3, 3, 1), padding="SAME")
    add("a picture of many channels", d(1, 4, 4, 17), d(3, 3, 17, 1), padding="SAME")
    add("empty batch", np.zeros((0, 4, 4, 2)), filled(3, 3, 2, 2), strides=[1, 2])
    add("no rows, SAME: nothing comes out", np.zeros((1, 0, 3, 2)), filled(3, 3, 2, 1), padding="SAME")
    add("no rows but padding, with a bias", np.zeros((1, 0, 2, 2)), filled(1, 1, 2, 1), padding=[[1, 1], [0, 0]], bias=np.array([5.0, 6]))
    add("no window reads the picture, with a bias", filled(1, 3, 1, 2), filled(2, 2, 2, 1), strides=[1, 2], dilations=[2, 3],
        padding=[[1, 1], [1, 4]], bias=np.array([7.0, 8]))
    add("infinities and NaN pass through", np.array([[[[INF, 1], [-INF, 2], [np.nan, 3]]]]), np.array([[[[2.0], [3]]]]))
    add("numbers of many sizes", d(1, 5, 5, 2, spread=4), d(3, 3, 2, 2, spread=4))


def conv2d_transpose(c):
    def add(name, x, filter, output_size, **fields):
        c.add(name, "conv2d_transpose", x, filter=filter, output_size=output_size, **fields)

    d = c.draw
    for size in ([5, 7], [6, 7], [5, 8], [6, 8]):
        add(f"stride 2, VALID: the output {size[0]}×{size[1]}", filled(1, 2, 3, 1), filled(3, 3, 1, 1), size, strides=[2, 2])
    for size in ([4, 7], [5, 8], [6, 9]):
        add(f"strides 3, SAME: the output {size[0]}×{size[1]}", filled(1, 2, 3, 1), filled(3, 2, 1, 1), size, strides=[3, 3], padding="SAME")
    add("stride 1, VALID", d(1, 3, 4, 2), d(3, 2, 3, 2), [5, 5])
    add("stride 1, SAME, bias", d(2, 3, 4, 2), d(3, 3, 3, 2), [3, 4], padding="SAME", bias=d(3))
    add("strides 2 and 3, VALID, bias", d(1, 3, 2, 3), d(3, 3, 2, 3), [7, 6], strides=[2, 3], bias=d(2))
    add("strides 3 and 1, SAME", d(1, 2, 4, 2), d(4, 3, 2, 2), [5, 4], strides=[3, 1], padding="SAME")
    add("strides 1 and 2, padding of each side", d(1, 4, 3, 2), d(3, 3, 2, 2), [5, 4], strides=[1, 2], padding=[[0, 1], [2, 1]])
    add("padding larger than the filter's reach", filled(1, 7, 8, 1), filled(2, 2, 1, 1), [3, 3], padding=[[4, 1], [1, 5]])
    add("padding larger than the reach, strides 2 and 3, bias", d(1, 5, 4, 2), d(3, 2, 2, 2), [4, 5], strides=[2, 3],
        padding=[[5, 2], [0, 6]], bias=d(2))
    add("dilation 2, VALID", d(1, 3, 3, 2), d(2, 2, 2, 2), [5, 5], dilations=[2, 2])
    add("dilation 2, SAME, bias", d(1, 4, 5, 2), d(3, 3, 2, 2), [4, 5], dilations=[2, 2], padding="SAME", bias=d(2))
    add("dilations 1 and 3, padding of one side", d(1, 3, 4, 2), d(2, 2, 2, 2), [4, 5], dilations=[1, 3], padding=[[0, 0], [2, 0]])
    add("dilations 2 and 3, strides 3 and 2, VALID", d(1, 2, 2, 2), d(3, 2, 2, 2), [9, 7], dilations=[2, 3], strides=[3, 2])
    add("dilation 3, stride 2, SAME", d(1, 3, 4, 1), d(3, 3, 2, 1), [6, 7], dilations=[3, 3], strides=[2, 2], padding="SAME")
    add("dilations 2 and 1, strides 2 and 3, padding of each side", d(1, 3, 2, 1), d(3, 3, 2, 1), [6, 7], dilations=[2, 1],
        strides=[2, 3], padding=[[1, 2], [0, 1]])
    add("two groups: each sees its own channels", np.array([[[[1.0, 2, 3, 4]]]]), np.array([[[[1.0, 10, 1, 10]]]]), [1, 1], groups=2)
    add("two groups, stride 2, SAME, bias", d(1, 3, 3, 4), d(3, 3, 3, 4), [5, 6], strides=[2, 2], groups=2, padding="SAME", bias=d(6))
    add("three groups, VALID", d(2, 3, 2, 3), d(2, 3, 2, 3), [4, 4], groups=3)
    add("three groups, dilations 2 and 1, bias", d(1, 3, 3, 6), d(2, 2, 1, 6), [5, 4], groups=3, dilations=[2, 1], bias=d(3))
    add("two groups, dilation 2, stride 3, padding of each side", d(1, 3, 2, 4), d(2, 3, 2, 4), [8, 5], groups=2,
        dilations=[2, 2], strides=[3, 3], padding=[[1, 2], [3, 0]])
    add("a group a channel", d(1, 3, 3, 4), d(3, 3, 1, 4), [7, 7], groups=4, strides=[2, 2])
    add("filter smaller than the stride", filled(1, 2, 2, 1), filled(1, 2, 1, 1), [5, 6], strides=[3, 4])
    add("filter smaller than the stride, SAME, bias", filled(1, 2, 2, 1), filled(1, 1, 2, 1), [4, 3], strides=[2, 2], padding="SAME",
        bias=np.array([100.0, -100]))
    add("rows and columns that no window reads are the bias", filled(1, 1, 1, 1), filled(2, 2, 1, 1), [4, 6], strides=[5, 5], bias=np.array([7.0]))
    add("1×1 input, filter larger than the output, SAME", filled(1, 1, 1, 2), filled(3, 4, 1, 2), [1, 2], strides=[1, 2], padding="SAME")
    add("no window reads the output, with a bias", filled(1, 1, 1, 1), filled(2, 2, 1, 1), [1, 1], dilations=[2, 2], padding=[[1, 1], [1, 1]],
        bias=np.array([7.0]))
    add("padding larger than the reach, two groups", d(1, 6, 7, 2), d(2, 2, 1, 2), [2, 3], groups=2, padding=[[3, 2], [1, 4]])
    add("padding larger than the reach, dilation 2, strides 2 and 3, bias", d(1, 6, 4, 1), d(2, 2, 2, 1), [3, 2], dilations=[2, 2],
        strides=[2, 3], padding=[[4, 6], [7, 3]], bias=d(2))
    add("padding larger than the reach, two groups: the windows miss the output", filled(1, 4, 4, 2), filled(1, 1, 1, 2), [1, 1], groups=2,
        strides=[3, 3], padding=[[5, 5], [5, 5]], bias=np.array([3.0, 4]))
    loud = np.array([INF, 2, np.nan, -INF, 1]).reshape(1, 1, 5, 1)
    add("infinities and NaN go where their taps lead", loud, filled(1, 2, 1, 1), [1, 15], strides=[1, 3])
    add("infinities and NaN, dilation 2", loud, filled(1, 2, 1, 1), [1, 20], strides=[1, 4], dilations=[1, 2])
    add("infinities and NaN in the padding", loud, filled(1, 1, 1, 1), [1, 1], padding=[[0, 0], [1, 3]])
    add("infinities and NaN in the padding, two groups", np.repeat(loud, 2, axis=3), filled(1, 1, 1, 2), [1, 1], groups=2, padding=[[0, 0], [1, 3]])
    add("empty batch", np.zeros((0, 2, 2, 2)), filled(3, 3, 1, 2), [5, 5], strides=[2, 2])
    add("an output of no rows, SAME", np.zeros((1, 0, 2, 1)), filled(3, 3, 2, 1), [0, 3], strides=[2, 2], padding="SAME")
    add("an output of no rows but padding", filled(1, 2, 2, 1), filled(1, 1, 1, 1), [0, 2], padding=[[1, 1], [0, 0]])
    add("numbers of many sizes", d(1, 3, 3, 2, spread=4), d(3, 3, 2, 2, spread=4), [6, 3], strides=[2, 1], padding="SAME")


def dense(c):
    def add(name, x, filter, **fields):
        c.add(name, "dense", x, filter=filter, **fields)

    d = c.draw
    add("sums of integers", filled(2, 3), filled(3, 2))
    add("bias", filled(2, 3), filled(3, 2), bias=np.array([100.0, -200]))
    add("one feature, one unit", np.array([[3.0]]), np.array([[-2.0]]), bias=np.array([0.5]))
    add("17 features, 5 units", d(3, 17), d(17, 5), bias=d(5))
    add("300 terms", d(2, 300), d(300, 3))
    add("one feature, 9 units", d(4, 1), d(1, 9))
    add("numbers of many sizes", d(2, 20, spread=4), d(20, 3, spread=4), bias=d(3, spread=4))
    add("empty batch", np.zeros((0, 3)), filled(3, 2), bias=filled(2))
    add("infinities and NaN pass through", np.array([[INF], [-INF], [np.nan]]), np.array([[2.0]]))


def batch_norm(c):
    def add(name, x, epsilon=None, variance=None, **fields):
        channels = x.shape[-1]
        for key in ("scale", "offset", "mean"):
            fields.setdefault(key, c.draw(channels))
        fields["variance"] = np.round(np.abs(c.draw(channels)) + 0.01, 4) if variance is None else variance
        if epsilon is not None:
            fields["epsilon"] = epsilon
        c.add(name, "batch_norm", x, **fields)

    d = c.draw
    exact = {"scale": np.array([1.0, 2]), "offset": np.array([0.0, 10]), "mean": np.array([0.0, 3]), "variance": np.array([0.75, 3.75])}
    add("(x − mean)·scale/√(variance + ε) + offset", filled(1, 1, 2, 2), epsilon=0.25, **exact)
    add("rank 4", d(2, 3, 4, 3))
    add("rank 4, epsilon 1e-5", d(1, 4, 3, 5), epsilon=1e-5)
    add("rank 3", d(2, 5, 4))
    add("rank 2", d(6, 3))
    add("rank 2, one channel", d(5, 1), epsilon=0.1)
    add("1×1 picture, 9 channels", d(1, 1, 1, 9))
    add("variance 0", d(1, 2, 2, 3), variance=np.zeros(3))
    add("small and large variances", d(1, 2, 3, 4), variance=np.array([1e-10, 1e-4, 1e4, 1e10]), epsilon=1e-6)
    add("near the mean, cancelled", np.array([[100.01, 1000.1], [99.99, 999.9]]), mean=np.array([100.0, 1000]), offset=np.zeros(2))
    add("negative scale, and 0", d(1, 2, 2, 3), scale=np.array([-1.5, 0, 1]))
    add("empty batch, rank 4", np.zeros((0, 2, 2, 3)))
    add("empty batch, rank 2", np.zeros((0, 3)))
    add("no rows", np.zeros((2, 0, 3, 2)))
    add("numbers of many sizes", d(1, 3, 3, 4, spread=4))


def lrn(c):
    def add(name, x, **fields):
        c.add(name, "lrn", x, **fields)

    d = c.draw
    add("x/√(1 + Σx²): 1, 2 and 3 beside each other", np.array([[[[1.0, 2, 3]]]]), depth_radius=1)
    add("the sum is of the pixel's own channels", filled(1, 2, 2, 2), depth_radius=1, beta=1.0)
    add("TensorFlow's defaults", d(1, 3, 3, 13))
    add("those of the network of 2012: radius 2, bias 2, alpha 1e-4, beta 0.75", 20 * d(1, 3, 2, 12), depth_radius=2, lrn_bias=2.0, alpha=1e-4, beta=0.75)
    add("beta 1", d(2, 2, 3, 6), depth_radius=2, beta=1.0)
    add("beta 0.75, alpha 0.3", d(1, 2, 3, 7), depth_radius=3, alpha=0.3, beta=0.75)
    add("radius 0", d(1, 2, 2, 5), depth_radius=0, lrn_bias=0.5, beta=0.6)
    add("radius larger than the channels", d(1, 2, 2, 4), depth_radius=9, alpha=0.5)
    add("alpha 0: a constant", d(1, 2, 2, 4), alpha=0.0, lrn_bias=4.0, beta=0.5)
    add("beta 0: nothing changes", d(1, 2, 2, 4), beta=0.0)
    add("negative beta", d(1, 2, 2, 4), beta=-0.5, depth_radius=1)
    add("one channel", d(1, 3, 3, 1))
    add("zeros stay", np.zeros((1, 2, 2, 3)))
    add("small bias", d(1, 2, 2, 5), lrn_bias=1e-3, alpha=2.0, depth_radius=1, beta=0.5)
    add("empty batch", np.zeros((0, 2, 2, 3)))
    add("no rows", np.zeros((1, 0, 2, 3)))
    add("numbers of many sizes", d(1, 3, 3, 6, spread=3), depth_radius=1)
    add("400 channels", d(1, 1, 1, 400), depth_radius=4)


# Where the functions are told apart: signs, the corners, the flat ends.
CORNERS = [0.0, -0.0, 1e-30, -1e-30, 1e-7, -1e-7, 1e-3, -1e-3, 0.5, -0.5, 1, -1, 3, -3, 6, -6, 5.9999995, 6.0000005,
           9, -9, 20, -20, 88, -88, 100, -100, 1e4, -1e4, 1e30, -1e30, INF, -INF]


def activation(c):
    corners = np.array(CORNERS)
    for op in ("relu6", "leaky_relu", "elu", "selu", "sigmoid", "tanh"):
        c.add("zeros, tiny and large numbers, infinities", op, corners)
        c.add("Gaussian numbers", op, c.draw(2, 3, 3, 2))
        c.add("Gaussian numbers times 10, rank 2", op, 10 * c.draw(3, 7))
        c.add("rank 12", op, c.draw(1, 2, *[1] * 7, 2, 1, 3))
        c.add("one number, no axes", op, np.array(-0.25))
        c.add("empty batch", op, np.zeros((0, 2, 2, 1)))
        c.add("no columns", op, np.zeros((2, 0)))
        c.add("a subnormal number stays or becomes zero", op, np.array([1e-40, -1e-40]), asked=False)
        c.add("NaN", op, np.array([np.nan, 1]), asked=op in ("sigmoid", "tanh"))
    for alpha in (0.0, 0.01, 1.0, -0.5):
        c.add(f"alpha {alpha:g}", "leaky_relu", np.array([-2.0, -0.0, 0, 3, -1e-3]), alpha=alpha)
    c.add("a subnormal alpha may be read as zero", "leaky_relu", np.array([1, -1, 1e30, -1e30]), alpha=1e-45, asked=False)
    c.add("alpha 0.3, Gaussian numbers", "leaky_relu", c.draw(2, 5), alpha=0.3)
    c.add("any numbers, exactly", "identity", corners)
    c.add("rank 4", "identity", c.draw(1, 2, 2, 3))
    c.add("NaN", "identity", np.array([np.nan, 1]))
    c.add("empty batch", "identity", np.zeros((0, 3)))


def swish(c):
    corners = np.array([x for x in CORNERS if x != -INF] + [-2.9999998, -3.0000002, 2.9999998, 3.0000002, -1.5, -1.278465, 2.3994])
    for op in ("swish", "hard_swish"):
        c.add("zeros, tiny and large numbers, +Inf", op, corners)
        c.add("Gaussian numbers", op, c.draw(2, 3, 3, 2))
        c.add("Gaussian numbers times 10, rank 2", op, 10 * c.draw(3, 7))
        c.add("numbers of many sizes", op, c.draw(4, 9, spread=4))
        c.add("rank 12", op, c.draw(1, 2, *[1] * 7, 2, 1, 3))
        c.add("one number, no axes", op, np.array(-0.25))
        c.add("empty batch", op, np.zeros((0, 2, 2, 1)))
        c.add("no columns", op, np.zeros((2, 0)))
        c.add("a subnormal number stays, is halved or becomes zero", op, np.array([1e-40, -1e-40]), asked=False)
        c.add("NaN", op, np.array([np.nan, 1]), asked=op == "swish")
        c.add("−Inf times 0: kernels differ", op, np.array([-INF, 1]), asked=False)


def softmax(c):
    def add(name, x, **fields):
        c.add(name, "softmax", np.array(x), **fields)

    d = c.draw
    add("equal numbers", [[3.0] * 4])
    add("one class is 1", [[5.0], [-1e30]])
    add("rank 2", d(3, 7))
    add("rank 2, many classes", 3 * d(1, 60))
    add("rank 3", d(2, 3, 4))
    add("rank 4, over the last axis", d(1, 2, 3, 5))
    add("rank 6", d(1, 2, 1, 2, 1, 3))
    add("rank 12", d(*[1] * 9, 2, 1, 3))
    add("far apart", [[0.0, 50, 80, 100], [-100, 0, 1, 2]])
    add("large numbers are no infinities", [[1e30, 1e30, 0], [-1e30, -1e30, -1e30]])
    add("−Inf gets nothing", [[-INF, 0, 1]])
    add("20 times Gaussian numbers", 20 * d(2, 10))
    add("NaN and Inf: kernels differ", [[np.nan, 1.0], [INF, 1.0], [0.0, 0.0]], asked=False)
    add("nothing but −Inf", [[-INF, -INF], [0.0, 0.0]], asked=False)
    add("empty batch", np.zeros((0, 3)))
    add("no rows, rank 3", np.zeros((2, 0, 3)))


def pad(c):
    def add(name, x, padding):
        c.add(name, "pad", x, padding=padding)

    add("each side its own", filled(1, 2, 2, 1), [[1, 2], [0, 3]])
    add("two pictures, two channels", filled(2, 1, 2, 2), [[0, 1], [1, 0]])
    add("nothing", c.draw(1, 2, 3, 2), [[0, 0], [0, 0]])
    add("one side", c.draw(2, 2, 3, 1), [[0, 0], [2, 0]])
    add("more than the picture", filled(1, 1, 1, 2), [[3, 4], [5, 2]])
    add("any numbers, exactly", np.array([[[[INF], [np.nan], [-INF], [1e-40]]]]), [[0, 1], [1, 0]])
    add("empty batch", np.zeros((0, 2, 2, 1)), [[1, 1], [1, 1]])
    add("no rows but padding", np.zeros((1, 0, 2, 1)), [[1, 1], [0, 1]])
    add("no rows", np.zeros((1, 0, 2, 1)), [[0, 0], [1, 1]])


def resize(c):
    def add(name, x, size, methods=("nearest", "bilinear")):
        for method in methods:
            c.add(f"{name}, {method}", "resize", x, size=size, method=method)

    d = c.draw
    add("2×3 to 4×6", filled(1, 2, 3, 1), [4, 6])
    add("4×4 to 2×2", filled(1, 4, 4, 1), [2, 2])
    add("3×3 to 5×7", d(1, 3, 3, 2), [5, 7])
    add("5×7 to 3×2", d(2, 5, 7, 1), [3, 2])
    add("7×5 to 4×9", d(1, 7, 5, 3), [4, 9])
    add("the same size", d(1, 3, 4, 2), [3, 4])
    add("8×8 to 1×1", d(1, 8, 8, 1), [1, 1])
    add("9×9 to 1×1, odd", d(1, 9, 9, 1), [1, 1])
    add("1×1 to 3×4", d(1, 1, 1, 2), [3, 4])
    add("one column, 2×1 to 5×3", filled(1, 2, 1, 2), [5, 3])
    add("6×6 to 4×4: places off the pixels' middles", filled(1, 6, 6, 1), [4, 4])
    add("2×2 to 7×8: a middle on the border of two pixels", filled(1, 2, 2, 1), [7, 8])
    add("numbers of many sizes", d(1, 4, 4, 2, spread=4), [7, 6])
    add("empty batch", np.zeros((0, 2, 2, 1)), [3, 3])


def channels(c):
    def scale_shift(name, x, **fields):
        c.add(name, "scale_shift", x, **{key: np.array(v) for key, v in fields.items()})

    d = c.draw
    scale_shift("x·scale + shift, a number a channel", filled(1, 2, 2, 2), scale=[2, -3], shift=[10, 100])
    scale_shift("one number for all channels", filled(2, 3), scale=[0.5], shift=[-1])
    scale_shift("scale alone", d(1, 2, 2, 3), scale=d(3))
    scale_shift("shift alone: the mean of each colour taken off", 255 * np.abs(d(1, 2, 3, 3)), shift=[-123.68, -116.779, -103.939])
    scale_shift("neither: nothing changes", d(2, 3))
    scale_shift("times 1, plus 0: nothing changes", d(2, 3), scale=[1], shift=[0])
    scale_shift("bytes to −1 … 1", np.array([[0.0, 1, 127, 128, 254, 255]]), scale=[1 / 127.5], shift=[-1])
    scale_shift("a number a channel, rank 3", d(2, 3, 4), scale=d(4), shift=d(4))
    scale_shift("scale 0", d(1, 1, 2, 2), scale=[0, 1], shift=[3, 4])
    scale_shift("one channel", d(1, 3, 3, 1), scale=[-1.5], shift=[0.25])
    scale_shift("infinities", np.array([[INF, -INF]]), scale=[2, -2], shift=[1, 1])
    scale_shift("empty batch", np.zeros((0, 2, 2, 3)), scale=[1, 2, 3], shift=[1, 2, 3])
    for name, x in [
        ("red, green, blue becomes blue, green, red", filled(1, 2, 2, 3)),
        ("four channels", d(1, 1, 3, 4)),
        ("one channel stays", d(1, 2, 2, 1)),
        ("rank 2", d(3, 5)),
        ("rank 3", d(2, 2, 2)),
        ("any numbers, exactly", np.array([[INF, np.nan, -INF, 1e-40]])),
        ("empty batch", np.zeros((0, 2, 2, 3))),
        ("no rows", np.zeros((1, 0, 2, 3))),
    ]:
        c.add(name, "reverse_channels", x)


def branches(c):
    d = c.draw
    c.add("two", "add", [filled(1, 2, 2, 1), filled(1, 2, 2, 1, start=100)])
    c.add("three, of Gaussian numbers", "add", [d(2, 3, 2, 2) for _ in range(3)])
    c.add("five, rank 2", "add", [d(2, 4, spread=3) for _ in range(5)])
    c.add("cancelled", "add", [np.array([[1e4, 1.0]]), np.array([[-1e4, 1e-7]])])
    c.add("infinities and NaN", "add", [np.array([INF, -INF, np.nan, INF]), np.array([1.0, 1, 1, INF])])
    c.add("with zeros", "add", [d(2, 3), np.zeros((2, 3))])
    c.add("rank 12", "add", [d(1, 2, *[1] * 7, 2, 1, 3) for _ in range(3)])
    c.add("no axes", "add", [np.array(1.5), np.array(2.25)])
    c.add("empty batch", "add", [np.zeros((0, 2, 2, 1))] * 2)
    c.add("one channel and two", "concat", [filled(1, 2, 2, 1), filled(1, 2, 2, 2, start=100)])
    c.add("three, two pictures", "concat", [d(2, 1, 2, k) for k in (3, 1, 2)])
    c.add("rank 2", "concat", [d(3, 2), d(3, 4)])
    c.add("40 of one channel", "concat", [d(2, 1) for _ in range(40)])
    c.add("rank 3", "concat", [d(2, 2, 1), d(2, 2, 3)])
    c.add("one of no channels", "concat", [np.zeros((1, 2, 1, 0)), filled(1, 2, 1, 2)])
    c.add("any numbers, exactly", "concat", [np.array([[INF, np.nan]]), np.array([[-INF, 1e-40]])])
    c.add("empty batch", "concat", [np.zeros((0, 2, 2, 1)), np.zeros((0, 2, 2, 2))])
    c.add("rows, columns, channels", "flatten", filled(2, 2, 2, 2))
    c.add("rank 2 stays", "flatten", d(2, 5))
    c.add("rank 6", "flatten", d(2, 1, 2, 1, 2, 3))
    c.add("1×1 picture", "flatten", d(1, 1, 1, 4))
    c.add("empty batch", "flatten", np.zeros((0, 2, 3, 2)))
    c.add("no rows", "flatten", np.zeros((2, 0, 3, 2)))


FILES = [depthwise_conv2d, conv2d_transpose, dense, batch_norm, lrn, activation, softmax, pad, resize, channels, branches, swish]


def main():
    folder = pathlib.Path(__file__).parent.parent / "cases"
    stale = []
    for seed, fill in enumerate(FILES):
        c = Cases(seed)
        for more in (published, refusals):
            if more is refusals:
                fill(c)
            if hasattr(more, fill.__name__):
                getattr(more, fill.__name__)(c)
        path = folder / (fill.__name__ + ".json")
        if "--check" not in sys.argv:
            path.write_text(c.text())
        elif not path.exists() or path.read_text() != c.text():
            stale.append(str(path))
    if stale:
        sys.exit("not what vocabulary.py writes: " + ", ".join(stale))


if __name__ == "__main__":
    main()
