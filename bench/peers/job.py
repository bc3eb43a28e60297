"""What bench's driver has written for all contestants."""

import json
import os


class Cannot(Exception):
    """A job that a contestant has no means for."""


class Step:
    """An operation with its attributes as bench/worker's Step spells them."""

    def __init__(self, fields):
        self.__dict__.update({"weights": [], "padding": ""}, **fields)
        for name in ("epsilon", "bias", "alpha", "beta"):  # 2.0 is written 2
            setattr(self, name, float(fields.get(name, 0)))

    def whole(self):
        """Whether a pool takes the mean of the whole image."""
        return self.kind == "avg_pool" and self.size == self.input[:2] and self.padding == "VALID"


class Job:
    def __init__(self, folder):
        self.folder = folder
        with open(os.path.join(folder, "job.json")) as f:
            fields = json.load(f)
        self.batch, self.inputs = fields["batch"], fields["inputs"]
        self.files = fields.get("files", [])
        self.device, self.compute, self.tf32 = fields.get("device", ""), fields.get("compute", ""), fields.get("tf32", False)
        self.outputs = fields["outputs"]
        self.steps = [Step(s) for s in fields["steps"]]
        self.height, self.width, self.channels = self.steps[0].input
        self.names = {"weights": fields["weights_file"], "input": fields["input_file"]}

    def weights(self):
        """Name to array; filters are HWIO, those of Dense [features, units]."""
        import numpy

        path = os.path.join(self.folder, self.names["weights"])
        if not any(s.weights for s in self.steps):
            return {}
        with numpy.load(path) as archive:
            return {name: archive[name] for name in archive.files}

    def images(self):
        """The input of each call, NHWC."""
        import numpy

        return numpy.split(numpy.load(os.path.join(self.folder, self.names["input"])), self.inputs)


def channels_first_rows(steps, at, rows):
    """The filter of the dense step `at` for an input that was flattened with
    the channels first: bench's are for channels last."""
    source = at
    while True:
        before = steps[source].inputs[0]
        if before < 0 or steps[before].kind == "dense":
            return rows
        source = before
        if steps[source].kind == "flatten":
            break
    h, w, c = steps[source].input
    return rows.reshape(h, w, c, -1).transpose(2, 0, 1, 3).reshape(h * w * c, -1)


def read_pixels(path):
    """A JPEG file as Pillow decodes it: [height, width, 3], 0 to 255."""
    import numpy
    from PIL import Image

    with Image.open(path) as image:
        return numpy.asarray(image.convert("RGB"))
