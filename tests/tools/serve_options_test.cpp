#include "tools/serve_options.h"

#include <doctest/doctest.h>

#include <vector>

#include "tests/harness/captured.h"
#include "tests/harness/error_message.h"

using namespace inpaint;

namespace {

ServeSettings parsed(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "inpaint_serve");
  const auto settings = parse_serve_options(static_cast<int>(arguments.size()), arguments.data());
  REQUIRE(settings.has_value());
  return *settings;
}

}  // namespace

TEST_CASE("serve options: every option reaches its setting, without one the defaults stay") {
  const ServeSettings plain = parsed({});
  CHECK(plain.port == 8765);
  CHECK(plain.checkpoint == "");
  CHECK(plain.finish == Finish::kPatches);
  CHECK(plain.device == DeviceChoice::kAuto);
  CHECK(plain.max_upload == 64);
  CHECK(plain.max_pixels == 64);
  const ServeSettings s = parsed({"--port=0", "--checkpoint", "c", "--finish", "none", "--device=cpu",
                                  "--gpu=2", "--threads", "3", "--max-upload=7", "--max_pixels", "9"});
  CHECK(s.port == 0);
  CHECK(s.checkpoint == "c");
  CHECK(s.finish == Finish::kNone);
  CHECK(s.device == DeviceChoice::kCpu);
  CHECK(s.gpu == 2);
  CHECK(s.threads == 3);
  CHECK(s.max_upload == 7);
  CHECK(s.max_pixels == 9);
}

TEST_CASE("serve options: mistakes are named") {
  for (const char* wrong : {"--port=65536", "--port=-1", "--finish=all", "--device=tpu", "--max_upload=0",
                            "--max_pixels=257", "--prot=1", "picture.jpg"})
    CHECK_MESSAGE(error_message([&] { parsed({wrong}); }).starts_with("command line: "), wrong);
  const Captured out(stdout);
  const char* help[] = {"inpaint_serve", "--help"};
  CHECK_FALSE(parse_serve_options(2, help).has_value());
  CHECK(contains(out.text(), "8765"));
}
