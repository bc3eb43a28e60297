"""The cases of networkfile.py in which layers read others than the one before, or are many."""

import keras
import numpy as np

from networkfile import ACTIVATIONS, BATCH_NORM, layer, lrn


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
