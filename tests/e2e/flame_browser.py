# Drives headless Chromium over its debugging pipe: opens a page, runs checks in it, prints TAP.
# SPDX-License-Identifier: BSD-2-Clause
"""Python's standard library only. Usage: flame_browser.py PLAIN HOSTILE LARGE (three pages), or
flame_browser.py --shot PAGE OUT.png [light|dark] [JAVASCRIPT]."""
import base64, json, os, shutil, subprocess, sys, tempfile, time

FLAGS = ("--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync "
         "--disable-background-networking --disable-component-update --disable-dev-shm-usage "
         "--hide-scrollbars --window-size=1360,820 --remote-debugging-pipe").split()


class Browser:
    def __init__(self):
        self.folder = tempfile.mkdtemp()
        ours_in, theirs_out = os.pipe()
        theirs_in, ours_out = os.pipe()

        def place():  # Chromium reads from 3 and writes to 4
            a, b = os.dup(theirs_in), os.dup(theirs_out)
            a, b = (os.dup(a), os.dup(b)) if {a, b} & {3, 4} else (a, b)
            os.dup2(a, 3)
            os.dup2(b, 4)

        self.process = subprocess.Popen(["chromium", *FLAGS, "--user-data-dir=" + self.folder],
                                        preexec_fn=place, close_fds=False, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(theirs_in)
        os.close(theirs_out)
        self.inp, self.out = os.fdopen(ours_in, "rb", 0), os.fdopen(ours_out, "wb", 0)
        self.pending, self.number, self.session, self.said = b"", 0, None, []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in "Page", "Runtime", "Log", "Network":
            self.call(domain + ".enable")

    def message(self):
        while b"\0" not in self.pending:
            piece = os.read(self.inp.fileno(), 1 << 16)
            if not piece:
                raise SystemExit("Bail out! Chromium went away")
            self.pending += piece
        one, self.pending = self.pending.split(b"\0", 1)
        m = json.loads(one)
        if m.get("method") in ("Runtime.exceptionThrown", "Page.javascriptDialogOpening"):
            self.said.append(json.dumps(m["params"])[:600])
        if m.get("method") == "Runtime.consoleAPICalled" and m["params"]["type"] in ("error", "warning"):
            self.said.append(json.dumps(m["params"]["args"])[:600])
        if m.get("method") == "Log.entryAdded" and m["params"]["entry"]["level"] in ("error", "warning"):
            self.said.append(m["params"]["entry"]["text"])
        if m.get("method") == "Network.requestWillBeSent":
            url = m["params"]["request"]["url"]
            if not url.startswith("file:"):
                self.said.append("request for " + url)
        return m

    def call(self, method, **params):
        self.number += 1
        m = {"id": self.number, "method": method, "params": params}
        if self.session:
            m["sessionId"] = self.session
        self.out.write(json.dumps(m).encode() + b"\0")
        while True:
            answer = self.message()
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(method + ": " + answer["error"]["message"])
                return answer["result"]

    def open(self, path, theme="light"):
        self.said = []
        self.call("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": theme}, {"name": "prefers-reduced-motion", "value": "reduce"}])
        self.call("Page.navigate", url="file://" + os.path.abspath(path))
        for _ in range(300):
            if self.run("document.readyState === 'complete' && location.protocol === 'file:'"):
                return
            time.sleep(0.1)
        raise RuntimeError("the page did not load")

    def run(self, code):
        r = self.call("Runtime.evaluate", expression=code, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in r:
            raise RuntimeError(r["exceptionDetails"].get("exception", {}).get("description", "exception"))
        return r["result"].get("value")

    def key(self, key):
        text = {"text": key} if len(key) == 1 else {"text": "\r"} if key == "Enter" else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key)

    def mouse(self, x, y, kind, **more):
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def click(self, x, y):
        self.mouse(x, y, "mouseMoved")
        self.mouse(x, y, "mousePressed", button="left", clickCount=1)
        self.mouse(x, y, "mouseReleased", button="left", clickCount=1)

    def shot(self, path):
        with open(path, "wb") as f:
            f.write(base64.b64decode(self.call("Page.captureScreenshot")["data"]))

    def close(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class Tap:
    n = bad = 0

    def same(self, name, got, want):
        self.n += 1
        ok = abs(got - want) < 1e-6 if isinstance(want, float) and got is not None else got == want
        print(("ok" if ok else "not ok"), self.n, "-", name, flush=True)
        if not ok:
            self.bad += 1
            print("# got", json.dumps(got)[:400], "wanted", json.dumps(want)[:400], flush=True)


def plain_page(b, t, page):
    """orders;main;... 100 samples: see flame_test.sh for the stacks."""
    b.open(page)
    a = "window.assayFlame"
    t.same("the page loads without a word on the console and asks the network for nothing", b.said, [])
    t.same("the text of the header is there",
           b.run("document.querySelector('#about').textContent.includes('100 samples')"), True)
    t.same("the total is that of the samples", b.run(a + ".total(0)"), 100)
    t.same("a recursive function counts once per stack", b.run(a + ".functionTotal('walk')"), 50)
    t.same("what a match calls belongs to its share, and recursion counts once", b.run(a + ".search('walk')"), 0.5)
    t.same("the search's share is the union of matching stacks", b.run(a + ".search('walk|leaf')"), 0.7)
    t.same("the share is shown", b.run("document.querySelector('#matched').textContent.startsWith('70.0 %')"), True)
    t.same("the table shows what matches",
           b.run("[...document.querySelectorAll('#top bdi')].map(e => e.textContent).sort().join()"), "leaf,walk")
    t.same("text that is no regular expression is searched as text", b.run(a + ".search('op[](')"), 0.1)
    t.same("special characters are also found literally", b.run(a + ".search('a.b(int)')"), 0.2)
    b.run(a + ".search('')")
    b.run(f"{a}.zoom({a}.find('walk'))")
    t.same("a zoom shows the node over the whole width",
           b.run(f"(v => [v[1] - v[0]])({a}.view())[0]"), 0.5)
    t.same("the path leads from all to the zoomed node",
           b.run("[...document.querySelectorAll('#path button, #path strong')].map(e => e.textContent).join(' ')"),
           "all main walk")
    b.run("document.querySelector('#path button').click()")
    t.same("a click in the path zooms back", b.run(a + ".zoomed()"), 0)
    before = b.run(a + ".total(0)")
    b.run(a + ".invert()")
    t.same("the inverted tree has the same total", b.run(a + ".total(0)"), before)
    t.same("its first level is self time and sums up to the total",
           b.run(f"{a}.children(0).reduce((s, c) => s + {a}.total(c), 0)"), before)
    t.same("reversed stacks are merged by their leaf",
           b.run(f"{a}.children(0).map(c => {a}.name(c) + ' ' + {a}.total(c)).sort().join()"),
           "a.b(int) 20,leaf 60,op[]( 10,walk 10")
    t.same("below a leaf stand its callers",
           b.run(f"{a}.children({a}.find('leaf')).map(c => {a}.name(c) + ' ' + {a}.total(c)).join()"),
           "walk 40,main 20")
    b.run(a + ".invert()")
    keyboard(b, t, a)
    mouse(b, t, a)
    sorting(b, t)
    t.same("nothing was said on the console in the end", b.said, [])


def keyboard(b, t, a):
    b.run("document.querySelector('#canvas').focus()")
    for k in "ArrowUp", "ArrowUp", "ArrowUp":  # all, main, walk
        b.key(k)
    t.same("arrow up goes to the largest callee", b.run(f"{a}.name({a}.selected())"), "walk")
    b.key("ArrowRight")
    t.same("arrow right goes to the next callee", b.run(f"{a}.name({a}.selected())"), "leaf")
    b.key("ArrowLeft")
    b.key("Enter")
    t.same("Enter zooms to the selection", b.run(f"{a}.name({a}.zoomed())"), "walk")
    t.same("the detail line speaks of the selection",
           b.run("document.querySelector('#detail').textContent.includes('50.0 % of all')"), True)
    b.key("r")
    t.same("r resets the zoom", b.run(a + ".zoomed()"), 0)
    b.key("i")
    t.same("i inverts", b.run(a + ".mode()"), "inverted")
    b.key("i")
    t.same("i again shows the flame", b.run(a + ".mode()"), "flame")
    b.key("/")
    t.same("slash goes to the search", b.run("document.activeElement.id"), "search")
    for c in "leaf":
        b.key(c)
    t.same("typing searches", b.run("document.querySelector('#matched').textContent.slice(0, 6)"), "60.0 %")
    b.key("Escape")
    t.same("Esc clears the search", b.run("document.querySelector('#search').value"), "")
    b.key("?")
    t.same("? shows the keys", b.run("document.querySelector('#keys').open"), True)
    b.run("document.querySelector('#keys').close()")


def mouse(b, t, a):
    x, y = b.run("(r => [r.left, r.bottom])(document.querySelector('#scroll').getBoundingClientRect())")
    b.mouse(x + 30, y - 50, "mouseMoved")  # third row: walk
    t.same("the tooltip names what is below the pointer",
           b.run("document.querySelector('#tip strong').textContent"), "walk")
    b.click(x + 30, y - 50)
    t.same("a click zooms", b.run(f"{a}.name({a}.zoomed())"), "walk")
    b.run("document.querySelector('#reset').click()")
    t.same("the reset button shows all", b.run(a + ".zoomed()"), 0)
    b.run("document.querySelector('#icicle').click()")
    y = b.run("document.querySelector('#scroll').getBoundingClientRect().top")
    b.mouse(x + 31, y + 45, "mouseMoved")
    t.same("an icicle has its root on top", b.run("document.querySelector('#tip strong').textContent"), "walk")
    b.run("document.querySelector('#flame').click()")


def sorting(b, t):
    first = "document.querySelector('#top bdi').textContent"
    t.same("the table starts with the largest self", b.run(first), "leaf")
    b.run("document.querySelector('[data-sort=total]').click()")
    t.same("the table sorts by total", b.run(first), "main")
    t.same("the sorted column says so",
           b.run("document.querySelector('[data-sort=total]').parentNode.getAttribute('aria-sort')"), "descending")


def hostile_page(b, t, page):
    b.open(page)
    t.same("hostile names bring nothing to the console and nothing runs", b.said, [])
    t.same("no element was made of a name",
           b.run("document.querySelectorAll('img, iframe, svg, script:not(#data):not([type])').length"), 1)
    t.same("no name ran", b.run("'pwned' in window || 'pwned' in Object.prototype"), False)
    text = b.run("document.querySelector('#top').textContent")
    for name in ("<script>window.pwned=1</script>", "</script><img src=x onerror=pwned=1>", "__proto__",
                 "constructor", "\"'`${pwned=1}", "</title>"):
        t.same("shown as text: " + name, name in text, True)
    t.same("a name that would reverse the text is shown escaped", "\\u{202e}" in text and "\u202e" not in text, True)
    t.same("a name of 4 KB is kept", b.run("window.assayFlame.search('^y{4096}$') > 0"), True)
    for name in "__proto__", "constructor":
        t.same(name + " is a function like others", b.run(f"window.assayFlame.functionTotal('{name}')"), 5)
    t.same("inverting hostile names works",
           b.run("window.assayFlame.invert(), window.assayFlame.total(0) > 0 && !('pwned' in window)"), True)
    t.same("still nothing on the console", b.said, [])


def large_page(b, t, page):
    b.open(page)
    a = "window.assayFlame"
    nodes = b.run(a + ".nodes")
    t.same("all of 100,000 nodes are there", nodes >= 100000, True)
    bound = nodes / 4  # drawing everything would be far above
    all_drawn = b.run(a + ".drawn()")
    t.same("a picture of all of them draws a bounded number of boxes", 50 < all_drawn < bound, True)
    b.run(f"{a}.zoom({a}.children({a}.children(0)[0])[3])")
    drawn = b.run(a + ".drawn()")
    t.same("so does a picture after a zoom", 50 < drawn < bound, True)
    ms = b.run(f"Math.min(...[1, 2, 3].map(() => {a}.drawMs()))")
    b.run(a + ".invert()")
    inverted = b.run(a + ".drawn()")
    t.same("so does the inverted tree", 50 < inverted < bound, True)
    t.same("its total is equal", b.run(f"{a}.children(0).reduce((s, c) => s + {a}.total(c), 0) === {a}.total(0)"), True)
    t.same("nothing was said on the console", b.said, [])
    print(f"# {nodes} nodes: {all_drawn} boxes for all, {drawn} zoomed in {ms:.1f} ms, {inverted} inverted")


def main():
    b = Browser()
    try:
        if sys.argv[1] == "--shot":
            b.open(sys.argv[2], sys.argv[4] if len(sys.argv) > 4 else "light")
            if len(sys.argv) > 5:
                b.run(sys.argv[5])
            time.sleep(0.5)
            b.shot(sys.argv[3])
            print("\n".join(b.said))
            return 0
        t = Tap()
        plain_page(b, t, sys.argv[1])
        hostile_page(b, t, sys.argv[2])
        large_page(b, t, sys.argv[3])
        print(f"1..{t.n}")
        return 1 if t.bad else 0
    finally:
        b.close()


sys.exit(main())
