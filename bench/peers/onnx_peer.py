"""ONNX Runtime: the network as an ONNX model, channels first, as ONNX has it."""

import numpy
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

import job as jobs


def about():
    return f"ONNX Runtime {onnxruntime.__version__}, ONNX {onnx.__version__}, NumPy {numpy.__version__}"


def pads(step):
    top, bottom, left, right = step.pad
    return [top, left, bottom, right]


def node(steps, at, weights):
    """The ONNX operator of a step, its attributes, and its weights."""
    step = steps[at]
    window = {"strides": step.strides, "pads": pads(step)}
    if step.kind in ("conv2d", "depthwise_conv2d"):
        f, *rest = weights
        groups = step.groups
        if step.kind == "depthwise_conv2d":  # [h,w,C,M] to [h,w,1,C·M]
            h, w, c, m = f.shape
            f, groups = f.reshape(h, w, 1, c * m), c
        return "Conv", window | {"dilations": step.dilations, "group": groups}, [f.transpose(3, 2, 0, 1), *rest]
    if step.kind == "dense":
        f, *rest = weights
        return "Gemm", {}, [jobs.channels_first_rows(steps, at, f), *rest]
    if step.kind == "max_pool":
        return "MaxPool", window | {"kernel_shape": step.size}, []
    if step.whole():
        return "GlobalAveragePool", {}, []
    if step.kind == "avg_pool":
        return "AveragePool", window | {"kernel_shape": step.size, "count_include_pad": 0}, []
    if step.kind == "batch_norm":
        return "BatchNormalization", {"epsilon": step.epsilon}, weights
    if step.kind == "lrn":
        size = 2 * step.radius + 1  # ONNX divides alpha by it
        return "LRN", {"size": size, "bias": step.bias, "alpha": step.alpha * size, "beta": step.beta}, []
    if step.kind == "relu6":
        return "Clip", {}, [numpy.float32(0), numpy.float32(6)]
    plain = {"relu": "Relu", "tanh": "Tanh", "flatten": "Flatten", "add": "Add", "softmax": "Softmax", "identity": "Identity"}
    return plain[step.kind], {}, []


def model(job):
    weights = job.weights()
    nodes, constants = [], []
    for at, step in enumerate(job.steps):
        operator, attributes, operands = node(job.steps, at, [weights[n] for n in step.weights])
        names = [f"s{i}" if i >= 0 else "input" for i in step.inputs]
        for k, value in enumerate(operands):
            names.append(f"s{at}w{k}")
            constants.append(numpy_helper.from_array(numpy.ascontiguousarray(value), names[-1]))
        nodes.append(helper.make_node(operator, names, [f"s{at}"], **attributes))
    given = helper.make_tensor_value_info("input", TensorProto.FLOAT, [None, job.channels, job.height, job.width])
    outputs = [helper.make_tensor_value_info(f"s{i}", TensorProto.FLOAT, None) for i in job.outputs]
    graph = helper.make_graph(nodes, "network", [given], outputs, constants)
    m = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    m.ir_version = 8
    return m.SerializeToString()


class Runner:
    def __init__(self, job):
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        self.session = onnxruntime.InferenceSession(model(job), options, providers=["CPUExecutionProvider"])
        self.outputs = [f"s{i}" for i in job.outputs]
        self.files = job.files
        if not self.files:
            self.images = [numpy.ascontiguousarray(x.transpose(0, 3, 1, 2)) for x in job.images()]

    def run(self, i):
        if self.files:
            x = numpy.ascontiguousarray(jobs.read_pixels(self.files[i]).transpose(2, 0, 1)[None], numpy.float32)
        else:
            x = self.images[i]
        return self.session.run(self.outputs, {"input": x})

    def numbers(self, result):
        return [y.transpose(0, 2, 3, 1) if y.ndim == 4 else y for y in result]


def prepare(job):
    return Runner(job)
