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
  CHECK(s.report == "");
  CHECK(s.save_fills == "");
  CHECK(s.holes.form == HoleForm::kSquare);
  CHECK(s.holes.block == HolePlacement::kRandom);
  CHECK(s.holes.seed == 1);
  CHECK(s.holes.min_hole == 0.1);
  CHECK(s.holes.max_hole == 0.4);
  CHECK(s.holes.masks == "");
  CHECK(s.holes.mask_value == MaskPolarity::kWhiteIsHole);
  CHECK(s.holes.file == "");
  CHECK(s.save_holes == "");
  CHECK_FALSE(s.patches);
  CHECK(s.features == "");
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
      parse({"--data", "folder", "--checkpoint=c", "--out", "o", "--report=r", "--save-fills", "f",
             "--block=center", "--seed=9", "--limit=7", "--image-size=64", "--image_channel", "3",
             "--batch-size=5", "--device=cuda", "--gpu=3", "--threads=1", "--threads=2"})
          .value();
  CHECK(s.data == "folder");
  CHECK(s.checkpoint == "c");
  CHECK(s.out == "o");
  CHECK(s.report == "r");
  CHECK(s.save_fills == "f");
  CHECK(s.holes.block == HolePlacement::kCenter);
  CHECK(s.holes.seed == 9);
  CHECK(s.limit == 7);
  CHECK(s.image_size == 64);
  CHECK(s.image_channel == 3);
  CHECK(s.batch_size == 5);
  CHECK(s.device == DeviceChoice::kCuda);
  CHECK(s.gpu == 3);
  CHECK(s.threads == 2);
}

TEST_CASE("eval options: holes of every form") {
  const HoleChoice strokes =
      parse({"--data=a", "--holes=strokes", "--min_hole=0.2", "--max-hole=0.5"})->holes;
  CHECK(strokes.form == HoleForm::kStrokes);
  CHECK(strokes.min_hole == 0.2);
  CHECK(strokes.max_hole == 0.5);
  for (const auto& [name, form] : {std::pair{"square", HoleForm::kSquare},
                                   {"box", HoleForm::kBox},
                                   {"blobs", HoleForm::kBlobs},
                                   {"mixed", HoleForm::kMixed}})
    CHECK(parse({"--data=a", std::string("--holes=") + name})->holes.form == form);
  const HoleChoice files = parse({"--data=a", "--holes=files", "--masks=m", "--mask_value=black"})->holes;
  CHECK(files.form == HoleForm::kFiles);
  CHECK(files.masks == "m");
  CHECK(files.mask_value == MaskPolarity::kBlackIsHole);
  const EvaluationSettings fixed = parse({"--data=a", "--holes_file=h", "--save_holes=s"}).value();
  CHECK(fixed.holes.file == "h");
  CHECK(fixed.save_holes == "s");
  CHECK(parse({"--data=a", "--patches"}).value().patches);
  CHECK(parse({"--data=a", "--features=f"}).value().features == "f");

  CHECK(contains(complaint({"--data=a", "--holes=round"}), "square, box, strokes, blobs, mixed or files"));
  CHECK(contains(complaint({"--data=a", "--min_hole=0"}), "--min_hole=0"));
  CHECK(contains(complaint({"--data=a", "--holes=box", "--min_hole=0.5"}), "smallest area is 0.5"));
  CHECK(contains(complaint({"--data=a", "--holes=files"}), "masks=FOLDER"));
  CHECK(contains(complaint({"--data=a", "--masks=m"}), "masks=m"));
  CHECK(contains(complaint({"--data=a", "--holes=box", "--holes_file=h"}), "leave holes=box out"));
}

TEST_CASE("eval options: the command of a report gives the same settings again") {
  const auto again = [](const std::vector<std::string>& arguments) {
    const EvaluationSettings s = parse(arguments).value();
    // As a shell would cut it: words in single quotes hold all but a quote.
    std::vector<std::string> words(1);
    bool quoted = false;
    const std::string command = evaluation_command(s, s.checkpoint);
    for (size_t i = 0; i < command.size(); ++i) {
      if (command[i] == '\'')
        quoted = !quoted;
      else if (command[i] == '\\' && !quoted)
        words.back() += command[++i];
      else if (command[i] == ' ' && !quoted)
        words.emplace_back();
      else
        words.back() += command[i];
    }
    CHECK(words.front() == "inpaint_eval");
    words.erase(words.begin());
    return std::pair{s, parse(words).value()};
  };
  const auto check = [&](const std::vector<std::string>& arguments) {
    const auto [s, t] = again(arguments);
    CHECK(t.data == s.data);
    CHECK(t.checkpoint == s.checkpoint);
    CHECK(t.report == s.report);
    CHECK(t.holes.form == s.holes.form);
    CHECK(t.holes.block == s.holes.block);
    CHECK(t.holes.seed == s.holes.seed);
    CHECK(t.holes.min_hole == s.holes.min_hole);
    CHECK(t.holes.max_hole == s.holes.max_hole);
    CHECK(t.holes.masks == s.holes.masks);
    CHECK(t.holes.mask_value == s.holes.mask_value);
    CHECK(t.holes.file == s.holes.file);
    CHECK(t.patches == s.patches);
    CHECK(t.features == s.features);
    CHECK(t.limit == s.limit);
    CHECK(t.image_size == s.image_size);
    CHECK(t.image_channel == s.image_channel);
    CHECK(t.batch_size == s.batch_size);
    CHECK(t.device == s.device);
    CHECK(t.gpu == s.gpu);
  };
  check({"--data=a.bin"});
  check({"--data=my pictures/it's $HOME", "--checkpoint=c d", "--report=o/r.html", "--block=center",
         "--seed=9", "--limit=7", "--image_size=64", "--image_channel=3", "--batch_size=5", "--device=cuda",
         "--gpu=3", "--patches"});
  check({"--data=a", "--holes=strokes", "--min_hole=0.15", "--max_hole=0.55"});
  check({"--data=a", "--holes=files", "--masks=m;rm", "--mask_value=black"});
  check({"--data=a", "--holes_file=h"});
  check({"--data=a", "--features=my network.safetensors"});
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
      for (const char* name :
           {"--data",          "--checkpoint", "--out",      "--block",      "--seed",       "--limit",
            "--holes",         "--min_hole",   "--max_hole", "--masks",      "--mask_value", "--holes_file",
            "--save_holes",    "--patches",    "--report",   "--save_fills", "--features",   "--image_size",
            "--image_channel", "--batch_size", "--threads"})
        CHECK(contains(text, name));
  }
}
