"""Writes testdata/cases/networks_*.json: whole networks, computed outside of this
project by Keras, one case for each layer type, each default and each attribute.

    make network-cases

The network of a case is this project's JSON, written here by hand; beside it stands
the same network in Keras's words, which is run. Where a case is about a default, both
leave it out. Keras computes in float64 on the CPU, from numbers that are float32, and
its answers are rounded to float32: so no other rounding lies between them and the
definition. Two of TensorFlow's kernels round to float32 all the same: those that
resize by interpolation. What Keras has not is put together from what it has (explicit
padding: ZeroPadding2D before the layer), or, as LRN, written here in NumPy from
TensorFlow's documentation, and compared with TensorFlow's own operation and defaults.
"""

import json
import os
import pathlib
import sys

os.environ |= {"CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"}

import keras
import numpy as np
import tensorflow as tf

from casefile import tensor

tf.get_logger().setLevel("ERROR")
keras.backend.set_floatx("float64")

BATCH_NORM = ("scale", "offset", "mean", "variance")  # in Keras's order

MADE_BY = f"testdata/outside/networks.py with Keras {keras.__version__}, TensorFlow {tf.__version__}, NumPy {np.__version__}"


def layer(text, x, *weights):
    """A Keras layer, by the text that stands as the case's source, with weights set."""
    made = eval(f"keras.layers.{text}")
    x = [np.asarray(part) for part in x] if isinstance(x, list) else np.asarray(x)
    made.build([part.shape for part in x] if isinstance(x, list) else x.shape)
    assert [w.shape for w in made.weights] == [w.shape for w in weights], text
    made.set_weights(weights)
    return np.asarray(made(x))


class Networks:
    """The cases of one file."""

    def __init__(self, seed):
        self.seed, self.drawn, self.lines = seed, 0, []

    def draw(self, *shape, positive=False, spread=1.0):
        """Gaussian numbers of two places; with positive, from 0.05 on."""
        self.drawn += 1
        rng = np.random.default_rng([2026, 15, self.seed, self.drawn])
        x = np.round(spread * rng.standard_normal(shape), 2)
        if positive:
            x = np.abs(x) + 0.05
        return x.astype(np.float32).astype(np.float64)

    def weights(self, names):
        """Weights by name, from their shapes."""
        return {
            name: self.draw(*shape, positive=name.endswith(("variance", "scale"))) for name, shape in names.items()
        }

    def add(self, name, layers, source, run, weights=None, x=None, outputs=None):
        """A case of a network; run computes its output, or outputs by layer, from the
        input and the weights."""
        x = self.draw(2, 5, 4, 3) if x is None else x
        weights = self.weights(weights or {})
        expect = run(x, *weights.values())
        height, width, channels = x.shape[1:]
        network = {"input": {"height": height, "width": width, "channels": channels}, "layers": layers}
        if outputs:
            network["outputs"] = outputs
        parts = {"name": json.dumps(name), "source": json.dumps(source), "network": json.dumps(network)}
        if weights:
            parts["weights"] = fields({key: tensor(value) for key, value in weights.items()})
        parts["input"] = tensor(x)
        if isinstance(expect, dict):
            parts["expect"] = fields({key: tensor(np.asarray(value)) for key, value in expect.items()})
        else:
            parts["expect"] = tensor(np.asarray(expect))
        self.lines.append("  " + fields(parts))

    def one(self, name, ours, keras_layer, weights=None, x=None, before=None):
        """A case of one layer that Keras has; before is a Keras layer in front of it."""

        def run(x, *weights):
            if before:
                x = layer(before, x)
            return layer(keras_layer, x, *weights)

        source = f"keras.layers.{keras_layer}" + (f" behind {before}" if before else "")
        self.add(name, [ours], source, run, weights, x)

    def text(self):
        return '{"made_by": ' + json.dumps(MADE_BY) + ', "cases": [\n' + ",\n".join(self.lines) + "\n]}\n"


def fields(parts):
    return "{" + ", ".join(f"{json.dumps(key)}: {value}" for key, value in parts.items()) + "}"


def conv2d(c):
    def case(name, keras_layer, x=None, filter=(2, 3, 3, 4), bias=True, before=None, **attributes):
        ours = {"type": "conv2d", "filters": filter[3], "size": [filter[0], filter[1]]} | attributes
        weights = {"conv1/filter": filter} | ({"conv1/bias": filter[3:]} if bias else {})
        c.one(f"conv2d, {name}", ours, keras_layer, weights, x, before)

    case("all defaults", "Conv2D(4, (2, 3))")
    case("a size in one number", "Conv2D(2, 3)", filter=(3, 3, 3, 2), size=3)
    case("strides", "Conv2D(4, (2, 3), strides=(2, 1))", strides=[2, 1])
    case("a vertical stride alone", "Conv2D(4, (2, 2), strides=(3, 1))", filter=(2, 2, 3, 4), strides={"height": 3})
    case("SAME", "Conv2D(4, (2, 3), padding='same')", padding="SAME")
    case("SAME, an odd column goes to the right", "Conv2D(2, 3, strides=2, padding='same')", filter=(3, 3, 3, 2), x=c.draw(2, 5, 6, 3), strides=2, padding="same")
    case("SAME, a kernel larger than the image", "Conv2D(2, (5, 4), padding='same')", filter=(5, 4, 3, 2), x=c.draw(1, 3, 2, 3), padding="SAME")
    case("a stride above the kernel's size", "Conv2D(2, 1, strides=(2, 3), padding='same')", filter=(1, 1, 3, 2), strides=[2, 3], padding="SAME")
    case("dilations", "Conv2D(4, (2, 3), dilation_rate=(3, 1))", dilations=[3, 1])
    case("dilations, SAME", "Conv2D(4, (2, 3), dilation_rate=(1, 2), padding='same')", dilations=[1, 2], padding="SAME")
    case("explicit padding", "Conv2D(4, (2, 3))", before="ZeroPadding2D(((1, 0), (0, 2)))", padding=[[1, 0], [0, 2]])
    case("explicit padding, four sides", "Conv2D(2, (2, 3), strides=(1, 2))", filter=(2, 3, 3, 2), before="ZeroPadding2D(((3, 1), (2, 4)))",
         padding=[[3, 1], [2, 4]], strides=[1, 2])
    case("groups", "Conv2D(6, (2, 3), groups=2)", filter=(2, 3, 2, 6), x=c.draw(2, 4, 5, 4), groups=2)
    case("a group a channel", "Conv2D(6, 2, groups=3)", filter=(2, 2, 1, 6), groups=3)
    case("no bias", "Conv2D(4, (2, 3), use_bias=False)", bias=False, no_bias=True)
    case("activation", "Conv2D(4, (2, 3), activation='relu')", activation="relu")


def depthwise(c):
    def case(name, keras_layer, filter=(2, 3, 3, 1), bias=True, before=None, **attributes):
        ours = {"type": "depthwise_conv2d", "size": [filter[0], filter[1]]} | attributes
        weights = {"depthwise_conv1/filter": filter} | ({"depthwise_conv1/bias": (3 * filter[3],)} if bias else {})
        c.one(f"depthwise_conv2d, {name}", ours, keras_layer, weights, before=before)

    case("all defaults", "DepthwiseConv2D((2, 3))")
    case("multiplier", "DepthwiseConv2D((2, 3), depth_multiplier=2)", filter=(2, 3, 3, 2), multiplier=2)
    case("strides, SAME", "DepthwiseConv2D((2, 3), strides=2, padding='same')", strides=2, padding="SAME")
    case("dilations", "DepthwiseConv2D((2, 3), dilation_rate=(3, 1))", dilations=[3, 1])
    case("dilations, SAME", "DepthwiseConv2D((2, 3), dilation_rate=(1, 2), padding='same')", dilations=[1, 2], padding="SAME")
    case("explicit padding", "DepthwiseConv2D((2, 3))", before="ZeroPadding2D(((1, 0), (0, 2)))", padding=[[1, 0], [0, 2]])
    case("no bias", "DepthwiseConv2D((2, 3), use_bias=False)", bias=False, no_bias=True)
    case("activation", "DepthwiseConv2D((2, 3), activation='tanh')", activation="tanh")

    def channels(x, filter, bias):
        parts = [layer("Conv2D(1, (2, 3), strides=(2, 1))", x[..., k : k + 1], filter[:, :, k : k + 1], bias[k : k + 1]) for k in range(3)]
        return np.concatenate(parts, axis=-1)

    c.add("depthwise_conv2d, two strides", [{"type": "depthwise_conv2d", "size": [2, 3], "strides": [2, 1]}],
          "keras.layers.Conv2D(1, (2, 3), strides=(2, 1)) of each channel", channels,
          {"depthwise_conv1/filter": (2, 3, 3, 1), "depthwise_conv1/bias": (3,)})


def separable(c):
    def case(name, keras_layer, filter=(2, 3, 3, 1), bias=True, before=None, **attributes):
        ours = {"type": "separable_conv2d", "filters": 4, "size": [filter[0], filter[1]]} | attributes
        weights = {"separable_conv1/depthwise_filter": filter, "separable_conv1/pointwise_filter": (1, 1, 3 * filter[3], 4)}
        weights |= {"separable_conv1/bias": (4,)} if bias else {}
        c.one(f"separable_conv2d, {name}", ours, keras_layer, weights, before=before)

    case("all defaults", "SeparableConv2D(4, (2, 3))")
    case("multiplier", "SeparableConv2D(4, (2, 3), depth_multiplier=2)", filter=(2, 3, 3, 2), multiplier=2)
    case("strides, SAME", "SeparableConv2D(4, (2, 3), strides=2, padding='same')", strides=2, padding="SAME")
    case("dilations", "SeparableConv2D(4, (2, 3), dilation_rate=(3, 1))", dilations=[3, 1])
    case("dilations, SAME", "SeparableConv2D(4, (2, 3), dilation_rate=(1, 2), padding='same')", dilations=[1, 2], padding="SAME")
    case("explicit padding", "SeparableConv2D(4, (2, 3))", before="ZeroPadding2D(((1, 0), (0, 2)))", padding=[[1, 0], [0, 2]])
    case("no bias", "SeparableConv2D(4, (2, 3), use_bias=False)", bias=False, no_bias=True)
    case("activation", "SeparableConv2D(4, (2, 3), activation='sigmoid')", activation="sigmoid")


def adjoint(text, x, filter, size, groups=1):
    """The transpose of a Keras convolution without a bias, as the matrix that it makes
    of images with a single 1."""
    shape = (*size, filter.shape[2] * groups)
    n = int(np.prod(shape))
    matrix = layer(text, np.eye(n).reshape(n, *shape), filter).reshape(n, -1)
    return (x.reshape(len(x), -1) @ matrix.T).reshape(len(x), *shape)


def conv2d_transpose(c):
    def ours(**attributes):
        return {"type": "conv2d_transpose", "filters": 4, "size": [2, 3]} | attributes

    def weights(filter=(2, 3, 4, 3), bias=True):
        return {"conv_transpose1/filter": filter} | ({"conv_transpose1/bias": (4,)} if bias else {})

    small = c.draw(2, 3, 4, 3)

    def case(name, keras_layer, bias=True, **attributes):
        c.one(f"conv2d_transpose, {name}", ours(**attributes), keras_layer, weights(bias=bias), small)

    case("all defaults", "Conv2DTranspose(4, (2, 3))")
    case("strides", "Conv2DTranspose(4, (2, 3), strides=(2, 1))", strides=[2, 1])
    case("strides, SAME", "Conv2DTranspose(4, (2, 3), strides=(2, 3), padding='same')", strides=[2, 3], padding="SAME")
    case("SAME", "Conv2DTranspose(4, (2, 3), padding='same')", padding="SAME")
    case("output size", "Conv2DTranspose(4, (2, 3), strides=(2, 3), output_padding=(1, 2))", strides=[2, 3], output_size=[7, 14])
    case("output size, SAME", "Conv2DTranspose(4, (2, 3), strides=(2, 3), output_padding=(1, 1), padding='same')", strides=[2, 3], padding="SAME", output_size=[5, 11])
    case("no bias", "Conv2DTranspose(4, (2, 3), use_bias=False)", bias=False, no_bias=True)
    case("activation", "Conv2DTranspose(4, (2, 3), activation='elu')", activation="elu")
    # Keras adds rows of zeros where a stride is longer than the kernel; its
    # output_padding of 0 is the size that ONNX and this project have by default.
    case("a stride above the kernel's size", "Conv2DTranspose(4, (2, 3), strides=(3, 4), output_padding=(0, 0))", strides=[3, 4])

    def cropped(x, filter, bias):
        return layer("Cropping2D(((1, 0), (0, 2)))", layer("Conv2DTranspose(4, (2, 3), strides=(2, 1))", x, filter, bias))

    c.add("conv2d_transpose, explicit padding", [ours(strides=[2, 1], padding=[[1, 0], [0, 2]])],
          "keras.layers.Conv2DTranspose(4, (2, 3), strides=(2, 1)), then Cropping2D(((1, 0), (0, 2)))", cropped, weights(), small)
    c.add("conv2d_transpose, dilations", [ours(dilations=[1, 2])],
          "the transpose of keras.layers.Conv2D(3, (2, 3), dilation_rate=(1, 2), use_bias=False)",
          lambda x, filter, bias: adjoint("Conv2D(3, (2, 3), dilation_rate=(1, 2), use_bias=False)", x, filter, (4, 8)) + bias, weights(), small)
    four = c.draw(2, 3, 4, 4)
    c.add("conv2d_transpose, groups", [ours(groups=2)],
          "the transpose of keras.layers.Conv2D(4, (2, 3), groups=2, use_bias=False)",
          lambda x, filter, bias: adjoint("Conv2D(4, (2, 3), groups=2, use_bias=False)", x, filter, (4, 6), 2) + bias, weights((2, 3, 2, 4)), four)
    c.add("conv2d_transpose, groups and strides, SAME", [ours(groups=2, strides=[2, 1], padding="SAME")],
          "the transpose of keras.layers.Conv2D(4, (2, 3), groups=2, strides=(2, 1), padding='same', use_bias=False)",
          lambda x, filter, bias: adjoint("Conv2D(4, (2, 3), groups=2, strides=(2, 1), padding='same', use_bias=False)", x, filter, (6, 4), 2) + bias,
          weights((2, 3, 2, 4)), four)
    c.add("conv2d_transpose, groups and dilations, SAME", [ours(groups=2, dilations=[2, 1], padding="SAME")],
          "the transpose of keras.layers.Conv2D(4, (2, 3), groups=2, dilation_rate=(2, 1), padding='same', use_bias=False)",
          lambda x, filter, bias: adjoint("Conv2D(4, (2, 3), groups=2, dilation_rate=(2, 1), padding='same', use_bias=False)", x, filter, (3, 4), 2) + bias,
          weights((2, 3, 2, 4)), four)


def dense(c):
    def case(name, keras_layer, bias=True, **attributes):
        weights = {"dense1/filter": (24, 5)} | ({"dense1/bias": (5,)} if bias else {})
        c.add(f"dense, {name}", [{"type": "flatten"}, {"type": "dense", "units": 5} | attributes],
              f"keras.layers.Flatten(), then {keras_layer}", lambda x, *w: layer(keras_layer, layer("Flatten()", x), *w), weights, c.draw(3, 2, 4, 3))

    case("all defaults", "Dense(5)")
    case("no bias", "Dense(5, use_bias=False)", bias=False, no_bias=True)
    case("activation", "Dense(5, activation='softmax')", activation="softmax")
    c.one("flatten, by row, column and channel", {"type": "flatten"}, "Flatten()", x=c.draw(2, 3, 4, 2))


def pools(c):
    for kind, name in ("max_pool", "MaxPooling2D"), ("avg_pool", "AveragePooling2D"):

        def case(title, arguments, x=None, size=(2, 3), **attributes):
            c.one(f"{kind}, {title}", {"type": kind, "size": list(size)} | attributes, f"{name}({arguments})", x=c.draw(2, 5, 7, 3) if x is None else x)

        case("all defaults, the stride is the size", "(2, 3)")
        c.one(f"{kind}, a size in one number", {"type": kind, "size": 2}, f"{name}(2)", x=c.draw(2, 5, 7, 2))
        case("strides", "(2, 3), strides=(1, 2)", strides=[1, 2])
        case("a horizontal stride alone", "(2, 3), strides=(2, 1)", strides={"width": 1})
        case("SAME", "(2, 3), padding='same'", padding="SAME")
        case("SAME, an odd column goes to the right", "(3, 2), strides=(2, 1), padding='same'", size=(3, 2), strides=[2, 1], padding="SAME")

    def explicit_max(x):
        padded = np.pad(x, [[0, 0], [1, 0], [0, 2], [0, 0]], constant_values=-np.inf)
        return layer("MaxPooling2D((2, 3), strides=1)", padded)

    c.add("max_pool, explicit padding", [{"type": "max_pool", "size": [2, 3], "strides": 1, "padding": [[1, 0], [0, 2]]}],
          "keras.layers.MaxPooling2D((2, 3), strides=1) behind padding of minus infinity", explicit_max)

    def explicit_avg(x):
        sides = "ZeroPadding2D(((1, 0), (0, 2)))"
        pool = "AveragePooling2D((2, 3), strides=1)"
        return layer(pool, layer(sides, x)) / layer(pool, layer(sides, np.ones_like(x)))

    c.add("avg_pool, explicit padding", [{"type": "avg_pool", "size": [2, 3], "strides": 1, "padding": [[1, 0], [0, 2]]}],
          "keras.layers.AveragePooling2D((2, 3), strides=1) behind ZeroPadding2D(((1, 0), (0, 2))), of the image over that of ones", explicit_avg)
    c.one("global_max_pool", {"type": "global_max_pool"}, "GlobalMaxPooling2D()")
    c.one("global_avg_pool", {"type": "global_avg_pool"}, "GlobalAveragePooling2D()")


def pixels(c):
    c.one("zero_pad, four sides", {"type": "zero_pad", "padding": [[1, 2], [3, 0]]}, "ZeroPadding2D(((1, 2), (3, 0)))", x=c.draw(2, 3, 2, 2))
    c.one("up_sample, nearest by default", {"type": "up_sample", "size": [2, 3]}, "UpSampling2D((2, 3))", x=c.draw(2, 3, 2, 2))
    c.one("up_sample, bilinear", {"type": "up_sample", "size": [2, 3], "method": "bilinear"}, "UpSampling2D((2, 3), interpolation='bilinear')", x=c.draw(1, 3, 2, 2))
    c.one("up_sample, a size in one number", {"type": "up_sample", "size": 2, "method": "nearest"}, "UpSampling2D(2, interpolation='nearest')", x=c.draw(1, 3, 2, 2))
    c.one("resize, bilinear by default", {"type": "resize", "size": [7, 3]}, "Resizing(7, 3)")
    c.one("resize, bilinear, smaller", {"type": "resize", "size": [2, 3], "method": "bilinear"}, "Resizing(2, 3, interpolation='bilinear')")
    c.one("resize, nearest", {"type": "resize", "size": [3, 7], "method": "nearest"}, "Resizing(3, 7, interpolation='nearest')")
    c.one("scale_shift, one scale", {"type": "scale_shift", "scale": 0.375}, "Rescaling(0.375)", x=c.draw(2, 2, 3, 3))
    c.one("scale_shift, one shift", {"type": "scale_shift", "shift": -1.5}, "Rescaling(1, -1.5)", x=c.draw(2, 2, 3, 3))
    c.one("scale_shift, a scale and a shift a channel", {"type": "scale_shift", "scale": [0.5, -2, 3], "shift": [1, 0.25, -4]},
          "Rescaling([0.5, -2.0, 3.0], [1.0, 0.25, -4.0])", x=c.draw(2, 2, 3, 3))
    c.add("swap_rgb", [{"type": "swap_rgb"}], "keras.ops.flip(x, axis=-1)", lambda x: keras.ops.flip(x, axis=-1), x=c.draw(2, 2, 3, 3))


def lrn(x, depth_radius=5, bias=1.0, alpha=1.0, beta=0.5):
    """As TensorFlow documents it."""
    squares = np.zeros_like(x)
    for k in range(x.shape[-1]):
        near = x[..., max(0, k - depth_radius) : k + depth_radius + 1]
        squares[..., k] = (near**2).sum(axis=-1)
    return x / (bias + alpha * squares) ** beta


def normalization(c):
    def batch_norm(name, keras_layer, **attributes):
        names = [f"batch_norm1/{part}" for part in BATCH_NORM]
        c.one(f"batch_norm, {name}", {"type": "batch_norm"} | attributes, keras_layer, dict.fromkeys(names, (3,)))

    batch_norm("all defaults", "BatchNormalization()")
    batch_norm("epsilon", "BatchNormalization(epsilon=0.25)", epsilon=0.25)
    batch_norm("a small epsilon", "BatchNormalization(epsilon=1e-5)", epsilon=1e-5)
    c.add("batch_norm, activation", [{"type": "batch_norm", "activation": "relu"}], "keras.layers.BatchNormalization(), then ReLU()",
          lambda x, *w: layer("ReLU()", layer("BatchNormalization()", x, *w)),
          dict.fromkeys([f"batch_norm1/{part}" for part in BATCH_NORM], (3,)))
    c.one("dropout, nothing but in training", {"type": "dropout", "rate": 0.75}, "Dropout(0.75)", x=c.draw(2, 2, 3, 3))

    many = c.draw(1, 2, 3, 13)
    for name, attributes in (
        ("all defaults", {}),
        ("depth radius", {"depth_radius": 2}),
        ("bias", {"bias": 2}),
        ("alpha", {"alpha": 0.25}),
        ("beta", {"beta": 0.75}),
        ("as AlexNet's", {"depth_radius": 2, "bias": 2, "alpha": 1e-4, "beta": 0.75}),
    ):
        answer = lrn(many, **attributes)
        ours = np.asarray(tf.nn.local_response_normalization(many.astype(np.float32), **attributes))
        np.testing.assert_allclose(ours, answer, rtol=1e-5, err_msg=name)
        text = ", ".join(["x"] + [f"{key}={value}" for key, value in attributes.items()])
        c.add(f"lrn, {name}", [{"type": "lrn"} | attributes], f"tf.nn.local_response_normalization({text}) by its documentation, in NumPy",
              lambda x, answer=answer: answer, x=many)


# Our name, Keras's name.
ACTIVATIONS = {
    "relu": "relu", "relu6": "relu6", "leaky_relu": "leaky_relu", "elu": "elu", "selu": "selu", "sigmoid": "sigmoid",
    "tanh": "tanh", "swish": "silu", "hard_swish": "hard_silu", "softmax": "softmax",
}


def activations(c):
    for ours, theirs in ACTIVATIONS.items():
        wide = c.draw(2, 2, 3, 4, spread=4)
        # leaky_relu by name has the slope 0.2, as tf.nn.leaky_relu; the layer
        # keras.layers.LeakyReLU has 0.3.
        c.one(f"{ours}, a layer", {"type": ours}, f"Activation('{theirs}')", x=wide)
        c.one(f"{ours}, by name", {"type": "conv2d", "filters": 3, "size": 1, "activation": ours}, f"Conv2D(3, 1, activation='{theirs}')",
              {"conv1/filter": (1, 1, 4, 3), "conv1/bias": (3,)}, x=wide)
    c.one("leaky_relu, alpha", {"type": "leaky_relu", "alpha": 0.375}, "LeakyReLU(negative_slope=0.375)", x=c.draw(2, 2, 3, 3))
    c.add("softmax, of features", [{"type": "flatten"}, {"type": "softmax"}], "keras.layers.Flatten(), then Softmax()",
          lambda x: layer("Softmax()", layer("Flatten()", x)), x=c.draw(2, 2, 1, 3))


def wiring(c):
    def filters(**shapes):
        return {name.replace("__", "/"): shape for name, shape in shapes.items()}

    conv = {"type": "conv2d", "filters": 2, "size": [2, 3], "padding": "SAME"}

    def two(x, left, left_bias, right, right_bias):
        return (layer("Conv2D(2, (2, 3), padding='same')", x, left, left_bias),
                layer("Conv2D(2, (2, 3), padding='same')", x, right, right_bias))

    branches = filters(left__filter=(2, 3, 3, 2), left__bias=(2,), right__filter=(2, 3, 3, 2), right__bias=(2,))
    both = [conv | {"name": "left"}, conv | {"name": "right", "from": "input"}]
    c.add("concat, the right branch first", both + [{"type": "concat", "from": ["right", "left"]}],
          "keras.layers.Concatenate()([right, left]) of two Conv2D of the input", lambda x, *w: layer("Concatenate()", list(two(x, *w)[::-1])), branches)
    c.add("concat, the layer before and the input", both + [{"type": "concat", "from": ["", "input", "left"]}],
          "keras.layers.Concatenate()([right, x, left]) of two Conv2D of the input",
          lambda x, *w: layer("Concatenate()", [two(x, *w)[1], x, two(x, *w)[0]]), branches)
    c.add("concat, of features", [{"type": "flatten", "name": "all"}, {"type": "global_max_pool", "from": "input"}, {"type": "concat", "from": ["", "all"]}],
          "keras.layers.Concatenate()([GlobalMaxPooling2D()(x), Flatten()(x)])",
          lambda x: layer("Concatenate()", [layer("GlobalMaxPooling2D()", x), layer("Flatten()", x)]), x=c.draw(2, 2, 3, 2))
    c.add("add, two branches and the input", both + [{"type": "conv2d", "filters": 2, "size": 1, "from": "input"}, {"type": "add", "from": ["left", "", "right"]}],
          "keras.layers.Add() of three Conv2D of the input",
          lambda x, a, b, d, e, f, g: layer("Add()", [*two(x, a, b, d, e), layer("Conv2D(2, 1)", x, f, g)]),
          branches | filters(conv3__filter=(1, 1, 3, 2), conv3__bias=(2,)))
    c.add("add, activation", both + [{"type": "add", "from": ["left", "right"], "activation": "relu"}],
          "keras.layers.Add() of two Conv2D of the input, then ReLU()", lambda x, *w: layer("ReLU()", layer("Add()", list(two(x, *w)))), branches)
    c.add("a branch from a layer further back", [conv | {"name": "a"}, {"type": "tanh"}, {"type": "sigmoid", "from": "a"}, {"type": "add", "from": ["tanh1", "sigmoid1"]}],
          "keras.layers.Add() of tanh and sigmoid of one Conv2D",
          lambda x, *w: np.tanh(h := layer("Conv2D(2, (2, 3), padding='same')", x, *w)) + layer("Activation('sigmoid')", h),
          filters(a__filter=(2, 3, 3, 2), a__bias=(2,)))

    def named(x, *w):
        left, right = two(x, *w)
        return {"left": left, "relu1": layer("ReLU()", left), "right": right}

    c.add("outputs by name", [both[0], {"type": "relu"}, both[1]], "keras.layers.Conv2D, its ReLU, and another Conv2D of the input", named, branches, outputs=["right", "left", "relu1"])
    c.add("an output in the middle", [both[0], {"type": "relu"}], "keras.layers.Conv2D",
          lambda x, *w: layer("Conv2D(2, (2, 3), padding='same')", x, *w), filters(left__filter=(2, 3, 3, 2), left__bias=(2,)), outputs=["left"])
    # Unnamed layers: each kind is counted for itself.
    c.add("default names", [{"type": "conv2d", "filters": 2, "size": 1}, {"type": "batch_norm"}, {"type": "conv2d", "filters": 2, "size": 1},
                            {"type": "batch_norm"}, {"type": "flatten"}, {"type": "dense", "units": 3}, {"type": "dense", "units": 2}],
          "keras.layers.Conv2D(2, 1), BatchNormalization(), the same again, Flatten(), Dense(3), Dense(2)", unnamed,
          filters(conv1__filter=(1, 1, 3, 2), conv1__bias=(2,))
          | {f"batch_norm1/{part}": (2,) for part in BATCH_NORM}
          | filters(conv2__filter=(1, 1, 2, 2), conv2__bias=(2,))
          | {f"batch_norm2/{part}": (2,) for part in BATCH_NORM}
          | filters(dense1__filter=(24, 3), dense1__bias=(3,), dense2__filter=(3, 2), dense2__bias=(2,)), c.draw(2, 3, 4, 3))
    c.add("a residual block",
          [conv | {"name": "stem", "filters": 3, "no_bias": True}, {"type": "batch_norm", "activation": "relu"}, conv | {"name": "second", "filters": 3, "no_bias": True},
           {"type": "batch_norm"}, {"type": "add", "from": ["", "input"], "activation": "relu"}, {"type": "global_avg_pool"}, {"type": "dense", "units": 4, "activation": "softmax"}],
          "keras.layers.Conv2D, BatchNormalization, ReLU, Conv2D, BatchNormalization, Add with the input, ReLU, GlobalAveragePooling2D, Dense(softmax)", residual,
          filters(stem__filter=(2, 3, 3, 3)) | {f"batch_norm1/{part}": (3,) for part in BATCH_NORM}
          | filters(second__filter=(2, 3, 3, 3)) | {f"batch_norm2/{part}": (3,) for part in BATCH_NORM}
          | filters(dense1__filter=(3, 4), dense1__bias=(4,)))
    c.add("a classifier", [{"type": "conv2d", "filters": 3, "size": 3, "activation": "relu"}, {"type": "max_pool", "size": 2}, {"type": "dropout", "rate": 0.5},
                           {"type": "flatten"}, {"type": "dense", "units": 4, "activation": "softmax"}],
          "keras.layers.Conv2D(3, 3, activation='relu'), MaxPooling2D(2), Dropout(0.5), Flatten(), Dense(4, activation='softmax')", classifier,
          filters(conv1__filter=(3, 3, 3, 3), conv1__bias=(3,), dense1__filter=(18, 4), dense1__bias=(4,)), c.draw(2, 6, 9, 3))


# The smallest form of each layer that reads one, Keras's, and the shapes of its weights.
SMALLEST = (
    ({"type": "conv2d", "filters": 2, "size": 1}, "Conv2D(2, 1)", {"filter": (1, 1, 3, 2), "bias": (2,)}),
    ({"type": "depthwise_conv2d", "size": 1}, "DepthwiseConv2D(1)", {"filter": (1, 1, 3, 1), "bias": (3,)}),
    ({"type": "separable_conv2d", "filters": 2, "size": 1}, "SeparableConv2D(2, 1)",
     {"depthwise_filter": (1, 1, 3, 1), "pointwise_filter": (1, 1, 3, 2), "bias": (2,)}),
    ({"type": "conv2d_transpose", "filters": 2, "size": 1}, "Conv2DTranspose(2, 1)", {"filter": (1, 1, 2, 3), "bias": (2,)}),
    ({"type": "flatten"}, "Flatten()", {}),
    ({"type": "max_pool", "size": 2}, "MaxPooling2D(2)", {}),
    ({"type": "avg_pool", "size": 2}, "AveragePooling2D(2)", {}),
    ({"type": "global_max_pool"}, "GlobalMaxPooling2D()", {}),
    ({"type": "global_avg_pool"}, "GlobalAveragePooling2D()", {}),
    ({"type": "batch_norm"}, "BatchNormalization()", dict.fromkeys(BATCH_NORM, (3,))),
    ({"type": "dropout", "rate": 0.5}, "Dropout(0.5)", {}),
    ({"type": "zero_pad", "padding": [[0, 0], [0, 1]]}, "ZeroPadding2D(((0, 0), (0, 1)))", {}),
    ({"type": "up_sample", "size": [1, 2]}, "UpSampling2D((1, 2))", {}),
    ({"type": "resize", "size": [1, 3]}, "Resizing(1, 3)", {}),
    ({"type": "scale_shift", "scale": 2}, "Rescaling(2)", {}),
) + tuple(({"type": ours}, f"Activation('{theirs}')", {}) for ours, theirs in ACTIVATIONS.items())


def origins(c):
    """Each layer twice: it reads the layer before, as by default, and the input."""

    def twice(ours, source, run, weights, x, first=(), origin="input", other=lambda x: x):
        """Behind the layers of first; origin is the name of the layer that other computes."""
        names = {f"{name}/{key}": shape for name in ("near", "far") for key, shape in weights.items()}

        def both(x, *w):
            x, n = other(x), len(weights)
            return {"near": run(np.tanh(x), *w[:n]), "far": run(x, *w[n:])}

        layers = [*first, {"type": "tanh"}, ours | {"name": "near"}, ours | {"name": "far", "from": origin}]
        c.add(f"{ours['type']}, of the layer before and of another", layers, source, both, names, x, ["near", "far"])

    small = c.draw(1, 2, 2, 3)
    for ours, theirs, weights in SMALLEST:
        twice(ours, f"keras.layers.{theirs} of tanh(x) and of x", lambda x, *w, text=theirs: layer(text, x, *w), weights, small)
    twice({"type": "swap_rgb"}, "keras.ops.flip(…, axis=-1) of tanh(x) and of x", lambda x: keras.ops.flip(x, axis=-1), {}, small)
    twice({"type": "lrn"}, "tf.nn.local_response_normalization of tanh(x) and of x by its documentation, in NumPy", lrn, {}, small)
    twice({"type": "dense", "units": 2}, "keras.layers.Dense(2) of tanh(y) and of y, where y is Flatten()(x)",
          lambda x, *w: layer("Dense(2)", x, *w), {"filter": (12, 2), "bias": (2,)}, small, [{"type": "flatten"}], "flatten1", lambda x: layer("Flatten()", x))


def unnamed(x, *w):
    for k in (0, 6):
        x = layer("Conv2D(2, 1)", x, *w[k : k + 2])
        x = layer("BatchNormalization()", x, *w[k + 2 : k + 6])
    return layer("Dense(2)", layer("Dense(3)", layer("Flatten()", x), *w[12:14]), *w[14:16])


def residual(x, *w):
    y = layer("Conv2D(3, (2, 3), padding='same', use_bias=False)", x, w[0])
    y = layer("ReLU()", layer("BatchNormalization()", y, *w[1:5]))
    y = layer("Conv2D(3, (2, 3), padding='same', use_bias=False)", y, w[5])
    y = layer("Add()", [layer("BatchNormalization()", y, *w[6:10]), x])
    return layer("Dense(4, activation='softmax')", layer("GlobalAveragePooling2D()", layer("ReLU()", y)), *w[10:])


def classifier(x, filter, bias, units, unit_bias):
    x = layer("MaxPooling2D(2)", layer("Conv2D(3, 3, activation='relu')", x, filter, bias))
    return layer("Dense(4, activation='softmax')", layer("Flatten()", layer("Dropout(0.5)", x)), units, unit_bias)


FILES = {
    "convolutions": (conv2d, depthwise, separable, conv2d_transpose),
    "dense": (dense,),
    "pools": (pools,),
    "pixels": (pixels,),
    "normalization": (normalization,),
    "activations": (activations,),
    "wiring": (wiring, origins),
}


def main():
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent / "cases"
    for seed, (name, families) in enumerate(FILES.items()):
        cases = Networks(seed)
        for family in families:
            family(cases)
        (folder / f"networks_{name}.json").write_text(cases.text())


if __name__ == "__main__":
    main()
