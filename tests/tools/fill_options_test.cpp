#include "tools/fill_options.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/harness/captured.h"
#include "tests/harness/error_message.h"

using namespace inpaint;

namespace {

std::optional<FillSettings> parse(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "inpaint_fill");
  std::vector<const char*> argv;
  for (const std::string& argument : arguments) argv.push_back(argument.c_str());
  return parse_fill_options(static_cast<int>(argv.size()), argv.data());
}

std::string complaint(const std::vector<std::string>& arguments) {
  return error_message([&] { parse(arguments); });
}

}  // namespace

TEST_CASE("fill options: a picture alone, and the defaults") {
  const FillSettings s = parse({"a.jpg"}).value();
  CHECK(s.picture == "a.jpg");
  CHECK(s.out == "");
  CHECK(s.mask == "");
  CHECK(s.mask_value == MaskPolarity::kWhiteIsHole);
  CHECK(s.boxes.empty());
  CHECK(s.grow == 0);
  CHECK(s.checkpoint == "");
  CHECK(s.finish == Finish::kPatches);
  CHECK(s.compare == "");
  CHECK(s.device == DeviceChoice::kAuto);
  CHECK(s.threads == 0);
}

TEST_CASE("fill options: every option arrives") {
  const FillSettings s = parse({"--mask=m.png", "--mask-value", "black", "--box", "1,2,30,40", "a.jpg",
                                "--box=5,6,7,8", "--grow=3", "--out=b.png", "--checkpoint=ck",
                                "--finish=none", "--compare=c.png", "--device=cpu", "--gpu=1", "--threads=2"})
                             .value();
  CHECK(s.picture == "a.jpg");
  CHECK(s.mask == "m.png");
  CHECK(s.mask_value == MaskPolarity::kBlackIsHole);
  REQUIRE(s.boxes.size() == 2);
  CHECK(s.boxes[0] == PixelBox{2, 1, 40, 30});
  CHECK(s.boxes[1] == PixelBox{6, 5, 8, 7});
  CHECK(s.grow == 3);
  CHECK(s.out == "b.png");
  CHECK(s.checkpoint == "ck");
  CHECK(s.finish == Finish::kNone);
  CHECK(s.compare == "c.png");
  CHECK(s.device == DeviceChoice::kCpu);
  CHECK(s.gpu == 1);
  CHECK(s.threads == 2);
}

TEST_CASE("fill options: mistakes are named with what is allowed") {
  CHECK(contains(complaint({}), "no picture"));
  for (const char* box : {"1,2,3", "1,2,3,4,5", "1,2,x,4", "-1,2,3,4", "1,2,0,4", "x"})
    CHECK(contains(complaint({"a.jpg", std::string("--box=") + box}), "allowed: x,y,width,height"));
  CHECK(contains(complaint({"a.jpg", "--finish=best"}), "none or patches"));
  CHECK(contains(complaint({"a.jpg", "--grow=-1"}), "--grow=-1"));
  CHECK(contains(complaint({"a.jpg", "--msk=m.png"}), "--mask"));
  CHECK(contains(complaint({"a.jpg", "b.jpg"}), "unexpected 'b.jpg'"));
}

TEST_CASE("fill options: help is printed, and nothing is done") {
  const Captured out(stdout);
  CHECK_FALSE(parse({"--help"}));
  CHECK(contains(out.text(), "--mask_value"));
}
