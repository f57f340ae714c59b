#include "train/score/score_page.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "tests/harness/html_page.h"
#include "tests/train/data/noise_pictures.h"

using namespace inpaint;

namespace {

PictureScore score(double percent, std::optional<double> psnr, double ssim) {
  return {{percent, percent / 10, psnr, ssim},
          {percent / 4, percent / 40, psnr, 0.75},
          {Seam{3 * percent, 2}, 10 * percent}};
}

// Six pictures with holes of several sizes; the model paints one perfectly.
Evaluation six_pictures() {
  Evaluation evaluation;
  evaluation.methods = {{"grey", {}}, {"harmonic", {}}, {"model", {}}};
  const double shares[] = {0.05, 0.07, 0.15, 0.35, 0.33, 0.34};
  for (int i = 0; i < 6; ++i) {
    evaluation.pictures.push_back({i, std::to_string(i), shares[i], std::nullopt});
    evaluation.truth.push_back({Seam{2.0 + i, 2}, 20.0 + i});
    evaluation.methods[0].pictures.push_back(score(9 + i, 12.0 + i / 3.0, 0.2));
    evaluation.methods[1].pictures.push_back(score(4 + i, 20.0 + i, 0.5));
    evaluation.methods[2].pictures.push_back(i == 2 ? score(0, std::nullopt, 1)
                                                    : score(2 + i, 21.2 + i * i / 7.0, 0.6));
  }
  return evaluation;
}

ScorePage page_of(const Evaluation& evaluation) {
  const EvaluationSubject subject{
      "set.bin", "model-7.safetensors", 16, 3, {.form = HoleForm::kMixed, .seed = 9}};
  return {make_report(subject, evaluation),
          {"harmonic", "model"},
          {},
          ScoredModel{{}, 7, {}},
          "inpaint_eval --data set.bin"};
}

ShownPicture shown(int64_t number, const std::string& name) {
  const Image image = noise_image(16, 16, 3, static_cast<uint64_t>(number));
  return {{number, name, image, image, {image, image}},
          0.2,
          {score(4, 20.0, 0.5).hole, score(0, std::nullopt, 1).hole}};
}

// The value at methods.model.hole.psnr_db.
const nlohmann::json& at_path(const nlohmann::json& json, const std::string& path) {
  const size_t dot = path.find('.');
  return dot == std::string::npos ? json.at(path)
                                  : at_path(json.at(path.substr(0, dot)), path.substr(dot + 1));
}

size_t count_figures(const nlohmann::json& json) {
  if (!json.is_object()) return 0;
  if (json.contains("half_width")) return 1;
  size_t count = json.contains("perfect");
  for (const auto& entry : json) count += count_figures(entry);
  return count;
}

// Every cell holds what scores.json holds at its place, and no figure is missing. Returns the cells.
size_t check_figures(const std::string& html, const ScoreReport& report) {
  const auto json = nlohmann::json::parse(score_json(report));
  const auto cells = all_between(html, "data-figure=\"", "</t");
  std::set<std::string> places;
  for (const std::string& cell : cells) {
    const std::string place = cell.substr(0, cell.find('"'));
    INFO(place);
    CHECK(places.insert(place).second);
    const nlohmann::json& entry = at_path(json, place);
    std::vector<double> want, got;
    if (entry.is_number()) {
      want.push_back(entry.get<double>());
    } else {
      for (const char* key : {"value", "half_width"})
        if (!entry[key].is_null()) want.push_back(entry[key].get<double>());
    }
    for (const std::string& value : all_between(cell, "<data value=\"", "\""))
      got.push_back(std::stod(value));
    CHECK(got == want);
  }
  // Bins have no whole pictures and no count of perfect ones on the page.
  size_t wanted = 1;
  for (const auto& method : json["methods"]) {
    auto all = method;
    all.erase("by_area");
    wanted += count_figures(all);
    for (const auto& bin : method["by_area"]) wanted += count_figures(bin) - count_figures(bin["image"]) - 1;
  }
  CHECK(places.size() == wanted);
  return cells.size();
}

}  // namespace

TEST_CASE("score page: every figure is that of scores.json, to the last digit") {
  const ScorePage page = page_of(six_pictures());
  const std::string html = score_page(page);
  CHECK(check_page(html) == 0);
  CHECK(check_figures(html, page.report) == 1 + 3 * (12 + 5) + 3 * 3 * 10);
  CHECK(contains(html, "6 pictures of 16 × 16 pixels; holes: mixed, 10 to 40 % of the picture (seed 9)."));
  CHECK(contains(html, "5 pictures</small>"));  // PSNR leaves out the perfect one
  CHECK(contains(html, "<td>mixed, 10 to 40 % of the picture (seed 9)</td>"));
  CHECK(contains(html, "model-7.safetensors</bdi>, after 7 training steps"));
  CHECK(contains(html, "<pre><code>inpaint_eval --data set.bin</code></pre>"));
}

TEST_CASE("score page: distances of features stand beside the figures of whole pictures and in the bins") {
  Evaluation evaluation = six_pictures();
  double distance = 1;
  for (MethodScores& method : evaluation.methods) {
    method.frechet_distance = 10 * distance;
    for (PictureScore& picture : method.pictures) picture.perceptual_distance = distance += 0.25;
  }
  ScorePage page = page_of(evaluation);
  CHECK_FALSE(contains(score_page(page), "Frechet"));
  page.report.subject.features = FeatureSubject{"<b>.safetensors", "a < b", 5};
  const std::string html = score_page(page);
  CHECK(check_page(html) == 0);
  CHECK(check_figures(html, page.report) == 1 + 3 * (12 + 5 + 2) + 3 * 3 * 11);
  CHECK(contains(html, "<td class=\"best\" data-figure=\"methods.grey.frechet_distance\">"));
  CHECK(contains(html, "<dt>Perceptual distance</dt>"));
  CHECK(contains(html, "a &lt; b (<bdi>&lt;b&gt;.safetensors</bdi>), 5 values a picture</td>"));
  page.report.subject.features->dimension = 6;
  CHECK(contains(score_page(page), "6 values a picture; with so few pictures"));
}

TEST_CASE("score page: the best of a row is marked, by what is good in it") {
  const std::string html = score_page(page_of(six_pictures()));
  std::set<std::string> best;
  for (const std::string& cell : all_between(html, "<td class=\"best\" data-figure=\"", "\""))
    best.insert(cell);
  for (const char* name :
       {"hole.l1_percent", "hole.psnr_db", "hole.ssim", "hole.perfect", "sharpness", "seam"})
    CHECK(best.count(std::string("methods.model.") + name) == 1);
  CHECK(best.count("methods.model.image.ssim") == 0);  // all are alike
  CHECK(best.count("methods.grey.hole.l1_percent") == 0);
}

TEST_CASE("score page: the verdict follows the interval of the gain") {
  Evaluation evaluation = six_pictures();
  CHECK(contains(score_page(page_of(evaluation)), "cannot be told apart"));
  const auto let_gain = [&](double from, double step) {
    for (size_t i = 0; i < 6; ++i)
      evaluation.methods[2].pictures[i] =
          score(3, 20.0 + static_cast<double>(i) + from + step * static_cast<double>(i), 0.5);
  };
  let_gain(1, 0.1);
  CHECK(contains(score_page(page_of(evaluation)), "<strong>better</strong>"));
  CHECK(contains(score_page(page_of(evaluation)), "by 1.25 dB on average"));
  let_gain(-1, -0.1);
  CHECK(contains(score_page(page_of(evaluation)), "<strong>worse</strong>"));
  CHECK(contains(score_page(page_of(evaluation)), "by 1.25 dB on average"));
  for (auto* list :
       {&evaluation.methods[0].pictures, &evaluation.methods[1].pictures, &evaluation.methods[2].pictures})
    list->resize(1);
  evaluation.pictures.resize(1);
  evaluation.truth.resize(1);
  const std::string one = score_page(page_of(evaluation));
  CHECK(check_page(one) == 0);
  CHECK(contains(one, "With one picture nothing can be said"));
  CHECK(contains(one, "All holes are of about one size"));
}

TEST_CASE("score page: every picture is in it, and hostile names are texts") {
  Evaluation evaluation = six_pictures();
  const std::string hostile = "\"><img src=x onerror=alert(1)>'\xff{{script}}</script>";
  evaluation.skipped = {{hostile, hostile + ": no picture"}};
  ScorePage page = page_of(evaluation);
  page.report.subject.data = page.report.subject.checkpoint = hostile;
  page.model->settings.dataname = hostile;
  page.command = hostile;
  page.groups = {{"Best", {shown(1, hostile), shown(2, "2")}}, {"Worst", {shown(3, "folder/a & b.png")}}};
  const std::string html = score_page(page);
  CHECK_FALSE(contains(html, "<img src=x"));
  CHECK_FALSE(contains(html, "\xff"));
  const std::string body = without_assets(html);
  CHECK(all_between(body, "<figure class=\"compare\"", ">").size() == 3);
  CHECK(all_between(body, "src=\"data:image/png;base64,", "\"").size() == 3 * 4);
  // The slider uncovers what the model painted.
  CHECK(all_between(body, "data-kind=\"model\" data-after>", ">").size() == 3);
  CHECK(all_between(body, " data-after>", ">").size() == 3);
  check_nesting(body);
  CHECK(contains(html,
                 "Picture 1, <bdi>&quot;&gt;&lt;img src=x onerror=alert(1)&gt;&#39;\xEF\xBF\xBD{{script}}"));
  CHECK(contains(html, "Picture 2, 20 % missing. Model: perfect, Harmonic fill: 20.00 dB"));
  CHECK(contains(html, "Picture 3, <bdi>folder/a &amp; b.png</bdi>"));
  page.groups[0].pictures.erase(page.groups[0].pictures.begin());
  page.report = page_of(six_pictures()).report;
  page.model->settings.dataname = page.command = "plain";
  CHECK(check_page(score_page(page)) == 2 * 4);
}

TEST_CASE(
    "score page: curves where the run's logs are there, a word where not, and no model, no pictures at all") {
  ScorePage page = page_of(six_pictures());
  CHECK(contains(score_page(page), "The logs of the training were not found"));
  page.model->history.emplace();
  page.model->history->steps = {{{"step", 1}, {"rec_loss", 0.5}}, {{"step", 9}, {"rec_loss", 0.25}}};
  const std::string html = score_page(page);
  CHECK(check_page(html) == 0);
  CHECK(contains(html, "the checkpoint, step 7"));
  CHECK(contains(html, "first 0.5, last 0.25"));

  Evaluation evaluation = six_pictures();
  evaluation.methods.pop_back();
  page = page_of(evaluation);
  page.model.reset();
  page.shown = {"harmonic"};
  const std::string fills = score_page(page);
  CHECK(check_page(fills) == 0);
  CHECK(contains(fills, "No model was scored"));
  CHECK_FALSE(contains(fills, "Learning curves"));
  check_figures(fills, page.report);

  const std::string empty = score_page({{}, {"harmonic"}, {}, {}, ""});
  CHECK(check_page(empty) == 0);
  CHECK(contains(empty, "0 pictures"));
}
