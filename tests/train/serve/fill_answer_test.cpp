#include "train/serve/fill_answer.h"

#include <doctest/doctest.h>

#include <new>
#include <nlohmann/json.hpp>

#include "core/image/image_codec.h"
#include "tests/harness/captured.h"
#include "tests/harness/error_message.h"
#include "tests/harness/http_client.h"

using namespace inpaint;

namespace {

// Paints 200, or does what a test wants.
struct TestFiller final : HoleFiller {
  void fill(Image& picture, const Image& mask, Finish finish) override {
    last_finish = finish;
    if (fails) fails();
    for (size_t k = 0; k < mask.bytes.size(); ++k)
      if (mask.bytes[k] != 0) picture.bytes[k] = 200;
  }
  std::function<void()> fails;
  Finish last_finish = Finish::kPatches;
};

const std::string kGrey = "P5\n4 1\n255\nabcd";

Answer answered(TestFiller& filler, const std::vector<FormField>& fields) {
  const std::string body = form_body(fields);
  return answer_fill(kFormType, {reinterpret_cast<const uint8_t*>(body.data()), body.size()}, 1000,
                     Finish::kPatches, filler);
}

Answer answered(std::function<void()> fails) {
  TestFiller filler;
  filler.fails = std::move(fails);
  return answered(filler, {{"image", kGrey}, {"box", "1,0,2,1"}});
}

std::string error_of(const Answer& answer) { return nlohmann::json::parse(answer.body).at("error"); }

}  // namespace

TEST_CASE("fill answer: the picture in its own format, and as a PNG") {
  TestFiller filler;
  const Answer own = answered(filler, {{"image", kGrey}, {"box", "1,0,2,1"}});
  CHECK(own.status == 200);
  CHECK(own.type == "image/x-portable-anymap");
  CHECK(own.body ==
        "P5\n4 1\n255\na\xc8\xc8"
        "d");
  CHECK(filler.last_finish == Finish::kPatches);

  const Answer png =
      answered(filler, {{"image", kGrey}, {"box", "1,0,2,1"}, {"format", "png"}, {"finish", "none"}});
  CHECK(png.type == "image/png");
  CHECK(filler.last_finish == Finish::kNone);
  const Image image =
      decode_image({reinterpret_cast<const uint8_t*>(png.body.data()), png.body.size()}, "answer");
  CHECK(image.bytes == std::vector<uint8_t>{'a', 200, 200, 'd'});
}

TEST_CASE("fill answer: faults are JSON with their status") {
  TestFiller filler;
  const Answer fault = answered(filler, {{"image", "\xff\"\n"}});
  CHECK(fault.status == 415);
  CHECK(fault.type == "application/json");
  CHECK(contains(error_of(fault), "image: not a PNG"));
  CHECK(error_of(answered(filler, {{"\"\xff\n", "x"}})).starts_with("unknown field"));
  CHECK(answer_fill("text/plain", {}, 1000, Finish::kNone, filler).status == 415);
  CHECK(answer_fill(kFormType, {}, 1000, Finish::kNone, filler).status == 400);

  CHECK(fault_answer({503, "x"}).retry_seconds > 0);
  CHECK(fault_answer({429, "x"}).retry_seconds > 0);
  CHECK(fault_answer({400, "x"}).retry_seconds == 0);
}

TEST_CASE("fill answer: whatever the filler throws becomes an answer") {
  const Answer user = answered([] { user_error("no such hole"); });
  CHECK(user.status == 400);
  CHECK(error_of(user) == "no such hole");
  CHECK(answered([] { throw OutOfMemory("7 bytes"); }).status == 503);
  CHECK(answered([] { throw std::bad_alloc(); }).status == 503);
  std::string said;
  Answer inner;
  {
    const Captured err(stderr);
    inner = answered([] { throw Error("a secret"); });
    said = err.text();
  }
  CHECK(inner.status == 500);
  CHECK_FALSE(contains(inner.body, "secret"));
  CHECK(contains(said, "error: a fill failed: a secret"));
}
