"""A case file of networks that Keras computes, for networks.py."""

import json
import os

os.environ |= {"CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"}

import keras
import numpy as np
import tensorflow as tf

from casefile import tensor

tf.get_logger().setLevel("ERROR")
keras.backend.set_floatx("float64")

BATCH_NORM = ("scale", "offset", "mean", "variance")  # in Keras's order

# Our name, Keras's name.
ACTIVATIONS = {
    "relu": "relu", "relu6": "relu6", "leaky_relu": "leaky_relu", "elu": "elu", "selu": "selu", "sigmoid": "sigmoid",
    "tanh": "tanh", "swish": "silu", "hard_swish": "hard_silu", "softmax": "softmax",
}

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


def lrn(x, depth_radius=5, bias=1.0, alpha=1.0, beta=0.5):
    """As TensorFlow documents it."""
    squares = np.zeros_like(x)
    for k in range(x.shape[-1]):
        near = x[..., max(0, k - depth_radius) : k + depth_radius + 1]
        squares[..., k] = (near**2).sum(axis=-1)
    return x / (bias + alpha * squares) ** beta
