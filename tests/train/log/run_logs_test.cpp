#include "train/log/run_logs.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <vector>

#include "event.pb.h"
#include "hparams.pb.h"
#include "tests/harness/temporary_folder.h"

using namespace inpaint;

namespace {

// The summaries of the folder's only event file, by tag.
std::map<std::string, event::Summary::Value> summaries_in(const TemporaryFolder& folder, int64_t step) {
  std::map<std::string, event::Summary::Value> values;
  for (const std::string& name : folder.names()) {
    if (!name.starts_with("events.")) continue;
    const std::string bytes = file_contents(folder / name);
    for (size_t at = 0; at < bytes.size();) {
      uint64_t length = 0;
      std::memcpy(&length, bytes.data() + at, sizeof(length));
      event::Event record;
      REQUIRE(record.ParseFromArray(bytes.data() + at + 12, static_cast<int>(length)));
      for (const auto& value : record.summary().value()) {
        CHECK(record.step() == step);
        values[value.tag()] = value;
      }
      at += 12 + length + 4;
    }
  }
  return values;
}

}  // namespace

TEST_CASE("run logs: which steps have a summary") {
  const auto steps = [](int64_t interval) {
    std::vector<int64_t> due;
    for (int64_t step = 1; step <= 300; ++step)
      if (summary_is_due(step, interval)) due.push_back(step);
    return due;
  };
  CHECK(steps(0) ==
        std::vector<int64_t>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 200, 300});
  CHECK(steps(100) == std::vector<int64_t>{100, 200, 300});  // as the source program
  CHECK(steps(1).size() == 300);
}

TEST_CASE("run logs: a summary has the source program's tags, with its meanings") {
  const TemporaryFolder folder;
  std::vector<double> real = {1, 2}, fake = {-3, -4};
  {
    RunLogs logs(folder.path(), RunState{.step = 6});
    Losses l;
    l.disc_acc = 0.1;
    l.rec_loss = 0.2;
    l.adv_gene_loss = 0.3;
    l.gene_loss_ori = 0.4;
    l.adv_disc_loss = 0.5;
    l.disc_loss_ori = 0.6;
    logs.summary(7, l, {{2, 1}, DType::kF64, Device::kCpu, real.data()},
                 {{2, 1}, DType::kF64, Device::kCpu, fake.data()});
  }
  const auto values = summaries_in(folder, 7);
  REQUIRE(values.size() == 7);
  CHECK(values.at("disc_acc").simple_value() == 0.1f);
  CHECK(values.at("rec_loss").simple_value() == 0.2f);
  CHECK(values.at("adv_gene_loss").simple_value() == 0.4f);  // gene_loss_ori
  CHECK(values.at("gene_loss").simple_value() == 0.3f);      // adv_gene_loss
  CHECK(values.at("disc_loss").simple_value() == 0.5f);      // adv_disc_loss
  CHECK(values.at("gene_score").histo().sum() == -7);
  CHECK(values.at("gene_score").histo().num() == 2);
  CHECK(values.at("disc_score").histo().sum() == -4);
  CHECK(values.at("disc_score").histo().num() == 4);
}

TEST_CASE("run logs: a step with a summary has the line's other figures as scalars, one without has none") {
  for (const bool adversarial : {true, false}) {
    const TemporaryFolder folder;
    {
      RunLogs logs(folder.path(), RunState{.step = 5});
      StepRecord record{.step = 6,
                        .losses = {.is_adversarial = adversarial, .tv_loss = 0.1, .disc_loss_ori = 0.2},
                        .gene_decay_loss = 0.3,
                        .disc_decay_loss = 0.4,
                        .learning_rate_gene = 0.5,
                        .learning_rate_disc = 0.6,
                        .images_per_second = 70};
      logs.step(record, nullptr);
      logs.summary(7, record.losses, {{0, 1}, DType::kF32, Device::kCpu, nullptr},
                   {{0, 1}, DType::kF32, Device::kCpu, nullptr});
      record.step = 7;
      logs.step(record, nullptr);
      record.step = 8;
      logs.step(record, nullptr);
    }
    const auto values = summaries_in(folder, 7);
    CHECK(values.at("learning_rate_gene").simple_value() == 0.5f);
    CHECK(values.at("images_per_second").simple_value() == 70.0f);
    CHECK(values.contains("learning_rate_disc") == adversarial);
    if (!adversarial) continue;
    CHECK(values.at("tv_loss").simple_value() == 0.1f);
    CHECK(values.at("disc_loss_ori").simple_value() == 0.2f);
    CHECK(values.at("gene_decay_loss").simple_value() == 0.3f);
    CHECK(values.at("disc_decay_loss").simple_value() == 0.4f);
    CHECK(values.at("learning_rate_disc").simple_value() == 0.6f);
  }
}

TEST_CASE("run logs: the settings are a text, a line a flag") {
  const TemporaryFolder folder;
  TrainSettings settings;
  settings.batch_size = 7;
  RunLogs(folder.path(), RunState{.step = 3}).settings(settings);
  const auto values = summaries_in(folder, 4);
  REQUIRE(values.size() == 3);
  const event::Summary::Value& value = values.at("settings");
  CHECK(value.metadata().plugin_data().plugin_name() == "text");
  CHECK(value.tensor().dtype() == event::Tensor::STRING);
  REQUIRE(value.tensor().string_val_size() == 1);
  const std::string text = value.tensor().string_val(0);
  CHECK(text.starts_with("    "));
  CHECK(text.find("batch_size") != std::string::npos);
}

TEST_CASE("run logs: a run is a row of the page HPARAMS, which complete ends") {
  const TemporaryFolder folder;
  TrainSettings settings;
  settings.batch_size = 7;
  {
    RunLogs logs(folder.path(), RunState{.step = 3});
    logs.settings(settings);
    logs.complete(4);
  }
  const auto values = summaries_in(folder, 4);
  const auto content = [&](const char* tag) {
    const event::Summary::Value& value = values.at(tag);
    CHECK(value.metadata().plugin_data().plugin_name() == "hparams");
    CHECK(value.tensor().dtype() == event::Tensor::FLOAT);
    REQUIRE(value.tensor().tensor_shape().dim_size() == 1);
    CHECK(value.tensor().tensor_shape().dim(0).size() == 0);
    hparams::PluginData data;
    REQUIRE(data.ParseFromString(value.metadata().plugin_data().content()));
    return data;
  };
  CHECK(content("_hparams_/experiment").experiment().hparam_infos_size() > 30);
  const hparams::SessionStart start = content("_hparams_/session_start_info").session_start_info();
  const auto batch_size = std::find_if(start.hparams().begin(), start.hparams().end(),
                                       [](const auto& entry) { return entry.key() == "batch_size"; });
  REQUIRE(batch_size != start.hparams().end());
  CHECK(batch_size->value().number_value() == 7);
  CHECK(start.start_time_secs() > 1.6e9);
  const hparams::SessionEnd end = content("_hparams_/session_end_info").session_end_info();
  CHECK(end.status() == hparams::SessionEnd::SUCCESS);
  CHECK(end.end_time_secs() >= start.start_time_secs());
}

TEST_CASE("run logs: norms of gradients, shares of losses and samples have tags of their own") {
  const TemporaryFolder folder;
  const std::vector<uint8_t> png = {1, 2, 255};
  {
    RunLogs logs(folder.path(), RunState{.step = 6});
    logs.gradients(
        7,
        {.generator_norm = 0.5, .discriminator_norm = 0.25, .loss_shares = {{"rec", 0.75}, {"adv", 0.125}}});
    logs.sample(7, "filled", 20, 30, 3, png);
  }
  const auto values = summaries_in(folder, 7);
  REQUIRE(values.size() == 5);
  CHECK(values.at("gradient_norm/generator").simple_value() == 0.5f);
  CHECK(values.at("gradient_norm/discriminator").simple_value() == 0.25f);
  CHECK(values.at("loss_share/rec").simple_value() == 0.75f);
  CHECK(values.at("loss_share/adv").simple_value() == 0.125f);
  const event::Summary::Image& image = values.at("sample/filled").image();
  CHECK(image.height() == 20);
  CHECK(image.width() == 30);
  CHECK(image.colorspace() == 3);
  CHECK(image.encoded_image_string() == std::string(png.begin(), png.end()));

  const TemporaryFolder without;
  RunLogs(without.path(), RunState{.step = 6}).gradients(7, {.generator_norm = 0.5, .loss_shares = {}});
  CHECK(summaries_in(without, 7).size() == 1);
}

TEST_CASE("run logs: a resumed run cuts what lies behind its step and its epoch") {
  const TemporaryFolder folder;
  EpochSums sums;
  sums.add({});
  {
    RunLogs logs(folder.path(), RunState{});
    for (int64_t step = 1; step <= 6; ++step) logs.step({.step = step, .epoch = (step - 1) / 2}, nullptr);
    for (int64_t epoch = 0; epoch < 3; ++epoch) logs.epoch(epoch, sums);
  }
  RunLogs logs(folder.path(), RunState{.step = 3, .epoch = 1, .batch = 1});
  logs.step({.step = 4, .epoch = 1}, nullptr);
  const std::string steps = file_contents(folder / "train_log.jsonl"),
                    epochs = file_contents(folder / "loss_log.txt");
  CHECK(std::count(steps.begin(), steps.end(), '\n') == 4);
  CHECK(steps.find("\"step\":5") == std::string::npos);
  CHECK(std::count(epochs.begin(), epochs.end(), '\n') == 1);
  CHECK(epochs.starts_with("Epoch:   0, "));
}

TEST_CASE("run logs: a validation whose end of the epoch was not saved comes again, and stands there once") {
  for (const bool saved : {false, true}) {
    const TemporaryFolder folder;
    {
      RunLogs logs(folder.path(), RunState{});
      logs.validation({.step = 2, .epoch = 0});
    }
    const RunState state =
        saved ? RunState{.step = 2, .epoch = 1, .batch = 0} : RunState{.step = 2, .epoch = 0, .batch = 2};
    const RunLogs logs(folder.path(), state);
    const std::string lines = file_contents(folder / "validation_log.jsonl");
    CHECK(std::count(lines.begin(), lines.end(), '\n') == (saved ? 1 : 0));
  }
}
