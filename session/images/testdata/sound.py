# python3 sound.py > sound.json: small sound JPEGs of two encoders, cjpeg
# (libjpeg-turbo-progs 2.1.5) and Pillow 13, with the SHA-256 of the RGB pixels
# that Pillow decodes. djpeg -strict, which stops at libjpeg's first warning,
# decodes each.
import base64, hashlib, io, json, os, struct, subprocess, sys, tempfile
from PIL import Image

photo = Image.open(os.path.join(os.path.dirname(__file__), '../../../testdata/images/china.jpg'))
colour = photo.crop((300, 150, 341, 180))
files = {}

def run(*arguments, data=None):
    return subprocess.run(arguments, input=data, capture_output=True, check=True).stdout

def cjpeg(name, *arguments, image=colour, scans=None):
    ppm = io.BytesIO()
    image.save(ppm, 'PPM')
    with tempfile.NamedTemporaryFile('w', suffix='.txt') as script:
        if scans:
            script.write(scans)
            script.flush()
            arguments += ('-scans', script.name)
        files[name] = run('cjpeg', *arguments, data=ppm.getvalue())

def pillow(name, image=colour, **options):
    out = io.BytesIO()
    image.save(out, 'JPEG', **options)
    files[name] = out.getvalue()

def segments(data):
    at = 2
    while data[at + 1] != 0xda:
        size = 2 + struct.unpack('>H', data[at + 2:at + 4])[0]
        yield data[at + 1], data[at:at + size]
        at += size
    yield None, data[at:]

for sampling in ('1x1', '2x1', '2x2', '1x2', '4x1', '2x2,1x1,2x1', '1x1,2x2,1x1', '4x2,1x1,1x1', '2x2,2x1,1x2'):
    cjpeg('sampling ' + sampling, '-sample', sampling)
    cjpeg('progressive, sampling ' + sampling, '-progressive', '-sample', sampling)
for quality in (1, 30, 95, 100):
    cjpeg('quality %d' % quality, '-quality', str(quality), '-optimize')
    cjpeg('progressive, quality %d' % quality, '-quality', str(quality), '-progressive')
for restart in ('1B', '3B', '1'):
    cjpeg('restarts ' + restart, '-restart', restart)
    cjpeg('progressive, restarts ' + restart, '-restart', restart, '-progressive')
for size in ((1, 1), (7, 9), (8, 8), (17, 33)):
    cjpeg('%d×%d' % size, image=photo.crop((300, 150, 300 + size[0], 150 + size[1])))
grey = colour.convert('L')
cjpeg('grey', image=grey)
cjpeg('grey, progressive', '-progressive', image=grey)
cjpeg('grey, sampling 2x2', '-sample', '2x2', image=grey)
cjpeg('a scan a component', scans='0;\n1;\n2;\n')
cjpeg('two scans, the second of two components', scans='0;\n1 2;\n')
cjpeg('spectral selection alone', scans='0 1 2: 0 0 0 0;\n0: 1 63 0 0;\n1: 1 63 0 0;\n2: 1 63 0 0;\n')
cjpeg('a scan for each of 63 coefficients', image=grey, scans=''.join('0: %d %d 0 0;\n' % (k, k) for k in range(64)))
deep = '0 1 2: 0 0 0 3;\n0 1 2: 0 0 3 2;\n0: 0 0 2 1;\n1 2: 0 0 2 1;\n0 1 2: 0 0 1 0;\n'
for c in range(3):
    deep += '%d: 1 63 0 3;\n%d: 1 63 3 2;\n%d: 1 63 2 1;\n%d: 1 63 1 0;\n' % (c, c, c, c)
cjpeg('four bits in steps', '-quality', '100', scans=deep)
cjpeg('four bits in steps, restarts', '-quality', '100', '-restart', '2B', scans=deep)
pillow('Pillow, restarts', restart_marker_blocks=2)
pillow('Pillow, RGB', keep_rgb=True)
pillow('Pillow, CMYK', image=colour.convert('CMYK'))
pillow('Pillow, CMYK, progressive', image=colour.convert('CMYK'), progressive=True)
plain = files['sampling 2x2']
files['Motion JPEG: no Huffman tables'] = plain[:2] + b''.join(s for m, s in segments(plain) if m != 0xc4)
files['fill bytes before every marker'] = plain[:2] + b''.join(b'\xff\xff' + s for m, s in segments(plain))
files['fill bytes before the end marker'] = plain[:-2] + b'\xff\xff\xff\xd9'
files['a restart marker and TEM before the end'] = plain[:-2] + b'\xff\xd0\xff\x01\xff\xd9'
files['comments, DNL, and bytes behind the end'] = plain[:2] + b'\xff\xfe\0\5abc\xff\xdc\0\4\0\0' + plain[2:] + b'more'

result = {}
for name, data in files.items():
    run('djpeg', '-strict', data=data)
    pixels = Image.open(io.BytesIO(data)).convert('RGB').tobytes()
    result[name] = {'file': base64.b64encode(data).decode(), 'sha256': hashlib.sha256(pixels).hexdigest()}
json.dump(result, sys.stdout, ensure_ascii=False, indent=0)
