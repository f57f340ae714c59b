// Lists of pictures.
#include "tests/fuzz/fuzz.h"
#include "train/data/picture_files.h"

using namespace inpaint;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const TemporaryFolder pictures;
  static const bool made = [] {
    std::filesystem::create_directory(pictures / "b");
    put_file(pictures / "a.png", "x");
    put_file(pictures / "b/c.jpg", "y");
    put_file(fuzz::folder() / "outside", "z");
    return true;
  }();
  fuzz::expect(made, "there are pictures");
  const auto list = fuzz::put_input(fuzz::text_of(data, size));
  fuzz::accepted([&] {
    for (const PictureFile& file : pictures_in_lists(pictures.path(), {{list, Split::kTest}})) {
      const auto inside = std::filesystem::weakly_canonical(file.path).lexically_relative(
          std::filesystem::canonical(pictures.path()));
      fuzz::expect(!inside.empty() && *inside.begin() != "..", "pictures lie in the folder");
    }
  });
  return 0;
}
