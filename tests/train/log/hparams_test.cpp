#include "train/log/hparams.h"

#include <doctest/doctest.h>
#include <hparams.pb.h>

#include <map>
#include <string>

#include "train/settings/flags.h"

using namespace inpaint;

namespace {

hparams::PluginData parsed(const std::string& bytes) {
  hparams::PluginData data;
  REQUIRE(data.ParseFromString(bytes));
  return data;
}

std::map<std::string, hparams::Value> values_of(const TrainSettings& settings) {
  std::map<std::string, hparams::Value> values;
  const hparams::PluginData data = parsed(hparams_session_start(settings, 7.5));
  for (const auto& entry : data.session_start_info().hparams()) {
    CHECK_FALSE(values.contains(entry.key()));
    values[entry.key()] = entry.value();
  }
  return values;
}

}  // namespace

TEST_CASE("hparams: numbers, switches and words are values of their kinds") {
  TrainSettings settings;
  settings.learning_rate = 0.00025;
  settings.batch_size = 7;
  settings.seed = 123456789;
  settings.use_l1 = true;
  settings.holes = HoleForm::kMixed;
  settings.dataname = "12";
  const auto values = values_of(settings);
  CHECK(values.at("learning_rate").number_value() == 0.00025);
  CHECK(values.at("batch_size").number_value() == 7);
  CHECK(values.at("image_size").number_value() == 128);
  CHECK(values.at("seed").number_value() == 123456789);
  CHECK(values.at("use_l1").bool_value());
  REQUIRE(values.at("flip").kind_case() == hparams::Value::kBoolValue);
  CHECK_FALSE(values.at("flip").bool_value());
  CHECK(values.at("holes").string_value() == "mixed");
  CHECK(values.at("dataname").string_value() == "12");
  CHECK(values.at("masks").string_value() == "none");
}

TEST_CASE(
    "hparams: every flag that the weights come from is a column, and every value has its column's kind") {
  const hparams::PluginData data = parsed(hparams_experiment());
  const auto values = values_of({});
  std::map<std::string, hparams::HParam> columns;
  for (const auto& column : data.experiment().hparam_infos()) columns[column.name()] = column;
  for (const Flag& flag : all_flags()) {
    CAPTURE(flag.name);
    const bool wanted = flag.role == Flag::Role::kModel;
    const std::string name(flag.name);
    REQUIRE(columns.contains(name) == wanted);
    REQUIRE(values.contains(name) == wanted);
    if (!wanted) continue;
    CHECK(columns.at(name).description() == flag.help);
    const std::map<hparams::HParam::Type, hparams::Value::KindCase> kinds = {
        {hparams::HParam::BOOL, hparams::Value::kBoolValue},
        {hparams::HParam::FLOAT64, hparams::Value::kNumberValue},
        {hparams::HParam::STRING, hparams::Value::kStringValue}};
    CHECK(kinds.at(columns.at(name).type()) == values.at(name).kind_case());
  }
  std::vector<std::string> scores;
  for (const auto& score : data.experiment().metric_infos()) {
    scores.push_back(score.name().tag());
    CHECK(score.dataset_type() == hparams::Metric::VALIDATION);
  }
  CHECK(scores ==
        std::vector<std::string>{"validate/gain", "validate/psnr", "validate/ssim", "validate/rec_loss"});
}

TEST_CASE("hparams: times of a run's start and end") {
  CHECK(parsed(hparams_session_start({}, 1234.5)).session_start_info().start_time_secs() == 1234.5);
  const hparams::PluginData end = parsed(hparams_session_end(2345.5));
  REQUIRE(end.data_case() == hparams::PluginData::kSessionEndInfo);
  CHECK(end.session_end_info().status() == hparams::SessionEnd::SUCCESS);
  CHECK(end.session_end_info().end_time_secs() == 2345.5);
}
