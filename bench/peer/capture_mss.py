"""Screenshots with python-mss, made small and written as JPEG with Pillow. Prints milliseconds as JSON."""

import io
import json
import sys
import time

import mss
from PIL import Image

RUNS = int(sys.argv[1])
MAX_PIXELS = int(sys.argv[2])
# The first runs fill caches.
WARM_UP = 3


def main():
    figures = {"grab": [], "file": []}
    with mss.mss() as screen:
        monitor = screen.monitors[1]
        for run in range(WARM_UP + RUNS):
            begun = time.perf_counter()
            shot = screen.grab(monitor)
            grabbed = time.perf_counter()
            picture = Image.frombytes("RGB", shot.size, shot.bgra, "raw", "BGRX")
            scale = (MAX_PIXELS / (picture.width * picture.height)) ** 0.5
            if scale < 1:
                size = (int(picture.width * scale), int(picture.height * scale))
                picture = picture.resize(size, Image.Resampling.BILINEAR)
            picture.save(io.BytesIO(), "JPEG", quality=85)
            if run >= WARM_UP:
                figures["grab"].append((grabbed - begun) * 1e3)
                figures["file"].append((time.perf_counter() - begun) * 1e3)
    json.dump(figures, sys.stdout)


main()
