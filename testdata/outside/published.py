"""Answers that others published: TensorFlow's kernel tests, ONNX's node tests and
Keras's documentation (all Apache-2.0). Where they are no integers, what is written is the answer of
definitions.py for the same numbers as float32, which must agree with them to six
digits."""

import numpy as np

from casefile import filled, ones


def depthwise_conv2d(c):
    c.add("TensorFlow's test", "depthwise_conv2d", filled(1, 2, 3, 2), filter=filled(2, 2, 2, 2),
          published=[196, 216, 272, 296, 252, 280, 344, 376])


def conv2d_transpose(c):
    def tensorflow(name, x, filter, published=None, **fields):
        c.add(f"TensorFlow's test: {name}", "conv2d_transpose", x, filter=filter, published=published, **fields)

    tensorflow("the gradient of a convolution", filled(1, 1, 2, 1), filled(2, 2, 1, 1), [1, 4, 4, 3, 10, 8], output_size=[2, 3])

    def inner(size, inside):
        return np.array([[inside(h, w) for w in range(size[1])] for h in range(size[0])])

    rim = inner([6, 4], lambda h, w: 12 + (15 if 0 < h < 5 and 0 < w < 3 else 6 if 0 < h < 5 or 0 < w < 3 else 0))
    tensorflow("stride 1", ones(1, 6, 4, 3), ones(3, 3, 2, 3), np.stack([rim, rim], axis=-1), output_size=[6, 4], padding="SAME")

    def strided(h, w):
        h_in, w_in = h % 2 == 0 and 0 < h < 11, w % 2 == 0 and 0 < w < 7
        return 3 + (9 if h_in and w_in else 3 if h_in or w_in else 0)

    same = inner([12, 8], strided)
    tensorflow("stride 2, SAME", ones(1, 6, 4, 3), ones(3, 3, 2, 3), np.stack([same, same], axis=-1), output_size=[12, 8],
               strides=[2, 2], padding="SAME")

    nine = filled(1, 3, 3, 1, start=0)
    full = [0, 1, 3, 3, 2, 3, 8, 15, 12, 7, 9, 21, 36, 27, 15, 9, 20, 33, 24, 13, 6, 13, 21, 15, 8]
    second = [9, 19, 30, 21, 11, 21, 44, 69, 48, 25, 36, 75, 117, 81, 42, 27, 56, 87, 60, 31, 15, 31, 48, 33, 17]

    def onnx(name, x, filter, published, **fields):
        c.add(f"ONNX's test: {name}", "conv2d_transpose", x, filter=filter, published=published, **fields)

    def maps(*planes):
        return np.stack([np.array(p) for p in planes], axis=-1)

    onnx("convtranspose", nine, ones(3, 3, 2, 1), maps(full, full), output_size=[5, 5])
    pads = [1, 1, 3, 1, 1, 3, 7, 4, 9, 7, 4, 9, 7, 4, 9, 13, 7, 15, 13, 7, 15]
    onnx("convtranspose_pads", nine, ones(3, 3, 2, 1), maps(pads, pads), output_size=[7, 3], strides=[3, 2], padding=[[1, 1], [2, 2]])
    onnx("convtranspose_dilations", np.array([3.0, 8, 1, 9, 5, 7, 3, 2, 6]).reshape(1, 3, 3, 1), np.array([7.0, 2, 1, 9]).reshape(2, 2, 1, 1),
         [21, 56, 13, 16, 2, 63, 35, 67, 10, 14, 24, 22, 76, 76, 21, 9, 5, 88, 45, 63, 3, 2, 33, 18, 54],
         output_size=[5, 5], dilations=[2, 2])
    onnx("convtranspose_group_2", np.stack([nine[..., 0], nine[..., 0] + 9], axis=-1), ones(3, 3, 1, 2), maps(full, second), output_size=[5, 5], groups=2)
    auto = [0, 0, 1, 1, 3, 2, 0, 0, 1, 1, 3, 2, 3, 3, 8, 5, 12, 7, 3, 3, 7, 4, 9, 5, 9, 9, 20, 11, 24, 13, 6, 6, 13, 7, 15, 8]
    onnx("convtranspose_autopad_same", nine, ones(3, 3, 2, 1), maps(auto, auto), output_size=[6, 6], strides=[2, 2], padding="SAME")
    rows = [[0, 0, 1, 1, 3, 2, 2, 0]] * 3 + [[3, 3, 7, 4, 9, 5, 5, 0]] * 3 + [[6, 6, 13, 7, 15, 8, 8, 0]] * 3 + [[0] * 8]
    onnx("convtranspose_output_shape", nine, ones(3, 3, 2, 1), maps(rows, rows), output_size=[10, 8], strides=[3, 2])


TEN = np.array([[-0.9, 0.7, -0.5, 0.3, -0.1], [0.1, -0.3, 0.5, -0.7, 0.9]])


def activation(c):
    def tensorflow(op, published, x=TEN, **fields):
        c.add("TensorFlow's test", op, x, published=published, **fields)

    tensorflow("relu6", [0, 0.7, 0, 0.3, 6, 0.1, 0, 6, 0, 0.9],
               np.array([[-0.9, 0.7, -0.5, 0.3, 6.0], [0.1, -0.3, 6.5, -0.7, 0.9]]))
    tensorflow("leaky_relu", [-0.09, 0.7, -0.05, 0.3, -0.01, 0.1, -0.03, 0.5, -0.07, 0.9], alpha=0.1)
    tensorflow("elu", [-0.59343034025, 0.7, -0.39346934028, 0.3, -0.09516258196, 0.1, -0.25918177931, 0.5, -0.5034146962, 0.9])
    tensorflow("selu", [-1.0433095, 0.73549069, -0.6917582, 0.3152103, -0.16730527, 0.1050701, -0.45566732, 0.5253505, -0.88505305, 0.9456309])
    three = np.array([-1.0, 0, 1])
    c.add("ONNX's test: leakyrelu_example", "leaky_relu", three, published=[-0.1, 0, 1], alpha=0.1)
    c.add("ONNX's test: sigmoid_example", "sigmoid", three, published=[0.26894143, 0.5, 0.7310586])
    c.add("ONNX's test: tanh_example", "tanh", three, published=[-0.76159418, 0, 0.76159418])


def swish(c):
    c.add("Keras's documentation: silu", "swish", np.array([-6.0, 1, 0, 1, 6]), published=[-0.0148357, 0.7310586, 0, 0.7310586, 5.9851646])
    c.add("Keras's documentation: hard_silu", "hard_swish", np.array([-3.0, -1, 0, 1, 3]), published=[0, -0.3333333, 0, 0.6666667, 3])


def softmax(c):
    c.add("ONNX's test: softmax_example", "softmax", np.array([[-1.0, 0, 1]]), published=[0.09003058, 0.24472848, 0.66524094])
    c.add("ONNX's test: softmax_large_number", "softmax", np.array([[0.0, 1, 2, 3], [10000, 10001, 10002, 10003]]),
          published=[0.032058604, 0.08714432, 0.23688284, 0.6439143] * 2)


def resize(c):
    four = filled(1, 2, 2, 1)

    def onnx(name, x, published, **fields):
        c.add(f"ONNX's test: {name}", "resize", x, published=published, **fields)

    onnx("resize_upsample_scales_linear", four, [1, 1.25, 1.75, 2, 1.5, 1.75, 2.25, 2.5, 2.5, 2.75, 3.25, 3.5, 3, 3.25, 3.75, 4],
         size=[4, 4], method="bilinear")
    onnx("resize_upsample_scales_nearest", four, [1, 1, 1, 2, 2, 2] * 2 + [3, 3, 3, 4, 4, 4] * 2, size=[4, 6], method="nearest")
