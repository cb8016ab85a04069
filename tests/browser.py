"""A real browser without a window, steered by its own debugging protocol."""

import base64
import contextlib
import json
import os
import shutil
import subprocess
import time

import requests
import websocket

PROGRAM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)

# TensorBoard's pages are nested shadow trees, and frames, which neither the document's text nor a
# selector looks into.
_WALK = """
(() => {
  const found = [];
  const walk = (node) => {
    found.push(node);
    if (node.shadowRoot) walk(node.shadowRoot);
    if (node.contentDocument) walk(node.contentDocument);
    node.childNodes.forEach(walk);
  };
  walk(document);
  return found;
})()
"""


@contextlib.contextmanager
def opened(url, folder):
    """Opens a page; ``folder`` is for the browser's own files. Yields a ``Page``."""
    process = subprocess.Popen(
        [
            PROGRAM, "--headless", "--no-sandbox", "--disable-background-networking",
            # WebGL, which the projector needs, without a GPU.
            "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
            "--remote-debugging-port=0", "--remote-allow-origins=*",
            "--user-data-dir=" + folder, "--window-size=1400,1000", url,
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        port_file = os.path.join(folder, "DevToolsActivePort")
        wait_for(lambda: os.path.exists(port_file) and os.path.getsize(port_file))
        with open(port_file) as file:
            port = int(file.readline())

        def pages():
            listed = requests.get("http://127.0.0.1:%d/json" % port, timeout=10).json()
            return [one for one in listed if one["type"] == "page"]

        (page,) = wait_for(pages)
        connection = websocket.create_connection(page["webSocketDebuggerUrl"], timeout=60)
        try:
            yield Page(connection)
        finally:
            connection.close()
    finally:
        process.kill()
        process.wait()


def wait_for(look, timeout_secs=60):
    """Returns what ``look`` returns as soon as that is true."""
    end = time.time() + timeout_secs
    while True:
        seen = look()
        if seen:
            return seen
        assert time.time() < end, "waited %d s in vain" % timeout_secs
        time.sleep(0.2)


class Page:
    """A page of the browser."""

    def __init__(self, connection):
        self._connection = connection
        self._number = 0

    def evaluate(self, expression):
        """Returns the value of a JavaScript expression."""
        call = {"expression": expression, "returnByValue": True}
        return self._call("Runtime.evaluate", call)["result"].get("value")

    def text(self):
        """Returns all text of the page that is not style or script."""
        return self.evaluate(
            _WALK + ".filter((n) => n.nodeType == 3 && n.parentNode"
            " && !['STYLE', 'SCRIPT'].includes(n.parentNode.nodeName))"
            ".map((n) => n.textContent.trim()).filter((t) => t).join('\\n')"
        )

    def loaded_images(self):
        """Returns the [width, height] of each image of the page that has been loaded."""
        return self.evaluate(
            _WALK + ".filter((n) => n.nodeName == 'IMG' && n.complete && n.naturalWidth)"
            ".map((n) => [n.naturalWidth, n.naturalHeight])"
        )

    def wait_for_text(self, *words):
        """Waits until all of these are on the page."""
        try:
            return wait_for(lambda: all(word in (self.text() or "") for word in words))
        except AssertionError:
            raise AssertionError("not all of %s in: %s" % (words, self.text()[-4000:]))

    def positions(self, selector):
        """Returns the [left, top, right, bottom] of each element, by its ``data-name``."""
        return self.evaluate(
            "Object.fromEntries("
            + _WALK
            + ".filter((n) => n.matches && n.matches('%s')).map((n) => {" % selector
            + "const box = n.getBoundingClientRect();"
            " return [n.dataset.name, [box.left, box.top, box.right, box.bottom]]; }))"
        )

    def screenshot(self):
        """Returns what the window shows, as a PNG."""
        return base64.b64decode(self._call("Page.captureScreenshot", {})["data"])

    def _call(self, method, params):
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        self._connection.send(json.dumps(message))
        while True:
            answer = json.loads(self._connection.recv())
            if answer.get("id") == self._number:
                return answer["result"]
