#include "train/settings/flags.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <map>
#include <set>

#include "tests/harness/error_message.h"

using namespace inpaint;

namespace {
std::string value_of(const TrainSettings& settings, std::string_view name) {
  const Flag* flag = find_flag(name);
  return flag == nullptr ? "no such flag" : flag->print(settings);
}

// What is said about the value, or "" when it is taken.
std::string complaint(std::string_view name, std::string_view text) {
  TrainSettings settings;
  try {
    set_flag(settings, *find_flag(name), text, "here");
  } catch (const UserError& error) {
    CHECK(settings == TrainSettings());
    return error.what();
  }
  return {};
}

std::string taken(std::string_view name, std::string_view text) {
  TrainSettings settings;
  set_flag(settings, *find_flag(name), text, "here");
  return value_of(settings, name);
}
}  // namespace

TEST_CASE("flags: names and defaults of the source program") {
  const std::map<std::string, std::string> defaults = {
      {"dataname", "inpaint"},  {"mode", "train"},     {"block", "random"},    {"learning_rate", "0.0002"},
      {"lamb_rec", "0.999"},    {"lamb_adv", "0.001"}, {"lamb_tv", "1e-06"},   {"use_l1", "false"},
      {"weight_clip", "false"}, {"image_size", "128"}, {"image_channel", "1"}, {"start_epoch", "0"},
      {"epoch", "100"},         {"batch_size", "64"},  {"sample", "1"},        {"gene_iter", "5"},
      {"disc_iter", "1"},       {"gpu", "0"},
  };
  for (const auto& flag : defaults) {
    const std::string &name = flag.first, &value = flag.second;
    CAPTURE(name);
    CHECK(value_of(TrainSettings(), name) == value);
  }
}

TEST_CASE(
    "flags: two defaults are for any size of data, and their values mean what they mean in the source "
    "program") {
  CHECK(value_of(TrainSettings(), "ckpt") == "0");
  CHECK(value_of(TrainSettings(), "summary") == "0");
}

TEST_CASE("flags: what goes beyond the source program defaults to its behaviour") {
  const std::map<std::string, std::string> defaults = {
      {"seed", "1"},
      {"device", "auto"},
      {"threads", "0"},
      {"max_steps", "-1"},
      {"shuffle", "false"},
      {"flip", "false"},
      {"loader_threads", "0"},
      {"data_dir", "none"},
      {"data_cache", "false"},
      {"validate_share", "0"},
      {"random_crop", "false"},
      {"data_root", "data"},
      {"checkpoint_root", "checkpoints"},
      {"log_root", "logs"},
      {"sample_root", "samples"},
      {"resume", "auto"},
      {"keep", "1"},
      {"fallback", "false"},
      {"on_nan", "stop"},
      {"plan", "false"},
      {"verify_resume", "false"},
      {"validate_every", "1"},
      {"patience", "0"},
      {"save_minutes", "10"},
      {"precision", "auto"},
      {"log_offsets", "false"},
      {"base_channels", "64"},
      {"bottleneck", "4000"},
      {"reuse", "true"},
      {"matrix_backend", "auto"},
      {"model", "context_encoder"},
      {"model_size", "small"},
      {"holes", "square"},
      {"min_hole", "0.1"},
      {"max_hole", "0.4"},
      {"masks", "none"},
      {"mask_value", "white"},
      {"adv_loss", "cross_entropy"},
      {"warm_up", "60"},
      {"last_rate", "0.01"},
      {"average_decay", "0.998"},
      {"texture", "0"},
      {"texture_share", "0.3"},
      {"minutes", "0"},
      {"schedule_steps", "0"},
      {"sync_batch_norm", "false"},
      {"accumulate", "1"},
      {"rank_timeout", "300"},
  };
  for (const auto& flag : defaults) {
    const std::string &name = flag.first, &value = flag.second;
    CAPTURE(name);
    CHECK(value_of(TrainSettings(), name) == value);
  }
  CHECK(all_flags().size() == 20 + defaults.size());
}

TEST_CASE("flags: every row is documented, and no name or group stands twice") {
  std::set<std::string_view> names, groups;
  std::string_view group;
  for (const Flag& flag : all_flags()) {
    CAPTURE(flag.name);
    CHECK(names.insert(flag.name).second);
    CHECK(!flag.help.empty());
    CHECK(!flag.allowed.empty());
    CHECK((flag.kind == Flag::Kind::kSwitch) == flag.placeholder.empty());
    if (flag.group != group) CHECK(groups.insert(flag.group).second);
    group = flag.group;
    CHECK(complaint(flag.name, flag.print(TrainSettings())).empty());  // the default lies in its range
  }
  CHECK(groups.size() >= 5);
}

TEST_CASE("flags: hyphens and underscores are alike, case is not") {
  REQUIRE(find_flag("image-size") != nullptr);
  CHECK(find_flag("image-size") == find_flag("image_size"));
  CHECK(find_flag("Image_size") == nullptr);
  CHECK(find_flag("") == nullptr);
  CHECK(find_flag("imagesize") == nullptr);
}

TEST_CASE("flags: an error names place, flag, value, fault and range with its unit") {
  CHECK(complaint("image_size", "100") ==
        "here: image_size=100 is out of range; allowed: 64, 128 or 256 pixels");
  CHECK(complaint("epoch", "abc") ==
        "here: epoch=abc is not a whole number; allowed: 1 to 1000000000 epochs");
  CHECK(complaint("learning_rate", "nan") ==
        "here: learning_rate=nan is not a finite number; allowed: greater than 0, at most 1e+30");
  CHECK(complaint("mode", "trian") ==
        "here: mode=trian is not known (did you mean train?); allowed: train, validate or test");
  CHECK(complaint("use_l1", "maybe") ==
        "here: use_l1=maybe is neither true nor false; allowed: true or false");
  CHECK(complaint("dataname", "a/b") ==
        "here: dataname=a/b has a '/'; allowed: a part of a file name, without '/'");
}

TEST_CASE("flags: whole numbers are whole numbers in their range") {
  struct Range {
    const char *name, *below, *min, *max, *above;
  };
  const Range ranges[] = {
      {"batch_size", "0", "1", "1000000", "1000001"},
      {"accumulate", "0", "1", "256", "257"},
      {"base_channels", "0", "1", "1024", "1025"},
      {"bottleneck", "0", "1", "65536", "65537"},
      {"gene_iter", "0", "1", "10000", "10001"},
      {"disc_iter", "-1", "0", "10000", "10001"},
      {"start_epoch", "-1", "0", "1000000000", "1000000001"},
      {"epoch", "0", "1", "1000000000", "1000000001"},
      {"max_steps", "-2", "-1", "9223372036854775807", "9223372036854775808"},
      {"seed", "-1", "0", "9223372036854775807", "9223372036854775808"},
      {"ckpt", "-1", "0", "1000000000", "1000000001"},
      {"keep", "0", "1", "1000000", "1000001"},
      {"validate_every", "-1", "0", "1000000000", "1000000001"},
      {"patience", "-1", "0", "1000000000", "1000000001"},
      {"sample", "0", "1", "1000000000", "1000000001"},
      {"summary", "-1", "0", "1000000000", "1000000001"},
      {"gpu", "-1", "0", "255", "256"},
      {"threads", "-1", "0", "1024", "1025"},
      {"loader_threads", "-1", "0", "256", "257"},
      {"image_size", "63", "64", "256", "512"},
      {"image_channel", "0", "1", "3", "4"},
  };
  for (const Range& range : ranges) {
    CAPTURE(range.name);
    CHECK(taken(range.name, range.min) == range.min);
    CHECK(taken(range.name, range.max) == range.max);
    for (const char* outside :
         {range.below, range.above, "99999999999999999999999", "-99999999999999999999999"})
      CHECK(contains(complaint(range.name, outside), "is out of range; allowed: "));
    for (const char* text :
         {"3.5", "1e3", "1e3x", "", " ", " 64", "64 ", "+64", "0x40", "64,", "nan", "inf", "-"})
      CHECK(contains(complaint(range.name, text), "is not a whole number"));
  }
  CHECK(contains(complaint("image_channel", "2"), "is out of range; allowed: 1 or 3 channels"));
  for (const char* size : {"0", "65", "127", "129", "192", "-128"})
    CHECK(contains(complaint("image_size", size), "is out of range"));
}

TEST_CASE("flags: numbers are finite and in their range") {
  for (const char* name : {"learning_rate", "lamb_rec", "lamb_adv", "lamb_tv", "save_minutes"}) {
    CAPTURE(name);
    CHECK(taken(name, "0.1") == "0.1");
    CHECK(taken(name, "1e-300") == "1e-300");
    CHECK(taken(name, "1e30") == "1e+30");
    CHECK(taken(name, ".5") == "0.5");
    CHECK(taken(name, "2") == "2");
    for (const char* text : {"", " ", "x", "1e3x", "0.1.2", "0,1", "1e", " 1", "1 ", "+1", "0x1p3", "--1"})
      CHECK(contains(complaint(name, text), "is not a number; allowed: "));
    for (const char* text : {"nan", "NaN", "inf", "-inf", "infinity", "nan(1)"})
      CHECK(contains(complaint(name, text), "is not a finite number"));
    for (const char* text : {"-1", "-1e-9", "1.1e30"})
      CHECK(contains(complaint(name, text), "is out of range"));
    for (const char* text : {"1e400", "1e-400"})
      CHECK(contains(complaint(name, text), "is too large or too small"));
  }
  CHECK(contains(complaint("learning_rate", "0"), "is out of range; allowed: greater than 0"));
  for (const char* name : {"lamb_rec", "lamb_adv", "lamb_tv", "save_minutes"}) CHECK(taken(name, "0") == "0");
}

TEST_CASE("flags: switches") {
  for (const char* name : {"use_l1", "weight_clip", "shuffle", "flip", "random_crop", "data_cache", "reuse",
                           "log_offsets", "fallback", "plan", "verify_resume"}) {
    CAPTURE(name);
    CHECK(find_flag(name)->kind == Flag::Kind::kSwitch);
    for (const char* yes : {"true", "t", "yes", "y", "1", "True", "TRUE", "T", "YES", "Y"})
      CHECK(taken(name, yes) == "true");
    for (const char* no : {"false", "f", "no", "n", "0", "False", "FALSE", "F", "No", "N"})
      CHECK(taken(name, no) == "false");
    for (const char* text : {"", "2", "on", "truee", "tr", "ye", "01"})
      CHECK(contains(complaint(name, text), "is neither true nor false"));
  }
}

TEST_CASE("flags: choices take their names and nothing else") {
  const std::map<std::string, std::set<std::string>> choices = {
      {"mode", {"train", "validate", "test"}},
      {"block", {"random", "center"}},
      {"device", {"auto", "cpu", "cuda"}},
      {"precision", {"auto", "fp32", "tf32", "bf16", "fp64"}},
      {"on_nan", {"stop", "rollback"}},
      {"matrix_backend", {"auto", "onednn", "eigen"}},
      {"model", {"context_encoder", "harmonic_unet"}},
      {"model_size", {"small", "base", "large"}},
      {"adv_loss", {"cross_entropy", "hinge"}},
      {"holes", {"square", "box", "strokes", "blobs", "mixed", "files"}},
      {"mask_value", {"white", "black"}}};
  for (const auto& flag : choices) {
    const std::string& name = flag.first;
    CAPTURE(name);
    for (const std::string& value : flag.second) CHECK(taken(name, value) == value);
    for (const char* text : {"", "0", "Train", "CPU", "fp16", "half"})
      CHECK(contains(complaint(name, text), "is not known"));
  }
}

TEST_CASE("flags: texts are UTF-8 lines") {
  for (const char* name :
       {"dataname", "resume", "data_dir", "data_root", "checkpoint_root", "log_root", "sample_root"}) {
    CAPTURE(name);
    for (const char* text : {"a", " a b ", "#1", "x\"y\\", "größe", "\xEE\x80\x80", "\xF4\x8F\xBF\xBF"})
      CHECK(taken(name, text) == text);
    CHECK(contains(complaint(name, ""), "is empty"));
    for (const char* text : {"a\nb", "\t", "\x7F", "a\r"})
      CHECK(contains(complaint(name, text), "control character"));
    CHECK(contains(complaint(name, std::string_view("a\0b", 3)), "control character"));
    // Lone continuation, overlong forms, a surrogate, beyond U+10FFFF, cut short, Latin-1.
    for (const char* text : {"\x80", "\xC0\xAF", "\xE0\x80\xAF", "\xF0\x80\x80\xAF", "\xED\xA0\x80",
                             "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "a\xC3", "\xE6\x9D", "gr\xF6\xDF"})
      CHECK(contains(complaint(name, text), "is not UTF-8"));
  }
  CHECK(taken("data_root", "/a/b/") == "/a/b/");
}

TEST_CASE("flags: a ~ that the shell has left is the home folder, in paths") {
  const char* home = std::getenv("HOME");
  const std::string before = home == nullptr ? "" : home;
  ::setenv("HOME", "/home/some body", 1);
  for (const char* name :
       {"resume", "data_dir", "data_root", "checkpoint_root", "log_root", "sample_root", "masks"}) {
    CAPTURE(name);
    CHECK(taken(name, "~/a") == "/home/some body/a");
    CHECK(taken(name, "~") == "/home/some body");
    for (const char* text : {"~a", "./~/a", "a/~", "a~"}) CHECK(taken(name, text) == text);
  }
  CHECK(taken("dataname", "~") == "~");
  ::unsetenv("HOME");
  CHECK(contains(complaint("data_dir", "~/a"), "data_dir=~/a begins with ~, and HOME is not set"));
  if (home != nullptr) ::setenv("HOME", before.c_str(), 1);
}
