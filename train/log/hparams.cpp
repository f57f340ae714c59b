#include "train/log/hparams.h"

#include <hparams.pb.h>

#include <charconv>

#include "train/settings/flags.h"

namespace inpaint {
namespace {

struct Score {
  const char *tag, *description;
};
constexpr Score kScores[] = {
    {"validate/gain", "decibels over the harmonic fill of the same holes"},
    {"validate/psnr", "decibels, of the holes"},
    {"validate/ssim", "of the holes"},
    {"validate/rec_loss", "reconstruction loss"},
};

hparams::HParam::Type type_of(const Flag& flag) {
  if (flag.kind == Flag::Kind::kSwitch) return hparams::HParam::BOOL;
  return flag.placeholder == "N" || flag.placeholder == "X" ? hparams::HParam::FLOAT64
                                                            : hparams::HParam::STRING;
}

void set_value(hparams::Value& value, hparams::HParam::Type type, const std::string& text) {
  if (type == hparams::HParam::BOOL) return value.set_bool_value(text == "true");
  if (type == hparams::HParam::STRING) return value.set_string_value(text);
  double number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  value.set_number_value(number);
}

bool is_column(const Flag& flag) { return flag.role == Flag::Role::kModel; }

}  // namespace

std::string hparams_experiment() {
  hparams::PluginData data;
  hparams::Experiment& experiment = *data.mutable_experiment();
  for (const Flag& flag : all_flags()) {
    if (!is_column(flag)) continue;
    hparams::HParam& column = *experiment.add_hparam_infos();
    column.set_name(std::string(flag.name));
    column.set_description(std::string(flag.help));
    column.set_type(type_of(flag));
  }
  for (const Score& score : kScores) {
    hparams::Metric& column = *experiment.add_metric_infos();
    column.mutable_name()->set_tag(score.tag);
    column.set_description(score.description);
    column.set_dataset_type(hparams::Metric::VALIDATION);
  }
  return data.SerializeAsString();
}

std::string hparams_session_start(const TrainSettings& settings, double seconds) {
  hparams::PluginData data;
  hparams::SessionStart& start = *data.mutable_session_start_info();
  for (const Flag& flag : all_flags()) {
    if (!is_column(flag)) continue;
    hparams::SessionStart::Entry& entry = *start.add_hparams();
    entry.set_key(std::string(flag.name));
    set_value(*entry.mutable_value(), type_of(flag), flag.print(settings));
  }
  start.set_start_time_secs(seconds);
  return data.SerializeAsString();
}

std::string hparams_session_end(double seconds) {
  hparams::PluginData data;
  data.mutable_session_end_info()->set_status(hparams::SessionEnd::SUCCESS);
  data.mutable_session_end_info()->set_end_time_secs(seconds);
  return data.SerializeAsString();
}

}  // namespace inpaint
