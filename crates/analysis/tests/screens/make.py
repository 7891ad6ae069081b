#!/usr/bin/env python3
"""Makes the screens that the reader is measured with, and what stands on each.

    python3 make.py            # all of them
    python3 make.py gcc mail   # only these

Needs Debian's chromium, xvfb, xterm, tmux and imagemagick, and the programs that the terminals show. What stands on a
screen is asked of the program that shows it: Chromium for the words in its window that nothing covers, tmux for the
characters of its panes. The questions and their lines are written by hand in pages.py, terminals.py and held_out.py.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

from browser import Browser
from held_out import HELD_OUT_PAGES, HELD_OUT_TERMINALS
from pages import PAGES
from terminals import TERMINALS, Terminal

ALL_PAGES, ALL_TERMINALS = PAGES + HELD_OUT_PAGES, TERMINALS + HELD_OUT_TERMINALS
FOLDER = pathlib.Path(__file__).parent
# Few enough that a screen takes less than 100 kB, and enough for the edges of its letters.
COLOURS = "96"


def quantised(source, target):
    subprocess.run(
        ["convert", source, "+dither", "-colors", COLOURS, "-strip", "-define", "png:compression-level=9",
         f"PNG8:{target}"],
        check=True,
    )


def truth(screen, size, text):
    return {
        "name": screen["name"],
        "held_out": screen.get("held_out", False),
        "language": screen.get("language", "eng"),
        "width": size[0],
        "height": size[1],
        "text": text,
        "questions": [{"question": question, "line": line} for question, line in screen["questions"]],
    }


def check(made):
    """A question whose line nobody can see would measure nothing."""
    for question in made["questions"]:
        if "".join(question["line"].split()) not in "".join(made["text"].split()):
            print(f"{made['name']}: {question['line']!r} does not stand there", file=sys.stderr)


def main():
    chosen = set(sys.argv[1:])
    wanted = lambda screen: not chosen or screen["name"] in chosen
    file = FOLDER / "screens.json"
    made = {one["name"]: one for one in json.loads(file.read_text())} if chosen and file.exists() else {}
    with tempfile.TemporaryDirectory() as folder:
        picture = pathlib.Path(folder) / "screen.png"
        pages = [screen for screen in ALL_PAGES if wanted(screen)]
        if pages:
            with Browser() as browser:
                for screen in pages:
                    size = screen.get("size", (1280, 800))
                    text = browser.show(screen["html"], size, screen.get("scale", 1), picture)
                    quantised(picture, FOLDER / f"{screen['name']}.png")
                    scale = screen.get("scale", 1)
                    made[screen["name"]] = truth(screen, [int(side * scale) for side in size], text)
        for screen in filter(wanted, ALL_TERMINALS):
            size = screen.get("size", (1280, 800))
            with Terminal(screen, size, folder) as terminal:
                text = terminal.show(picture)
            quantised(picture, FOLDER / f"{screen['name']}.png")
            made[screen["name"]] = truth(screen, size, text)
    ordered = [made[screen["name"]] for screen in ALL_PAGES + ALL_TERMINALS if screen["name"] in made]
    for one in ordered:
        check(one)
    file.write_text(json.dumps(ordered, ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    main()
