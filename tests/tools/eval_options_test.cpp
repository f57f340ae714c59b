#include "tools/eval_options.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/harness/captured.h"
#include "tests/harness/error_message.h"

using namespace inpaint;

namespace {

std::optional<EvaluationSettings> parse(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "inpaint_eval");
  std::vector<const char*> argv;
  for (const std::string& argument : arguments) argv.push_back(argument.c_str());
  return parse_eval_options(static_cast<int>(argv.size()), argv.data());
}

std::string complaint(const std::vector<std::string>& arguments) {
  return error_message([&] { parse(arguments); });
}

}  // namespace

TEST_CASE("eval options: data alone, and the defaults") {
  const EvaluationSettings s = parse({"--data=a.bin"}).value();
  CHECK(s.data == "a.bin");
  CHECK(s.checkpoint == "");
  CHECK(s.out == "");
  CHECK(s.block == HolePlacement::kRandom);
  CHECK(s.seed == 1);
  CHECK(s.limit == 0);
  CHECK(s.image_size == 0);
  CHECK(s.image_channel == 0);
  CHECK(s.batch_size == 64);
  CHECK(s.device == DeviceChoice::kAuto);
  CHECK(s.gpu == 0);
  CHECK(s.threads == 0);
}

TEST_CASE("eval options: every option, spelled with '-' or '_', the last one counts") {
  const EvaluationSettings s =
      parse({"--data", "folder", "--checkpoint=c", "--out", "o", "--block=center", "--seed=9", "--limit=7",
             "--image-size=64", "--image_channel", "3", "--batch-size=5", "--device=cuda", "--gpu=3",
             "--threads=1", "--threads=2"})
          .value();
  CHECK(s.data == "folder");
  CHECK(s.checkpoint == "c");
  CHECK(s.out == "o");
  CHECK(s.block == HolePlacement::kCenter);
  CHECK(s.seed == 9);
  CHECK(s.limit == 7);
  CHECK(s.image_size == 64);
  CHECK(s.image_channel == 3);
  CHECK(s.batch_size == 5);
  CHECK(s.device == DeviceChoice::kCuda);
  CHECK(s.gpu == 3);
  CHECK(s.threads == 2);
}

TEST_CASE("eval options: what is wrong is named with what is allowed") {
  CHECK(contains(complaint({}), "--data is missing"));
  CHECK(contains(complaint({"--data="}), "--data"));
  CHECK(contains(complaint({"--data=a", "--block=left"}), "--block=left"));
  CHECK(contains(complaint({"--data=a", "--block=left"}), "allowed: random or center"));
  CHECK(contains(complaint({"--data=a", "--seed=nan"}), "--seed=nan is not a whole number"));
  CHECK(contains(complaint({"--data=a", "--seed=-1"}), "out of range"));
  CHECK(contains(complaint({"--data=a", "--limit=-1"}), "out of range"));
  CHECK(contains(complaint({"--data=a", "--batch_size=0"}), "allowed: 1 to 65536"));
  CHECK(contains(complaint({"--data=a", "--image_channel=2"}), "allowed: 1 or 3"));
  CHECK(contains(complaint({"--data=a", "--threads"}), "--threads"));
  CHECK(contains(complaint({"--data=a", "--chekpoint=b"}), "did you mean --checkpoint?"));
  CHECK(contains(complaint({"--data=a", "more"}), "unexpected 'more'"));
}

TEST_CASE("eval options: help and version print and stop") {
  for (const char* flag : {"--help", "--version"}) {
    const Captured out(stdout);
    CHECK_FALSE(parse({flag}).has_value());
    const std::string text = out.text();
    CHECK(contains(text, "inpaint_eval"));
    if (std::string(flag) == "--help")
      for (const char* name : {"--data", "--checkpoint", "--out", "--block", "--seed", "--limit",
                               "--image_size", "--image_channel", "--batch_size", "--threads"})
        CHECK(contains(text, name));
  }
}
