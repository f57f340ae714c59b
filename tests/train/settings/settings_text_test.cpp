#include "train/settings/settings_text.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/harness/error_message.h"
#include "tests/train/settings/random_settings.h"
#include "train/settings/flags.h"

using namespace inpaint;

TEST_CASE("settings text: every flag and its value, a line each") {
  TrainSettings settings;
  settings.learning_rate = 0.5;
  const std::string text = describe_settings(settings);
  CHECK(static_cast<size_t>(std::count(text.begin(), text.end(), '\n')) == all_flags().size());
  CHECK(contains(text, "\nlearning_rate    0.5\n"));
  for (const Flag& flag : all_flags()) {
    const std::string line = fmt::format("{:15}  {}\n", flag.name, flag.print(settings));
    CAPTURE(line);
    CHECK((text.starts_with(line) || contains(text, "\n" + line)));
  }
}

TEST_CASE("settings text: an entry of configs.txt names what the weights come from") {
  CHECK(
      to_configs_entry(TrainSettings()) ==
      "dataname:inpaint\nimage_size:128\nimage_channel:1\nblock:random\nholes:square\n"
      "min_hole:0.1\nmax_hole:0.4\nmasks:none\nmask_value:white\nbatch_size:64\naccumulate:1\nshuffle:false\n"
      "data_dir:none\nvalidate_share:0\nflip:false\nrandom_crop:false\nmodel:context_encoder\nmodel_size:"
      "small\nbase_"
      "channels:64\nbottleneck:4000\n"
      "learning_rate:0.0002\nlamb_rec:0.999\nlamb_adv:0.001\nlamb_tv:1e-06\nuse_l1:false\n"
      "adv_loss:cross_entropy\nweight_clip:false\ngene_iter:5\ndisc_iter:1\nwarm_up:60\nlast_rate:0.01\n"
      "average_decay:0.998\ntexture:0\ntexture_share:0.3\nstart_epoch:0\nepoch:100\nschedule_steps:0\nseed:"
      "1\nprecision:auto\n\n");
}

TEST_CASE("settings text: checkpoint metadata and back") {
  for (uint64_t seed = 0; seed < 100; ++seed) {
    const TrainSettings settings = random_settings(seed);
    auto metadata = to_metadata(settings);
    CHECK(metadata.size() == all_flags().size());
    metadata["step"] = "12";  // not ours
    REQUIRE(settings_from_metadata(metadata, "model.safetensors") == settings);
  }
  CHECK(to_metadata(TrainSettings()).at("flag.lamb_tv") == "1e-06");
}

TEST_CASE("settings text: a flag that the metadata lacks has its default") {
  TrainSettings expected;
  expected.epoch = 3;
  CHECK(settings_from_metadata({{"flag.epoch", "3"}}, "x") == expected);
}

TEST_CASE("settings text: bad metadata names the file") {
  const auto complaint = [](const std::map<std::string, std::string>& metadata) {
    return error_message([&] { settings_from_metadata(metadata, "m.safetensors"); });
  };
  CHECK(contains(complaint({{"step", "1"}}), "m.safetensors: holds no settings"));
  CHECK(contains(complaint({{"flag.epoch", "3"}, {"flag.depth", "3"}}),
                 "m.safetensors: saved with the flag 'depth', which this program does not know"));
  CHECK(contains(complaint({{"flag.epoch", "x"}}), "m.safetensors: epoch=x is not a whole number"));
}
