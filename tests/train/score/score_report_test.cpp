#include "train/score/score_report.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/harness/error_message.h"

using namespace inpaint;

namespace {

const EvaluationSubject kSubject{"set.bin", "", 128, 3, {.seed = 9}};

PictureScore score(double percent, std::optional<double> psnr, double ssim = 0.5) {
  return {{percent, percent / 10, psnr, ssim},
          {percent / 4, percent / 40, psnr, 0.75},
          {Seam{3 * percent, 2}, 10 * percent}};
}

// Two pictures with squares, of which the model paints one perfectly.
Evaluation two_pictures() {
  return {{{0, "a.png", 0.25, Corner{1, 2}}, {1, "b, \"c\".png", 0.25, Corner{3, 4}}},
          {{"harmonic", {score(4, 20.0), score(8, 30.0)}},
           {"model", {score(2, 26.0, 0.7), score(0, std::nullopt, 0.9)}}},
          {{Seam{2, 2}, 20}, {Seam{3, 2}, 30}},
          {}};
}

// Four pictures with holes of 5, 10, 19 and 70 %.
Evaluation four_areas() {
  Evaluation evaluation;
  for (const auto& [number, share] : {std::pair{0, 0.05}, {1, 0.1}, {2, 0.19}, {3, 0.7}}) {
    evaluation.pictures.push_back({number, std::to_string(number), share, std::nullopt});
    evaluation.truth.push_back({Seam{2, 2}, 20});
  }
  evaluation.methods = {{"harmonic", {score(4, 20.0), score(4, 20.0), score(4, 20.0), score(4, 20.0)}},
                        {"model", {score(2, 26.0), score(3, 23.0), score(5, 19.0), score(1, 30.0)}}};
  return evaluation;
}

Evaluation nothing_but_perfect() {
  return {{{0, "0", 0.25, Corner{1, 2}}}, {{"harmonic", {score(0, std::nullopt)}}}, {{std::nullopt, 0}}, {}};
}

std::vector<std::string> lines(const std::string& text) {
  std::vector<std::string> result;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) result.push_back(line);
  return result;
}

bool has_line(const std::string& text, const std::string& line) {
  const auto all = lines(text);
  return std::find(all.begin(), all.end(), line) != all.end();
}

}  // namespace

TEST_CASE("score report: JSON holds every figure with its interval and number of pictures") {
  const ScoreReport report = make_report(kSubject, two_pictures());
  const auto json = nlohmann::json::parse(score_json(report));
  CHECK(json["data"] == "set.bin");
  CHECK(json["checkpoint"].is_null());
  CHECK(json["image_size"] == 128);
  CHECK(json["image_channel"] == 3);
  CHECK(json["holes"] == "square");
  CHECK(json["block"] == "random");
  CHECK(json["seed"] == 9);
  CHECK(json["pictures"] == 2);
  CHECK(json["confidence"] == 0.95);
  const auto& harmonic = json["methods"]["harmonic"];
  CHECK(harmonic["hole"]["l1_percent"]["value"] == 6.0);
  CHECK(harmonic["hole"]["l1_percent"]["half_width"].get<double>() == doctest::Approx(12.706204736 * 2));
  CHECK(harmonic["hole"]["l1_percent"]["pictures"] == 2);
  CHECK(harmonic["hole"]["l2_percent"]["value"].get<double>() == doctest::Approx(0.6));
  CHECK(harmonic["hole"]["psnr_db"]["value"] == 25.0);
  CHECK(harmonic["hole"]["pooled_psnr_db"]["value"].get<double>() ==
        doctest::Approx(-10 * std::log10(0.006)));
  CHECK(harmonic["hole"]["ssim"]["value"] == 0.5);
  CHECK(harmonic["image"]["l1_percent"]["value"] == 1.5);
  CHECK(harmonic["image"]["ssim"]["value"] == 0.75);
  CHECK(harmonic["seam"]["value"] == 9.0);
  CHECK(harmonic["gain_over_harmonic_db"]["value"].is_null());
  const auto& model = json["methods"]["model"];
  CHECK(model["hole"]["perfect"] == 1);
  CHECK(model["hole"]["psnr_db"]["value"] == 26.0);
  CHECK(model["hole"]["psnr_db"]["half_width"].is_null());
  CHECK(model["hole"]["psnr_db"]["pictures"] == 1);
  CHECK(model["gain_over_harmonic_db"]["value"] == 6.0);
  CHECK(model["better_than_harmonic_percent"]["value"] == 100.0);
  CHECK(model["ssim_gain_over_harmonic"]["value"].get<double>() == doctest::Approx(0.3));
  CHECK(model["ssim_gain_over_harmonic"]["pictures"] == 2);
  CHECK(model["sharpness"]["value"] == 0.4);  // (20 + 0) / (20 + 30)
  CHECK(harmonic["better_than_harmonic_percent"]["value"].is_null());
  CHECK(harmonic["sharpness"]["value"] == 2.4);
  CHECK(model["by_area"].size() == 1);
  CHECK(model["by_area"]["20-30"]["hole"] == model["hole"]);
  CHECK(json["true_pictures"]["seam"]["value"] == 1.25);
  CHECK(json["skipped"].empty());
}

TEST_CASE("score report: CSV holds the same figures a line each") {
  const std::string csv = score_csv(make_report(kSubject, two_pictures()));
  const auto all = lines(csv);
  REQUIRE(all.size() == 1 + 2 * (12 + 5 + 6 + 5) + 1);
  CHECK(all.front() == "method,region,figure,value,half_width,pictures");
  CHECK(has_line(csv, "model,hole,psnr_db,26,,1"));
  CHECK(has_line(csv, "model,hole,perfect,1,,2"));
  CHECK(has_line(csv, "model,image,ssim,0.75,0,2"));
  CHECK(has_line(csv, "model,hole,gain_over_harmonic_db,6,,1"));
  CHECK(has_line(csv, "model,hole,better_than_harmonic_percent,100,0,2"));
  CHECK(has_line(csv, "model,hole_20_30,gain_over_harmonic_db,6,,1"));
  CHECK(has_line(csv, "model,hole_20_30,perfect,1,,2"));
  CHECK(has_line(csv, "harmonic,hole,gain_over_harmonic_db,,,0"));
  CHECK(contains(csv, "\nmodel,hole,sharpness,0.4,"));
  CHECK(all.back().starts_with("true_pictures,hole,seam,1.25,"));
}

TEST_CASE("score report: distances of features, where a network was given") {
  Evaluation evaluation = two_pictures();
  for (size_t m = 0; m < 2; ++m) {
    evaluation.methods[m].frechet_distance = 12.5 + static_cast<double>(m);
    for (size_t i = 0; i < 2; ++i)
      evaluation.methods[m].pictures[i].perceptual_distance = static_cast<double>(1 + m + 2 * i);
  }
  EvaluationSubject subject = kSubject;
  subject.features = FeatureSubject{"lite.safetensors", "Lite", 40};
  const ScoreReport report = make_report(subject, evaluation);
  const auto json = nlohmann::json::parse(score_json(report));
  CHECK(json["features"] ==
        nlohmann::json{{"file", "lite.safetensors"}, {"name", "Lite"}, {"dimension", 40}});
  const auto& model = json["methods"]["model"];
  CHECK(model["frechet_distance"] ==
        nlohmann::json{{"value", 13.5}, {"half_width", nullptr}, {"pictures", 2}});
  CHECK(model["perceptual_distance"]["value"] == 3.0);
  CHECK(model["perceptual_distance"]["pictures"] == 2);
  CHECK(model["perceptual_distance"]["half_width"].get<double>() == doctest::Approx(12.706).epsilon(1e-4));
  CHECK(model["by_area"]["20-30"]["perceptual_distance"] == model["perceptual_distance"]);
  CHECK_FALSE(model["by_area"]["20-30"].contains("frechet_distance"));
  const std::string csv = score_csv(report);
  CHECK(has_line(csv, "harmonic,image,frechet_distance,12.5,,2"));
  CHECK(contains(csv, "\nharmonic,image,perceptual_distance,2,"));
  CHECK(contains(csv, "\nharmonic,hole_20_30,perceptual_distance,2,"));
  CHECK(lines(csv).size() == 1 + 2 * (12 + 5 + 6 + 5 + 3) + 1);
  const auto all = lines(picture_csv(evaluation));
  CHECK(all[0].ends_with(",true_gradient_energy,perceptual_distance"));
  CHECK(all[4].ends_with(",25,0,30,4"));
  const std::string table = score_table(report);
  CHECK(has_line(table, "model                  13.50   3.000 ± 12.706"));
  CHECK(contains(table, "by Lite (lite.safetensors), 2 pictures, 40 values each. So few pictures"));
  subject.features->dimension = 1;
  CHECK_FALSE(contains(score_table(make_report(subject, evaluation)), "So few pictures"));
}

TEST_CASE("score report: a line per picture and method, with names quoted where they need it") {
  const auto all = lines(picture_csv(two_pictures()));
  REQUIRE(all.size() == 5);
  CHECK(std::count(all[0].begin(), all[0].end(), ',') == 17);
  CHECK(all[1] == "0,a.png,1,2,harmonic,4,0.4,20,0.5,1,0.1,20,0.75,12,2,25,40,20");
  CHECK(all[4] == "1,\"b, \"\"c\"\".png\",3,4,model,0,0,,0.9,0,0,,0.75,0,2,25,0,30");
  // Holes that are no squares have an area and no corner.
  CHECK(lines(picture_csv(four_areas()))[8] == "3,3,,,model,1,0.1,30,0.5,0.25,0.025,30,0.75,3,2,70,10,20");
}

TEST_CASE("score report: pictures sorted by the area of their holes") {
  EvaluationSubject subject = kSubject;
  subject.holes = {.form = HoleForm::kStrokes, .seed = 2, .min_hole = 0.02, .max_hole = 0.75};
  const ScoreReport report = make_report(subject, four_areas());
  CHECK(report.pictures_by_area == std::vector<int64_t>{1, 2, 0, 0, 1});
  const auto json = nlohmann::json::parse(score_json(report));
  CHECK(json["holes"] == "strokes");
  CHECK(json["min_hole"] == 0.02);
  CHECK(json["max_hole"] == 0.75);
  CHECK(json["seed"] == 2);
  CHECK_FALSE(json.contains("block"));
  const auto& by_area = json["methods"]["model"]["by_area"];
  CHECK(by_area.size() == 3);
  CHECK(by_area["0-10"]["gain_over_harmonic_db"]["value"] == 6.0);
  CHECK(by_area["10-20"]["gain_over_harmonic_db"]["value"] == 1.0);  // 3 and -1
  CHECK(by_area["10-20"]["gain_over_harmonic_db"]["pictures"] == 2);
  CHECK(by_area["10-20"]["better_than_harmonic_percent"]["value"] == 50.0);
  CHECK(by_area["10-20"]["sharpness"]["value"] == 2.0);  // (30 + 50) / (20 + 20)
  CHECK(by_area["40-100"]["hole"]["psnr_db"]["value"] == 30.0);
  const std::string table = score_table(report);
  CHECK(contains(table, "\nholes: strokes, 2 to 75 % of the picture (seed 2)\n"));
  CHECK(contains(table, "Holes of 0-10 % of the picture: 1\n"));
  CHECK(contains(table, "Holes of 10-20 % of the picture: 2\n"));
  CHECK_FALSE(contains(table, "Holes of 20-30 %"));
  CHECK(contains(table, "Holes of 40-100 % of the picture: 1\n"));
  for (const std::string& line : lines(table)) CHECK(line.size() < 120);  // ± takes two bytes
}

TEST_CASE("score report: the table shows value and interval, a dash where there is none") {
  const std::string table = score_table(make_report(kSubject, two_pictures()));
  CHECK(contains(table, "2 pictures of 128 x 128, 3 channels, from set.bin"));
  CHECK(contains(table, "holes of 64 x 64, random (seed 9)"));
  CHECK(contains(table, "6.00 ± 25.41"));
  CHECK_FALSE(contains(table, "model: "));
  CHECK_FALSE(contains(table, "left out"));
  // Three tables, each of a head and a line per method; columns stay in line.
  const auto all = lines(table);
  const auto width = [](const std::string& line) {
    return std::count_if(line.begin(), line.end(), [](char c) { return (c & 0xC0) != 0x80; });
  };
  int tables = 0;
  for (size_t i = 0; i + 3 < all.size(); ++i) {
    if (!all[i].empty() || !contains(all[i + 2], "harmonic")) continue;
    ++tables;
    REQUIRE(all[i + 3].starts_with("model"));
    CHECK(width(all[i + 2]) == width(all[i + 1]));
    CHECK(width(all[i + 3]) == width(all[i + 1]));
    CHECK(width(all[i + 1]) < 100);
    CHECK(contains(all[i + 3], tables == 3 ? "  6.00  " : "  26.00  "));
  }
  CHECK(tables == 3);  // all areas are alike: none for each bin of areas
  CHECK(std::any_of(all.begin(), all.end(), [](const std::string& line) {
    return line.starts_with("true pictures  ") && contains(line, "  1.25 ± 3.18");
  }));

  EvaluationSubject subject = kSubject;
  subject.checkpoint = "model-7.safetensors";
  subject.holes.block = HolePlacement::kCenter;
  Evaluation evaluation = two_pictures();
  evaluation.skipped = {{"x.txt", "x.txt: not a picture"}, {"y", "y: empty"}};
  const std::string other = score_table(make_report(subject, evaluation));
  CHECK(contains(other, "model: model-7.safetensors"));
  CHECK(contains(other, "holes of 64 x 64, center\n"));
  CHECK(contains(other, "2 files left out; the first: x.txt: not a picture"));
}

TEST_CASE("score report: one perfect picture: no infinity, no NaN, anywhere") {
  const Evaluation evaluation = nothing_but_perfect();
  const ScoreReport report = make_report(kSubject, evaluation);
  const std::string texts[] = {score_table(report), score_json(report), score_csv(report),
                               picture_csv(evaluation)};
  for (const std::string& text : texts) {
    CHECK_FALSE(contains(text, "inf"));
    CHECK_FALSE(contains(text, "nan"));
  }
  const auto hole = nlohmann::json::parse(texts[1])["methods"]["harmonic"]["hole"];
  CHECK(hole["psnr_db"]["value"].is_null());
  CHECK(hole["pooled_psnr_db"]["value"].is_null());
  CHECK(hole["perfect"] == 1);
  CHECK(hole["l1_percent"]["value"] == 0.0);
  CHECK(hole["l1_percent"]["half_width"].is_null());
  CHECK(contains(texts[0], "1 picture of"));
  CHECK(has_line(texts[0], fmt::format("{:<14}{:>73}", "true pictures", "-")));
}

TEST_CASE("score report: names that are not UTF-8 still make valid JSON, and harmonic is needed") {
  Evaluation evaluation = two_pictures();
  evaluation.skipped = {{"\xff\xfe.png", "\xff\xfe.png: no picture"}};
  const auto json = nlohmann::json::parse(score_json(make_report(kSubject, evaluation)));
  CHECK(json["skipped"].size() == 1);
  evaluation.methods.erase(evaluation.methods.begin());
  CHECK_THROWS_AS(make_report(kSubject, evaluation), Error);
}
