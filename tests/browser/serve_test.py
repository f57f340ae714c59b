"""Drives the page of inpaint_serve in Chromium: opening, marking, filling, undo, keyboard, touch, faults; on a phone and
on a desk, light and dark. run.sh prepares what it needs and starts it."""
import argparse
import base64
import re
import subprocess
import sys
import time
import traceback
import urllib.error
import urllib.request
from pathlib import Path

from playwright.sync_api import sync_playwright

from opened import BUILD, OpenedPage, check

WIDTHS = {"phone": (390, 844), "desk": (1280, 900)}
SCHEMES = ("light", "dark")
LEAST_CONTRAST = 4.5  # WCAG 2.1, level AA, text of any size
SIDES = (480, 320)

# A picture with a dark post in front of a bright slope, in base64.
PICTURE = """
([width, height, type]) => {
  const canvas = Object.assign(document.createElement('canvas'), {width, height}), ink = canvas.getContext('2d');
  const slope = ink.createLinearGradient(0, 0, width, height);
  slope.addColorStop(0, '#f5d76e'); slope.addColorStop(1, '#4aa3df');
  ink.fillStyle = slope; ink.fillRect(0, 0, width, height);
  ink.fillStyle = '#101010'; ink.fillRect(width * 0.48, height * 0.2, width * 0.04, height * 0.6);
  return canvas.toDataURL(type).split(',')[1];
}
"""

# As if a file of the desktop were dropped on the page, or pasted.
HAND_OVER = """
([event, data, type, name]) => {
  const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0)), transfer = new DataTransfer();
  transfer.items.add(new File([bytes], name, {type}));
  const made = event === 'paste' ? new ClipboardEvent('paste', {clipboardData: transfer, bubbles: true})
                                 : new DragEvent('drop', {dataTransfer: transfer, bubbles: true, cancelable: true});
  document.body.dispatchEvent(made);
}
"""

# Every text with its contrast, as [contrast, text]. The colour behind a text is that of the nearest element
# that has one.
CONTRASTS = """
() => {
  const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => {
    for (; element; element = element.parentElement) {
      const colour = rgb(getComputedStyle(element).backgroundColor);
      if (colour.length === 3 || colour[3] > 0.5) return colour;
    }
    return [255, 255, 255];
  };
  const found = [];
  for (const element of document.querySelectorAll('body *')) {
    const text = [...element.childNodes].filter((n) => n.nodeType === 3).map((n) => n.data.trim()).join('');
    if (!text || element.disabled || !element.checkVisibility()) continue;
    const a = luminance(rgb(getComputedStyle(element).color)), b = luminance(behind(element));
    found.push([(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), text.slice(0, 60)]);
  }
  return found;
}
"""

# In the middle of the post's place: the mean green of the picture, and the mean opacity of the marks.
LOOK = """
() => {
  const {width, height} = layers.picture, at = [width * 0.485, height * 0.3, width * 0.03, height * 0.4].map(Math.round);
  const mean = (ink, channel) => {
    const {data} = ink.getImageData(...at);
    let sum = 0;
    for (let k = channel; k < data.length; k += 4) sum += data[k];
    return sum / (data.length / 4);
  };
  return {bright: mean(inks.picture, 1), marked: mean(inks.marks, 3)};
}
"""


class Server:
    def __init__(self, programs, *arguments):
        self.process = subprocess.Popen([programs / "inpaint_serve", "--port=0", "--device=cpu", "--threads=2", *arguments],
                                        stdout=subprocess.PIPE, text=True)
        self.address = self.process.stdout.readline().strip()
        check(re.fullmatch(r"http://127\.0\.0\.1:\d+/", self.address), f"said {self.address!r}")

    def end(self):
        self.process.terminate()
        return self.process.wait(60)


class Opened(OpenedPage):
    """The page in a context of its own. `faults`: what the console said, and what was asked for elsewhere."""

    def __init__(self, browser, server, size="desk", scheme="light", allowed=()):
        width, height = WIDTHS[size]
        super().__init__(browser, viewport={"width": width, "height": height}, color_scheme=scheme,
                         accept_downloads=True, has_touch=size == "phone")
        allowed = (*allowed, "willReadFrequently")  # the tests read the canvas of the picture
        self.page.on("console", lambda m: any(a in m.text for a in allowed) or self.faults.append(f"console: {m.text}"))
        self.page.on("request", lambda request: self.asked(request.url, server.address))
        self.page.goto(server.address)

    def asked(self, url, own):
        if not url.startswith((own, "data:", "blob:")):
            self.faults.append(f"asked for {url[:200]}")


def until(page, expression, argument=None):
    """Playwright's own wait_for_function evaluates in the page, which the Content-Security-Policy forbids."""
    end = time.monotonic() + 60
    while not page.evaluate(expression, argument):
        check(time.monotonic() < end, f"never came true: {expression}; the page says {page.evaluate('message.textContent')!r}")
        page.wait_for_timeout(20)


def picture(page, kind="image/png", sides=SIDES):
    return page.evaluate(PICTURE, [*sides, kind])


def drop(page, data=None, kind="image/png", name="holiday.png", event="drop"):
    page.evaluate("before = opened")
    page.evaluate(HAND_OVER, [event, data or picture(page, kind), kind, name])
    until(page, "opened !== before")


def stage_at(page, x, y):
    box = page.locator("#stage").bounding_box()
    return box["x"] + x * box["width"], box["y"] + y * box["height"]


def drag(page, *points):
    page.mouse.move(*stage_at(page, *points[0]))
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*stage_at(page, *point), steps=8)
    page.mouse.up()


def mark_post(page):
    page.keyboard.press("r")
    drag(page, (0.42, 0.15), (0.58, 0.85))


def wait_filled(page):
    until(page, "message.textContent.startsWith('Filled')")


def filled_within_two_clicks(browser, server):
    with Opened(browser, server) as page:
        drop(page)
        check(page.evaluate(LOOK)["bright"] < 20, "the post is not there")
        page.evaluate("clicks = 0; addEventListener('pointerdown', () => ++clicks, true)")
        begin = time.monotonic()
        drag(page, (0.5, 0.12), (0.5, 0.88))  # the first: a stroke with the brush
        page.locator("#fill").click()  # the second
        wait_filled(page)
        seconds = time.monotonic() - begin
        check(page.evaluate("clicks") == 2, f"{page.evaluate('clicks')} clicks")
        look = page.evaluate(LOOK)
        check(look["bright"] > 100 and look["marked"] == 0, f"filled with {look}")
        return f"{seconds:.1f} s from the first stroke to the fill"


def before_and_after(browser, server):
    with Opened(browser, server) as page:
        drop(page)
        check(not page.locator("#compare").is_visible(), "there is nothing to compare yet")
        mark_post(page)
        page.keyboard.press("Enter")
        wait_filled(page)
        page.locator("#compare").fill("60")
        shown = page.evaluate("[getComputedStyle(layers.before).clipPath, document.getElementById('line').hidden]")
        check(shown == ["inset(0px 40% 0px 0px)", False], shown)
        check("60 %" in page.locator("#compare").get_attribute("aria-valuetext"), "its text does not follow")
        drag(page, (0.1, 0.1), (0.2, 0.2))
        check(page.locator("#compare").input_value() == "0", "marking does not show the result again")


def undo_and_redo(browser, server):
    with Opened(browser, server) as page:
        drop(page)
        check(page.locator("#undo").is_disabled() and page.locator("#redo").is_disabled(), "nothing to undo")
        mark_post(page)
        check(page.evaluate(LOOK)["marked"] == 255, "not marked")
        page.keyboard.press("e")
        drag(page, (0.5, 0.2), (0.5, 0.8))
        check(page.evaluate(LOOK)["marked"] < 200, "the eraser does not take away")
        page.keyboard.press("Control+z")
        check(page.evaluate(LOOK)["marked"] == 255, "undo of the eraser")
        page.locator("#clear").click()
        check(page.evaluate(LOOK)["marked"] == 0, "clear")
        page.locator("#undo").click()
        check(page.evaluate(LOOK)["marked"] == 255, "undo of clear")
        page.locator("#fill").click()
        wait_filled(page)
        page.keyboard.press("Control+z")
        look = page.evaluate(LOOK)
        check(look["bright"] < 20 and look["marked"] == 255, f"undo of the fill: {look}")
        page.keyboard.press("Control+Shift+z")
        look = page.evaluate(LOOK)
        check(look["bright"] > 100 and look["marked"] == 0, f"redo of the fill: {look}")
        page.keyboard.press("Control+z")
        page.keyboard.press("Control+z")
        page.locator("#redo").click()
        check(page.evaluate(LOOK)["marked"] == 255, "redo of the mark")
        check(page.locator("#redo").is_enabled(), "the fill cannot be redone")
        drag(page, (0.1, 0.1), (0.2, 0.2))
        check(page.locator("#redo").is_disabled(), "a new mark does not end what could be redone")


def continues_and_downloads(browser, server):
    with Opened(browser, server) as page:
        drop(page, kind="image/jpeg", name="my holiday.jpg")
        mark_post(page)
        page.keyboard.press("Enter")
        wait_filled(page)
        first = page.locator("#download").get_attribute("href")
        drag(page, (0.05, 0.05), (0.15, 0.15))
        page.keyboard.press("Enter")
        until(page, "(first) => document.getElementById('download').href !== first", first)
        with page.expect_download() as waiting:
            page.locator("#download").click()
        check(waiting.value.suggested_filename == "my holiday_filled.png", waiting.value.suggested_filename)
        data = Path(waiting.value.path()).read_bytes()
        check(data.startswith(b"\x89PNG"), "not a PNG")
        drop(page, base64.b64encode(data).decode())
        check(page.evaluate("[layers.picture.width, layers.picture.height]") == list(SIDES), "of another size")
        check(page.evaluate(LOOK)["bright"] > 100, "the first fill is gone")
        check(page.locator("#undo").is_disabled(), "a new picture does not begin a new history")


def pasted_and_chosen(browser, server):
    with Opened(browser, server) as page:
        drop(page, event="paste")
        check(page.evaluate("[layers.picture.width, layers.picture.height]") == list(SIDES), "pasted")
    for kind in ("image/jpeg", "image/webp"):
        with Opened(browser, server) as page:
            data = base64.b64decode(picture(page, kind))
            page.locator("#file").set_input_files({"name": "a.x", "mimeType": kind, "buffer": data})
            page.wait_for_selector("#work:not([hidden])")
            mark_post(page)
            page.keyboard.press("Enter")
            wait_filled(page)
            check(page.evaluate(LOOK)["bright"] > 100, f"{kind} is not filled")


def transparent(browser, server):
    """A picture's transparent part is its hole where nothing is marked."""
    with Opened(browser, server) as page:
        drop(page, page.evaluate("""() => {
          const canvas = Object.assign(document.createElement('canvas'), {width: 100, height: 80}), ink = canvas.getContext('2d');
          ink.fillStyle = '#2080c0'; ink.fillRect(0, 0, 100, 80); ink.clearRect(40, 20, 20, 40);
          return canvas.toDataURL().split(',')[1];
        }"""))
        page.keyboard.press("Enter")
        wait_filled(page)
        pixel = page.evaluate("[...inks.picture.getImageData(50, 40, 1, 1).data]")
        # The built-in model is off by 4 in a colour without any texture; an empty pixel would be black.
        check(all(abs(a - b) <= 8 for a, b in zip(pixel, (0x20, 0x80, 0xC0, 255))), f"filled with {pixel}")


def by_keyboard(browser, server):
    with Opened(browser, server) as page:
        page.keyboard.press("Tab")
        check(page.evaluate("document.activeElement.id") == "file", "Tab does not lead to the choice of a file")
        outline = page.evaluate("getComputedStyle(document.querySelector('#start label')).outlineStyle")
        check(outline == "solid", f"the focus of the choice is not seen: {outline}")
        drop(page)
        check(page.evaluate("document.activeElement.id") == "stage", "the picture has not the focus")
        for key in ("]", "]", "Space", "ArrowUp", "ArrowUp", "Shift+ArrowDown", "Shift+ArrowDown", "Space"):
            page.keyboard.press(key)
        check(page.evaluate(LOOK)["marked"] > 100, f"marked by keys: {page.evaluate(LOOK)}")
        page.keyboard.press("Space")
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("Escape")
        check(page.evaluate("steps.length") == 1, "Esc does not leave the mark")
        page.keyboard.press("Shift+Tab")
        check(page.evaluate("document.activeElement.id") == "fill", "the button does not stand before the picture")
        page.keyboard.press("Enter")
        wait_filled(page)
        check(page.evaluate("steps.filter((s) => s.kind === 'fill').length") == 1, "Enter on the button fills once")
        nameless = page.evaluate("""[...document.querySelectorAll('button, input, a, [tabindex]')]
          .filter((e) => !(e.labels?.length || e.textContent.trim() || e.getAttribute('aria-label'))).map((e) => e.outerHTML)""")
        check(not nameless, f"without a name: {nameless}")


def by_touch(browser, server):
    with Opened(browser, server, "phone") as page:
        drop(page)
        client = page.context.new_cdp_session(page)

        def touch(kind, *points):
            client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y} for x, y in points]})

        page.evaluate("scrollTo(0, 0)")
        touch("touchStart", stage_at(page, 0.5, 0.15))
        for k in range(1, 9):
            touch("touchMove", stage_at(page, 0.5, 0.15 + k * 0.09))
        touch("touchEnd")
        check(page.evaluate("steps.length") == 1, f"{page.evaluate('steps.length')} marks by touch")
        check(page.evaluate("scrollY") == 0, "the page has moved under the finger")
        page.locator("#fill").tap()
        wait_filled(page)
        check(page.evaluate(LOOK)["bright"] > 60, f"filled with {page.evaluate(LOOK)}")


def faults_in_plain_words(browser, server):
    with Opened(browser, server, allowed=("Failed to load resource",)) as page:
        page.evaluate(HAND_OVER, ["drop", base64.b64encode(b"hello").decode(), "text/plain", "a.txt"])
        page.wait_for_selector("#start .fault")
        check("no picture" in page.locator("#start .fault").inner_text(), "a text is no picture")
        page.evaluate("document.dispatchEvent(new ClipboardEvent('paste', {clipboardData: new DataTransfer()}))")
        check("no picture to paste" in page.locator("#start .fault").inner_text(), "an empty clipboard")
        drop(page, kind="image/jpeg")
        page.keyboard.press("Enter")
        until(page, "message.textContent.includes('Nothing is marked')")
        check("fault" in page.locator("#message").get_attribute("class"), "it does not look like a fault")
        most = page.evaluate("limits.max_pixels")
        page.evaluate("limits.max_pixels = 1000")
        page.evaluate(HAND_OVER, ["drop", picture(page), "image/png", "large.png"])
        until(page, "message.textContent.includes('scale it down')")
        page.evaluate(f"limits.max_pixels = {most}")
        page.locator("[value=box]").check(force=True)
        for corner in ((-0.1, -0.1), (-0.1, 1.1), (1.1, -0.1), (1.1, 1.1)):
            drag(page, (0.5, 0.5), corner)
        page.keyboard.press("Enter")
        until(page, "message.textContent.includes('whole picture is marked')")
        page.locator("#clear").click()
        mark_post(page)
        page.route("**/fill", lambda route: route.abort())
        page.keyboard.press("Enter")
        until(page, "message.textContent.includes('server does not answer')")
        page.unroute("**/fill")
        answers = [503]
        page.route("**/fill", lambda route: route.fulfill(status=answers.pop(), headers={"Retry-After": "1"}, body="{}")
                   if answers else route.continue_())
        page.keyboard.press("Enter")
        wait_filled(page)
        check(not answers, "not busy once, then filled")


def other_sites_are_refused(browser, server):
    """A page of another origin, in the same browser, neither reads from the server nor posts to it."""
    context = browser.new_context()
    page = context.new_page()
    page.route("http://other.example/", lambda route: route.fulfill(content_type="text/html", body="<body></body>"))
    page.goto("http://other.example/")
    statuses = []
    page.on("response", lambda response: statuses.append(response.status))
    said = page.evaluate("""async (address) => {
      const form = new FormData();
      form.append('image', new Blob(['x']));
      await fetch(address + 'fill', {method: 'POST', body: form, mode: 'no-cors'}).catch(() => {});
      return fetch(address + 'healthz').then(() => 'read', () => 'failed');
    }""", server.address)
    check(said == "failed", "another site reads from the server")
    check(all(status == 403 for status in statuses), f"answered with {statuses}")
    context.close()
    request = urllib.request.Request(server.address, headers={"Host": "other.example"})
    try:
        urllib.request.urlopen(request)
        check(False, "answered to another name")
    except urllib.error.HTTPError as error:
        check(error.code == 403, error.code)


def looks_right(browser, server, size, scheme, folder):
    contrasts = []

    def look(page, name):
        if folder:
            page.screenshot(path=folder / f"{size}-{scheme}-{name}.png", full_page=True)
        wide = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        check(wide[0] <= wide[1], f"{name}: the page is {wide[0]} pixels wide, the window {wide[1]}")
        found = page.evaluate(CONTRASTS)
        poor = sorted(each for each in found if each[0] < LEAST_CONTRAST)
        check(not poor, f"{name}: contrast: {poor[:5]}")
        contrasts.extend(found)

    with Opened(browser, server, size, scheme) as page:
        until(page, "document.getElementById('model').textContent !== ''")
        look(page, "start")
        drop(page, picture(page, sides=(1200, 800)))
        page.keyboard.press("r")
        drag(page, (0.42, 0.15), (0.58, 0.85))
        page.keyboard.press("b")
        drag(page, (0.1, 0.3), (0.3, 0.35))
        look(page, "marked")
        small = page.evaluate("""[...document.querySelectorAll('button, label.button, a.button, .choice span, input[type=range]')]
          .filter((e) => e.checkVisibility()).map((e) => [e.getBoundingClientRect().height, e.textContent])
          .filter(([height]) => height < 44)""")
        check(not small, f"less than 44 pixels high: {small}")
        page.keyboard.press("Enter")
        wait_filled(page)
        page.locator("#compare").fill("50")
        look(page, "filled")
        page.locator("summary").click()
        drop(page, picture(page, sides=(300, 900)))
        page.evaluate("say('The picture was not filled: mask: a mask of 3 x 4 pixels for a picture of 5 x 6', true)")
        look(page, "fault")
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0]")
        check((int(ground) > 200) == (scheme == "light"), f"ground {ground} in the {scheme} scheme")
        check(len(contrasts) > 50, f"{len(contrasts)} texts")
    return f"{len(contrasts)} texts, least contrast {min(contrasts)[0]:.1f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bin", nargs="?", type=Path, default=BUILD)
    parser.add_argument("--screenshots", type=Path, help="folder to put what is seen")
    parser.add_argument("--only", default="", help="cases with this in their names")
    options = parser.parse_args()
    if options.screenshots:
        options.screenshots.mkdir(parents=True, exist_ok=True)
    cases = {test.__name__: (test, ()) for test in
             (filled_within_two_clicks, before_and_after, undo_and_redo, continues_and_downloads, pasted_and_chosen, transparent,
              by_keyboard, by_touch, faults_in_plain_words, other_sites_are_refused)}
    cases |= {f"looks_right {size} {scheme}": (looks_right, (size, scheme, options.screenshots))
              for size in WIDTHS for scheme in SCHEMES}
    cases = {name: case for name, case in cases.items() if options.only in name}
    failed = 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        server = Server(options.bin.resolve())
        for name, (test, arguments) in cases.items():
            begin = time.monotonic()
            try:
                said = test(browser, server, *arguments)
                print(f"ok   {name}{': ' + said if said else ''} ({time.monotonic() - begin:.1f} s)", flush=True)
            except Exception:
                failed += 1
                print(f"FAIL {name}\n{traceback.format_exc(limit=3)}", flush=True)
        code = server.end()
        browser.close()
    if code != 128 + 15:
        failed += 1
        print(f"FAIL the server ended with {code}")
    print(f"{len(cases) - failed} passed, {failed} failed")
    return 1 if failed or not cases else 0


if __name__ == "__main__":
    sys.exit(main())
