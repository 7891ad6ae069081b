"""The screens that are terminals: real programs in tmux, shown by xterm on a screen of its own."""

import os
import pathlib
import subprocess
import time

WHITE, DARK, SOLARIZED, GREEN = ("white", "black"), ("#1e1e1e", "#d4d4d4"), ("#002b36", "#93a1a1"), ("black", "#33ff33")

BASKET_C = """#include <stdio.h>
#include "basket.h"

/* The sum of all articles, in cents. */
int total(const struct basket *b)
{
    int sum = 0;
    for (int i = 0; i < b->count; i++)
        sum += b->item[i].price * b->item[i].amount;
    return summ;
}

int main(void)
{
    struct basket b = load("basket.txt");
    printf("%s\\n", total(&b));
    return 0;
}
"""
BASKET_H = """struct item { int price; int amount; };
struct basket { int count; struct item item[16]; };
struct basket load(const char *name);
"""
MAIN_RS = """use std::fs;

fn longest(lines: &[String]) -> &str {
    let mut best = "";
    for line in lines {
        if line.len() > best.len() {
            best = line;
        }
    }
    best
}

fn main() {
    let text: u32 = fs::read_to_string("notes.txt").unwrap();
    let lines = text.lines().map(str::to_owned).collect::<Vec<_>>();
    println!("{}", longest(&lines, 3));
}
"""
STOCK_PY = """import json


def price_of(prices, name):
    return prices[name] * 1.19


def main():
    prices = json.loads('{"tea": 3.2, "milk": 0.9}')
    order = ["tea", "milk", "honey"]
    print("placing the order of", len(order), "articles")
    total = sum(price_of(prices, name) for name in order)
    print("total", total)


main()
"""
STOCK_SQL = """create table orders (number integer, customer text, placed date, total numeric, state text);
insert into orders values (8801, 'Nordlicht Cafe', '2025-04-02', 318.40, 'shipped'), (8802, 'Atelier Blum', '2025-04-02', 74.90, 'paid'),
 (8803, 'Hotel Seeblick', '2025-04-03', 1290.00, 'waiting for stock'), (8804, 'Radhaus Krug', '2025-04-05', 212.15, 'shipped'),
 (8805, 'Bakery Lindner', '2025-04-06', 56.30, 'returned'), (8806, 'Nordlicht Cafe', '2025-04-08', 402.75, 'paid');
"""
NOTES = """Meeting of the garden club, 11 May

Present: Hannah, Luis, Dorothea, Kwame
Apologies: Pierre (ill)

1. Water
   The pump failed twice in April. A new one costs 260 euros.
   Luis asks two shops for offers until 25 May.

2. Compost
   Plastic bags were found again. Signs in three languages
   will be put up by Kwame.

3. Summer party
   Saturday 5 July, from 15 o'clock, at the old greenhouse.
   Everybody brings a salad. Dorothea rents benches for 40 people.

4. Key of the shed
   One of four keys is missing. Whoever has it, please call Hannah.
"""
FIX_INI = """[server]
listen = 0.0.0.0:9443
workers = 6
request_timeout = 45s

[database]
host = db3.internal.example.net
pool_size = 24
; password comes from the environment

[cache]
enabled = yes
max_entries = 50000
eviction = least_recently_used

[mail]
relay = smtp.example.net
from = robot@example.net
retry_after = 15m
"""
TESTS_JS = """import { test } from "node:test";
import assert from "node:assert";

test("adds numbers", () => assert.equal(1 + 2, 3));
test("formats a price", () => assert.equal((3.5).toFixed(2), "3.50"));
test("rounds half up", () => assert.equal(Math.round(2.5), 2));
test("parses a date", () => assert.equal(new Date("2025-03-01").getUTCDay(), 6));
"""
FILES = {"basket.c": BASKET_C, "basket.h": BASKET_H, "main.rs": MAIN_RS, "stock.py": STOCK_PY, "stock.sql": STOCK_SQL, "notes.txt": NOTES,
         "service.ini": FIX_INI, "price.test.mjs": TESTS_JS}

GIT = ("git init -qb main g; cd g; git config user.name 'Rosa Keller'; git config user.email rosa@example.org; c() { echo \"$2\" >> \"$1\"; git add .; "
       "GIT_AUTHOR_DATE=\"$3\" GIT_COMMITTER_DATE=\"$3\" git commit -qm \"$4\"; }; c a.txt one '2025-02-03T09:15:00+0000' 'Begin the address book'; "
       "c a.txt two '2025-02-10T14:40:00+0000' 'Sort entries by surname'; c b.txt three '2025-03-04T08:05:00+0000' 'Read files of the old program'; "
       "c b.txt four '2025-03-21T17:30:00+0000' 'Refuse numbers with letters'; c c.txt five '2025-04-11T11:11:00+0000' 'Print labels in two columns'; clear; ")

TERMINALS = [
    dict(name="gcc", colours=DARK, run="gcc -fdiagnostics-color=always -Wall -c basket.c", questions=[
        ("Why does it not compile?", "error: ‘summ’ undeclared"), ("In which line is the warning about the format?", "basket.c:16:14: warning")]),
    dict(name="rustc", colours=DARK, size=(1280, 800), run="rustc --color always main.rs", questions=[
        ("Which types do not fit together?", "expected `u32`, found `String`"), ("In which file and line is the wrong number of arguments?", "main.rs:16:20")]),
    dict(name="python", colours=WHITE, run="python3 stock.py", questions=[
        ("What exception was raised?", "KeyError: 'honey'"), ("How many articles are in the order?", "placing the order of 3 articles")]),
    dict(name="git-log", colours=DARK, size=(1920, 1080), run=GIT + "git -c color.ui=always log --stat --date=iso | head -48", questions=[
        ("When were labels in two columns added?", "2025-04-11 11:11:00"), ("Who is the author?", "Rosa Keller <rosa@example.org>")]),
    dict(name="vim", colours=DARK, run="vim -u NONE -c 'syntax on | set number background=dark' basket.c", questions=[
        ("What does total return?", "return summ;"), ("Which file is loaded?", 'load("basket.txt")')]),
    dict(name="tmux-panes", colours=SOLARIZED, size=(1920, 1080), font=11, run="cat notes.txt basket.c", split=["cat service.ini", "df -h / /dev /tmp"], questions=[
        ("When is the summer party?", "Saturday 5 July, from 15 o'clock"), ("How large is the database pool?", "pool_size = 24")]),
    dict(name="sqlite", colours=GREEN, run="sqlite3 :memory: -box '.read stock.sql' 'select * from orders' 'select state, count(*), sum(total) from orders group by state'", questions=[
        ("What is the total of Hotel Seeblick?", "1290"), ("Which order was returned?", "8805")]),
    dict(name="less", colours=WHITE, font=12, run="less notes.txt", questions=[
        ("How much does a new pump cost?", "A new one costs 260 euros"), ("Who rents the benches?", "Dorothea rents benches for 40 people")]),
    dict(name="openssl", colours=DARK, font=9, run="openssl req -x509 -newkey rsa:2048 -nodes -keyout /dev/null -subj '/C=NO/O=Fjord Software/CN=app.example.net' -days 90 2>/dev/null | openssl x509 -noout -text | grep -v ':..:..:..:..:'", questions=[
        ("Who issued the certificate?", "Issuer: C = NO, O = Fjord Software, CN = app.example.net"), ("Which algorithm signed it?", "Signature Algorithm: sha256WithRSAEncryption")]),
    dict(name="node-tests", colours=DARK, run="FORCE_COLOR=1 node --test price.test.mjs", questions=[
        ("Which test failed?", "rounds half up"), ("How many tests passed?", "pass 3")]),
]


class Terminal:
    """The programs of one screen, and all that shows them."""

    def __init__(self, screen, size, folder):
        self.screen, self.size = screen, size
        self.folder = pathlib.Path(folder) / screen["name"]
        self.folder.mkdir()
        for name, text in FILES.items():
            (self.folder / name).write_text(text)
        self.started = []

    def tmux(self, *arguments):
        result = subprocess.run(["tmux", "-L", f"screens-{os.getpid()}", "-f", "/dev/null", *arguments], check=True, text=True,
                                capture_output=True, cwd=self.folder, env=self.environment)
        return result.stdout

    def __enter__(self):
        read, write = os.pipe()
        width, height = self.size
        self.started.append(subprocess.Popen(["Xvfb", "-displayfd", str(write), "-screen", "0", f"{width}x{height}x24", "-nolisten", "tcp"],
                                             pass_fds=[write], stderr=subprocess.DEVNULL))
        display = os.read(read, 16).decode().strip()
        self.environment = {"DISPLAY": f":{display}", "PATH": os.environ["PATH"], "HOME": str(self.folder), "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8",
                            "TERM": "xterm-256color", "PS1": "$ ", "RUSTUP_HOME": os.environ.get("RUSTUP_HOME", str(pathlib.Path.home() / ".rustup")),
                            "CARGO_HOME": os.environ.get("CARGO_HOME", str(pathlib.Path.home() / ".cargo"))}
        return self

    def __exit__(self, *_):
        self.tmux("kill-server")
        for process in reversed(self.started):
            process.terminate()
            process.wait()

    def show(self, picture):
        back, front = self.screen["colours"]
        self.tmux("new-session", "-d", "-x", "80", "-y", "24", "bash --norc")
        self.tmux("set", "-g", "status", "off")
        self.tmux("set", "-g", "default-terminal", "xterm-256color")
        self.started.append(subprocess.Popen(
            ["xterm", "-fa", "DejaVu Sans Mono", "-fs", str(self.screen.get("font", 10)), "-bg", back, "-fg", front, "-b", "6", "+sb",
             "-geometry", "400x200+0+0", "-e", "tmux", "-L", f"screens-{os.getpid()}", "attach"], env=self.environment, cwd=self.folder, stderr=subprocess.DEVNULL))
        self.wait(lambda: self.tmux("list-clients"))
        self.fit()
        self.run(0, self.screen["run"])
        for index, command in enumerate(self.screen.get("split", []), 1):
            self.tmux("split-window", "-h" if index == 1 else "-v", "bash --norc")
            self.run(index, command)
        self.wait(self.is_quiet)
        panes = self.tmux("list-panes", "-F", "#{pane_id}").split()
        text = "\n".join(self.tmux("capture-pane", "-p", "-t", pane) for pane in panes)
        subprocess.run(["import", "-window", "root", str(picture)], check=True, env=self.environment)
        return "\n".join(line for line in (line.strip() for line in text.splitlines()) if line)

    def fit(self):
        """As many cells as fit on the screen: a window beyond its edge would hide text."""
        window = subprocess.run(["xdotool", "search", "--class", "xterm"], check=True, text=True, capture_output=True, env=self.environment).stdout.split()[-1]
        subprocess.run(["xdotool", "windowsize", window, str(self.size[0]), str(self.size[1])], check=True, env=self.environment)
        self.wait(lambda: 40 < int(self.tmux("display", "-p", "#{window_width}")) < 390)
        time.sleep(0.5)

    def run(self, pane, command):
        self.tmux("send-keys", "-t", str(pane), f"{command.replace(chr(10), ' ')}", "Enter")

    def is_quiet(self):
        """Nothing has changed for a second."""
        seen = [self.tmux("capture-pane", "-p", "-t", "0"), time.sleep(1.0), self.tmux("capture-pane", "-p", "-t", "0")]
        return seen[0] == seen[2] and len(seen[0].split()) > 8

    @staticmethod
    def wait(condition):
        for _ in range(100):
            if condition():
                return
            time.sleep(0.1)
        raise TimeoutError("the terminal did not get so far")
