#include "train/data/picture_grid.h"

#include <doctest/doctest.h>

#include <numeric>

using namespace inpaint;

namespace {

// n pictures of 2 x 3 pixels whose bytes count up from 1.
struct Pictures {
  Pictures(int64_t n, int64_t channels)
      : shape{n, 2, 3, channels}, bytes(static_cast<size_t>(shape.elements())) {
    std::iota(bytes.begin(), bytes.end(), uint8_t{1});
  }
  Tensor tensor() { return {shape, DType::kU8, Device::kCpu, bytes.data()}; }
  Shape shape;
  std::vector<uint8_t> bytes;
};

}  // namespace

TEST_CASE("picture grid: floor(sqrt N) wide, rows as needed") {
  struct Size {
    int64_t pictures, columns, rows;
  };
  for (const Size s :
       {Size{1, 1, 1}, {2, 1, 2}, {3, 1, 3}, {4, 2, 2}, {8, 2, 4}, {9, 3, 3}, {10, 3, 4}, {16, 4, 4}}) {
    Pictures pictures(s.pictures, 1);
    const Image grid = picture_grid(pictures.tensor());
    CHECK(grid.width == 3 * s.columns);
    CHECK(grid.height == 2 * s.rows);
  }
}

TEST_CASE("picture grid: pictures go row by row, the cells left over are black") {
  for (const int64_t channels : {1, 3}) {
    Pictures pictures(5, channels);  // 2 wide, 3 rows
    const Image grid = picture_grid(pictures.tensor());
    REQUIRE(grid.channels == channels);
    for (int64_t cell = 0; cell < 6; ++cell)
      for (int64_t i = 0; i < 2; ++i)
        for (int64_t j = 0; j < 3; ++j)
          for (int64_t c = 0; c < channels; ++c) {
            const int64_t number = ((cell * 2 + i) * 3 + j) * channels + c + 1;
            CHECK(grid.pixel(cell / 2 * 2 + i, cell % 2 * 3 + j)[c] == (cell == 5 ? 0 : number));
          }
  }
}

TEST_CASE("picture grid: one picture") {
  Pictures pictures(3, 3);
  const Image image = picture_of(pictures.tensor(), 1);
  CHECK(image.height == 2);
  CHECK(image.width == 3);
  CHECK(image.bytes == std::vector<uint8_t>(pictures.bytes.begin() + 18, pictures.bytes.begin() + 36));
  CHECK_THROWS_AS(picture_of(pictures.tensor(), 3), Error);
  CHECK_THROWS_AS(picture_of(pictures.tensor(), -1), Error);
}
