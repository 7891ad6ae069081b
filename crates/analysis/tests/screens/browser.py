"""Chromium without a window, driven through its debugging pipe."""

import base64
import json
import os
import pathlib
import subprocess
import tempfile

# The words in the window that can be seen, in the order of the document, a line for each line of each element.
WORDS = r"""
(() => {
  const lines = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    const style = getComputedStyle(node.parentElement);
    if (style.visibility === "hidden" || style.display === "none") continue;
    let line = [], top = null;
    for (const match of node.data.matchAll(/\S+/g)) {
      const range = document.createRange();
      range.setStart(node, match.index);
      range.setEnd(node, match.index + match[0].length);
      const box = range.getBoundingClientRect();
      if (box.width === 0 || box.left < 0 || box.top < 0 || box.right > innerWidth || box.bottom > innerHeight) continue;
      // What is drawn over it hides it, unless it lets the pointer through.
      const points = [0.25, 0.75].map((part) => document.elementFromPoint(box.left + part * box.width, (box.top + box.bottom) / 2));
      const parent = node.parentElement;
      if (points.some((at) => !at || !(at === parent || parent.contains(at) || at.contains(parent)))) continue;
      if (top !== null && Math.abs(box.top - top) > 3) { lines.push(line.join(" ")); line = []; }
      top = box.top;
      const word = style.textTransform === "uppercase" ? match[0].toUpperCase() : match[0];
      line.push(word);
    }
    if (line.length) lines.push(line.join(" "));
  }
  return lines.join("\n");
})()
"""


class Browser:
    def __enter__(self):
        self.profile = tempfile.TemporaryDirectory()
        self.to_read, to_write = os.pipe()
        from_read, self.from_write = os.pipe()

        def connect():
            # The pipe's ends are the descriptors 3 and 4; high ones first, so that neither overwrites the other.
            high = [os.dup2(self.to_read, 103), os.dup2(self.from_write, 104)]
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)

        self.process = subprocess.Popen(
            ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--hide-scrollbars",
             f"--user-data-dir={self.profile.name}", "about:blank"],
            preexec_fn=connect, close_fds=False, stderr=subprocess.DEVNULL,
        )
        self.out, self.inn = to_write, os.fdopen(from_read, "rb", 0)
        self.buffer, self.number, self.session = b"", 0, None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.call("Page.enable")
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.profile.cleanup()

    def receive(self):
        while b"\0" not in self.buffer:
            self.buffer += self.inn.read(1 << 20)
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.receive()
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]

    def show(self, html, size, scale, picture):
        self.call("Emulation.setDeviceMetricsOverride", width=size[0], height=size[1], deviceScaleFactor=scale, mobile=False)
        frame = self.call("Page.getFrameTree")["frameTree"]["frame"]["id"]
        self.call("Page.setDocumentContent", frameId=frame, html=html)
        # Two frames later the page is laid out and drawn.
        wait = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
        self.call("Runtime.evaluate", expression=wait, awaitPromise=True)
        text = self.call("Runtime.evaluate", expression=WORDS, returnByValue=True)["result"]["value"]
        data = self.call("Page.captureScreenshot", format="png")["data"]
        pathlib.Path(picture).write_bytes(base64.b64decode(data))
        return text
