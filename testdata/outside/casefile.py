"""The case files' form, for vocabulary.py and published.py."""

import json

import numpy as np

import definitions

# Fields that are float32 tensors; the others are written as they are.
TENSORS = {"filter", "bias", "scale", "offset", "mean", "variance", "shift"}


def number(v):
    v = np.float32(v)
    if np.isnan(v):
        return '"NaN"'
    if np.isinf(v):
        return '"Inf"' if v > 0 else '"-Inf"'
    text = str(v).removesuffix(".0")
    assert np.float32(float(text)) == v, text
    return text


def single(x):
    """The float32 numbers that a program reads, in float64."""
    with np.errstate(over="raise"):
        return x if isinstance(x, Raw) else np.asarray(x).astype(np.float32).astype(np.float64)


def tensor(x):
    shape = ", ".join(map(str, x.shape))
    return f'{{"shape": [{shape}], "data": [{", ".join(map(number, x.reshape(-1)))}]}}'


class Cases:
    """The cases of one file."""

    def __init__(self, seed):
        self.seed, self.lines, self.drawn = seed, [], 0

    def draw(self, *shape, spread=0):
        """Gaussian numbers of four places, each times a power of ten up to
        10**spread, as float32."""
        self.drawn += 1
        rng = np.random.default_rng([2026, self.seed, self.drawn])
        x = np.round(rng.standard_normal(shape), 4)
        if spread:
            x = x * 10.0 ** rng.integers(-spread, spread + 1, shape)
        return x.astype(np.float32).astype(np.float64)

    def add(self, name, op, x, published=None, error=None, asked=True, **fields):
        """One case. Its answer is the definition's for these numbers as
        float32, which must be the published one to the digits that were
        published; without asked there is none, and the device is held to the
        reference alone."""
        x = [single(part) for part in x] if isinstance(x, list) else single(x)
        fields = {key: single(value) if key in TENSORS else value for key, value in fields.items()}
        parts = [f'"name": {json.dumps(name, ensure_ascii=False)}', f'"op": "{op}"']
        if isinstance(x, list):
            parts.append(f'"inputs": [{", ".join(map(tensor, x))}]')
        else:
            parts.append(f'"input": {tensor(x)}')
        for key, value in fields.items():
            if key in TENSORS:
                text = tensor(value)
            elif isinstance(value, float):
                text = number(value)
            else:
                text = json.dumps(value)
            parts.append(f'"{key}": {text}')
        if error:
            parts.append(f'"error": {json.dumps(error)}')
        elif asked:
            answer = getattr(definitions, op)(*(x if isinstance(x, list) else [x]), **fields)
            if published is not None:
                published = np.array(published, dtype=np.float64).reshape(answer.shape)
                np.testing.assert_allclose(answer, published, rtol=1e-6, atol=1e-7, err_msg=name)
            parts.append(f'"expect": {tensor(answer)}')
        self.lines.append("  {" + ", ".join(parts) + "}")

    def refuse(self, op, error, x, name=None, **fields):
        """A case that is refused, named for the error's text."""
        self.add(name or error, op, x, error=error, **fields)

    def text(self):
        return '{"cases": [\n' + ",\n".join(self.lines) + "\n]}\n"


def filled(*shape, start=1):
    """start, start + 1, …"""
    n = int(np.prod(shape))
    return np.arange(start, start + n, dtype=np.float64).reshape(shape)


def ones(*shape):
    return np.ones(shape)


class Raw:
    """A tensor of any shape, which NumPy need not know, and any n numbers."""

    def __init__(self, *shape, n=0):
        self.shape, self.numbers = shape, list(range(1, n + 1))

    def reshape(self, _):
        return self.numbers
