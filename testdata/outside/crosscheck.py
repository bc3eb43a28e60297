"""Holds the known answers of testdata/cases to two other programs: ONNX's
reference evaluator, in float64, and onnxruntime, in float32.

    pip install numpy scipy onnx onnxruntime
    python3 testdata/outside/crosscheck.py

Of the first, the answer as float32 must be the file's, or its neighbour: both
were rounded once. Of the second, the difference is printed, and must be small
beside the largest number of the answer: it is there for gross mistakes. Cases
of no numbers are left out, and counted, and those that ONNX does not take. What
ONNX calls by other names is put into its terms here: its layout is NCHW, its
LRN divides alpha by the size. Its evaluator takes no groups in ConvTranspose,
which are split here, and its LRN looks at as many channels as there are
images (so in onnx 1.23.2): SciPy takes its place.
"""

import collections
import json
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime
import scipy.ndimage
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

onnxruntime.set_default_logger_severity(4)

# Where onnxruntime's float32 is off by more than the limit, and why.
KNOWN = {
    "near the mean, cancelled": "it adds x·f and offset − mean·f, which cancel",
    "numbers of many sizes": "its LRN adds to a running sum of squares, and takes from it",
}


def nchw(x):
    return np.moveaxis(x, -1, 1)


def nhwc(x):
    return np.moveaxis(x, 1, -1)


def sides_of(case, size, kernel, strides, dilations):
    padding = case.get("padding", "VALID")
    if padding == "VALID":
        return [0, 0, 0, 0]
    if padding != "SAME":
        (top, bottom), (left, right) = padding
        return [top, left, bottom, right]
    total = [max((-(-n // s) - 1) * s + (k - 1) * d + 1 - n, 0) for n, k, s, d in zip(size, kernel, strides, dilations)]
    return [t // 2 for t in total] + [t - t // 2 for t in total]


def convolution(c, t, transpose):
    x, w = t["input"], t["filter"]
    strides, dilations = c.get("strides", [1, 1]), c.get("dilations", [1, 1])
    kernel = w.shape[:2]
    fields = {"strides": strides, "dilations": dilations, "kernel_shape": list(kernel)}
    bias = {"b": t["bias"]} if "bias" in t else {}
    if not transpose:
        channels, multiplier = w.shape[2:]
        w = w.reshape(*kernel, 1, channels * multiplier)
        fields |= {"group": channels, "pads": sides_of(c, x.shape[1:3], kernel, strides, dilations)}
        return "Conv", {"x": nchw(x), "w": w.transpose(3, 2, 0, 1), **bias}, fields, nhwc
    size = c["output_size"]
    pads = sides_of(c, size, kernel, strides, dilations)
    whole = [(x.shape[1 + a] - 1) * strides[a] + (kernel[a] - 1) * dilations[a] + 1 for a in (0, 1)]
    fields |= {"group": c.get("groups", 1)}
    # ONNX limits what it adds at the end: what it makes without padding is cut
    # and filled up here.
    def cut(y):
        y = nhwc(y)
        for a in (0, 1):
            more = pads[a] + size[a] - whole[a]
            y = np.pad(y, [[0, max(more, 0) if b == 1 + a else 0] for b in range(4)])
            y = np.take(y, range(pads[a], pads[a] + size[a]), axis=1 + a)
        return y + t["bias"].astype(y.dtype) if bias else y
    return "ConvTranspose", {"x": nchw(x), "w": w.transpose(3, 2, 0, 1)}, fields, cut


def node(c, t):
    """The case as ONNX's operation, its inputs and attributes, and what makes
    our layout of its answer."""
    op, x, same = c["op"], t.get("input"), lambda y: y
    images = (nchw(x), nhwc) if x is not None and x.ndim > 1 else (x, same)
    names = {"sigmoid": "Sigmoid", "tanh": "Tanh", "elu": "Elu", "selu": "Selu", "hard_swish": "HardSwish", "identity": "Identity"}
    if op == "depthwise_conv2d":
        return convolution(c, t, False)
    if op == "conv2d_transpose":
        return convolution(c, t, True)
    if op in names:
        return names[op], {"x": x}, {}, same
    if op == "swish":  # ONNX has it since opset 24 alone: x times its sigmoid
        return "Sigmoid", {"x": x}, {}, lambda y: y * x.astype(y.dtype)
    if op == "relu6":
        return "Clip", {"x": x, "low": np.array(0.0), "high": np.array(6.0)}, {}, same
    if op == "leaky_relu":
        return "LeakyRelu", {"x": x}, {"alpha": float(c.get("alpha", 0.2))}, same
    if op == "softmax":
        return "Softmax", {"x": x}, {"axis": -1}, same
    if op == "flatten":
        return "Flatten", {"x": x}, {"axis": 1}, same
    if op == "dense":
        return "Gemm", {"x": x, "w": t["filter"]} | ({"b": t["bias"]} if "bias" in t else {}), {}, same
    if op == "batch_norm":
        return ("BatchNormalization", {"x": images[0]} | {k: t[k] for k in ("scale", "offset", "mean", "variance")},
                {"epsilon": float(c.get("epsilon", 0.001))}, images[1])
    if op == "lrn":
        size = 2 * c.get("depth_radius", 5) + 1
        return ("LRN", {"x": images[0]}, {"size": size, "alpha": size * float(c.get("alpha", 1.0)),
                                            "beta": float(c.get("beta", 0.5)), "bias": float(c.get("lrn_bias", 1.0))}, nhwc)
    if op == "pad":
        (top, bottom), (left, right) = c["padding"]
        return "Pad", {"x": x, "pads": np.array([0, top, left, 0, 0, bottom, right, 0])}, {}, same
    if op == "resize":
        sizes = np.array([x.shape[0], x.shape[3], *c["size"]])
        fields = {"mode": "linear"} if c["method"] == "bilinear" else {"mode": "nearest", "nearest_mode": "round_prefer_ceil"}
        return "Resize", {"x": images[0], "": None, " ": None, "sizes": sizes}, fields | {"coordinate_transformation_mode": "half_pixel"}, nhwc
    if op in ("add", "concat"):
        return {"add": "Sum", "concat": "Concat"}[op], {f"x{i}": v for i, v in enumerate(t["inputs"])}, {"axis": -1} if op == "concat" else {}, same
    if op == "reverse_channels":
        return "Gather", {"x": x, "places": np.arange(x.shape[-1])[::-1].copy()}, {"axis": -1}, same
    if op == "scale_shift":
        return ("Identity", "Mul", "Add"), {"x": x} | {k: t[k] for k in ("scale", "shift") if k in t}, {}, same
    raise ValueError(op)


def tensor(v):
    """As float64, of the float32 that the file holds."""
    return np.array([float(n) for n in v["data"]]).astype(np.float32).astype(np.float64).reshape(v["shape"])


def model(operation, inputs, fields, dtype):
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    given = {k: v for k, v in inputs.items() if v is not None}
    values = [
        helper.make_tensor_value_info(k, TensorProto.INT64 if v.dtype == np.int64 else kind, v.shape) for k, v in given.items()
    ]
    if isinstance(operation, tuple):
        made, last = [], "x"
        for one, other in zip(operation, (None, "scale", "shift")):
            if other is None or other in inputs:
                made.append(helper.make_node(one, [last] + [other] * (other is not None), ["y" + one]))
                last = "y" + one
        made[-1].output[0] = "y"
    else:
        made = [helper.make_node(operation, [k.strip() for k in inputs], ["y"], **fields)]
    graph = helper.make_graph(made, "case", values, [helper.make_tensor_value_info("y", kind, None)])
    feed = {k: v if v.dtype == np.int64 else np.array(v, dtype, order="C") for k, v in given.items()}
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8), feed


def reference(operation, inputs, fields):
    """ONNX's evaluator, in float64."""
    if operation == "LRN":
        size = fields["size"]
        squares = scipy.ndimage.convolve1d(inputs["x"] ** 2, np.ones(size), axis=1, mode="constant")
        alpha, beta, bias = (float(np.float32(v)) for v in (fields["alpha"] / size, fields["beta"], fields["bias"]))
        return inputs["x"] / (bias + alpha * squares) ** beta
    groups = fields.get("group", 1)
    if operation == "ConvTranspose" and groups > 1:
        parts = zip(np.split(inputs["x"], groups, axis=1), np.split(inputs["w"], groups))
        return np.concatenate([reference(operation, {"x": x, "w": w}, fields | {"group": 1}) for x, w in parts], axis=1)
    made, feed = model(operation, inputs, fields, np.float64)
    with np.errstate(all="ignore"):
        return ReferenceEvaluator(made).run(None, feed)[0]


def main():
    counts, left, wrong = collections.Counter(), collections.Counter(), 0
    exact = collections.Counter()
    ulps, shares = collections.defaultdict(float), collections.defaultdict(float)
    folder = pathlib.Path(__file__).parent.parent / "cases"
    for name in sys.argv[1:] or "depthwise_conv2d conv2d_transpose dense batch_norm lrn activation swish softmax pad resize channels branches".split():
        for c in json.loads((folder / (name + ".json")).read_text())["cases"]:
            if "expect" not in c:
                continue
            op = c["op"]
            t = {k: tensor(v) for k, v in c.items() if isinstance(v, dict)}
            if "inputs" in c:
                t["inputs"] = [tensor(v) for v in c["inputs"]]
            want = t.pop("expect")
            if not want.size or not all(v.size for v in t.get("inputs", [t.get("input")])):
                left[op] += 1
                continue
            operation, inputs, fields, back = node(c, t)
            try:
                first = back(reference(operation, inputs, fields))
                made, feed = model(operation, inputs, fields, np.float32)
                second = back(onnxruntime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, feed)[0])
            except Exception as e:
                print(f"{op}: {c['name']}: not computed: {type(e).__name__}: {str(e)[:160]}")
                left[op] += 1
                continue
            counts[op] += 1
            if first.shape != want.shape or second.shape != want.shape:
                wrong += 1
                print(f"{op}: {c['name']}: shapes {first.shape}, {second.shape}, the file has {want.shape}")
                continue
            numbers = np.isfinite(want)
            if not (np.array_equal(first[~numbers], want[~numbers], equal_nan=True) and np.isfinite(first[numbers]).all()):
                wrong += 1
                print(f"{op}: {c['name']}: NaN or infinities elsewhere")
                continue
            if not numbers.any():
                exact[op] += 1
                continue
            rounded = first.astype(np.float32)[numbers].astype(np.float64)
            spacing = np.spacing(np.abs(want[numbers]).astype(np.float32)).astype(np.float64)
            apart = (np.abs(rounded - want[numbers]) / spacing).max()
            exact[op] += bool(apart == 0)
            largest = np.abs(want[numbers]).max()
            share = np.abs(second[numbers] - want[numbers]).max() / largest if largest else np.abs(second[numbers]).max()
            ulps[op] = max(ulps[op], apart)
            if c["name"] in KNOWN and share >= 1e-5:
                print(f"{op}: {c['name']}: {share:.2g} of the largest from onnxruntime: {KNOWN[c['name']]}")
                share = 0
            shares[op] = max(shares[op], share)
            if apart > 1 or not share < 1e-5:
                wrong += 1
                print(f"{op}: {c['name']}: {apart:.3g} spacings from ONNX's reference, {share:.3g} of the largest from onnxruntime")
    for op in sorted(counts | left):
        print(f"{op:18} {counts[op]:3} checked, {exact[op]:3} with the same bits in float64 → float32, {left[op]:2} left out; "
              f"at most {ulps[op]:.3g} spacings (float64), {shares[op]:.2g} of the largest (onnxruntime)")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
