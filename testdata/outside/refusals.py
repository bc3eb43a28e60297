"""What must be refused, for each error that an operation's operands and
attributes can give."""

import numpy as np

from casefile import Raw, filled, ones

INF, NAN = float("inf"), float("nan")
HUGE = 2147483648  # one more than a size may be


def images(c, op, **fields):
    """What every operation on images asks of its input."""
    for shape in ([3], [2, 3], [1, 2, 3], [1, 1, 2, 3, 1]):
        n = len(shape)
        c.refuse(op, f"input {list(shape)} has {n} axes, want 4".replace(", ", ",", n - 1), ones(*shape), **fields)
    c.refuse(op, "input has 0 channels, want 1 or more", np.zeros((1, 2, 2, 0)), **fields)
    c.refuse(op, f"height {HUGE} is not a size", Raw(0, HUGE, 2, 2), **fields)
    c.refuse(op, "size -1 is negative", Raw(1, -1, 2, 2), **fields)
    c.refuse(op, "got 3 numbers, want 8", Raw(1, 2, 2, 2, n=3), **fields)
    c.refuse(op, "number of elements overflows int64", Raw(1 << 62, 4, 2, 2), **fields)


def geometry(c, op, x, filter, **fields):
    """Strides, dilations and padding."""
    for i, name in enumerate(("vertical", "horizontal")):
        for key in ("stride", "dilation"):
            for wrong in (0, -1, HUGE):
                pair = [1, 1]
                pair[i] = wrong
                c.refuse(op, f"{name} {key} is {wrong}, want 1 or more", x, filter=filter, **fields, **{key + "s": pair})
    for i, name in enumerate(("top", "bottom", "left", "right")):
        for wrong, text in ((-1, "want 0 or more"), (16777217, "want at most 16777216")):
            sides = [0] * 4
            sides[i] = wrong
            c.refuse(op, f"padding at the {name} is {wrong}, {text}", x, filter=filter, **fields, padding=[sides[:2], sides[2:]])


def filters(c, op, x, axes, **fields):
    """A filter's rank and sizes."""
    shape = [1] * len(axes)
    c.refuse(op, f"axes, want {len(axes)} (" + ", ".join(axes) + ")", x, filter=ones(*shape[1:]), **fields)
    c.refuse(op, f"axes, want {len(axes)} (" + ", ".join(axes) + ")", x, name="one axis too many", filter=ones(*shape, 1), **fields)
    for i, name in enumerate(axes):
        shape = [1] * len(axes)
        shape[i] = 0
        c.refuse(op, f"{name} is 0, want 1 or more", x, filter=np.zeros(shape), **fields)


def depthwise_conv2d(c):
    op, x, w = "depthwise_conv2d", filled(1, 4, 5, 2), filled(2, 3, 2, 2)
    images(c, op, filter=w)
    filters(c, op, x, ("height", "width", "channels", "multiplier"))
    geometry(c, op, x, w)
    c.refuse(op, "input has 2 channels, filter wants 3", x, filter=filled(2, 2, 3, 1))
    c.refuse(op, "bias is [2], want [4]", x, filter=w, bias=ones(2))
    c.refuse(op, "bias is [4,1], want [4]", x, filter=w, bias=ones(4, 1))
    c.refuse(op, "window spans 5 rows, input has only 4", x, filter=ones(5, 1, 2, 1))
    c.refuse(op, "window spans 7 columns, input has only 5", x, filter=w, dilations=[1, 3])
    c.refuse(op, "window spans 7 rows, input has only 4, 6 with the padding", x, filter=w, dilations=[6, 1], padding=[[2, 0], [0, 0]])
    c.refuse(op, "has more than 2147483647 elements", x, filter=w, padding=[[16777216, 16777216], [16777216, 16777216]])
    c.refuse(op, "has more than 2147483647 elements", x, filter=w, dilations=[HUGE - 1, HUGE - 1], padding="SAME", name="SAME pads a filter that reaches too far")


def conv2d_transpose(c):
    op, x, w = "conv2d_transpose", filled(1, 2, 3, 2), filled(2, 2, 1, 2)
    size = {"output_size": [3, 4]}
    images(c, op, filter=w, **size)
    filters(c, op, x, ("height", "width", "filters/groups", "channels"), **size)
    geometry(c, op, x, w, **size)
    for groups in (0, -1, HUGE):
        c.refuse(op, f"groups is {groups}, want 1 or more", x, filter=w, groups=groups, **size)
    c.refuse(op, "input has 2 channels, filter wants 3", x, filter=ones(2, 2, 1, 3), **size)
    c.refuse(op, "input has 2 channels, not a multiple of the 3 groups", x, filter=w, groups=3, **size)
    c.refuse(op, "bias is [2], want [1]", x, filter=w, bias=ones(2), **size)
    c.refuse(op, "bias is [1], want [2]", x, filter=w, groups=2, bias=ones(1), **size)
    for wrong in (-1, HUGE):
        c.refuse(op, f"output height is {wrong}, want 0 or more", x, filter=w, output_size=[wrong, 4])
        c.refuse(op, f"output width is {wrong}, want 0 or more", x, filter=w, output_size=[3, wrong])
    c.refuse(op, "input is 2×3, a convolution from the output 4×4 makes 3×3", x, filter=w, output_size=[4, 4])
    c.refuse(op, "input is 2×3, a convolution from the output 3×6 makes 1×3", x, filter=w, output_size=[3, 6], strides=[2, 2])
    c.refuse(op, "input is 2×3, a convolution from the output 3×4 makes 3×4", x, filter=w, padding="SAME", **size)
    c.refuse(op, "input is 2×3, a convolution from the output 4×7 makes 2×4", x, filter=w, padding="SAME", strides=[2, 2], output_size=[4, 7])
    c.refuse(op, "input is 2×3, a convolution from the output 3×4 makes 5×7", x, filter=w, padding=[[1, 2], [0, 4]], **size)
    c.refuse(op, "a convolution from the output 1×4: window spans 2 rows, input has only 1", x, filter=w, output_size=[1, 4])
    c.refuse(op, "a convolution from the output 0×0: window spans 2 rows, input has only 0", x, filter=w, output_size=[0, 0])
    one, tap = ones(1, 1, 1, 1), ones(1, 1, 1, 1)
    c.refuse(op, "output [1,65536,65536,1] has more than 2147483647 elements", one, filter=tap, output_size=[65536, 65536], strides=[65536, 65536])
    c.refuse(op, "output with its padding [1,33554433,33554433,1] has more than", one, filter=tap, output_size=[1, 1],
             strides=[33554434, 33554434], padding=[[16777216, 16777216]] * 2)
    c.refuse(op, "input spread by its strides [1,65536,65536,1] has more than", one, filter=tap, output_size=[1, 1], strides=[65536, 65536])


def dense(c):
    w = filled(3, 2)
    for shape in ((3,), (1, 1, 3), (1, 1, 1, 3)):
        text = str(list(shape)).replace(" ", "")
        c.refuse("dense", f"input {text} has {len(shape)} axes, want 2 (batch, features): flatten it first", ones(*shape), filter=w)
    filters(c, "dense", ones(1, 1), ("features", "units"))
    c.refuse("dense", "input has 4 features, filter wants 3", ones(1, 4), filter=w)
    c.refuse("dense", "bias is [3], want [2]", ones(1, 3), filter=w, bias=ones(3))
    c.refuse("dense", "bias is [1,2], want [2]", ones(1, 3), filter=w, bias=ones(1, 2))
    c.refuse("dense", "size -1 is negative", Raw(-1, 3), filter=w)
    c.refuse("dense", f"{HUGE} is not a size", Raw(0, HUGE), filter=w)


def batch_norm(c):
    names = ("scale", "offset", "mean", "variance")
    weights = {name: ones(2) for name in names}
    x = filled(1, 2, 2, 2)
    c.refuse("batch_norm", "input [2] has 1 axes, want 2 to 4", ones(2), **weights)
    c.refuse("batch_norm", "input [1,1,1,1,2] has 5 axes, want 2 to 4", ones(1, 1, 1, 1, 2), **weights)
    c.refuse("batch_norm", "input has 0 channels, want 1 or more", np.zeros((1, 0)), **{name: np.zeros(0) for name in names})
    for name in names:
        c.refuse("batch_norm", f"{name} is [3], want [2], one number a channel", x, **{**weights, name: ones(3)})
        c.refuse("batch_norm", f"{name} is [1,2], want [2], one number a channel", x, **{**weights, name: ones(1, 2)})
    for epsilon, text in ((0.0, "0"), (-0.001, "-0.001"), (INF, "+Inf"), (NAN, "NaN")):
        c.refuse("batch_norm", f"epsilon is {text}, want a number above 0", x, **weights, epsilon=epsilon)
    c.refuse("batch_norm", f"{HUGE} is not a size", Raw(0, HUGE, 2), **weights)


def lrn(c):
    x = filled(1, 1, 2, 3)
    images(c, "lrn")
    for radius in (-1, 1073741824):
        c.refuse("lrn", f"depth radius is {radius}, want 0 or more", x, depth_radius=radius)
    for wrong, text in ((0.0, "0"), (-1.0, "-1"), (INF, "+Inf"), (NAN, "NaN")):
        c.refuse("lrn", f"bias is {text}, want a number above 0", x, lrn_bias=wrong)
    for wrong, text in ((-1.0, "-1"), (INF, "+Inf"), (NAN, "NaN")):
        c.refuse("lrn", f"alpha is {text}, want 0 or a number above it", x, alpha=wrong)
    for wrong, text in ((INF, "+Inf"), (-INF, "-Inf"), (NAN, "NaN")):
        c.refuse("lrn", f"beta is {text}, want a finite number", x, beta=wrong)


def activation(c):
    for op in ("relu6", "leaky_relu", "elu", "selu", "sigmoid", "tanh", "identity"):
        c.refuse(op, "input has 255 axes, TensorFlow's tensors have at most 254", Raw(*[1] * 255, n=1))
        c.refuse(op, "size -2 is negative", Raw(2, -2))
        c.refuse(op, "got 3 numbers, want 4", Raw(2, 2, n=3))
        c.refuse(op, f"{HUGE} is not a size", Raw(0, HUGE))
    for alpha, text in ((1.5, "1.5"), (INF, "+Inf"), (-INF, "-Inf"), (NAN, "NaN")):
        c.refuse("leaky_relu", f"alpha is {text}, want a number up to 1", ones(2), alpha=alpha)


def swish(c):
    for op in ("swish", "hard_swish"):
        c.refuse(op, "input has 255 axes, TensorFlow's tensors have at most 254", Raw(*[1] * 255, n=1))
        c.refuse(op, "size -2 is negative", Raw(2, -2))


def softmax(c):
    c.refuse("softmax", "input [3] has 1 axes, want 2 or more", ones(3))
    c.refuse("softmax", "input [] has 0 axes, want 2 or more", ones())
    c.refuse("softmax", "input has 0 channels, want 1 or more", np.zeros((2, 0)))
    c.refuse("softmax", "input has 255 axes, TensorFlow's tensors have at most 254", Raw(*[1] * 255, n=1))
    c.refuse("softmax", f"{HUGE} is not a size", Raw(0, HUGE, 2))


def pad(c):
    x = filled(1, 2, 2, 2)
    images(c, "pad", padding=[[1, 1], [1, 1]])
    for i, name in enumerate(("top", "bottom", "left", "right")):
        for wrong, text in ((-1, "want 0 or more"), (16777217, "want at most 16777216")):
            sides = [0] * 4
            sides[i] = wrong
            c.refuse("pad", f"padding at the {name} is {wrong}, {text}", x, padding=[sides[:2], sides[2:]])
    c.refuse("pad", "output [1,33554434,33554434,2] has more than 2147483647 elements", x, padding=[[16777216, 16777216]] * 2)


def resize(c):
    x = filled(1, 2, 2, 2)
    images(c, "resize", size=[2, 2], method="nearest")
    c.refuse("resize", "input has no rows or no columns, there is nothing to resize", np.zeros((1, 0, 2, 1)), size=[2, 2], method="bilinear")
    c.refuse("resize", "input has no rows or no columns, there is nothing to resize", np.zeros((1, 2, 0, 1)), size=[2, 2], method="nearest",
             name="input has no columns")
    for method in ("bicubic", "area", ""):
        c.refuse("resize", f'method is "{method}", want "nearest" or "bilinear"', x, size=[2, 2], method=method)
    for wrong in (0, -1, 4194305):
        c.refuse("resize", f"height is {wrong}, want 1 to 4194304", x, size=[wrong, 2], method="nearest")
        c.refuse("resize", f"width is {wrong}, want 1 to 4194304", x, size=[2, wrong], method="bilinear")
    c.refuse("resize", "input's height is 4194305, want at most 4194304", Raw(0, 4194305, 1, 1), size=[1, 1], method="nearest")
    c.refuse("resize", "input's width is 4194305, want at most 4194304", Raw(0, 1, 4194305, 1), size=[1, 1], method="bilinear")
    c.refuse("resize", "output [1,65536,65536,2] has more than 2147483647 elements", x, size=[65536, 65536], method="nearest")


def channels(c):
    x = filled(1, 2, 2, 3)
    for op in ("scale_shift", "reverse_channels"):
        c.refuse(op, "input [3] has 1 axes, want 2 to 8", ones(3))
        c.refuse(op, "input [1,1,1,1,1,1,1,1,3] has 9 axes, want 2 to 8", ones(1, 1, 1, 1, 1, 1, 1, 1, 3))
        c.refuse(op, "input has 0 channels, want 1 or more", np.zeros((2, 0)))
        c.refuse(op, f"{HUGE} is not a size", Raw(0, HUGE, 2))
    for name in ("scale", "shift"):
        c.refuse("scale_shift", f"{name} has 2 numbers, want 1 or 3, one a channel", x, **{name: ones(2)})
        for wrong, text in ((INF, "+Inf"), (-INF, "-Inf"), (NAN, "NaN")):
            c.refuse("scale_shift", f"{name} has {text}, want finite numbers", x, **{name: np.array([1, wrong, 1])})


def branches(c):
    a, b = ones(1, 2, 2, 1), ones(1, 2, 2, 2)
    for op in ("add", "concat"):
        c.refuse(op, "got 1 inputs, want 2 or more", [a])
        c.refuse(op, "got 0 inputs, want 2 or more", [])
        c.refuse(op, f"input 2: input [0,{HUGE}]: {HUGE} is not a size", [np.zeros((0, 2)), Raw(0, HUGE)])
    c.refuse("add", "input 2 is [1,2,2,2], the first is [1,2,2,1], want one shape", [a, b])
    c.refuse("add", "input 3 is [2,2,1], the first is [1,2,2,1], want one shape", [a, a, ones(2, 2, 1)])
    c.refuse("concat", "input 2 is [1,2,3,1], the first is [1,2,2,1], want shapes that differ in the channels alone", [a, ones(1, 2, 3, 1)])
    c.refuse("concat", "input 2 is [2,2,2,1], the first is [1,2,2,1], want shapes that differ in the channels alone", [a, ones(2, 2, 2, 1)])
    c.refuse("concat", "input 2 is [2,2,1], the first is [1,2,2,1], want shapes that differ in the channels alone", [a, ones(2, 2, 1)])
    c.refuse("concat", "input [3] has 1 axes, want 2 or more", [ones(3), ones(3)])
    c.refuse("flatten", "input [3] has 1 axes, want 2 or more", ones(3))
    c.refuse("flatten", "input [] has 0 axes, want 2 or more", ones())
    c.refuse("flatten", f"{HUGE} is not a size", Raw(0, HUGE, 2))
