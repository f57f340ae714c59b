// README's recipe for one's own pictures, as it stands there, on a folder as people have it.
#include <turbojpeg.h>

#include "core/image/image_codec.h"
#include "tests/core/image/exif_block.h"
#include "tests/harness/error_message.h"
#include "tests/harness/nightly.h"
#include "tests/tools/run_program.h"
#include "train/datasets/procedural_pictures.h"
#ifdef INPAINT_HEIF
#include "tests/harness/heif_writing.h"
#endif

using namespace inpaint;

namespace {

using Bytes = std::vector<uint8_t>;

// Another size and shape each, none below 128 pixels.
Image photograph(int number) {
  const int64_t side = 140 + 13 * (number % 9);
  const Image image = procedural_picture(21, number, side, 3);
  return number % 2 == 0 ? crop(image, 0, 3, side, side - 10) : crop(image, 5, 0, side - 11, side);
}

// With an EXIF orientation.
Bytes jpeg_of(const Image& image, int orientation) {
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  const tjhandle handle = tjInitCompress();
  REQUIRE(tjCompress2(handle, image.bytes.data(), static_cast<int>(image.width), 0,
                      static_cast<int>(image.height), TJPF_RGB, &bytes, &size, TJSAMP_420, 88, 0) == 0);
  Bytes exif = {'E', 'x', 'i', 'f', 0, 0}, file(bytes, bytes + 2);
  const Bytes block = exif_block(true, orientation);
  exif.insert(exif.end(), block.begin(), block.end());
  const size_t length = exif.size() + 2;
  for (const size_t byte : {size_t{0xff}, size_t{0xe1}, length >> 8, length & 0xff})
    file.push_back(static_cast<uint8_t>(byte));
  file.insert(file.end(), exif.begin(), exif.end());
  file.insert(file.end(), bytes + 2, bytes + size);
  tjFree(bytes);
  tjDestroy(handle);
  return file;
}

constexpr int kMotionPhotos = 2, kDamaged = 3;

// `count` files, of which three are damaged; two are followed by a video, and one is a HEIC.
void put_photographs(const std::filesystem::path& folder, int count) {
  std::filesystem::create_directories(folder / "summer");
  const std::string video = std::string(
                                "\0\0\0\x18"
                                "ftypmp42\0\0\0\0mp42isom",
                                24) +
                            std::string(5000, 'v');
  for (int i = 0; i < count; ++i) {
    Bytes file = jpeg_of(photograph(i), i % 8 + 1);
    std::string name = fmt::format("{}IMG_{:04}.jpg", i % 3 == 0 ? "summer/" : "", i);
    if (i < kMotionPhotos) file.insert(file.end(), video.begin(), video.end());
    if (i >= count - kDamaged) file.resize(file.size() / 2);
#ifdef INPAINT_HEIF
    if (i == kMotionPhotos) {
      file = heif_file(photograph(i), {.orientation = 6});
      name = "IMG.heic";
    }
#endif
    put_file(folder / name, {file.begin(), file.end()});
  }
}

// The first block of commands below the heading.
std::string commands_in_readme(const std::string& heading) {
  const std::string readme = file_contents(INPAINT_README), begin = "```sh\n";
  const size_t section = readme.find("\n" + heading + "\n");
  REQUIRE(section != std::string::npos);
  const size_t first = readme.find(begin, section) + begin.size();
  return readme.substr(first, readme.find("```", first) - first);
}

void replace_once(std::string& text, const std::string& what, const std::string& by) {
  const size_t at = text.find(what);
  INFO(what);
  REQUIRE(at != std::string::npos);
  text.replace(at, what.size(), by);
}

}  // namespace

TEST_CASE("own pictures: README's commands convert, train, validate and score") {
  const TemporaryFolder folder;
  const int count = nightly() ? 300 : 40;
  put_photographs(folder / "pictures", count);
  // The programs as a user has them; on the processor, as a test's GPU may be one that is computed there.
  std::filesystem::create_directories(folder / "bin");
  for (const std::string program : {INPAINT_DATA, INPAINT_TRAIN, INPAINT_EVAL}) {
    const std::filesystem::path link = folder / "bin" / std::filesystem::path(program).filename();
    const char* device = program == INPAINT_DATA ? "" : " --device cpu";
    put_file(link, fmt::format("#!/bin/sh\nexec {} \"$@\"{}\n", program, device));
    std::filesystem::permissions(link, std::filesystem::perms::owner_all);
  }
  std::string commands = commands_in_readme("## Your own pictures");
  replace_once(commands, "bin=build/quickstart/bin", "bin=bin");
  replace_once(commands, "minutes=60", nightly() ? "minutes=1" : "minutes=0.05");
  put_file(folder / "recipe.sh", "set -eu\nexport HOME=$PWD\n" + commands);
  const ProgramRun run = run_program("bash", folder, "recipe.sh");
  INFO(run.out);
  CHECK(run.err == "");
  REQUIRE(run.exit_code == 0);

  const int used = count - kDamaged;
  CHECK(contains(run.out, fmt::format("pictures={} skipped={}\n", used, kDamaged)));
  CHECK(contains(run.out, "skipped 3: damaged JPEG"));
  for (const char* split : {"train", "validate", "test"})
    CHECK(contains(run.out, fmt::format("{0}: data/mine128_{0}.bin images=", split)));
  CHECK(contains(run.out, "[Validation] "));
  CHECK(contains(run.out, "Done: step "));
  CHECK(std::filesystem::exists(folder / "checkpoints/mine128/gpu0/best"));
  CHECK(std::filesystem::exists(folder / "logs/mine128/gpu0/report.html"));
  CHECK(contains(file_contents(folder / "scores/scores.json"), "psnr"));
  CHECK(contains(file_contents(folder / "scores/report.html"), "</html>"));
}
