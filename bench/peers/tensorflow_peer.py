"""Python TensorFlow: a graph-mode session, tf.function and Keras."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy
import tensorflow as tf


def about():
    return f"TensorFlow {tf.__version__}, Keras {tf.keras.__version__}, NumPy {numpy.__version__}"


def padding(step):
    if step.padding != "EXPLICIT":
        return step.padding
    top, bottom, left, right = step.pad
    return [[0, 0], [top, bottom], [left, right], [0, 0]]


def apply(step, inputs, weights):
    x = inputs[0]
    strides = [1, *step.strides, 1]
    if step.kind == "conv2d":
        x = tf.nn.conv2d(x, weights[0], strides, padding(step), dilations=step.dilations)
        return tf.nn.bias_add(x, weights[1]) if len(weights) > 1 else x
    if step.kind == "depthwise_conv2d":
        x = tf.nn.depthwise_conv2d(x, weights[0], strides, padding(step))
        return tf.nn.bias_add(x, weights[1]) if len(weights) > 1 else x
    if step.kind == "dense":
        x = tf.matmul(x, weights[0])
        return tf.nn.bias_add(x, weights[1]) if len(weights) > 1 else x
    if step.kind == "max_pool":
        return tf.nn.max_pool2d(x, step.size, step.strides, padding(step))
    if step.whole():
        return tf.reduce_mean(x, [1, 2], keepdims=True)
    if step.kind == "avg_pool":
        return tf.nn.avg_pool2d(x, step.size, step.strides, step.padding)
    if step.kind == "batch_norm":
        return tf.compat.v1.nn.fused_batch_norm(
            x, *weights, epsilon=step.epsilon, is_training=False)[0]
    if step.kind == "lrn":
        return tf.nn.local_response_normalization(x, step.radius, step.bias, step.alpha, step.beta)
    if step.kind == "flatten":
        return tf.reshape(x, [-1, step.output[0]])
    if step.kind == "identity":
        return x
    if step.kind == "add":
        return tf.add_n(inputs) if len(inputs) > 2 else inputs[0] + inputs[1]
    functions = {"relu": tf.nn.relu, "relu6": tf.nn.relu6, "tanh": tf.tanh, "softmax": tf.nn.softmax}
    return functions[step.kind](x)


def network(job, x, weights):
    values = []
    for step in job.steps:
        inputs = [x if i < 0 else values[i] for i in step.inputs]
        values.append(apply(step, inputs, [weights[name] for name in step.weights]))
    return [values[i] for i in job.outputs]


def decoded(contents):
    rgb = tf.io.decode_jpeg(contents, channels=3, dct_method="INTEGER_ACCURATE")
    return tf.cast(rgb, tf.float32)[tf.newaxis]


class Runner:
    """Calls `call` with an array, or with a file's bytes."""

    def __init__(self, job, call):
        self.call, self.files = call, job.files
        self.images = [] if job.files else job.images()

    def run(self, i):
        if self.files:
            with open(self.files[i], "rb") as f:
                return self.call(f.read())
        return self.call(self.images[i])

    def numbers(self, result):
        return result


def graph(job):
    """The network as a graph of constants, with its input and outputs."""
    g = tf.Graph()
    with g.as_default():
        if job.files:
            given = tf.compat.v1.placeholder(tf.string, [])
            x = decoded(given)
            x.set_shape([1, job.height, job.width, job.channels])
        else:
            given = x = tf.compat.v1.placeholder(tf.float32, [None, job.height, job.width, job.channels])
        constants = {name: tf.constant(w) for name, w in job.weights().items()}
        return g, given, network(job, x, constants)


def session(job):
    g, given, outputs = graph(job)
    s = tf.compat.v1.Session(graph=g)
    return Runner(job, lambda x: s.run(outputs, {given: x}))


def make_callable(job):
    g, given, outputs = graph(job)
    call = tf.compat.v1.Session(graph=g).make_callable(outputs, [given])
    return Runner(job, call)


def function(job):
    constants = {name: tf.constant(w) for name, w in job.weights().items()}
    if job.files:
        signature = tf.TensorSpec([], tf.string)
    else:
        signature = tf.TensorSpec([None, job.height, job.width, job.channels], tf.float32)

    @tf.function(input_signature=[signature])
    def call(x):
        if job.files:
            x = decoded(x)
            x.set_shape([1, job.height, job.width, job.channels])
        return network(job, x, constants)

    return Runner(job, lambda x: [y.numpy() for y in call(tf.constant(x))])


def keras(job):
    """A Keras layer that is the network, its weights the layer's."""

    class Network(tf.keras.layers.Layer):
        def build(self, shape):
            self.ours = {}
            for i, (name, value) in enumerate(job.weights().items()):
                self.ours[name] = self.add_weight(
                    shape=value.shape, initializer=tf.constant_initializer(value), name=f"w{i}")

        def call(self, x):
            weights = {name: tf.convert_to_tensor(w) for name, w in self.ours.items()}
            return network(job, x, weights)

    given = tf.keras.Input([job.height, job.width, job.channels], dtype="float32")
    model = tf.keras.Model(given, Network()(given))

    def predict(x):
        if job.files:
            x = decoded(x).numpy()
        result = model.predict(x, batch_size=job.batch, verbose=0)
        return result if isinstance(result, list) else [result]

    return Runner(job, predict)
