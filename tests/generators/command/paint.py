"""A program that paints by a label map, a class or a batch; or does one of the things that programs do wrong.

It needs the standard library alone: tests start it some hundred times, and importing nibabel takes far longer than
painting.
"""

import gzip
import json
import random
import struct
import sys
import time
import zlib
from array import array
from itertools import product
from pathlib import Path

MODALITIES = ("t1", "t2")
DATA = 352  # bytes before the voxels of a NIfTI file
KINDS = {2: "B", 4: "h", 8: "i", 16: "f", 64: "d", 256: "b", 512: "H"}
"""Code of a kind of voxels in NIfTI -> that of the module array."""
FLOAT = 16


def paint(label, out, seed, wrong="", **_):
    """Paint each label brighter than the one before, with noise."""
    with gzip.open(label) as file:
        header, voxels = bytearray(file.read(DATA)), file.read()
    shape = struct.unpack_from("<3h", header, 42)
    values = array(KINDS[struct.unpack_from("<h", header, 70)[0]], voxels)
    squares = [[(2 * n / (side - 1) - 1) ** 2 for n in range(side)] for side in shape]
    head = [x + y + z < 0.8 for z, y, x in product(*squares[::-1])]  # no air, as in a brain; the first axis runs first
    if wrong == "another case":
        values, seed = [1] * len(values), 0
    for n, modality in enumerate(MODALITIES[: 1 if wrong == "half of the modalities" else 2]):
        rng = random.Random(f"{seed} {n}")
        image = array("f", (
            (100 + 60 * value + rng.gauss(0, 5)) * (inside or value > 0) for value, inside in zip(values, head)
        ))  # fmt: skip
        image = array("f", [7]) * len(image) if wrong == "constant" else image
        image[0] = float("nan") if wrong == "not finite" else image[0]
        write(Path(out) / f"{modality}.nii.gz", image, header, shape, wrong)


def write(path, image, header, shape, wrong):
    """Write an image on the grid of a label map, or on another one."""
    header = bytearray(header)
    struct.pack_into("<2h", header, 70, FLOAT, 32)
    if wrong == "another grid":
        struct.pack_into("<h", header, 42, shape[0] - 1)
        image = array("f", (value for n, value in enumerate(image) if n % shape[0] < shape[0] - 1))
    if wrong == "moved":
        row = struct.unpack_from("<4f", header, 280)
        aside = row[3] + 2 * max(map(abs, row[:3]))
        struct.pack_into("<f", header, 268, aside)
        struct.pack_into("<f", header, 292, aside)
    content = gzip.compress(header + image.tobytes(), compresslevel=1)
    path.write_bytes(content[:-200] if wrong == "cut short" else content)


def draw(category, out, seed):
    """Draw a plane image of a class as PNG, brighter for the sick."""
    height, width = 20, 24
    rng, least = random.Random(seed), 140 if category == "sick" else 40
    rows = b"".join(bytes([0, *(rng.randrange(least, least + 50) for _ in range(width))]) for _ in range(height))
    parts = [
        (b"IHDR", struct.pack(">2I5B", width, height, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    ]
    chunks = [
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in parts
    ]
    (Path(out) / "image.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))


def main(what, *words):
    """Do what the first word says."""
    if what == "batch":
        for case in json.loads(Path(words[0]).read_text()):
            paint(**case)
    elif what == "class":
        draw(*words)
    elif what == "exits":
        sys.stderr.write("reading weights\n")
        sys.exit("RuntimeError: CUDA out of memory")
    elif what == "hangs":
        sys.stderr.write("step 1 of 250\n")
        time.sleep(60)
    elif what != "nothing":
        paint(*words, wrong=what)


if __name__ == "__main__":
    main(*sys.argv[1:])
