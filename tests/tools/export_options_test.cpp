#include "tools/export_options.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/harness/captured.h"
#include "tests/harness/error_message.h"

using namespace inpaint;

namespace {

std::optional<ExportSettings> parse(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "inpaint_export");
  std::vector<const char*> argv;
  for (const std::string& argument : arguments) argv.push_back(argument.c_str());
  return parse_export_options(static_cast<int>(argv.size()), argv.data());
}

}  // namespace

TEST_CASE("export options: every option arrives, and only flags that were given") {
  const ExportSettings onnx = parse({"--checkpoint=ck", "--onnx", "m.onnx"}).value();
  CHECK(onnx.checkpoint == "ck");
  CHECK(onnx.onnx == "m.onnx");
  CHECK(onnx.from_torch == "");
  CHECK(onnx.out == "");
  CHECK(onnx.network.empty());

  const ExportSettings back =
      parse({"--from-torch=a.safetensors", "--out=b", "--model=context_encoder", "--image-size=64",
             "--image_channel=3", "--base_channels=8", "--bottleneck=40", "--model_size=base"})
          .value();
  CHECK(back.from_torch == "a.safetensors");
  CHECK(back.out == "b");
  CHECK(back.network == NetworkFlags{{"model", "context_encoder"},
                                     {"image_size", "64"},
                                     {"image_channel", "3"},
                                     {"base_channels", "8"},
                                     {"bottleneck", "40"},
                                     {"model_size", "base"}});
}

TEST_CASE("export options: mistakes are named, help is printed") {
  CHECK(contains(error_message([] { parse({"--onx=m.onnx"}); }), "--onnx"));
  CHECK(contains(error_message([] { parse({"m.onnx"}); }), "unexpected 'm.onnx'"));
  const Captured out(stdout);
  CHECK_FALSE(parse({"--help"}));
  CHECK(contains(out.text(), "--from_torch"));
  CHECK(contains(out.text(), "--bottleneck"));
}
