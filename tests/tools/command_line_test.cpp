#include "tools/command_line.h"

#include <doctest/doctest.h>

#include <sstream>
#include <vector>

#include "core/base/build_info.h"
#include "tests/harness/captured.h"
#include "tests/harness/error_message.h"
#include "tests/harness/temporary_folder.h"
#include "train/data/dataset_description.h"
#include "train/settings/flags.h"

using namespace inpaint;

namespace {
std::optional<TrainSettings> parse(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "/somewhere/inpaint_train");
  std::vector<const char*> argv;
  for (const std::string& argument : arguments) argv.push_back(argument.c_str());
  argv.push_back(nullptr);
  return parse_command_line(static_cast<int>(arguments.size()), argv.data());
}

std::string complaint(const std::vector<std::string>& arguments) {
  return error_message([&] { parse(arguments); });
}
}  // namespace

TEST_CASE("command line: without flags every setting has its default") {
  CHECK(parse({}).value() == TrainSettings());
  CHECK(parse_command_line(0, nullptr).value() == TrainSettings());
}

TEST_CASE("command line: forms of a flag") {
  CHECK(parse({"--epoch=7"})->epoch == 7);
  CHECK(parse({"--epoch", "7"})->epoch == 7);
  CHECK(parse({"--batch-size", "8"})->batch_size == 8);
  CHECK(parse({"--max_steps", "-1"})->max_steps == -1);
  CHECK(parse({"--dataname=a=b"})->dataname == "a=b");
  CHECK(parse({"--dataname=--x"})->dataname == "--x");
  CHECK(parse({"--epoch=7", "--epoch", "9"})->epoch == 9);
  TrainSettings expected;
  expected.use_l1 = true;
  expected.epoch = 7;
  expected.seed = 9;
  expected.block = HolePlacement::kCenter;
  CHECK(parse({"--use_l1", "--epoch=7", "--seed", "9", "--block=center"}).value() == expected);
}

TEST_CASE("command line: forms of a switch") {
  CHECK(parse({"--use_l1"})->use_l1);
  CHECK(parse({"--use-l1", "--epoch=7"})->use_l1);
  CHECK(parse({"--use_l1=true"})->use_l1);
  CHECK(parse({"--use_l1", "yes"})->use_l1);
  CHECK_FALSE(parse({"--use_l1", "false"})->use_l1);
  CHECK_FALSE(parse({"--use_l1=0"})->use_l1);
  CHECK_FALSE(parse({"--use_l1", "--nouse_l1"})->use_l1);
  CHECK_FALSE(parse({"--noreuse"})->reuse);
  CHECK_FALSE(parse({"--no-reuse"})->reuse);
  CHECK(contains(complaint({"--use_l1", "flase"}), "command line: use_l1=flase is neither true nor false"));
  CHECK(complaint({"--nouse_l1=true"}) == "command line: --nouse_l1 takes no value; write --use_l1=true");
  CHECK(complaint({"--noepoch"}) ==
        "command line: unknown flag --noepoch (did you mean --epoch?); --help lists all flags");
}

TEST_CASE("command line: bad input says what and how to mend it") {
  CHECK(complaint({"--epoch=abc"}) ==
        "command line: epoch=abc is not a whole number; allowed: 1 to 1000000000 epochs");
  CHECK(complaint({"--image-size", "100"}) ==
        "command line: image_size=100 is out of range; allowed: 64, 128 or 256 pixels");
  CHECK(
      contains(complaint({"--learning_rate=nan"}), "command line: learning_rate=nan is not a finite number"));
  CHECK(complaint({"--batchsize=3"}) ==
        "command line: unknown flag --batchsize (did you mean --batch_size?); --help lists all flags");
  CHECK(contains(complaint({"--flag-file=x"}), "unknown flag --flag-file (did you mean --flags_file?)"));
  CHECK(contains(complaint({"--hlep"}), "(did you mean --help?)"));
  CHECK(contains(complaint({"--nouse_l2"}), "(did you mean --nouse_l1?)"));
  CHECK(complaint({"--quality=3"}) == "command line: unknown flag --quality; --help lists all flags");
  CHECK(complaint({"--epoch"}) == "command line: --epoch needs a value; allowed: 1 to 1000000000 epochs");
  CHECK(complaint({"--epoch", "--use_l1"}) ==
        "command line: --epoch needs a value; allowed: 1 to 1000000000 epochs");
  CHECK(complaint({"--mode"}) == "command line: --mode needs a value; allowed: train, validate or test");
  CHECK(complaint({"--flags-file"}) ==
        "command line: --flags-file needs a value; allowed: the path of a file");
  CHECK(complaint({"--help=yes"}) == "command line: --help takes no value");
  for (const char* argument : {"run.cfg", "-epoch", "-e", "--", "", "-"})
    CHECK(complaint({argument}) ==
          fmt::format("command line: unexpected '{}'; flags are given as --NAME=VALUE", argument));
  CHECK(contains(complaint({"--=3"}), "unknown flag --;"));
}

TEST_CASE("command line: the settings as a whole are checked") {
  CHECK(contains(complaint({"--batch_size=1"}), "batch_size=1: training needs 2 or more images"));
  CHECK(parse({"--batch_size=1", "--mode=test"})->batch_size == 1);
}

TEST_CASE("command line: wins over the flags file wherever it stands") {
  const TemporaryFolder folder;
  const std::string path = folder / "run.cfg";
  put_file(path, "epoch=7\nckpt=3\n");
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"--flags-file", path, "--epoch=9"},
        {"--epoch=9", "--flags-file", path},
        {"--epoch=9", "--flags_file=" + path}}) {
    const TrainSettings s = *parse(arguments);
    CHECK(s.epoch == 9);
    CHECK(s.ckpt == 3);
  }
  // A later file wins over an earlier one; only the outcome has to be free of contradictions.
  const std::string one = folder / "one.cfg";
  put_file(one, "batch_size=1\nckpt=5\n");
  CHECK(contains(complaint({"--flags-file", one}), "batch_size=1"));
  CHECK(parse({"--flags-file", one, "--batch_size=2"})->batch_size == 2);
  CHECK(parse({"--flags-file", path, "--flags-file", one, "--batch_size=2"})->ckpt == 5);
  CHECK(contains(complaint({"--flags-file", folder / "none.cfg"}), "none.cfg: cannot open: No such file"));
}

TEST_CASE("command line: a model brings its own defaults, wherever it is named, and given flags stay") {
  const TrainSettings unet = TrainSettings::of_model(ModelKind::kHarmonicUnet);
  CHECK(unet.learning_rate == 0.001);
  CHECK(unet.holes == HoleForm::kMixed);
  CHECK(parse({"--model=harmonic_unet"}).value() == unet);
  CHECK(parse({}).value() == TrainSettings());

  const TrainSettings given = parse({"--learning_rate=0.0002", "--model=harmonic_unet"}).value();
  CHECK(given.learning_rate == 0.0002);
  CHECK(given.batch_size == unet.batch_size);
  CHECK(contains(help_text("inpaint_train"), "[default of harmonic_unet: 0.001]"));
}

TEST_CASE("command line: the channels are those of the data set's description where they are not given") {
  const TemporaryFolder folder;
  const std::string root = "--data_root=" + folder.path().string();
  put_file(folder / "x64_train.bin", "");
  put_file(folder / "x64_train.json", to_json({.image_size = 64, .image_channel = 3, .count = 1}));
  put_file(folder / "x64_test.json", to_json({.image_size = 64, .image_channel = 1, .count = 1}));
  const std::vector<std::string> arguments = {root, "--dataname=x", "--image_size=64"};
  const auto channels = [&](std::vector<std::string> more) {
    more.insert(more.end(), arguments.begin(), arguments.end());
    return parse(more)->image_channel;
  };
  CHECK(channels({}) == 3);
  CHECK(channels({"--mode=test"}) == 1);
  CHECK(channels({"--image_channel=1"}) == 1);  // given: the data set refuses it later
  CHECK(channels({"--image_channel=3", "--mode=test"}) == 3);
  CHECK(channels({"--data_dir=pictures"}) == 1);
  CHECK(channels({"--model=harmonic_unet", "--mode=test"}) == 1);
  CHECK(parse({root, "--dataname=x"})->image_channel == 1);  // another size, no description: the default
  put_file(folder / "run.cfg", "image_channel=1\n");
  CHECK(channels({"--flags-file", folder / "run.cfg"}) == 1);
}

TEST_CASE("command line: --help prints every flag, grouped, with default, range and unit") {
  const std::string help = help_text("inpaint_train");
  for (const char* argument : {"--help", "-h"}) {
    const Captured out(stdout);
    CHECK_FALSE(parse({argument}).has_value());
    CHECK(out.text() == help);
  }
  CHECK(contains(help, "Usage: inpaint_train [--flags-file FILE]"));
  CHECK(contains(help, "--[no]use_l1"));
  CHECK(contains(help, "[64, 128 or 256 pixels; default 128]"));
  size_t at = 0;
  std::string_view group;
  for (const Flag& flag : all_flags()) {  // in the table's order, each group's title once before its flags
    CAPTURE(flag.name);
    if (flag.group != group) at = help.find(fmt::format("\n\n{}\n", flag.group), at);
    REQUIRE(at != std::string::npos);
    group = flag.group;
    const bool is_switch = flag.kind == Flag::Kind::kSwitch;
    at = help.find(fmt::format("\n  --{}{}", is_switch ? "[no]" : "", flag.name), at);
    REQUIRE(at != std::string::npos);
    const size_t second_line = help.find('\n', at + 1);
    const std::string entry = help.substr(at, help.find('\n', second_line + 1) - at);
    CHECK(contains(entry, std::string(flag.help)));
    CHECK(entry.ends_with(fmt::format("default {}]", flag.print(TrainSettings()))));
    if (!is_switch) CHECK(contains(entry, "[" + flag.allowed + "; default "));
  }
  std::istringstream lines(help);
  for (std::string line; std::getline(lines, line);) {
    CAPTURE(line);
    CHECK(line.size() <= 110);
  }
}

TEST_CASE("command line: help wins over a missing flags file") {
  const Captured out(stdout);
  CHECK_FALSE(parse({"--flags-file", "/nowhere/run.cfg", "--help"}).has_value());
}

TEST_CASE("command line: --version names version, commit, compiler and libraries") {
  const Captured out(stdout);
  CHECK_FALSE(parse({"--version"}).has_value());
  const std::string text = out.text();
  CAPTURE(text);
  CHECK(text == version_text("inpaint_train"));
  CHECK(text.starts_with("inpaint_train 0."));
  for (const char* part : {"\ncompiler   ", "\nlibraries  ", "Eigen 3.", "libpng 1.", "fmt ",
                           "libjpeg-turbo ", "oneDNN", "protobuf ", "nlohmann-json 3."})
    CHECK(contains(text, part));
  const std::string label = "\ncommit     ";
  REQUIRE(contains(text, label));
  const size_t begin = text.find(label) + label.size();
  std::string commit = text.substr(begin, text.find('\n', begin) - begin);
  if (commit.ends_with("-dirty")) commit.resize(commit.size() - 6);
  CHECK((commit == "unknown" ||
         (commit.size() >= 12 && commit.find_first_not_of("0123456789abcdef") == std::string::npos)));
}
