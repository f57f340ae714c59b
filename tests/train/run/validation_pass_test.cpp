// Validation while training: what it measures, what it keeps, and that it changes nothing.
#include "train/run/validation_pass.h"

#include <doctest/doctest.h>

#include <csignal>
#include <thread>

#include "core/image/image_codec.h"
#include "tests/harness/error_message.h"
#include "tests/harness/html_page.h"
#include "tests/harness/temporary_folder.h"
#include "tests/train/run/small_run.h"
#include "train/checkpoint/checkpoint_store.h"
#include "train/checkpoint/run_state.h"
#include "train/settings/flags_file.h"

using namespace inpaint;
namespace fs = std::filesystem;

namespace {

std::vector<nlohmann::json> validations(const TrainSettings& s) {
  std::vector<nlohmann::json> lines;
  for (const std::string& line : lines_of(log_folder(s) / "validation_log.jsonl"))
    lines.push_back(nlohmann::json::parse(line));
  return lines;
}

RunState state_in(const SafetensorsFile& file) {
  return RunState::from_metadata(file.metadata(), file.path().string());
}

// The run's set to validate with, long enough that a signal comes while it validates.
fs::path lengthen_validation(const TrainSettings& s) {
  const fs::path validate = data_file(s, Split::kValidate);
  const std::string pictures = file_contents(validate);
  std::ofstream more(validate, std::ios::binary | std::ios::app);
  for (int i = 0; i < 300; ++i) more << pictures;
  return validate;
}

// A complete run of 12 epochs whose last validation is not its best. Which seeds make one hangs on the last
// bits of the losses, and so on the processor.
TrainSettings run_past_its_best(const fs::path& folder, int ckpt) {
  constexpr uint64_t kSeeds = 20;
  for (uint64_t seed = 1;; ++seed) {
    REQUIRE(seed <= kSeeds);
    TrainSettings s = small_run(folder / std::to_string(seed));
    s.seed = seed;
    s.epoch = 12;
    s.ckpt = ckpt;
    s.learning_rate = 0.02;
    s.save_minutes = 0;
    run_quietly(s);
    if (!validations(s).back()["best"].get<bool>()) return s;
  }
}

// The figure behind `name` in a line that a run prints.
double figure(const std::string& text, const std::string& name) {
  const size_t at = text.find(name);
  REQUIRE(at != std::string::npos);
  return std::stod(text.substr(at + name.size()));
}

}  // namespace

TEST_CASE("validation: a run with and a run without end in the same bytes") {
  const TemporaryFolder with_folder, without_folder;
  TrainSettings with = small_run(with_folder.path()), without = small_run(without_folder.path());
  with.epoch = without.epoch = 4;
  without.validate_every = 0;
  run_quietly(with);
  run_quietly(without);
  CHECK(validations(with).size() == 4);
  CHECK(validations(without).empty());
  check_same_tensors(checkpoint(with, 8), checkpoint(without, 8));
  CHECK(timeless(log_folder(with) / "train_log.jsonl") == timeless(log_folder(without) / "train_log.jsonl"));
}

TEST_CASE("validation: the figures are those of mode=validate, picture by picture, on the same checkpoint") {
  const TemporaryFolder folder;
  TrainSettings s = small_run(folder.path());
  s.epoch = 2;
  const std::string printed = run_quietly(s);
  const auto logged = validations(s);
  REQUIRE(logged.size() == 2);
  CHECK(logged[1]["step"] == 4);
  CHECK(logged[1]["epoch"] == 1);
  CHECK(contains(printed, fmt::format("[Validation] rec_loss:{:.8f}", logged[1]["rec_loss"].get<double>())));
  s.mode = Split::kValidate;
  s.batch_size = 1;  // the 11 pictures of two batches of 4 and an incomplete one
  const std::string validated = run_quietly(s);
  const std::string mean = validated.substr(validated.find("Mean "));
  for (const auto& figures : {std::pair{"rec_loss", "rec_loss:"}, std::pair{"adv_gene_loss", "gene_loss: "},
                              std::pair{"adv_disc_loss", "disc_loss: "}, std::pair{"disc_acc", "disc_acc: "},
                              std::pair{"psnr", "psnr: "}, std::pair{"ssim", "ssim: "}}) {
    const char *key = figures.first, *name = figures.second;
    CAPTURE(key);
    CHECK(figure(mean, name) == doctest::Approx(logged[1][key].get<double>()).epsilon(1e-6));
  }
}

TEST_CASE("validation: the best checkpoint stays, and can be gone on from and scored") {
  const TemporaryFolder folder;
  TrainSettings s = run_past_its_best(folder.path(), 5);
  const auto logged = validations(s);
  REQUIRE(logged.size() == 12);
  double best = INFINITY;
  int64_t best_step = -1;
  for (const auto& line : logged) {
    const bool better = line["rec_loss"].get<double>() < best;
    CHECK(line["best"].get<bool>() == better);
    if (!better) continue;
    best = line["rec_loss"];
    best_step = line["step"];
  }
  REQUIRE(best_step != 24);
  const auto file = open_best_checkpoint(checkpoint_folder(s));
  REQUIRE(file.has_value());
  CHECK(file->path() == checkpoint(s, best_step));
  CHECK(state_in(*file).step == best_step);
  const RunState last = state_in(SafetensorsFile(checkpoint(s, 24)));
  CHECK(last.best_step == best_step);
  CHECK(last.best_rec_loss == best);
  CHECK(last.validations_since_best == 12 - best_step / 2);

  s.mode = Split::kValidate;
  s.resume = "best";
  s.batch_size = 1;  // picture by picture, as while training
  const std::string validated = run_quietly(s);
  CHECK(contains(validated, fmt::format("at step {}", best_step)));
  CHECK(figure(validated.substr(validated.find("Mean ")), "rec_loss:") ==
        doctest::Approx(best).epsilon(1e-6));
}

TEST_CASE("validation: patience ends the run, and the next run with the same patience at once") {
  const TemporaryFolder folder;
  TrainSettings s = small_run(folder.path());
  s.epoch = 1000;
  s.learning_rate = 0.02;
  s.patience = 2;
  const std::string printed = run_quietly(s);
  const auto logged = validations(s);
  REQUIRE(logged.size() >= 3);
  REQUIRE(logged.size() < 1000);
  const size_t n = logged.size();
  CHECK_FALSE(logged[n - 1]["best"].get<bool>());
  CHECK_FALSE(logged[n - 2]["best"].get<bool>());
  CHECK(logged[n - 3]["best"].get<bool>());
  CHECK(contains(printed, "2 validations have not been better than step " +
                              std::to_string(logged[n - 3]["step"].get<int64_t>())));
  run_quietly(s);
  CHECK(validations(s).size() == n);
  s.patience = 3;  // and goes on with more
  run_quietly(s);
  CHECK(validations(s).size() > n);
}

TEST_CASE("validation: stopped and resumed, its log and its state equal an uninterrupted run's") {
  const TemporaryFolder whole_folder, parted_folder;
  TrainSettings whole = small_run(whole_folder.path()), parted = small_run(parted_folder.path());
  whole.epoch = parted.epoch = 100;
  whole.validate_every = parted.validate_every = 2;
  whole.max_steps = 13;
  run_quietly(whole);
  for (const int64_t steps : {3, 4, 9, 13}) {
    parted.max_steps = steps;
    run_quietly(parted);
  }
  CHECK(validations(whole).size() == 3);
  CHECK(lines_of(log_folder(whole) / "validation_log.jsonl") ==
        lines_of(log_folder(parted) / "validation_log.jsonl"));
  check_same_state(checkpoint(whole, 13), checkpoint(parted, 13));
}

TEST_CASE(
    "validation: a complete run leaves its report, and where it cannot, it says so and is complete all the "
    "same") {
  const TemporaryFolder folder;
  TrainSettings s = small_run(folder.path());
  s.epoch = 2;
  const fs::path report = log_folder(s) / "report.html";
  const std::string printed = run_quietly(s);
  CHECK(contains(printed, "Report: " + report.string() + "\nDone: step 4"));
  const std::string html = file_contents(report);
  CHECK(check_page(html) == 2);  // the samples of two epochs
  const double ssim = validations(s).back()["ssim"];
  CHECK(contains(
      html, fmt::format("<th scope=\"row\">SSIM of the holes (higher is better)</th><td><data value=\"{}\">",
                        ssim)));

  fs::remove(report);
  fs::create_directories(report);
  s.epoch = 3;
  const std::string warned = run_quietly(s);
  CHECK(contains(warned, "warning: the run is complete and saved, but has no report: "));
  CHECK(contains(warned, "Done: step 6"));
  CHECK(fs::exists(checkpoint(s, 6)));

  fs::remove(report);
  s.validate_every = 0;
  s.epoch = 4;
  CHECK_FALSE(contains(run_quietly(s), "report"));
  CHECK_FALSE(fs::exists(report));
}

TEST_CASE("validation: a signal breaks it off, and the next run makes up for it") {
  const TemporaryFolder whole_folder, stopped_folder;
  TrainSettings whole = small_run(whole_folder.path()), stopped = small_run(stopped_folder.path());
  const fs::path validate = lengthen_validation(stopped);
  whole.epoch = stopped.epoch = 2;
  std::string printed;
  {
    std::thread killer([&] {
      while (lines_of(log_folder(stopped) / "train_log.jsonl").size() < 2) std::this_thread::yield();
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      kill(getpid(), SIGTERM);
    });
    printed = run_quietly(stopped, 143);
    killer.join();
  }
  CHECK(contains(printed, "Stopped by a signal; step 2 is saved"));
  CHECK(validations(stopped).empty());
  CHECK(lines_of(log_folder(stopped) / "loss_log.txt").empty());
  fs::copy_file(validate, data_file(whole, Split::kValidate), fs::copy_options::overwrite_existing);
  run_quietly(stopped);
  run_quietly(whole);
  CHECK(validations(whole).size() == 2);
  CHECK(validations(whole) == validations(stopped));
  CHECK(lines_of(log_folder(whole) / "loss_log.txt") == lines_of(log_folder(stopped) / "loss_log.txt"));
  check_same_state(checkpoint(whole, 4), checkpoint(stopped, 4));
}

TEST_CASE("validation: a checkpoint that time makes meanwhile is replaced at the end of the epoch") {
  const TemporaryFolder timed_folder, whole_folder;
  const TrainSettings whole = run_past_its_best(whole_folder.path(), 100);
  TrainSettings timed = small_run(timed_folder.path());
  timed.seed = whole.seed;
  timed.epoch = whole.epoch;
  timed.ckpt = whole.ckpt;
  timed.learning_rate = whole.learning_rate;
  timed.save_minutes = 1e-9;  // less than a validation takes
  run_quietly(timed);
  check_same_state(checkpoint(whole, 24), checkpoint(timed, 24));
  CHECK(validations(whole) == validations(timed));
}

TEST_CASE("validation: a checkpoint by time is made while it goes on, and gone on from exactly") {
  const TemporaryFolder whole_folder, stopped_folder;
  TrainSettings whole = small_run(whole_folder.path()), stopped = small_run(stopped_folder.path());
  lengthen_validation(stopped);
  fs::copy_file(data_file(stopped, Split::kValidate), data_file(whole, Split::kValidate),
                fs::copy_options::overwrite_existing);
  whole.epoch = stopped.epoch = 2;
  stopped.save_minutes = 1e-9;
  bool validated = false;
  std::thread killer([&] {
    while (!fs::exists(checkpoint(stopped, 2))) std::this_thread::yield();
    validated = !validations(stopped).empty();
    kill(getpid(), SIGTERM);
  });
  run_quietly(stopped, 143);
  killer.join();
  CHECK_FALSE(validated);
  CHECK(state_in(SafetensorsFile(checkpoint(stopped, 2))).batch == 2);  // the end of the epoch is to come
  run_quietly(stopped);
  run_quietly(whole);
  check_same_state(checkpoint(whole, 4), checkpoint(stopped, 4));
  CHECK(validations(whole) == validations(stopped));
}

TEST_CASE("validation: any number of pictures is validated on, all of them, and none more than once") {
  const TemporaryFolder large_folder, small_folder;
  TrainSettings large = small_run(large_folder.path()), small = small_run(small_folder.path());
  large.epoch = small.epoch = 1;
  const std::uintmax_t picture = 64 * 64 * 3;
  const std::string pictures = file_contents(data_file(small, Split::kValidate));
  fs::resize_file(data_file(small, Split::kValidate), 3 * picture);  // a batch has 4
  put_file(data_file(large, Split::kValidate),
           pictures.substr(0, 3 * picture) + pictures.substr(0, 3 * picture));
  run_quietly(small);
  const auto of_three = validations(small);
  REQUIRE(of_three.size() == 1);
  small.mode = Split::kValidate;
  const std::string mean = run_quietly(small);
  CHECK(figure(mean.substr(mean.find("Mean ")), "rec_loss:") ==
        doctest::Approx(of_three[0]["rec_loss"].get<double>()).epsilon(1e-6));
  const Image grid = decode_image(sample_folder(small) / "0_0.png");
  CHECK(grid.width == 64);
  CHECK(grid.height == 3 * 64);
  // Not the incomplete batch, but each picture has its share.
  run_quietly(large);
  large.mode = Split::kValidate;
  large.batch_size = 2;
  const std::string in_pairs = run_quietly(large);
  CHECK(figure(in_pairs.substr(in_pairs.find("Mean ")), "rec_loss:") ==
        doctest::Approx(validations(large)[0]["rec_loss"].get<double>()).epsilon(1e-6));
}

TEST_CASE("validation: two ranks come to the figures of one") {
  for (const ModelKind model : {ModelKind::kContextEncoder, ModelKind::kHarmonicUnet}) {
    CAPTURE(static_cast<int>(model));
    const TemporaryFolder one_folder, two_folder;
    TrainSettings one = small_run(one_folder.path()), two = small_run(two_folder.path());
    for (TrainSettings* s : {&one, &two}) {
      s->model = model;
      s->epoch = 1;
      s->sync_batch_norm = model == ModelKind::kContextEncoder;
      s->learning_rate = model == ModelKind::kContextEncoder ? 1e-4 : 0.01;
    }
    run_quietly(one);
    run_two_ranks(two);
    const auto figures = validations(one), of_ranks = validations(two);
    REQUIRE(figures.size() == 1);
    REQUIRE(of_ranks.size() == 1);
    for (const auto& item : figures[0].items()) {
      const std::string& name = item.key();
      const auto& value = item.value();
      CAPTURE(name);
      REQUIRE(of_ranks[0].contains(name));
      if (value.is_number_float())
        CHECK(of_ranks[0][name].get<double>() == doctest::Approx(value.get<double>()).epsilon(1e-3));
      else
        CHECK(of_ranks[0][name] == value);
    }
  }
}

TEST_CASE("validation: what stands in its way is said before training") {
  const TemporaryFolder folder;
  TrainSettings s = small_run(folder.path());
  const auto complaint = [&] {
    const Captured out(stdout);
    return error_message([&] { run_training(s); });
  };
  fs::resize_file(data_file(s, Split::kValidate), 64 * 64 * 3 + 1);
  CHECK(contains(complaint(), "tiny64_validate.bin: 12289 bytes are no multiple of 12288"));
  CHECK(contains(complaint(), "(validate_every=0 trains without it)"));
  fs::remove(data_file(s, Split::kValidate));
  s.patience = 1;
  CHECK(contains(complaint(), "patience=1 needs validations, and "));
  s.patience = 0;
  s.max_steps = 2;
  run_quietly(s);  // nothing to validate with, and nobody asked for it
  s.resume = "best";
  CHECK(contains(complaint(), "names no best checkpoint"));
}
