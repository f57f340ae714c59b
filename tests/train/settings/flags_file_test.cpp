#include "train/settings/flags_file.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <thread>

#include "tests/harness/error_message.h"
#include "tests/harness/temporary_folder.h"
#include "tests/train/settings/random_settings.h"

using namespace inpaint;

namespace {
TrainSettings read(const std::string& contents) {
  const TemporaryFolder folder;
  put_file(folder / "run.cfg", contents);
  TrainSettings settings;
  read_flags_file(folder / "run.cfg", settings);
  return settings;
}

// The message, without the folder the file lies in.
std::string complaint(const std::string& contents) {
  const std::string message = error_message([&] { read(contents); });
  const size_t name = message.find("run.cfg");
  return name == std::string::npos ? message : message.substr(name);
}
}  // namespace

TEST_CASE("flags file: lines, comments, blanks, quotes") {
  const TrainSettings s = read(
      "# a comment\n"
      "\n"
      "  \t  \n"
      "\t# an indented one\n"
      "epoch=7\n"
      "--batch_size=8\n"
      "  --image-size = 64   \t# with a comment\n"
      "use_l1=yes\n"
      "learning_rate=1e-3\r\n"
      "dataname=a#b=c\n"
      "data_root=#start\n"
      "log_root = \" in quotes # not a comment \\\"\\\\ \"  # a comment\n"
      "sample_root=two words");
  TrainSettings expected;
  expected.epoch = 7;
  expected.batch_size = 8;
  expected.image_size = 64;
  expected.use_l1 = true;
  expected.learning_rate = 1e-3;
  expected.dataname = "a#b=c";
  expected.data_root = "#start";
  expected.log_root = " in quotes # not a comment \"\\ ";
  expected.sample_root = "two words";
  CHECK(s == expected);
  CHECK(read("") == TrainSettings());
  CHECK(read("\xEF\xBB\xBF"
             "epoch=7\r\n")
            .epoch == 7);
}

TEST_CASE("flags file: what it does not name keeps its value") {
  const TemporaryFolder folder;
  put_file(folder / "run.cfg", "epoch=7\n");
  TrainSettings settings;
  settings.batch_size = 3;
  read_flags_file(folder / "run.cfg", settings);
  CHECK(settings.epoch == 7);
  CHECK(settings.batch_size == 3);
}

TEST_CASE("flags file: errors name file and line") {
  CHECK(complaint("epoch=7\n\nbatchsize=8\n") ==
        "run.cfg:3: unknown flag 'batchsize' (did you mean batch_size?); --help lists all flags");
  CHECK(complaint("# x\nlearning-rat=8") ==
        "run.cfg:2: unknown flag 'learning-rat' (did you mean learning_rate?); --help lists all flags");
  CHECK(complaint("quality=8\n") == "run.cfg:1: unknown flag 'quality'; --help lists all flags");
  CHECK(complaint("flags_file=other.cfg\n") ==
        "run.cfg:1: unknown flag 'flags_file'; --help lists all flags");
  CHECK(complaint("epoch=7\nckpt=2\n--epoch=7\n") ==
        "run.cfg:3: epoch was already given in line 1; remove one of the two");
  CHECK(complaint("image-size=64\nimage_size=64\n") ==
        "run.cfg:2: image_size was already given in line 1; remove one of the two");
  CHECK(complaint("epoch=7\nepoch 8\n") == "run.cfg:2: 'epoch 8' has no '='; write one name=value per line");
  CHECK(complaint("use_l1\n") == "run.cfg:1: 'use_l1' has no '='; write one name=value per line");
  CHECK(complaint("epoch # = 3\n") == "run.cfg:1: 'epoch' has no '='; write one name=value per line");
  CHECK(complaint("=3\n") == "run.cfg:1: unknown flag ''; --help lists all flags");
  CHECK(complaint("\nepoch=\n") ==
        "run.cfg:2: epoch= is not a whole number; allowed: 1 to 1000000000 epochs");
  CHECK(complaint("\nepoch= # 3\n") ==
        "run.cfg:2: epoch= is not a whole number; allowed: 1 to 1000000000 epochs");
  CHECK(contains(complaint("epoch=7;\n"), "run.cfg:1: epoch=7; is not a whole number"));
  CHECK(contains(complaint("\n\n\nlamb_rec=inf"), "run.cfg:4: lamb_rec=inf is not a finite number"));
  CHECK(contains(complaint("dataname=\"abc\n"), "run.cfg:1: the quoted value has no closing '\"'"));
  CHECK(contains(complaint("dataname=\"abc\\\"\n"), "run.cfg:1: the quoted value has no closing '\"'"));
  CHECK(contains(complaint("dataname=\"a\" b\n"), "run.cfg:1: text follows the closing '\"'"));
  CHECK(contains(complaint("dataname=\"a\\n\"\n"), "run.cfg:1: in a quoted value '\\' must be followed by"));
  CHECK(contains(complaint("dataname=\"a\\"), "run.cfg:1: in a quoted value '\\' must be followed by"));
  CHECK(contains(complaint("dataname=a\tb\n"), "has a control character"));
  CHECK(contains(complaint("dataname=a\rb\n"), "has a control character"));
}

TEST_CASE("flags file: one that is no text is shown in a readable line") {
  using namespace std::string_literals;
  CHECK(complaint("a\0b\x01=3\n"s) == "run.cfg:1: unknown flag 'a\\x00b\\x01'; --help lists all flags");
  CHECK(contains(complaint("dataname=a\0b"s),
                 "run.cfg:1: dataname=a\\x00b has a control character; allowed: "));
  CHECK(complaint(std::string(200'000, 'x')) ==
        "run.cfg:1: '" + std::string(100, 'x') + "...' has no '='; write one name=value per line");
}

TEST_CASE("flags file: missing, a folder, too long") {
  const TemporaryFolder folder;
  TrainSettings settings;
  CHECK(contains(error_message([&] { read_flags_file(folder / "none.cfg", settings); }),
                 "none.cfg: cannot open: No such file or directory"));
  CHECK(contains(error_message([&] { read_flags_file(folder.path(), settings); }), "Is a directory"));
  CHECK(
      contains(complaint("epoch=7\n" + std::string(1 << 20, '#')), "run.cfg: longer than the 1048576 bytes"));
  CHECK(contains(error_message([&] { read_flags_file("/dev/zero", settings); }), "/dev/zero: longer than"));
  CHECK(settings == TrainSettings());
}

TEST_CASE("flags file: a pipe is read to its end") {
  const TemporaryFolder folder;
  const std::string path = folder / "pipe";
  REQUIRE(mkfifo(path.c_str(), 0600) == 0);
  std::thread writer([&] { put_file(path, "epoch=7\nckpt=3\n"); });
  TrainSettings settings;
  read_flags_file(path, settings);
  writer.join();
  CHECK(settings.epoch == 7);
  CHECK(settings.ckpt == 3);
}

TEST_CASE("run.cfg: reloads to the same settings, to the bit") {
  CHECK(read(to_run_cfg(TrainSettings())) == TrainSettings());
  for (uint64_t seed = 0; seed < 300; ++seed) {
    const TrainSettings settings = random_settings(seed);
    const std::string text = to_run_cfg(settings);
    CAPTURE(text);
    REQUIRE(read(text) == settings);
  }
}

TEST_CASE("run.cfg: one plain line per flag, under its group") {
  TrainSettings settings;
  settings.data_root = "a b";
  settings.log_root = "a #b";
  const std::string text = to_run_cfg(settings);
  CHECK(text.starts_with("# Data\ndataname=inpaint\nimage_size=128\n"));
  CHECK(contains(text, "\n\n# Losses and updates\nlearning_rate=0.0002\n"));
  CHECK(contains(text, "\ndata_root=a b\n"));
  CHECK(contains(text, "\nlog_root=\"a #b\"\n"));
}
