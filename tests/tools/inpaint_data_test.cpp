// The program itself: what it prints, its exit codes, what it leaves.
#include <doctest/doctest.h>

#include "core/image/image_codec.h"
#include "tests/harness/error_message.h"
#include "tests/tools/run_program.h"
#include "train/datasets/procedural_pictures.h"

using namespace inpaint;

namespace {

ProgramRun run(const TemporaryFolder& folder, const std::string& arguments) {
  return run_program(INPAINT_DATA, folder, arguments);
}

}  // namespace

TEST_CASE("inpaint_data: pictures become data sets that check describes") {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "pictures");
  for (int i = 0; i < 10; ++i) {
    Image image(20, 30, 3);
    for (size_t k = 0; k < image.bytes.size(); ++k)
      image.bytes[k] = k % 3 == 0 ? 100 : static_cast<uint8_t>(i);
    write_png(folder / fmt::format("pictures/{}.png", i), image);
  }
  put_file(folder / "pictures/notes.txt", "no picture");
  const ProgramRun convert = run(folder, "convert pictures --dataname x --image_size 16 --image_channel 3");
  CHECK(convert.err == "");
  CHECK(convert.exit_code == 0);
  CHECK(contains(convert.out, "skipped: pictures/notes.txt: not a PNG"));
  CHECK(contains(convert.out, "skipped 1: not a PNG, JPEG, WebP, HEIF, PGM or PPM picture\n"));
  CHECK(contains(convert.out, "all that was skipped is named in data/x16_skipped.txt\n"));
  CHECK(contains(convert.out, "train: data/x16_train.bin images=8\n"));
  CHECK(contains(convert.out, "validate: data/x16_validate.bin images=1\n"));
  CHECK(contains(convert.out, "test: data/x16_test.bin images=1\n"));
  CHECK_FALSE(contains(convert.out, "note: "));
  CHECK(contains(convert.out, "pictures=10 skipped=1\n"));

  const ProgramRun check = run(folder,
                               "check data/x16_train.bin --image_size=16 --image_channel=3 "
                               "--contact_sheet=sheet.png --sheet_images=4");
  CHECK(check.exit_code == 0);
  CHECK(contains(check.out, "bytes=6144 images=8 image_size=16 image_channel=3\n"));
  CHECK(contains(check.out, "red: mean=100.00 deviation=0.00\n"));
  CHECK(contains(check.out, "duplicates=0 flat=8\n"));
  const Image sheet = decode_image(folder / "sheet.png");
  CHECK(sheet.width == 32);
  CHECK(sheet.height == 32);
  CHECK(sheet.channels == 3);

  const ProgramRun again = run(folder, "convert pictures --dataname x --image_size 16");
  CHECK(again.exit_code == 1);
  CHECK(contains(again.err, "error: data/x16_train.bin: exists already"));
  const ProgramRun forced =
      run(folder, "convert pictures --dataname x --image_size 16 --train_share 1 --force");
  CHECK(forced.exit_code == 0);
  CHECK(contains(forced.out, "note: data/x16_test.bin is from an earlier run"));
  CHECK(contains(run(folder, "check data/x16_train.bin --image_size 16").out, "grey: mean="));
}

TEST_CASE("inpaint_data: convert says what is equal, alike or transparent") {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "pictures");
  const auto put = [&](const std::string& name, const std::vector<uint8_t>& file) {
    put_file(folder / "pictures" / name, {file.begin(), file.end()});
  };
  const Image picture = procedural_picture(5, 1, 64, 3);
  put("a.png", encode_png(picture));
  put("b.ppm", encode_pnm(picture));
  put("c.png", encode_png(resize(picture, 40, 40)));
  put("d.png", encode_png(procedural_picture(5, 2, 64, 3), Image(64, 64, 1)));
  put("e.png", encode_png(procedural_picture(5, 3, 64, 3)));
  const ProgramRun shared = run(folder, "convert pictures --image_size 16 --image_channel 3");
  CHECK(shared.exit_code == 0);
  CHECK(contains(shared.out,
                 "note: pictures equal to another one: 1, alike: 1; such pictures stay together, in one data "
                 "set; they are named in data/inpaint16_duplicates.txt\n"));
  CHECK(contains(shared.out, "note: pictures with transparent parts, which are laid over black: 1\n"));
  CHECK(file_contents(folder / "data/inpaint16_duplicates.txt") ==
        "pictures/a.png\n  equal: pictures/b.ppm\n  alike: pictures/c.png\n");
  put_file(folder / "t.txt", "a.png\nd.png\n");
  put_file(folder / "v.txt", "b.ppm\n");
  const ProgramRun listed =
      run(folder, "convert pictures --image_size 16 --dataname y --train_list t.txt --validate_list v.txt");
  CHECK(contains(listed.out, "; groups of them that the lists put into several data sets: 1; "));
  std::filesystem::remove(folder / "pictures/b.ppm");
  std::filesystem::remove(folder / "pictures/c.png");
  CHECK(run(folder, "convert pictures --image_size 16 --image_channel 3 --force").exit_code == 0);
  CHECK_FALSE(std::filesystem::exists(folder / "data/inpaint16_duplicates.txt"));
}

TEST_CASE("inpaint_data: what a data set holds stands beside it, and check and describe read and write it") {
  const TemporaryFolder folder;
  CHECK(run(folder, "generate --count 40 --image_size 64 --image_channel 3 --dataname g").exit_code == 0);
  const std::string written = file_contents(folder / "data/g64_train.json");
  CHECK(contains(written,
                 "\"image_size\":64,\"image_channel\":3,\"count\":32,\"source\":\"procedural pictures\""));
  const ProgramRun check = run(folder, "check data/g64_train.bin");
  CHECK(check.exit_code == 0);
  CHECK(contains(check.out, "images=32 image_size=64 image_channel=3\n"));
  CHECK(contains(check.out, "described: from=procedural pictures seed=1 crc32c="));
  const ProgramRun wrong = run(folder, "check data/g64_train.bin --image_channel 1");
  CHECK(wrong.exit_code == 1);
  CHECK(wrong.out == "");
  CHECK(contains(wrong.err, "give --image_channel=3, or another data set"));

  std::string bytes = file_contents(folder / "data/g64_train.bin");
  bytes[1000] ^= 1;
  put_file(folder / "data/g64_train.bin", bytes);
  CHECK(contains(run(folder, "check data/g64_train.bin").err, "its bytes have changed since"));
  CHECK(run(folder, "describe data/g64_train.bin").exit_code == 0);
  CHECK(run(folder, "check data/g64_train.bin").exit_code == 0);

  std::filesystem::remove(folder / "data/g64_train.json");
  CHECK(contains(run(folder, "check data/g64_train.bin --image_size 64").out,
                 "note: the images look like RGB ones, not like image_channel 1\n"));
  CHECK_FALSE(
      contains(run(folder, "check data/g64_train.bin --image_size 64 --image_channel 3").out, "note: "));
  const ProgramRun described = run(folder, "describe data/g64_train.bin --image_size 64 --image_channel 1");
  CHECK(described.out == "data/g64_train.json: image_size=64 image_channel=1 images=96\n");
  CHECK(contains(run(folder, "check data/g64_train.bin").out, "images=96 image_size=64 image_channel=1\n"));
  put_file(folder / "data/g64_train.json", "mine");
  CHECK(contains(run(folder, "describe data/g64_train.bin --image_size 64").err,
                 "is no description of a data set"));
  CHECK(file_contents(folder / "data/g64_train.json") == "mine");
}

TEST_CASE("inpaint_data: names with control characters are shown escaped, a line each") {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "pictures");
  write_png(folder / "pictures/good.png", Image(20, 20, 1));
  put_file(folder / "pictures/a\n\x1b[31mb.png", "no picture");
  const ProgramRun convert = run(folder, "convert pictures --image_size 16");
  CHECK(convert.exit_code == 0);
  CHECK(contains(convert.out, "skipped: pictures/a\\n\\x1b[31mb.png: "));
  CHECK(convert.out.find('\x1b') == std::string::npos);
  CHECK(file_contents(folder / "data/inpaint16_skipped.txt").starts_with("pictures/a\\n\\x1b[31mb.png: "));
}

TEST_CASE("inpaint_data: a failed start leaves no folder") {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "pictures");
  put_file(folder / "pictures/notes.txt", "no picture");
  const ProgramRun convert = run(folder, "convert pictures --image_size 16 --data_root made/here");
  CHECK(convert.exit_code == 1);
  CHECK(contains(convert.err, "none of 1 files could be used"));
  CHECK(folder.names() == std::set<std::string>{"pictures"});
}

TEST_CASE("inpaint_data: procedural pictures") {
  const TemporaryFolder folder;
  const ProgramRun generate = run(folder, "generate --count 20 --image_size 16 --data_root made/here");
  CHECK(generate.exit_code == 0);
  CHECK(generate.out ==
        "train: made/here/inpaint16_train.bin images=16\ntest: made/here/inpaint16_test.bin images=4\n");
  CHECK(std::filesystem::file_size(folder / "made/here/inpaint16_train.bin") == 16 * 16 * 16);
}

TEST_CASE("inpaint_data: the user's mistakes end with exit code 1 and one line") {
  const TemporaryFolder folder;
  put_file(folder / "cut.bin", std::string(16 * 16 * 2 + 1, 'x'));
  put_file(folder / "file", "");
  const auto refused = [&](const std::string& arguments) {
    const ProgramRun result = run(folder, arguments);
    INFO(arguments);
    CHECK(result.exit_code == 1);
    CHECK(result.out == "");
    CHECK(result.err.starts_with("error: "));
    CHECK(result.err.find('\n') == result.err.size() - 1);
    return result.err;
  };
  CHECK(contains(refused("convert missing"), "missing: there is no such folder"));
  CHECK(contains(refused("convert . --image_size 17"), "image_size: 17"));
  CHECK(contains(refused("convert . --data_root file/below"), "file"));
  CHECK(contains(refused("check missing.bin"), "there is no such data set"));
  CHECK(contains(refused("check cut.bin --image_size 16"), "513 bytes are no multiple of 256"));
  CHECK(contains(refused("check file"), "is empty"));
  CHECK(contains(refused("check cut.bin --image_channel 2"), "image_channel: 2"));
  CHECK(contains(refused("frobnicate"), "unexpected 'frobnicate'"));
  CHECK(folder.names() == std::set<std::string>{"cut.bin", "file"});
}
