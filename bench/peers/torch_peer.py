"""PyTorch in both of its layouts, on the CPU or on a GPU."""

import numpy
import torch
import torch.nn.functional as F

import job as jobs

torch.set_grad_enabled(False)


def about():
    return f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads, NumPy {numpy.__version__}"


def shared(step):
    """The padding that both sides share, and what is left over after it."""
    top, bottom, left, right = step.pad
    if top == bottom and left == right:
        return (top, left), None
    return (0, 0), (left, right, top, bottom)


def operation(steps, at, weights, layout, to):
    """A step as a function of its inputs. `to` brings a weight to the device,
    in the type that is computed in."""
    step = steps[at]
    if step.kind in ("conv2d", "depthwise_conv2d"):
        f, *rest = weights
        groups = step.groups
        if step.kind == "depthwise_conv2d":
            h, w, c, m = f.shape
            f, groups = f.reshape(h, w, 1, c * m), c
        f = to(f.transpose(3, 2, 0, 1).copy()).contiguous(memory_format=layout)
        bias = to(rest[0]) if rest else None
        both, uneven = shared(step)
        if uneven:
            return lambda x: F.conv2d(F.pad(x, uneven), f, bias, step.strides, both, step.dilations, groups)
        return lambda x: F.conv2d(x, f, bias, step.strides, both, step.dilations, groups)
    if step.kind == "dense":
        f = to(jobs.channels_first_rows(steps, at, weights[0]).T.copy())
        bias = to(weights[1]) if len(weights) > 1 else None
        return lambda x: F.linear(x, f, bias)
    if step.kind == "max_pool":
        both, uneven = shared(step)
        if uneven:
            raise jobs.Cannot("max_pool with padding that differs from side to side")
        return lambda x: F.max_pool2d(x, step.size, step.strides, both)
    if step.whole():
        return lambda x: F.adaptive_avg_pool2d(x, 1)
    if step.kind == "avg_pool":
        both, uneven = shared(step)
        if uneven:
            raise jobs.Cannot("avg_pool with padding that differs from side to side")
        return lambda x: F.avg_pool2d(x, step.size, step.strides, both, count_include_pad=False)
    if step.kind == "batch_norm":
        scale, offset, mean, variance = (to(w) for w in weights)
        return lambda x: F.batch_norm(x, mean, variance, scale, offset, False, 0.0, step.epsilon)
    if step.kind == "lrn":
        size = 2 * step.radius + 1  # PyTorch divides alpha by it
        return lambda x: F.local_response_norm(x, size, step.alpha * size, step.beta, step.bias)
    return {
        "relu": F.relu, "relu6": F.relu6, "tanh": torch.tanh, "identity": lambda x: x,
        "flatten": lambda x: torch.flatten(x, 1), "softmax": lambda x: torch.softmax(x, -1),
        "add": lambda *xs: sum(xs[1:], xs[0]),
    }[step.kind]


# As torchvision's networks have them.
IN_PLACE = {"relu": lambda x: F.relu(x, inplace=True), "relu6": lambda x: F.relu6(x, inplace=True)}


class Runner:
    def __init__(self, job, layout):
        weights = job.weights()
        self.layout, self.outputs, self.files = layout, job.outputs, job.files
        if job.device == "gpu":
            if not torch.cuda.is_available():
                raise jobs.Cannot("PyTorch sees no GPU")
            torch.backends.cudnn.benchmark = True
            torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = job.tf32
        self.device = "cuda" if job.device == "gpu" else "cpu"
        self.type = getattr(torch, job.compute or "float32")
        last = {i: at for at, s in enumerate(job.steps) for i in s.inputs}  # use of each value
        self.steps = []
        for at, s in enumerate(job.steps):
            function = operation(job.steps, at, [weights[n] for n in s.weights], layout, self.to)
            spent = [i for i in s.inputs if i >= 0 and last[i] == at and i not in job.outputs]
            if s.kind in IN_PLACE and spent:
                function = IN_PLACE[s.kind]
            self.steps.append((function, s.inputs, spent))
        if not self.files:
            self.images = job.images()
            if layout == torch.contiguous_format:
                self.images = [numpy.ascontiguousarray(x.transpose(0, 3, 1, 2)) for x in self.images]

    def to(self, array):
        return torch.from_numpy(array).to(self.device, self.type)

    def run(self, i):
        if self.files:
            rgb = torch.from_numpy(jobs.read_pixels(self.files[i])).permute(2, 0, 1)[None]
            x = rgb.to(torch.float32, memory_format=self.layout)
        elif self.layout == torch.contiguous_format:
            x = torch.from_numpy(self.images[i])
        else:
            x = torch.from_numpy(self.images[i]).permute(0, 3, 1, 2)
        with torch.inference_mode():
            x = x.to(self.device).to(self.type)
            values = []
            for function, inputs, spent in self.steps:
                values.append(function(*(x if k < 0 else values[k] for k in inputs)))
                for k in spent:
                    values[k] = None
        return [values[k].float().cpu().numpy() for k in self.outputs]

    def numbers(self, result):
        return [y.transpose(0, 2, 3, 1) if y.ndim == 4 else y for y in result]


def contiguous(job):
    return Runner(job, torch.contiguous_format)


def channels_last(job):
    return Runner(job, torch.channels_last)
