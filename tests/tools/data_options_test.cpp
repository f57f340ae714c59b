#include "tools/data_options.h"

#include <doctest/doctest.h>

#include "tests/harness/captured.h"
#include "tests/harness/error_message.h"

using namespace inpaint;

namespace {

std::optional<DataCommand> parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "inpaint_data");
  return parse_data_options(static_cast<int>(arguments.size()), arguments.data());
}

std::string refusal(std::vector<const char*> arguments) {
  const std::string message = error_message([&] { parse(arguments); });
  CHECK(message.starts_with("command line: "));
  CHECK(!contains(message, "\n"));
  return message;
}

}  // namespace

TEST_CASE("data_options: convert, by default and with everything said") {
  const auto plain = std::get<ConvertCommand>(*parse({"convert", "pictures"}));
  CHECK(plain.folder == "pictures");
  CHECK(plain.lists.empty());
  CHECK(plain.options.target.data_root == "data");
  CHECK(plain.options.target.dataname == "inpaint");
  CHECK(plain.options.target.image_size == 128);
  CHECK(plain.options.target.image_channel == 1);
  CHECK(!plain.options.target.force);
  CHECK(plain.options.shares.train == 0.8);
  CHECK(plain.options.shares.validate == doctest::Approx(0.1));
  const auto more = std::get<ConvertCommand>(*parse({"convert", "pictures", "--train_share=1"}));
  CHECK(more.options.shares.validate == 0);
  CHECK(plain.options.random_crops == 0);

  const auto full = std::get<ConvertCommand>(*parse({"convert",
                                                     "--image-size=64",
                                                     "--image_channel",
                                                     "3",
                                                     "--dataname",
                                                     "x",
                                                     "--data_root",
                                                     "d",
                                                     "--random_crops=4",
                                                     "--smallest-crop",
                                                     "0.25",
                                                     "--train_share",
                                                     "0.5",
                                                     "--validate_share=0.1",
                                                     "--seed",
                                                     "7",
                                                     "--threads=2",
                                                     "--force",
                                                     "--list",
                                                     "l.txt",
                                                     "pictures"}));
  CHECK(full.folder == "pictures");
  CHECK(full.options.target.image_size == 64);
  CHECK(full.options.target.image_channel == 3);
  CHECK(full.options.target.dataname == "x");
  CHECK(full.options.target.data_root == "d");
  CHECK(full.options.target.force);
  CHECK(full.options.random_crops == 4);
  CHECK(full.options.smallest_crop == 0.25);
  CHECK(full.options.shares.train == 0.5);
  CHECK(full.options.shares.validate == 0.1);
  CHECK(full.options.seed == 7);
  CHECK(full.threads == 2);
  REQUIRE(full.lists.size() == 1);
  CHECK(full.lists[0].path == "l.txt");
  CHECK(!full.lists[0].split);
}

TEST_CASE("data_options: lists for each data set") {
  const auto command = std::get<ConvertCommand>(
      *parse({"convert", "check", "--test_list=c", "--train_list=a", "--validate_list=b"}));
  CHECK(command.folder == "check");  // a folder may be called as a command is
  REQUIRE(command.lists.size() == 3);
  CHECK(command.lists[0].path == "a");
  CHECK(command.lists[0].split == Split::kTrain);
  CHECK(command.lists[1].path == "b");
  CHECK(command.lists[1].split == Split::kValidate);
  CHECK(command.lists[2].path == "c");
  CHECK(command.lists[2].split == Split::kTest);
  CHECK(contains(refusal({"convert", "d", "--list=a", "--test_list=b"}), "one or the other"));
}

TEST_CASE("data_options: generate and check") {
  const auto generate =
      std::get<GenerateCommand>(*parse({"generate", "--count", "50", "--count=60", "--data-root=d"}));
  CHECK(generate.options.count == 60);  // the last one counts
  CHECK(generate.options.target.data_root == "d");
  const auto check = std::get<CheckCommand>(
      *parse({"check", "x.bin", "--image_channel=3", "--contact-sheet", "s.png", "--sheet_images", "9"}));
  CHECK(check.file == "x.bin");
  CHECK(check.image_size == 0);  // as the file beside it says
  CHECK(check.image_channel == 3);
  CHECK(check.contact_sheet == "s.png");
  CHECK(check.sheet_images == 9);
  CHECK(check.then == CheckCommand::Then::kNothing);
  const auto describe = std::get<CheckCommand>(*parse({"describe", "x.bin", "--image_size=64"}));
  CHECK(describe.file == "x.bin");
  CHECK(describe.image_size == 64);
  CHECK(describe.then == CheckCommand::Then::kDescribe);
}

TEST_CASE("data_options: what is wrong is named, with what is allowed or near") {
  CHECK(contains(refusal({}), "give convert, generate, check or describe"));
  CHECK(contains(refusal({"convrt", "d"}), "unexpected 'convrt' (did you mean convert?)"));
  CHECK(contains(refusal({"convert"}), "DIR is required"));
  CHECK(contains(refusal({"convert", "a", "b"}), "unexpected 'b'"));
  CHECK(contains(refusal({"convert", "a", "check", "b"}), "unexpected 'check'"));  // one command at a time
  CHECK(contains(refusal({"convert", "d", "--image-sizes=64"}), "(did you mean --image_size?)"));
  CHECK(contains(refusal({"convert", "d", "--count=3"}), "unexpected '--count'"));
  CHECK(contains(refusal({"convert", "d", "--image_size=big"}), "--image_size=big is not a whole number"));
  CHECK(contains(refusal({"convert", "d", "--image_size=8"}), "allowed: 16 to 1024"));
  CHECK(contains(refusal({"convert", "d", "--train_share=nan"}), "--train_share=nan"));
  CHECK(contains(refusal({"convert", "d", "--seed", "-1"}), "--seed=-1 is out of range"));
  CHECK(contains(refusal({"convert", "d", "--seed"}), "--seed"));
  CHECK(contains(refusal({"convert", "d", "--dataname="}), "--dataname"));
  CHECK(contains(refusal({"generate", "--count=0"}), "--count=0 is out of range"));
  CHECK(contains(refusal({"check"}), "FILE is required"));
}

TEST_CASE("data_options: help and version print and stop") {
  const auto printed = [](std::vector<const char*> arguments) {
    const Captured out(stdout);
    CHECK(!parse(arguments));
    return out.text();
  };
  CHECK(contains(printed({"--help"}), "generate"));
  CHECK(contains(printed({"--version"}), "inpaint_data"));
  const std::string help = printed({"convert", "--help"});
  for (const std::string name : {"DIR", "--dataname", "--data_root", "--image_size", "--image_channel",
                                 "--train_share", "--validate_share", "--seed", "--force", "--threads",
                                 "--random_crops", "--smallest_crop", "--list", "--train_list"})
    CHECK(contains(help, name));
  CHECK(contains(help, "[default 128]"));
}
