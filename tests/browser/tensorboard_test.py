"""Opens the logs of two runs in TensorBoard, in Chromium: its pages show the curves, histograms, samples and settings of
both. (What the event files hold is read by tests/parity/tensorboard_test.py.) run.sh prepares what it needs and starts
it."""
import argparse
import re
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

from opened import BUILD, OpenedPage, check, run_program

TENSORBOARD = Path(sys.executable).with_name("tensorboard")
STEPS = 6
MODELS = {"encoder": ("--model", "context_encoder", "--base_channels", "4", "--bottleneck", "16"),
          "whole": ("--model", "harmonic_unet", "--base_channels", "16")}
CURVES = {"encoder": ("gene_loss", "disc_loss", "disc_acc", "gradient_norm"),
          "whole": ("rec_loss", "learning_rate_gene", "loss_share", "validate")}
SAMPLES = ("sample/pictures", "sample/filled", "sample/holes", "sample/harmonic")


def train(programs, folder):
    def run(name, *arguments):
        run_program(programs / name, folder, *arguments)

    for name, model in MODELS.items():
        size = ("--dataname", name, "--image_size", "64", "--image_channel", "3")
        run("inpaint_data", "generate", "--count", "20", "--train_share", "0.6", "--validate_share", "0.2", *size)
        run("inpaint_train", *model, *size, "--batch_size", "4", "--max_steps", str(STEPS), "--device", "cpu")


class TensorBoard:
    def __init__(self, logs):
        self.process = subprocess.Popen([TENSORBOARD, "--logdir", logs, "--host", "127.0.0.1", "--port", "0"],
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        said = ""
        for line in self.process.stdout:
            said += line
            if found := re.search(r"at (http://127\.0\.0\.1:\d+/)", line):
                self.address = found[1]
                return
        raise AssertionError(f"TensorBoard does not start: {said[-2000:]}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


class Opened(OpenedPage):
    """One of TensorBoard's pages. `faults`: errors of its scripts, and answers that are errors."""

    def __init__(self, browser, board, name):
        super().__init__(browser, viewport={"width": 1280, "height": 1600})
        self.page.on("response", lambda answer: self.answered(answer))
        self.page.goto(f"{board.address}#{name}")

    def answered(self, answer):
        if answer.status >= 400 and not answer.url.endswith("favicon.ico"):
            self.faults.append(f"{answer.status} for {answer.url[:200]}")


def shows(page, text):
    """Waits until the page shows the text."""
    expect(page.get_by_text(text, exact=True).first).to_be_visible(timeout=20_000)


def keep(page, screenshot):
    if screenshot:
        page.screenshot(path=screenshot)


def curves(browser, board, screenshot):
    with Opened(browser, board, "timeseries") as page:
        for name in MODELS:
            shows(page, f"{name}64/gpu0")
        for curve in (curve for of_model in CURVES.values() for curve in of_model):
            shows(page, curve)
        page.get_by_text("rec_loss", exact=True).first.click()  # opens the group
        card = page.locator("scalar-card", has_text="rec_loss")
        for name in MODELS:
            expect(card.get_by_text(f"{name}64/gpu0").first).to_be_visible(timeout=20_000)
        keep(page, screenshot)


def histograms(browser, board, screenshot):
    with Opened(browser, board, "histograms") as page:
        page.locator("tf-histogram-dashboard").get_by_text("Offset").first.wait_for(timeout=20_000)
        count = page.locator("vz-histogram-timeseries").count()
        check(count > 0, "no histogram")
        keep(page, screenshot)
        return f"{count} histograms"


def samples(browser, board, screenshot):
    with Opened(browser, board, "images") as page:
        for sample in SAMPLES:
            shows(page, sample)
        page.wait_for_function("""() => {
          const all = [], look = (root) => root.querySelectorAll('*').forEach((element) => {
            if (element.tagName === 'IMG') all.push(element);
            if (element.shadowRoot) look(element.shadowRoot);
          });
          look(document);
          return all.length >= 7 && all.every((image) => image.complete && image.naturalWidth === 128);
        }""", timeout=20_000)
        keep(page, screenshot)


def settings(browser, board, screenshot):
    with Opened(browser, board, "text") as page:
        for name in MODELS:
            expect(page.get_by_text(re.compile(rf"dataname\s+{name}")).first).to_be_visible(timeout=20_000)
        keep(page, screenshot)


def runs_by_settings(browser, board, screenshot):
    with Opened(browser, board, "hparams") as page:
        for name in MODELS:
            shows(page, f"{name}64/gpu0")
        shows(page, "batch_size")
        keep(page, screenshot)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("programs", nargs="?", type=Path, default=BUILD, help="folder of the built programs (%(default)s)")
    parser.add_argument("--screenshots", type=Path, metavar="FOLDER", help="leave pictures of the pages there")
    options = parser.parse_args()
    if options.screenshots:
        options.screenshots.mkdir(parents=True, exist_ok=True)
    failed = 0
    with tempfile.TemporaryDirectory(prefix="tensorboard-") as folder, sync_playwright() as driver:
        train(options.programs.resolve(), Path(folder))
        browser = driver.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        with TensorBoard(Path(folder) / "logs") as board:
            for function in (curves, histograms, samples, settings, runs_by_settings):
                name = function.__name__.replace("_", " ")
                screenshot = options.screenshots and options.screenshots / f"tensorboard-{function.__name__}.png"
                try:
                    detail = function(browser, board, screenshot)
                    print(f"ok   tensorboard: {name}{': ' + detail if detail else ''}", flush=True)
                except Exception:  # the others still run
                    failed += 1
                    print(f"FAIL tensorboard: {name}: {traceback.format_exc()}", flush=True)
        browser.close()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
