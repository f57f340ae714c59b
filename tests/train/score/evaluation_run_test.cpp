// Whole evaluations in a folder of their own: what they print and leave.
#include "train/score/evaluation_run.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "core/image/image_codec.h"
#include "kernels/fill/patch_match.h"
#include "kernels/picture/to_bytes.h"
#include "tests/harness/captured.h"
#include "tests/harness/error_message.h"
#include "tests/harness/html_page.h"
#include "tests/train/data/noise_pictures.h"
#include "tests/train/features/small_network.h"
#include "train/checkpoint/model_state.h"
#include "train/datasets/procedural_pictures.h"
#include "train/features/feature_distance.h"
#include "train/fill/inference_model.h"
#include "train/run/training_run.h"
#include "train/score/fill_files.h"
#include "train/settings/folders.h"
#include "train/step/run_options.h"
#include "train/step/training_step.h"

using namespace inpaint;
namespace fs = std::filesystem;

namespace {

constexpr int kPictures = 11, kSize = 64;

const std::set<std::string> kFiles{"best.png",   "median.png",  "pictures.csv",
                                   "scores.csv", "scores.json", "worst.png"};

const std::vector<uint8_t>& pictures() {
  static const std::vector<uint8_t> all = [] {
    std::vector<uint8_t> bytes;
    for (int i = 0; i < kPictures; ++i) {
      const Image picture = procedural_picture(1, i, kSize, 3);
      bytes.insert(bytes.end(), picture.bytes.begin(), picture.bytes.end());
    }
    return bytes;
  }();
  return all;
}

// A data set of RGB pictures, to be scored into <folder>/out.
EvaluationSettings small_evaluation(const TemporaryFolder& folder) {
  put_dataset(folder / "set.bin", pictures());
  EvaluationSettings settings;
  settings.data = folder / "set.bin";
  settings.out = folder / "out";
  settings.image_size = kSize;
  settings.image_channel = 3;
  settings.batch_size = 4;
  settings.device = DeviceChoice::kCpu;
  settings.threads = 2;
  return settings;
}

std::string run_quietly(const EvaluationSettings& settings) {
  const Captured out(stdout);
  run_evaluation(settings);
  return out.text();
}

// Trains a small network for two steps; returns its checkpoint folder.
fs::path small_model(const TemporaryFolder& folder, Precision precision = Precision::kFp32,
                     ModelKind kind = ModelKind::kContextEncoder) {
  TrainSettings s = TrainSettings::of_model(kind);
  s.dataname = "tiny";
  s.image_size = kSize;
  s.image_channel = 3;
  s.base_channels = 2;
  s.bottleneck = 8;
  s.batch_size = 4;
  s.learning_rate = 0.01;
  s.gene_iter = 1;
  s.max_steps = 2;
  s.threads = 2;
  s.device = DeviceChoice::kCpu;
  s.precision = precision;
  s.data_root = folder / "data";
  s.checkpoint_root = folder / ("checkpoints" + to_string(precision));
  s.log_root = folder / ("logs" + to_string(precision));
  s.sample_root = folder / ("samples" + to_string(precision));
  fs::create_directories(s.data_root);
  put_dataset(data_file(s), pictures());
  const Captured out(stdout);
  CHECK(run_training(s) == 0);
  return checkpoint_folder(s);
}

nlohmann::json json_of(const fs::path& path) { return nlohmann::json::parse(file_contents(path)); }

// Rows of a CSV file by field; no field of these files is quoted.
std::vector<std::vector<std::string>> rows_of(const fs::path& path) {
  std::vector<std::vector<std::string>> rows;
  std::istringstream text(file_contents(path));
  for (std::string line; std::getline(text, line);) {
    rows.emplace_back();
    std::istringstream fields(line);
    for (std::string field; std::getline(fields, field, ',');) rows.back().push_back(field);
  }
  return rows;
}

}  // namespace

TEST_CASE("evaluation run: without a checkpoint the fills alone, in a table and in files") {
  const TemporaryFolder folder;
  const EvaluationSettings settings = small_evaluation(folder);
  const std::string printed = run_quietly(settings);
  CHECK(contains(printed, "11 pictures of 64 x 64, 3 channels"));
  CHECK(contains(printed, "known_mean "));
  CHECK_FALSE(contains(printed, "model"));
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(settings.out)) names.insert(entry.path().filename());
  CHECK(names == kFiles);
  const auto json = json_of(folder / "out/scores.json");
  CHECK(json["methods"].size() == 4);
  CHECK(json["checkpoint"].is_null());
  CHECK(json["seed"] == 1);
  CHECK(rows_of(folder / "out/pictures.csv").size() == 1 + 4 * kPictures);
}

TEST_CASE("evaluation run: best, median and worst are those of the harmonic fill where there is no model") {
  const TemporaryFolder folder;
  const EvaluationSettings settings = small_evaluation(folder);
  run_quietly(settings);
  std::vector<std::pair<double, int>> ranked;  // hole_l2_percent, number
  for (const auto& row : rows_of(folder / "out/pictures.csv"))
    if (row[4] == "harmonic") ranked.emplace_back(std::stod(row[6]), std::stoi(row[0]));
  REQUIRE(ranked.size() == kPictures);
  std::sort(ranked.begin(), ranked.end());
  const std::vector<uint8_t>& bytes = pictures();
  for (const auto& [name, first] : {std::pair{"best.png", 0}, {"median.png", 1}, {"worst.png", 3}}) {
    const Image grid = decode_image(folder / "out" / name);
    REQUIRE(grid.width == 8 * kSize);
    REQUIRE(grid.height == 3 * kSize);  // the picture, its hole, the harmonic fill
    for (int column = 0; column < 8; ++column) {
      Image picture(kSize, kSize, 3);
      const auto number = ranked[static_cast<size_t>(first + column)].second;
      std::copy_n(bytes.begin() + number * kSize * kSize * 3, kSize * kSize * 3, picture.bytes.begin());
      CHECK(crop(grid, 0, column * kSize, kSize, kSize) == picture);
    }
  }
}

TEST_CASE("evaluation run: the same bytes for any number of threads") {
  const TemporaryFolder folder;
  EvaluationSettings settings = small_evaluation(folder);
  settings.checkpoint = small_model(folder);
  settings.report = folder / "report.html";
  run_quietly(settings);
  const std::string report = file_contents(settings.report);
  settings.out = folder / "other";
  settings.threads = 1;
  run_quietly(settings);
  CHECK(file_contents(settings.report) == report);
  for (const std::string& name : kFiles) {
    INFO(name);
    CHECK(file_contents(folder / "out" / name) == file_contents(folder / "other" / name));
  }
}

TEST_CASE("evaluation run: a whole-picture model is scored on holes of any form, with its averages") {
  const TemporaryFolder folder;
  EvaluationSettings settings = small_evaluation(folder);
  settings.checkpoint = small_model(folder, Precision::kFp32, ModelKind::kHarmonicUnet);
  settings.image_size = settings.image_channel = 0;
  settings.holes.form = HoleForm::kStrokes;
  run_quietly(settings);
  const auto json = json_of(folder / "out/scores.json");
  CHECK(json["methods"]["model"]["gain_over_harmonic_db"]["pictures"] == kPictures);

  // The same as the step paints that has the checkpoint's averages.
  Context ctx(1);
  InferenceModel model(ctx, settings.checkpoint, 2);
  const TrainSettings trained = model.settings();
  Model whole(model_options(trained), DType::kF32, Parameters::Use::kTraining);
  load_model(ctx, SafetensorsFile(model.file()), whole, 1);
  const auto step = make_training_step(ctx, whole, 2, step_options(trained));
  std::vector<uint8_t> masks(2 * kSize * kSize);
  std::vector<float> painted(2 * kSize * kSize * 3), wanted(painted.size());
  const Shape shape{2, kSize, kSize, 3};
  const Batch batch{{shape, DType::kU8, Device::kCpu, const_cast<uint8_t*>(pictures().data())},
                    {{{2, kSize, kSize}, DType::kU8, Device::kCpu, masks.data()}, {}}};
  draw_holes({.form = HoleForm::kBox}, Philox(1, RandomStream::kEvaluationHoles), 0, batch.holes.mask);
  model.paint(batch, {shape, DType::kF32, Device::kCpu, painted.data()});
  step->load(batch);
  step->watch(Statistics::kRunning, 2);
  step->write_inpainted({shape, DType::kF32, Device::kCpu, wanted.data()});
  CHECK(painted == wanted);
  step->watch(Statistics::kBatch, 2);
  step->write_inpainted({shape, DType::kF32, Device::kCpu, wanted.data()});
  CHECK(painted != wanted);
}

TEST_CASE("evaluation run: a model is scored with what it paints, and shown under the harmonic fill") {
  const TemporaryFolder folder;
  EvaluationSettings settings = small_evaluation(folder);
  settings.checkpoint = small_model(folder);
  settings.image_size = settings.image_channel = 0;  // the checkpoint knows
  settings.holes.block = HolePlacement::kCenter;
  settings.patches = true;
  settings.batch_size = 1;  // picture 3 is painted alone below
  const std::string printed = run_quietly(settings);
  CHECK(contains(printed, "model-2.safetensors"));
  CHECK(contains(printed, "patches "));
  const auto json = json_of(folder / "out/scores.json");
  CHECK(json["methods"].size() == 7);
  // Patches go their own way in what the model painted, not in the harmonic fill.
  CHECK(json["methods"]["model_patches"]["hole"] != json["methods"]["patches"]["hole"]);
  CHECK(json["methods"]["model_patches"]["hole"] != json["methods"]["model"]["hole"]);
  CHECK(json["image_size"] == kSize);
  CHECK(json["methods"]["model"]["gain_over_harmonic_db"]["pictures"] == kPictures);
  CHECK(decode_image(folder / "out/worst.png").height == 4 * kSize);

  // Picture 3, painted alone.
  Context ctx(1);
  InferenceModel model(ctx, settings.checkpoint, 1);
  constexpr int kValues = kSize * kSize * 3;
  std::vector<uint8_t> picture(pictures().begin() + 3 * kValues, pictures().begin() + 4 * kValues);
  std::vector<int32_t> corner{kSize / 4, kSize / 4};
  std::vector<uint8_t> mask(kSize * kSize), painted(kValues);
  std::vector<float> inpainted(kValues);
  const Shape whole{1, kSize, kSize, 3};
  const Tensor inpainted_tensor{whole, DType::kF32, Device::kCpu, inpainted.data()};
  Batch batch{{whole, DType::kU8, Device::kCpu, picture.data()},
              {{{1, kSize, kSize}, DType::kU8, Device::kCpu, mask.data()},
               {{1, 2}, DType::kI32, Device::kCpu, corner.data()}}};
  mark_squares(batch.holes.offsets, batch.holes.mask);
  model.paint(batch, inpainted_tensor);
  const auto rows = rows_of(folder / "out/pictures.csv");
  const auto check_row = [&](size_t method, const std::string& name) {
    to_bytes(ctx, inpainted_tensor, {whole, DType::kU8, Device::kCpu, painted.data()});
    double l1 = 0, spread = 0;
    int known_differences = 0;
    for (size_t i = 0; i < painted.size(); ++i) {
      if (mask[i / 3] == 0) {
        known_differences += painted[i] != picture[i];
        continue;
      }
      l1 += std::abs(painted[i] - picture[i]) / 2.55 / (kValues / 4);
      spread += std::abs(painted[i] - 127);
    }
    CHECK(known_differences == 0);
    CHECK(spread > 0);  // it is not just grey
    const auto& row = rows[1 + 3 * 7 + method];
    CHECK(row[0] == "3");
    CHECK(row[4] == name);
    CHECK(std::stod(row[5]) == doctest::Approx(l1).epsilon(1e-4));
  };
  check_row(6, "model");
  PatchMatchOptions finish = patch_match_of_painted(kSize);
  finish.box = missing_box(batch.holes.mask);
  ctx.reserve_workspace(patch_match_workspace_bytes(ctx, finish, whole));
  patch_match(ctx, finish, batch.holes.mask, inpainted_tensor);
  check_row(4, "model_patches");
  batch.holes.offsets = {};
  CHECK(contains(error_message([&] { model.paint(batch, inpainted_tensor); }), "squares of half the side"));
}

TEST_CASE("evaluation run: a feature network says how far fills are from the true pictures") {
  const TemporaryFolder folder;
  inpaint::test::SmallNetwork().write(folder / "n.safetensors");
  EvaluationSettings settings = small_evaluation(folder);
  settings.features = folder / "n.safetensors";
  settings.report = folder / "report.html";
  settings.save_fills = folder / "fills";
  const std::string printed = run_quietly(settings);
  CHECK(contains(printed, "by small (" + settings.features + "), 11 pictures, 5 values each\n"));
  CHECK(contains(file_contents(settings.report), " --features " + settings.features));
  const auto json = json_of(folder / "out/scores.json");
  CHECK(json["features"]["dimension"] == 5);

  // From the files of the fills, picture by picture.
  Context ctx(1);
  const FeatureNetwork network(ctx, settings.features);
  const auto features_of = [&](const char* method) {
    std::vector<PictureFeatures> all;
    for (int i = 0; i < kPictures; ++i) {
      Image image = decode_image(folder / "fills" / method / fill_file_name(i, 2, std::to_string(i)));
      all.push_back(network.features({{1, kSize, kSize, 3}, DType::kU8, Device::kCpu, image.bytes.data()}));
    }
    return all;
  };
  const std::vector<PictureFeatures> truth = features_of("truth");
  for (const char* method : {"harmonic", "grey"}) {
    const std::vector<PictureFeatures> fills = features_of(method);
    FeatureSet true_set(5), set(5);
    double sum = 0;
    for (size_t i = 0; i < truth.size(); ++i) {
      true_set.add(truth[i].pooled);
      set.add(fills[i].pooled);
      sum += perceptual_distance(truth[i], fills[i]);
    }
    const auto& entry = json["methods"][method];
    CHECK(entry["perceptual_distance"]["value"].get<double>() == doctest::Approx(sum / kPictures));
    CHECK(entry["frechet_distance"]["value"].get<double>() == *frechet_distance(true_set, set));
    CHECK(entry["frechet_distance"]["value"] > 0);
  }
  // Batches and threads change nothing.
  settings.save_fills = "";
  settings.out = folder / "other";
  settings.batch_size = 3;
  settings.threads = 1;
  run_quietly(settings);
  const auto again = json_of(folder / "other/scores.json");
  for (const char* figure : {"perceptual_distance", "frechet_distance"})
    CHECK(again["methods"]["harmonic"][figure] == json["methods"]["harmonic"][figure]);

  inpaint::test::SmallNetwork(1).write(folder / "grey.safetensors");
  settings.features = folder / "grey.safetensors";
  CHECK(contains(error_message([&] { run_quietly(settings); }), "these are RGB"));
  settings.features = folder / "set.bin";
  CHECK(contains(error_message([&] { run_quietly(settings); }), "set.bin"));
}

TEST_CASE("evaluation run: a GPU paints what the CPU paints" * doctest::skip(Context::gpu_count() == 0)) {
  const TemporaryFolder folder;
  EvaluationSettings settings = small_evaluation(folder);
  settings.checkpoint = small_model(folder);
  std::map<DeviceChoice, double> l1;
  for (const DeviceChoice device : {DeviceChoice::kCpu, DeviceChoice::kCuda, DeviceChoice::kAuto}) {
    settings.device = device;
    run_quietly(settings);
    l1[device] = json_of(folder / "out/scores.json")["methods"]["model"]["hole"]["l1_percent"]["value"];
  }
  CHECK(l1[DeviceChoice::kCuda] == doctest::Approx(l1[DeviceChoice::kCpu]).epsilon(1e-4));
  CHECK(l1[DeviceChoice::kAuto] == l1[DeviceChoice::kCuda]);
  settings.gpu = 7;
  CHECK_THROWS_AS(run_quietly(settings), UserError);
}

TEST_CASE("evaluation run: a model in double precision") {
  const TemporaryFolder folder;
  EvaluationSettings settings = small_evaluation(folder);
  std::map<Precision, double> l1;
  for (const Precision precision : {Precision::kFp32, Precision::kFp64}) {
    settings.checkpoint = small_model(folder, precision);
    run_quietly(settings);
    l1[precision] = json_of(folder / "out/scores.json")["methods"]["model"]["hole"]["l1_percent"]["value"];
  }
  CHECK(l1[Precision::kFp32] ==
        doctest::Approx(l1[Precision::kFp64]).epsilon(1e-2));  // two steps from the same initial values
}

TEST_CASE("evaluation run: holes that were saved give the same figures again, squares the model's too") {
  const TemporaryFolder folder;
  EvaluationSettings settings = small_evaluation(folder);
  settings.checkpoint = small_model(folder);
  settings.holes.seed = 5;
  settings.save_holes = folder / "squares.safetensors";
  run_quietly(settings);
  settings.out = folder / "again";
  settings.holes = {.file = settings.save_holes};
  settings.save_holes = "";
  const std::string printed = run_quietly(settings);
  CHECK(contains(printed, "\nholes from " + settings.holes.file));
  for (const std::string& name : kFiles)
    if (name != "scores.json")
      CHECK(file_contents(folder / "out" / name) == file_contents(folder / "again" / name));
  auto json = json_of(folder / "out/scores.json"), again = json_of(folder / "again/scores.json");
  CHECK(again["holes"] == "file");
  CHECK(json["methods"] == again["methods"]);

  settings.limit = 0;
  settings.checkpoint = "";
  settings.image_size = 32;  // four times as many pictures, of another size
  CHECK(contains(error_message([&] { run_quietly(settings); }), "not of 32 x 32"));
}

TEST_CASE("evaluation run: the page holds the figures of scores.json, the pictures and the run's curves") {
  const TemporaryFolder folder;
  EvaluationSettings settings = small_evaluation(folder);
  settings.checkpoint = small_model(folder);
  settings.report = folder / "made/report.html";
  CHECK(contains(run_quietly(settings), "report: " + settings.report));
  const std::string html = file_contents(settings.report);
  CHECK(check_page(html) == 3 * 4 * 4);
  const auto json = json_of(folder / "out/scores.json");
  const double psnr = json["methods"]["model"]["hole"]["psnr_db"]["value"];
  CHECK(contains(html,
                 fmt::format("<td data-figure=\"methods.model.hole.psnr_db\"><data value=\"{}\">", psnr)) !=
        contains(
            html,
            fmt::format("<td class=\"best\" data-figure=\"methods.model.hole.psnr_db\"><data value=\"{}\">",
                        psnr)));
  CHECK(contains(html, "<figcaption>Reconstruction loss"));
  CHECK(contains(html, "the checkpoint, step 2"));
  CHECK(contains(
      html, "model-2.safetensors --image_size 64 --image_channel 3 --batch_size 4 --device cpu --report"));

  // The first of the best: its true picture, byte for byte.
  int best = -1;
  double least = 1e9;
  for (const auto& row : rows_of(folder / "out/pictures.csv"))
    if (row[4] == "model" && std::stod(row[6]) < least) {
      least = std::stod(row[6]);
      best = std::stoi(row[0]);
    }
  const std::string card = all_between(html, "<figure class=\"compare\"", "</figure>").front();
  CHECK(contains(card, fmt::format("data-name=\"Picture {}\"", best)));
  const Image truth = decode_image(from_base64(all_between(card, "base64,", "\"").back()), "truth");
  CHECK(std::equal(truth.bytes.begin(), truth.bytes.end(), pictures().begin() + best * kSize * kSize * 3));

  // Away from its run a checkpoint has no curves; the page says so. No other file is needed.
  fs::copy_file(folder / "checkpointsfp32/tiny64/gpu0/model-2.safetensors", folder / "alone.safetensors");
  settings.checkpoint = folder / "alone.safetensors";
  settings.out = "";
  run_quietly(settings);
  CHECK(contains(file_contents(settings.report), "The logs of the training were not found"));
  settings.report = folder / "set.bin/report.html";
  CHECK(contains(error_message([&] { run_quietly(settings); }), "set.bin"));
}

TEST_CASE("evaluation run: every fill, truth and mask as a file, and the fills are those of the figures") {
  const TemporaryFolder folder;
  EvaluationSettings settings = small_evaluation(folder);
  settings.checkpoint = small_model(folder);
  settings.save_fills = folder / "fills";
  CHECK(contains(run_quietly(settings), "fills: " + settings.save_fills));
  std::set<std::string> folders;
  for (const auto& entry : fs::directory_iterator(settings.save_fills)) {
    folders.insert(entry.path().filename());
    std::set<std::string> names;
    for (const auto& file : fs::directory_iterator(entry.path())) names.insert(file.path().filename());
    CHECK(names.size() == kPictures);
    CHECK(*names.begin() == "00.png");
    CHECK(*names.rbegin() == "10.png");
  }
  CHECK(folders ==
        std::set<std::string>{"grey", "known_mean", "ring_mean", "harmonic", "model", "truth", "masks"});
  for (const auto& row : rows_of(folder / "out/pictures.csv")) {
    if (row[4] != "model" && row[4] != "harmonic") continue;
    const std::string name = fmt::format("{:02}.png", std::stoi(row[0]));
    const Image fill = decode_image(folder / "fills" / row[4] / name),
                truth = decode_image(folder / "fills/truth" / name),
                mask = decode_image(folder / "fills/masks" / name);
    double squares = 0;
    int64_t values = 0;
    for (size_t i = 0; i < fill.bytes.size(); ++i) {
      if (mask.bytes[i / 3] == 0) continue;
      squares += std::pow((fill.bytes[i] - truth.bytes[i]) / 255.0, 2);
      ++values;
    }
    CHECK(std::stod(row[6]) == doctest::Approx(100 * squares / static_cast<double>(values)));
  }
  CHECK(contains(error_message([&] { run_quietly(settings); }), "this folder is not empty"));
  // An evaluation that fails leaves none.
  settings.save_fills = folder / "more";
  settings.data = folder / "broken";
  fs::create_directories(settings.data);
  put_file(settings.data + "/a.png", "no picture");
  CHECK(contains(error_message([&] { run_quietly(settings); }), "none of 1 files"));
  CHECK(folder.names().count("more.unfinished") == 0);
}

TEST_CASE("evaluation run: grey pictures of a folder, a limit, no files") {
  const TemporaryFolder folder;
  fs::create_directories(folder / "set");
  for (int i = 0; i < 3; ++i)
    write_png(folder / ("set/" + std::to_string(i) + ".png"),
              noise_image(140, 128, 3, static_cast<uint64_t>(i)));
  put_file(folder / "set/notes.txt", "no picture");
  EvaluationSettings settings;
  settings.data = folder / "set";
  settings.threads = 1;
  const std::string printed = run_quietly(settings);
  CHECK(contains(printed, "3 pictures of 128 x 128, 1 channel, from"));
  CHECK(contains(printed, "1 file left out"));
  settings.limit = 1;
  CHECK(contains(run_quietly(settings), "1 picture of 128 x 128"));
  CHECK(folder.names() == std::set<std::string>{"set"});
}

TEST_CASE("evaluation run: what is wrong is said, and what was there stays") {
  const TemporaryFolder folder;
  EvaluationSettings settings = small_evaluation(folder);
  const auto complaint = [&] { return error_message([&] { run_quietly(settings); }); };
  fs::create_directories(folder / "out");
  put_file(folder / "out/scores.json", "old");

  settings.data = folder / "none.bin";
  CHECK(contains(complaint(), "none.bin"));
  settings.data = folder / "set.bin";
  settings.image_size = 60;
  CHECK(contains(complaint(), "no multiple"));
  settings.image_size = kSize;
  settings.checkpoint = folder / "nowhere";
  CHECK(contains(complaint(), "nowhere"));
  fs::create_directories(folder / "no_pictures");
  put_file(folder / "no_pictures/a.txt", "text");
  settings.checkpoint = "";
  settings.data = folder / "no_pictures";
  CHECK(contains(complaint(), "none of 1 files"));
  CHECK(file_contents(folder / "out/scores.json") == "old");
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(settings.out)) names.insert(entry.path().filename());
  CHECK(names == std::set<std::string>{"scores.json"});

  settings.data = folder / "set.bin";
  settings.out = folder / "set.bin/out";
  CHECK(contains(complaint(), "set.bin"));

  settings.out = "";
  settings.checkpoint = small_model(folder);
  settings.holes.form = HoleForm::kBox;
  CHECK(contains(complaint(), "paints squares of half the side"));
  settings.holes.form = HoleForm::kSquare;
  settings.image_channel = 1;
  CHECK(contains(complaint(), "image_channel 1 does not fit the checkpoint, which was trained with 3"));
  settings.image_channel = 3;
  settings.image_size = 128;
  CHECK(contains(complaint(), "image_size 128 does not fit"));
}
