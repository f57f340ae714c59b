#include "train/report/training_report.h"

#include <doctest/doctest.h>

#include "core/image/image_codec.h"
#include "tests/harness/html_page.h"
#include "tests/train/data/noise_pictures.h"
#include "train/report/page.h"
#include "train/settings/folders.h"

using namespace inpaint;
namespace fs = std::filesystem;

namespace {

RunHistory history_of(int steps, int validations) {
  RunHistory history;
  for (int step = 1; step <= steps; ++step)
    history.steps.push_back({{"step", step},
                             {"epoch", step / 10},
                             {"rec_loss", 1.0 / step},
                             {"adv_disc_loss", 0},
                             {"learning_rate_gene", 2e-4}});
  for (int i = 1; i <= validations; ++i)
    history.validations.push_back({{"step", 10 * i},
                                   {"rec_loss", 0.5 / i},
                                   {"ssim", 0.25},
                                   {"gain", 0.1 * i},
                                   {"best", i == 1 ? 1 : 0}});
  return history;
}

// Samples of an epoch as a run leaves them: a grid of three times three pictures.
void put_samples(const fs::path& folder, int epoch, int size) {
  for (const char* kind : {"_0.png", "_1.png", "_2.png"})
    write_png(folder / (std::to_string(epoch) + kind), noise_image(3 * size, 3 * size, 3));
}

}  // namespace

TEST_CASE("page: places are filled once, and only those of the frame") {
  Page page{.title = "{{style}} <b>",
            .lead = "<p>{{version}}</p>",
            .sections = {{"a", "One & two", "<p>text</p>"}}};
  const std::string html = page_html(page, "inpaint_eval");
  CHECK(contains(html, "<title>{{style}} &lt;b&gt;</title>"));
  CHECK(contains(html, "<p>{{version}}</p>"));
  CHECK(contains(html, "<h2 id=\"a\">One &amp; two</h2>\n<p>text</p>"));
  CHECK(contains(html, "<li><a href=\"#a\">One &amp; two</a></li>"));
  CHECK(contains(html, "inpaint_eval 0."));  // the version
  page.title = page.lead = "";
  CHECK(check_page(page_html(page, "inpaint_eval")) == 0);
}

TEST_CASE("page: the embedded files are those of the folder, byte for byte, and another name is an error") {
  for (const char* name : {"page.html", "page.css", "page.js"})
    CHECK(report_asset(name) == file_contents(fs::path(INPAINT_REPORT_ASSETS) / name));
  CHECK(report_asset("page.html").starts_with("<!DOCTYPE html>\n"));
  CHECK_THROWS(report_asset("other"));
}

TEST_CASE("training report: validations, curves, samples and settings, in a page of its own") {
  const TemporaryFolder samples;
  TrainSettings s;
  s.model = ModelKind::kHarmonicUnet;
  s.dataname = "street \"<script>\"";
  s.image_size = 16;
  for (int epoch = 0; epoch < 9; ++epoch) put_samples(samples.path(), epoch, s.image_size);
  put_samples(samples.path(), 40, s.image_size);  // of an earlier run that was longer
  put_file(samples / "notes_1.png", "no sample");
  put_file(samples / "8_1.png", "damaged");
  const std::string html = training_report(s, history_of(89, 3), samples.path());
  CHECK(check_page(html) == 5);  // of six epochs, one damaged
  CHECK(contains(html, "Training of street &quot;&lt;script&gt;&quot;"));
  CHECK(contains(html, "Beginning of epoch 0<"));
  CHECK_FALSE(contains(html, "Beginning of epoch 8<"));
  CHECK_FALSE(contains(html, "epoch 40"));
  CHECK(contains(html, "The last<br><small>step 30</small>"));
  CHECK(contains(html, "The best<br><small>step 10</small>"));
  CHECK(contains(
      html,
      "<td><data value=\"0.30000000000000004\">0.300</data></td><td><data value=\"0.1\">0.100</data></td>"));
  CHECK(contains(html, "<figcaption>Gain over the harmonic fill in validation"));
  CHECK_FALSE(contains(html, "Adversarial"));
  CHECK_FALSE(contains(html, "PSNR"));  // never logged
  CHECK(contains(html, "learning_rate"));
}

TEST_CASE("training report: a run without validations, samples or steps") {
  const TemporaryFolder samples;
  RunHistory history = history_of(3, 0);
  history.steps[1]["adv_disc_loss"] = 0.7;
  std::string html = training_report({}, history, samples.path() / "none");
  CHECK(check_page(html) == 0);
  CHECK(contains(html, "The run has not validated"));
  CHECK(contains(html, "There are no sample pictures"));
  CHECK(contains(html, "<figcaption>Adversarial losses"));
  html = training_report({}, {}, samples.path());
  CHECK(check_page(html) == 0);
}

TEST_CASE("training report: it stands in the log folder, whole or not at all") {
  const TemporaryFolder folder;
  TrainSettings s;
  s.log_root = folder / "logs";
  s.sample_root = folder / "samples";
  CHECK(contains(error_message([&] { write_training_report(s); }), "there is no train_log.jsonl"));
  fs::create_directories(log_folder(s));
  put_file(log_folder(s) / "train_log.jsonl", "{\"step\":1,\"epoch\":0,\"rec_loss\":0.5}\n");
  CHECK(write_training_report(s) == log_folder(s) / "report.html");
  check_page(file_contents(log_folder(s) / "report.html"));
  fs::remove(log_folder(s) / "report.html");
  fs::create_directories(log_folder(s) / "report.html");
  CHECK_THROWS_AS(write_training_report(s), UserError);
}
