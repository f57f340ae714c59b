"""Opens the pages of inpaint_eval and inpaint_train in Chromium, without a network: on a phone and on a desk, light and
dark, with script and without. run.sh prepares what it needs and starts it."""
import argparse
import sys
import tempfile
import traceback
from pathlib import Path

from playwright.sync_api import sync_playwright

from opened import BUILD, OpenedPage, check, run_program

WIDTHS = {"phone": 390, "desk": 1280}
SCHEMES = ("light", "dark")
LEAST_CONTRAST = 4.5  # WCAG 2.1, level AA, text of any size

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
    if (!text || ['SCRIPT', 'STYLE'].includes(element.tagName) || !element.getClientRects().length) continue;
    const style = getComputedStyle(element);
    const a = luminance(rgb(element instanceof SVGElement ? style.fill : style.color)), b = luminance(behind(element));
    found.push([(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), text.slice(0, 60)]);
  }
  return found;
}
"""


def make_pages(programs, folder):
    """Trains a small model on a few pictures, and scores it: {name: page}."""
    def run(name, *arguments):
        run_program(programs / name, folder, *arguments)

    size = ("--image_size", "64", "--image_channel", "3")
    run("inpaint_data", "generate", "--dataname", "g", "--count", "80", "--train_share", "0.5",
        "--validate_share", "0.2", *size)
    run("inpaint_train", "--model", "harmonic_unet", "--dataname", "g", "--batch_size", "8", "--max_steps", "14",
        "--device", "cpu", *size)
    run("inpaint_eval", "--data", "data/g64_test.bin", "--checkpoint", "checkpoints/g64/gpu0", "--holes", "mixed",
        "--min_hole", "0.03", "--max_hole", "0.6", "--patches", "--device", "cpu", "--report", "score.html")
    return {"score": folder / "score.html", "training": folder / "logs" / "g64" / "gpu0" / "report.html"}


class Opened(OpenedPage):
    """A page in a context of its own. `faults`: what the console said, and what was asked for outside of the page."""

    def __init__(self, browser, path, width=1280, scheme="light", **options):
        super().__init__(browser, viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True,
                         **options)
        self.page.on("console", lambda message: self.faults.append(f"console: {message.type}: {message.text}"))
        self.page.on("request", lambda request: self.asked(request.url, path.as_uri()))
        self.page.goto(path.as_uri())

    def asked(self, url, own):
        if url != own and not url.startswith("data:"):
            self.faults.append(f"asked for {url[:200]}")


def looks_right(browser, path, width, scheme, screenshot):
    with Opened(browser, path, width, scheme) as page:
        if screenshot:
            page.screenshot(path=screenshot, full_page=True)
        wide = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        check(wide[0] <= wide[1], f"the page is {wide[0]} pixels wide, the window {wide[1]}")
        for summary in page.locator("summary").all():
            summary.click()
        wide = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        check(wide[0] <= wide[1], f"opened, the page is {wide[0]} pixels wide, the window {wide[1]}")
        broken = page.evaluate("[...document.images].filter((i) => !i.complete || !i.naturalWidth).length")
        check(broken == 0, f"{broken} pictures cannot be seen")
        contrasts = page.evaluate(CONTRASTS)
        check(len(contrasts) > 50, f"{len(contrasts)} texts")
        poor = sorted(each for each in contrasts if each[0] < LEAST_CONTRAST)
        check(not poor, f"contrast: {poor[:5]}")
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0]")
        check((int(ground) > 200) == (scheme == "light"), f"ground {ground} in the {scheme} scheme")
        return f"{len(contrasts)} texts, least contrast {min(contrasts)[0]:.1f}"


def place(page):
    """(value of the first slider, place of the line in percent)."""
    return page.evaluate("""() => {
      const figure = document.querySelector('.compare');
      return [Number(figure.querySelector('input').value), parseFloat(figure.querySelector('.stage').style.getPropertyValue('--at'))];
    }""")


def slider_moves_by_keyboard(browser, path):
    with Opened(browser, path) as page:
        slider = page.locator(".compare input").first
        check(place(page) == [50, 50], f"begins at {place(page)}")
        page.locator(".choice input").first.focus()
        page.keyboard.press("Tab")  # from the choice to the first slider
        check(slider.evaluate("(element) => element === document.activeElement"), "Tab does not lead to the slider")
        for key, want in (("ArrowRight", 51), ("ArrowLeft", 50), ("Home", 0), ("End", 100)):
            page.keyboard.press(key)
            check(place(page) == [want, want], f"after {key} at {place(page)}, want {want}")
        check("100 %" in slider.get_attribute("aria-valuetext"), "its text does not follow")
        check("With its hole" in slider.get_attribute("aria-label"), "it has no name")
        # The other pictures take the left place.
        before = page.locator(".stage .before").first
        sources = [before.get_attribute("src")]
        page.locator(".choice input").first.focus()
        for _ in range(2):
            page.keyboard.press("ArrowRight")
            sources.append(before.get_attribute("src"))
        check(len(set(sources)) == 3, "the choice changes nothing")
        check("True picture" in slider.get_attribute("aria-label"), "the slider's name does not follow the choice")


def slider_moves_by_touch(browser, path):
    with Opened(browser, path, 390, has_touch=True, is_mobile=True) as page:
        stage = page.locator(".stage").first
        stage.scroll_into_view_if_needed()
        box = stage.bounding_box()
        page.touchscreen.tap(box["x"] + box["width"] / 4, box["y"] + box["height"] / 2)
        check(abs(place(page)[1] - 25) <= 1, f"after a tap at a quarter at {place(page)}")
        with Opened(browser, path) as desk:
            stage = desk.locator(".stage").first
            stage.scroll_into_view_if_needed()
            box = stage.bounding_box()
            desk.mouse.move(box["x"] + box["width"] / 2, box["y"] + 20)
            desk.mouse.down()
            desk.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + 20)
            desk.mouse.up()
            desk.mouse.move(box["x"], box["y"] + 20)
            check(abs(place(desk)[1] - 90) <= 1, f"after dragging to 90 % at {place(desk)}")


def reads_without_script(browser, path):
    with Opened(browser, path, 390, java_script_enabled=False) as page:
        pictures = page.locator("img")
        for i in range(pictures.count()):
            check((pictures.nth(i).bounding_box() or {"width": 0})["width"] >= 100, f"picture {i} is too small to see")
        check(page.locator(".choice").count() == 0 or not page.locator(".choice").is_visible(), "a choice without effect")
        return f"{pictures.count()} pictures"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("programs", nargs="?", type=Path, default=BUILD, help="folder of the built programs (%(default)s)")
    parser.add_argument("--screenshots", type=Path, metavar="FOLDER", help="leave pictures of the pages there")
    options = parser.parse_args()
    if options.screenshots:
        options.screenshots.mkdir(parents=True, exist_ok=True)
    count = {"ok  ": 0, "FAIL": 0}
    with tempfile.TemporaryDirectory(prefix="pages-") as folder, sync_playwright() as driver:
        pages = make_pages(options.programs.resolve(), Path(folder))
        browser = driver.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])

        def case(name, function, *arguments):
            try:
                detail, verdict = function(browser, *arguments), "ok  "
            except AssertionError as failure:
                detail, verdict = str(failure), "FAIL"
            except Exception:  # the others still run
                detail, verdict = traceback.format_exc(), "FAIL"
            count[verdict] += 1
            print(f"{verdict} {name}{': ' + detail if detail else ''}", flush=True)

        for name, path in pages.items():
            for device, width in WIDTHS.items():
                for scheme in SCHEMES:
                    picture = options.screenshots and options.screenshots / f"{name}-{device}-{scheme}.png"
                    case(f"{name}: {device}, {scheme}", looks_right, path, width, scheme, picture)
            case(f"{name}: without script", reads_without_script, path)
        case("score: slider by keyboard", slider_moves_by_keyboard, pages["score"])
        case("score: slider by touch and mouse", slider_moves_by_touch, pages["score"])
        browser.close()
    print(f"{count['ok  ']} passed, {count['FAIL']} failed")
    return 1 if count["FAIL"] else 0


if __name__ == "__main__":
    sys.exit(main())
