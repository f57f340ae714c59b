#include "tools/options.h"

#include <doctest/doctest.h>

#include "core/base/error.h"
#include "tests/harness/error_message.h"

using namespace inpaint;

namespace {

// A program with one option of each kind that offers a choice.
struct Choices {
  int side = 128;
  std::string caches = "warm";

  bool parse(std::vector<const char*> arguments) {
    Options options("bench", "Times something.");
    options.whole_of("image_size", "pixels along a side", {64, 128, 256}, side);
    options.choice("caches", "what is in them", {"warm", "cold"}, caches);
    arguments.insert(arguments.begin(), "bench");
    return options.parse(static_cast<int>(arguments.size()), arguments.data());
  }
};

std::string refusal(const std::vector<const char*>& arguments) {
  return error_message<UserError>([&] { Choices().parse(arguments); });
}

}  // namespace

TEST_CASE("options: one of several numbers or texts is taken, and nothing else") {
  Choices plain, given;
  REQUIRE(plain.parse({}));
  CHECK(plain.side == 128);
  CHECK(plain.caches == "warm");
  REQUIRE(given.parse({"--image-size=256", "--caches", "cold"}));
  CHECK(given.side == 256);
  CHECK(given.caches == "cold");
  CHECK(contains(refusal({"--image_size=100"}), "--image_size=100 is none of these; allowed: 64, 128, 256"));
  CHECK(contains(refusal({"--image_size=512"}), "allowed: 64, 128, 256"));
  CHECK(contains(refusal({"--image_size=big"}), "is not a whole number"));
  CHECK(contains(refusal({"--caches=hot"}), "allowed: warm or cold"));
  CHECK(contains(refusal({"--cache=warm"}), "did you mean --caches?"));
}
