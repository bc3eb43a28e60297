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

import pathlib
import sys

from networkfile import ACTIVATIONS, BATCH_NORM, Networks, keras, layer, lrn, np, tf
from networkwiring import origins, wiring


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
