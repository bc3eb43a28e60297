# python3 known.py > known.json: what Pillow 13 (in float32) makes of an
# image of 6×8 pixels that is resized, and NumPy 2.4 (in float32) of the numbers
# 0 to 255 that are scaled as Keras and torchvision scale them.
import base64, io, json, sys
import numpy as np
from PIL import Image

def packed(x):
    assert x.dtype == np.float32
    return base64.b64encode(x.astype('<f4').tobytes()).decode()

def png(pixels):
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, 'PNG')
    return base64.b64encode(out.getvalue()).decode()

pixels = np.random.default_rng(7).integers(0, 256, (6, 8, 3), dtype=np.uint8)
resized = []
filters = {'bilinear': Image.BILINEAR, 'bicubic': Image.BICUBIC, 'area': Image.BOX, 'nearest': Image.NEAREST}
for method, kernel in filters.items():
    for height, width in ((3, 4), (12, 16), (6, 8), (3, 16)):
        channels = [Image.fromarray(pixels[:, :, c].astype(np.float32)).resize((width, height), kernel) for c in range(3)]
        resized.append({'method': method, 'height': height, 'width': width, 'numbers': packed(np.stack([np.asarray(c) for c in channels], 2))})

ramp = np.arange(256, dtype=np.uint8)
ramp = np.stack([ramp, 255 - ramp, ramp ^ 85], 1)[np.newaxis]
x = ramp.astype(np.float32)
def normalised(x, mean, std):
    return (x - np.array(mean, np.float32)) / np.array(std, np.float32)
scaled = {
    'zero to one': x / np.float32(255),
    'plus minus one': x / np.float32(127.5) - np.float32(1),
    'ImageNet': normalised(x / np.float32(255), (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    'ImageNet BGR': x[..., ::-1] - np.array((103.939, 116.779, 123.68), np.float32),
    'BGR': x[..., ::-1],
    'gray': (np.float32(0.299) * x[..., 0] + np.float32(0.587) * x[..., 1]) + np.float32(0.114) * x[..., 2],
}
json.dump({'file': png(pixels), 'resized': resized, 'ramp': png(ramp), 'scaled': {k: packed(np.ascontiguousarray(v)) for k, v in scaled.items()}}, sys.stdout, ensure_ascii=False, indent=0)
