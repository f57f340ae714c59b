// Whole runs whose updates are made from several micro-batches.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/harness/error_message.h"
#include "tests/harness/nightly.h"
#include "tests/harness/temporary_folder.h"
#include "tests/train/run/small_run.h"
#include "train/checkpoint/run_state.h"

using namespace inpaint;

namespace {

TrainSettings accumulating(const std::filesystem::path& folder, ModelKind model) {
  TrainSettings s = small_run(folder);
  s.model = model;
  if (model == ModelKind::kHarmonicUnet) {
    s.holes = HoleForm::kMixed;
    s.learning_rate = 0.001;
    s.schedule_steps = 8;
  }
  s.shuffle = s.flip = s.log_offsets = true;
  s.batch_size = 2;
  s.accumulate = 2;  // 11 pictures: two steps an epoch
  return s;
}

std::vector<nlohmann::json> log_of(const TrainSettings& s) {
  std::vector<nlohmann::json> lines;
  for (const std::string& line : lines_of(log_folder(s) / "train_log.jsonl"))
    lines.push_back(nlohmann::json::parse(line));
  return lines;
}

}  // namespace

TEST_CASE("accumulate: a step takes the pictures and holes of a batch twice as large, and learns the same") {
  std::vector models = {ModelKind::kContextEncoder};
  if (!kSanitized) models.push_back(ModelKind::kHarmonicUnet);  // takes minutes there
  for (const ModelKind model : models) {
    const TemporaryFolder parts_folder, whole_folder;
    TrainSettings parts = accumulating(parts_folder.path(), model),
                  whole = accumulating(whole_folder.path(), model);
    whole.batch_size = 4;
    whole.accumulate = 1;
    for (TrainSettings* s : {&parts, &whole}) {
      s->precision = Precision::kFp64;
      s->max_steps = 5;
      run_quietly(*s);
    }
    const auto a = log_of(whole), b = log_of(parts);
    REQUIRE(a.size() == 5);
    REQUIRE(b.size() == 5);
    for (size_t i = 0; i < a.size(); ++i) {
      CAPTURE(i);
      for (const char* key : {"step", "epoch", "batch"}) CHECK(b[i][key] == a[i][key]);
      if (model == ModelKind::kContextEncoder) {
        CHECK(b[i]["offsets"] == a[i]["offsets"]);
        CHECK(b[i]["rec_loss"].get<double>() != a[i]["rec_loss"].get<double>());  // batch norm
        continue;
      }
      CHECK(b[i]["rec_loss"].get<double>() == doctest::Approx(a[i]["rec_loss"].get<double>()).epsilon(1e-12));
      CHECK(b[i]["learning_rate_gene"] == a[i]["learning_rate_gene"]);
    }
    CHECK(lines_of(log_folder(parts) / "loss_log.txt").size() == 2);
    const SafetensorsFile file(checkpoint(parts, 5));
    const RunState state = RunState::from_metadata(file.metadata(), "here");
    CHECK(state.epoch == 2);
    CHECK(state.batch == 1);
    CHECK(state.generator_updates == (model == ModelKind::kContextEncoder ? 10 : 5));
    CHECK(state.discriminator_updates == (model == ModelKind::kContextEncoder ? 5 : 0));
    if (model == ModelKind::kContextEncoder) continue;
    // The validations of both see the same pictures, with the same weights but for rounding.
    const auto x = lines_of(log_folder(whole) / "validation_log.jsonl"),
               y = lines_of(log_folder(parts) / "validation_log.jsonl");
    REQUIRE(x.size() == 2);
    REQUIRE(y.size() == 2);
    for (size_t i = 0; i < x.size(); ++i)
      CHECK(nlohmann::json::parse(y[i])["rec_loss"].get<double>() ==
            doctest::Approx(nlohmann::json::parse(x[i])["rec_loss"].get<double>()).epsilon(1e-11));
  }
}

TEST_CASE("accumulate: five steps equal three, stop, resume, two more, bit for bit") {
  for (const ModelKind model : {ModelKind::kHarmonicUnet, ModelKind::kContextEncoder}) {
    const TemporaryFolder whole_folder, parted_folder;
    TrainSettings whole = accumulating(whole_folder.path(), model),
                  parted = accumulating(parted_folder.path(), model);
    whole.max_steps = 5;
    run_quietly(whole);
    parted.max_steps = 3;  // in the middle of an epoch
    run_quietly(parted);
    parted.max_steps = 5;
    run_quietly(parted);
    check_same_state(checkpoint(whole, 5), checkpoint(parted, 5));
    CHECK(timeless(log_folder(whole) / "train_log.jsonl") ==
          timeless(log_folder(parted) / "train_log.jsonl"));
  }
}

TEST_CASE("accumulate: a checkpoint knows it, and keeps its place in the data when it changes") {
  const TemporaryFolder folder;
  TrainSettings s = accumulating(folder.path(), ModelKind::kHarmonicUnet);
  s.max_steps = 1;
  run_quietly(s);
  CHECK(SafetensorsFile(checkpoint(s, 1)).metadata().at("flag.accumulate") == "2");
  s.accumulate = 1;  // the four pictures seen are two batches of five
  s.max_steps = 2;
  CHECK(
      contains(run_quietly(s), "note: accumulate=1 from here on; the checkpoint was made with accumulate=2"));
  CHECK(log_of(s)[1]["epoch"] == 0);
  CHECK(log_of(s)[1]["batch"] == 2);
}

TEST_CASE("accumulate: summaries and samples do not change the training, and modes that paint take it") {
  const TemporaryFolder plain_folder, busy_folder;
  TrainSettings plain = accumulating(plain_folder.path(), ModelKind::kContextEncoder),
                busy = accumulating(busy_folder.path(), ModelKind::kContextEncoder);
  busy.summary = 1;
  plain.summary = 1000;
  plain.sample = 1000;
  for (TrainSettings* s : {&plain, &busy}) {
    s->max_steps = 4;
    run_quietly(*s);
  }
  check_same_tensors(checkpoint(plain, 4), checkpoint(busy, 4));
  busy.mode = Split::kValidate;
  CHECK(contains(run_quietly(busy), "Mean "));
}

TEST_CASE("accumulate: fewer pictures than a step takes come again") {
  const TemporaryFolder folder;
  TrainSettings s = accumulating(folder.path(), ModelKind::kHarmonicUnet);
  s.accumulate = 8;
  s.max_steps = 2;
  CHECK(contains(run_quietly(s),
                 "has 11 of the 16 pictures of a step: each comes again, with other holes; a "
                 "smaller accumulate makes quicker steps"));
  CHECK(log_of(s)[1]["epoch"] == 1);
}
