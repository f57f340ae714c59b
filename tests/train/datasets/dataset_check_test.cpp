#include "train/datasets/dataset_check.h"

#include <doctest/doctest.h>

#include <cmath>

#include "tests/harness/temporary_folder.h"

using namespace inpaint;

TEST_CASE("dataset_check: means, deviations, duplicates and flat images") {
  const TemporaryFolder folder;
  // 2 x 2 RGB: a flat image, another of values that differ, the first three times more
  const std::string flat = "\x0a\x14\x1e\x0a\x14\x1e\x0a\x14\x1e\x0a\x14\x1e";
  const std::string other = "\x0a\x14\x1e\x0a\x14\x1e\x0a\x14\x1e\x0e\x14\x3e";
  put_file(folder / "x.bin", flat + other + flat + flat + flat);
  const DatasetFigures figures = dataset_figures(BinDataset(folder / "x.bin", 2, 3));
  CHECK(figures.duplicates == 3);
  CHECK(figures.flat == 4);
  // 19 times 10 and once 14; always 20; 19 times 30 and once 62
  CHECK(figures.mean[0] == doctest::Approx(10.2));
  CHECK(figures.mean[1] == doctest::Approx(20));
  CHECK(figures.mean[2] == doctest::Approx(31.6));
  CHECK(figures.deviation[0] == doctest::Approx(4 * std::sqrt(19.0) / 20));
  CHECK(figures.deviation[1] == doctest::Approx(0));
  CHECK(figures.deviation[2] == doctest::Approx(8 * figures.deviation[0]));
  const DatasetFigures grey = dataset_figures(BinDataset(folder / "x.bin", 2, 1));
  CHECK(grey.mean[0] == doctest::Approx((10.2 + 20 + 31.6) / 3));
  CHECK(grey.flat == 0);
}

TEST_CASE("dataset_check: the sheet shows images from all of the data set") {
  const TemporaryFolder folder;
  std::string contents;
  for (int i = 0; i < 10; ++i) contents += std::string(4, static_cast<char>(i + 1));
  put_file(folder / "x.bin", contents);
  const BinDataset dataset(folder / "x.bin", 2, 1);
  const Image five = contact_sheet(dataset, 5);  // 3 wide, 2 high
  CHECK(five.width == 6);
  CHECK(five.height == 4);
  const int expected[] = {1, 3, 5, 7, 9, 0};
  for (int64_t cell = 0; cell < 6; ++cell)
    CHECK(*five.pixel(cell / 3 * 2 + 1, cell % 3 * 2 + 1) == expected[cell]);
  const Image all = contact_sheet(dataset, 100);  // no more than there are: 4 wide, 3 high
  CHECK(all.width == 8);
  CHECK(all.height == 6);
  CHECK(*all.pixel(4, 2) == 10);
}
