// The program itself: what it writes and prints, and its exit codes. Without a model (--checkpoint none) the
// holes are filled harmonically; tests/train/fill has the models.
#include <algorithm>

#include "core/base/pixel_box.h"
#include "core/image/image_codec.h"
#include "tests/harness/error_message.h"
#include "tests/tools/run_program.h"
#include "train/datasets/procedural_pictures.h"
#ifdef INPAINT_WEBP
#include "tests/harness/webp_writing.h"
#endif

using namespace inpaint;

namespace {

ProgramRun run(const TemporaryFolder& folder, const std::string& arguments) {
  const std::string model = contains(arguments, "--checkpoint") ? "" : " --checkpoint none";
  return run_program(INPAINT_FILL, folder, arguments + model + " --threads 1 --device cpu");
}

Image mask_with(const PixelBox& box, uint8_t hole, uint8_t known) {
  Image mask(64, 64, 1);
  std::fill(mask.bytes.begin(), mask.bytes.end(), known);
  for (int64_t row = box.top; row < box.bottom(); ++row)
    std::fill_n(mask.pixel(row, box.left), box.width, hole);
  return mask;
}

}  // namespace

TEST_CASE("inpaint_fill: a box, a mask and transparency say the same") {
  const TemporaryFolder folder;
  const Image picture = procedural_picture(3, 1, 64, 3);
  const PixelBox hole{20, 10, 12, 25};
  write_png(folder / "a.png", picture);
  write_png(folder / "white.png", mask_with(hole, 255, 0));
  write_png(folder / "black.png", mask_with(hole, 0, 255));
  const std::vector<uint8_t> clear = encode_png(picture, mask_with(hole, 0, 255));
  put_file(folder / "clear.png", {reinterpret_cast<const char*>(clear.data()), clear.size()});

  const ProgramRun boxed = run(folder, "a.png --box 10,20,25,12 --finish none --compare sheet.png");
  CHECK(boxed.err == "");
  CHECK(boxed.exit_code == 0);
  CHECK(contains(boxed.out, "a_filled.png: filled=300 pixels, "));
  const Image result = decode_image(folder / "a_filled.png");
  CHECK(result != picture);
  for (int64_t row = 0; row < 64; ++row)
    for (int64_t column = 0; column < 64; ++column)
      if (row < 20 || row >= 32 || column < 10 || column >= 35)
        REQUIRE(std::equal(picture.pixel(row, column), picture.pixel(row, column) + 3,
                           result.pixel(row, column)));
  CHECK(decode_image(folder / "sheet.png").width == 3 * 64);

  CHECK(run(folder, "a.png --mask white.png --finish none --out deep.png").exit_code == 0);
  CHECK(decode_image(folder / "deep.png") == result);
  CHECK(run(folder, "a.png --mask black.png --mask_value black --finish none --out b.png").exit_code == 0);
  CHECK(decode_image(folder / "b.png") == result);
  CHECK(run(folder, "clear.png --finish none --out c.png").exit_code == 0);
  CHECK(decode_image(folder / "c.png") == result);
  CHECK(run(folder, "a.png --box 12,22,21,8 --grow 2 --finish none --out d.png").exit_code == 0);
  CHECK(decode_image(folder / "d.png") == result);
  CHECK(run(folder, "a.png --mask white.png --out patches.png").exit_code == 0);
  CHECK(decode_image(folder / "patches.png") != result);
}

TEST_CASE("inpaint_fill: without a checkpoint the built-in model paints, the file of the tree") {
  const TemporaryFolder folder;
  const PixelBox hole{20, 10, 12, 25};
  const Image picture = procedural_picture(3, 1, 64, 3);
  write_png(folder / "a.png", picture);
  write_png(folder / "mask.png", mask_with(hole, 255, 0));
  const std::string file = INPAINT_BUILT_IN_MODEL;
  CHECK(std::filesystem::file_size(file) <= 8'000'000);
  const auto filled = [&](const std::string& model) {
    const std::string arguments = "a.png --mask mask.png --finish none --out b.png --threads 1 --device cpu";
    CHECK(run_program(INPAINT_FILL, folder, arguments + model).exit_code == 0);
    return decode_image(folder / "b.png");
  };
  const Image built_in = filled("");
  CHECK(built_in == filled(" --checkpoint " + file));
  CHECK(built_in != filled(" --checkpoint none"));
}

TEST_CASE("inpaint_fill: a folder with masks of the same names") {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder / "in/sub");
  std::filesystem::create_directories(folder / "masks/sub");
  write_png(folder / "in/a.png", procedural_picture(3, 1, 64, 3));
  write_png(folder / "in/sub/b.png", procedural_picture(3, 2, 64, 1));
  write_png(folder / "masks/a.png", mask_with({5, 5, 9, 9}, 255, 0));
  const std::vector<uint8_t> mask = encode_pnm(mask_with({9, 9, 5, 5}, 255, 0));
  put_file(folder / "masks/sub/b.pgm", {reinterpret_cast<const char*>(mask.data()), mask.size()});
  const ProgramRun both = run(folder, "in --mask masks --out out");
  CHECK(both.err == "");
  CHECK(both.exit_code == 0);
  CHECK(contains(both.out, "out/a.png: filled=81 pixels"));
  CHECK(contains(both.out, "out/sub/b.png: filled=25 pixels"));
  CHECK(decode_image(folder / "out/sub/b.png").channels == 1);

  put_file(folder / "in/c.png", "no picture");
  std::filesystem::remove_all(folder / "out");
  const ProgramRun some = run(folder, "in --mask masks");
  CHECK(some.exit_code == 1);
  CHECK(contains(some.out, "passed over: in/c.png: no mask of this name in masks"));
  CHECK(contains(some.err, "error: 1 of 3 files in in could not be filled; the first: in/c.png"));
  CHECK(std::filesystem::exists(folder / "in_filled/sub/b.png"));
}

#ifdef INPAINT_WEBP
TEST_CASE("inpaint_fill: pictures whose format is not written become PNGs that replace nothing") {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder / "in");
  const auto put_webp = [&](const std::string& name, int number) {
    const std::vector<uint8_t> file = webp_file(procedural_picture(3, number, 64, 3));
    put_file(folder / name, {file.begin(), file.end()});
  };
  put_webp("a.webp", 1);
  put_webp("b.jpg", 2);  // as they come from the web
  for (const char* name : {"a.webp", "b.jpg"}) {
    const ProgramRun one = run(folder, std::string(name) + " --box 1,1,2,2 --finish none");
    CHECK(one.err == "");
    CHECK(one.exit_code == 0);
  }
  CHECK(picture_format(folder / "a_filled.png") == PictureFormat::kPng);
  CHECK(picture_format(folder / "b_filled.png") == PictureFormat::kPng);
  const ProgramRun asked = run(folder, "a.webp --box 1,1,2,2 --out c.jpg");
  CHECK(asked.exit_code == 1);
  CHECK(contains(asked.err, "a.webp: a WebP does not become a JPEG; let the result be a PNG"));

  put_webp("in/a.webp", 1);
  put_webp("in/b.webp", 2);
  write_png(folder / "in/a.png", procedural_picture(3, 3, 64, 3));
  const ProgramRun boxed = run(folder, "in --box 1,1,2,2 --finish none --out out");
  CHECK(boxed.exit_code == 0);
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder / "out"))
    names.insert(entry.path().filename().string());
  CHECK(names == std::set<std::string>{"a.png", "a.webp.png", "b.png"});
  const Image a = decode_image(folder / "out/a.png"), webp = decode_image(folder / "out/a.webp.png");
  const Image a_before = decode_image(folder / "in/a.png"), webp_before = decode_image(folder / "in/a.webp");
  CHECK(std::equal(a.pixel(9, 9), a.pixel(9, 9) + 100, a_before.pixel(9, 9)));
  CHECK(std::equal(webp.pixel(9, 9), webp.pixel(9, 9) + 100, webp_before.pixel(9, 9)));
}
#endif

TEST_CASE("inpaint_fill: mistakes end with exit code 1, one line, and no file") {
  const TemporaryFolder folder;
  write_png(folder / "a.png", procedural_picture(3, 1, 64, 3));
  write_png(folder / "white.png", mask_with({5, 5, 9, 9}, 255, 0));
  write_png(folder / "none.png", mask_with({5, 5, 9, 9}, 0, 0));
  write_png(folder / "all.png", mask_with({5, 5, 9, 9}, 255, 255));
  write_png(folder / "grey.png", mask_with({5, 5, 9, 9}, 128, 0));
  write_png(folder / "small.png", Image(63, 64, 1));
  put_file(folder / "text.png", "no picture");
  std::filesystem::create_directories(folder / "empty");
  const std::set<std::string> before = folder.names();
  for (const auto& refusal : {std::pair{"a.png", "no hole: give --mask"},
                              {"none --box 1,1,2,2", "none: cannot open"},
                              {"text.png --box 1,1,2,2", "text.png"},
                              {"a.png --box 60,1,5,2", "does not lie inside"},
                              {"a.png --mask none.png", "no pixel is missing"},
                              {"a.png --mask all.png", "every pixel is missing"},
                              {"a.png --mask grey.png", "not a mask of black and white: 81 of 4096"},
                              {"a.png --mask small.png", "64 x 63 pixels for a picture of 64 x 64"},
                              {"a.png --mask nothing.png", "no such file"},
                              {"a.png --mask white.png --box 1,1,2,2", "one or the other"},
                              {"a.png --mask white.png --out a.png", "would overwrite"},
                              {"a.png --mask white.png --out white.png", "would overwrite"},
                              {"a.png --mask white.png --out b.jpg", "does not become a JPEG"},
                              {"a.png --mask white.png --out b.gif", "no format that can be written"},
                              {"a.png --mask white.png --out none/b.png", "none"},
                              {"a.png --mask white.png --checkpoint missing", "missing"},
                              {"a.png --mask empty", "no mask named as a.png"},
                              {"empty --mask white.png", "no files in it"},
                              {". --mask white.png --out .", "do not go where"}}) {
    const auto& arguments = refusal.first;
    INFO(arguments);
    const ProgramRun refused = run(folder, arguments);
    CHECK(refused.exit_code == 1);
    CHECK(contains(refused.err, refusal.second));
    CHECK(refused.err.starts_with("error: "));
    CHECK(std::count(refused.err.begin(), refused.err.end(), '\n') == 1);
    CHECK(folder.names() == before);
  }
}
