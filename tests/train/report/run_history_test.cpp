#include "train/report/run_history.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>

#include "tests/harness/error_message.h"
#include "tests/harness/temporary_folder.h"
#include "train/log/run_text.h"
#include "train/report/learning_curves.h"
#include "train/settings/folders.h"

using namespace inpaint;
namespace fs = std::filesystem;

namespace {

// As a run writes it.
std::string step_line(int64_t step, bool with_offsets = false) {
  std::vector<int32_t> offsets{1, 2, 3, 4};
  const Tensor tensor{{2, 2}, DType::kI32, Device::kCpu, offsets.data()};
  StepRecord record{.step = step, .epoch = step / 10, .batch = step % 10};
  record.losses.rec_loss = 1.0 / static_cast<double>(step);
  return train_log_line(record, with_offsets ? &tensor : nullptr) + '\n';
}

std::string log_of(int64_t steps) {
  std::string log;
  for (int64_t step = 1; step <= steps; ++step) log += step_line(step, step % 2 == 0);
  return log;
}

}  // namespace

TEST_CASE("run history: every number of a log's lines, not those inside of lists") {
  const TemporaryFolder folder;
  put_file(folder / "train_log.jsonl", log_of(3));
  ValidationRecord record{.step = 3, .epoch = 1, .figures = {}, .best = true};
  record.figures.quality.ssim = 0.5;
  record.figures.quality.gain = -0.25;
  put_file(folder / "validation_log.jsonl", validation_log_line(record) + '\n');
  const auto history = read_history(folder.path());
  REQUIRE(history);
  REQUIRE(history->steps.size() == 3);
  CHECK(figure(history->steps[1], "step") == 2);
  CHECK(figure(history->steps[1], "rec_loss") == 0.5);
  CHECK(history->steps[1].size() == history->steps[0].size());  // the offsets are no figures
  REQUIRE(history->validations.size() == 1);
  CHECK(figure(history->validations[0], "best") == 1);
  CHECK(figure(history->validations[0], "gain") == -0.25);
  CHECK_FALSE(figure(history->validations[0], "psnr"));  // null
}

TEST_CASE("run history: of a long log so many lines, evenly, the first and the last one among them") {
  const TemporaryFolder folder;
  put_file(folder / "train_log.jsonl", log_of(2000));
  const auto all = read_history(folder.path());
  REQUIRE(all->steps.size() == 2000);
  const auto some = read_history(folder.path(), 100);
  CHECK(some->steps.size() >= 80);
  CHECK(some->steps.size() <= 102);
  CHECK(figure(some->steps.front(), "step") == 1);
  CHECK(figure(some->steps.back(), "step") == 2000);
  for (size_t i = 1; i < some->steps.size(); ++i) {
    const double stride = *figure(some->steps[i], "step") - *figure(some->steps[i - 1], "step");
    CHECK(stride >= 1);
    CHECK(stride <= 40);
  }
  for (int64_t most = 1; most < 40; ++most) {
    const auto few = read_history(folder.path(), most);
    CHECK(static_cast<int64_t>(few->steps.size()) <= most + 2);
    CHECK(figure(few->steps.back(), "step") == 2000);
  }
}

TEST_CASE("run history: what is no line of a log is passed over") {
  const TemporaryFolder folder;
  CHECK_FALSE(read_history(folder.path()));
  for (const char* text : {"", "\n", "\n\n\n", "no end", "[1,2]\n", "12\n", "{\"a\":1}\n", "{\"step\":1\n",
                           "{\"step\":[1]}\n", "{\"step\":{\"step\":1}}\n"}) {
    CAPTURE(text);
    put_file(folder / "train_log.jsonl", text);
    const auto history = read_history(folder.path());
    REQUIRE(history);
    CHECK(history->steps.empty());
  }
  put_file(folder / "train_log.jsonl", step_line(1) + "text\n\n" + step_line(2) + "{\"step\":3");
  CHECK(read_history(folder.path())->steps.size() == 2);
}

TEST_CASE("run history: the best validation is the one marked last, else the last one") {
  RunHistory history;
  CHECK(best_validation(history) == nullptr);
  history.validations = {{{"step", 1}, {"best", 1}}, {{"step", 2}, {"best", 1}}, {{"step", 3}, {"best", 0}}};
  CHECK(figure(*best_validation(history), "step") == 2);
  history.validations = {{{"step", 1}, {"best", 0}}, {{"step", 2}}};
  CHECK(figure(*best_validation(history), "step") == 2);
}

TEST_CASE("run history: a checkpoint's logs are found in its run's folders, and nowhere else") {
  const TemporaryFolder folder;
  TrainSettings s;
  s.dataname = "street";
  s.checkpoint_root = folder / "checkpoints";
  s.log_root = folder / "logs";
  fs::create_directories(checkpoint_folder(s));
  fs::create_directories(folder / "elsewhere");
  CHECK(log_folder_of(checkpoint_folder(s) / "model-1.safetensors", s) == log_folder(s));
  CHECK_FALSE(log_folder_of(folder / "elsewhere/model-1.safetensors", s));

  // Relative folders, seen from another place than the run was started in.
  s.checkpoint_root = "checkpoints";
  s.log_root = "logs";
  CHECK(log_folder_of(folder / "checkpoints/street128/gpu0/model-1.safetensors", s) ==
        fs::canonical(folder.path()) / "logs/street128/gpu0");
  CHECK_FALSE(log_folder_of(folder / "elsewhere/model-1.safetensors", s));
  CHECK_FALSE(log_folder_of("model-1.safetensors", s));
  s.log_root = "/var/logs";
  CHECK_FALSE(log_folder_of(folder / "checkpoints/street128/gpu0/model-1.safetensors", s));
}
