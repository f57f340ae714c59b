#include "train/score/evaluation.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "core/image/image_codec.h"
#include "tests/harness/error_message.h"
#include "tests/train/data/noise_pictures.h"
#include "train/score/example_pictures.h"

using namespace inpaint;

namespace {

constexpr int64_t kSize = 16, kHole = 8;

// Paints one value into the holes, and remembers the holes it was given.
struct Recorder {
  Method method(const std::string& name, float value) {
    return {name, [this, value](const Batch& batch, const Tensor& inpainted) {
              REQUIRE(batch.pictures.shape == inpainted.shape);
              batches.push_back(inpainted.shape[0]);
              masks.insert(masks.end(), batch.holes.mask.as<uint8_t>(),
                           batch.holes.mask.as<uint8_t>() + batch.holes.mask.elements());
              if (batch.holes.offsets.data != nullptr)
                corners.insert(corners.end(), batch.holes.offsets.as<int32_t>(),
                               batch.holes.offsets.as<int32_t>() + batch.holes.offsets.elements());
              const int64_t channels = inpainted.shape[3];
              for (int64_t i = 0; i < inpainted.elements(); ++i) {
                const auto byte = static_cast<float>(batch.pictures.as<uint8_t>()[i]);
                const bool missing = batch.holes.mask.as<uint8_t>()[i / channels] != 0;
                inpainted.as<float>()[i] = missing ? value : (byte - 127.5f) / 127.5f;
              }
            }};
  }
  std::vector<int64_t> batches;
  std::vector<uint8_t> masks;
  std::vector<int32_t> corners;
};

// An evaluation's holes, drawn apart from it.
std::vector<uint8_t> drawn(const HoleOptions& options, uint64_t seed, int64_t count) {
  std::vector<uint8_t> masks(static_cast<size_t>(count * kSize * kSize));
  draw_holes(options, Philox(seed, RandomStream::kEvaluationHoles), 0,
             {{count, kSize, kSize}, DType::kU8, Device::kCpu, masks.data()});
  return masks;
}

double mean_difference(const std::vector<uint8_t>& pictures, int64_t n, int64_t row, int64_t column,
                       int byte) {
  double sum = 0;
  for (int64_t i = row; i < row + kHole; ++i)
    for (int64_t j = column * 3; j < (column + kHole) * 3; ++j)
      sum += std::abs(pictures[static_cast<size_t>((n * kSize + i) * kSize * 3 + j)] - byte);
  return sum / (kHole * kHole * 3);
}

bool same(const PictureScore& a, const PictureScore& b) {
  return a.hole.l1_percent == b.hole.l1_percent && a.hole.psnr == b.hole.psnr && a.hole.ssim == b.hole.ssim &&
         a.image.l2_percent == b.image.l2_percent && a.image.ssim == b.image.ssim &&
         a.look.seam->across == b.look.seam->across && a.look.gradient_energy == b.look.gradient_energy;
}

}  // namespace

TEST_CASE("evaluation: every picture is scored, by every method on the same holes, the last batch too") {
  const TemporaryFolder folder;
  const std::vector<uint8_t> pictures = noise_pictures(5, kSize, 3);
  put_dataset(folder / "a.bin", pictures);
  const auto source = open_pictures(folder / "a.bin", kSize, 3);
  for (const HolePlacement block : {HolePlacement::kRandom, HolePlacement::kCenter}) {
    Recorder bright, dark;
    const Method methods[] = {bright.method("bright", 1), dark.method("dark", -0.5f)};
    Context ctx(2);
    std::vector<int64_t> progress;
    const Evaluation result =
        evaluate(ctx, *source, methods, {.holes = placed_squares(block, 7), .batch_size = 2},
                 [&](int64_t done, int64_t all) {
                   progress.push_back(done);
                   CHECK(all == 5);
                 });
    CHECK(bright.batches == std::vector<int64_t>{2, 2, 1});
    CHECK(progress == std::vector<int64_t>{2, 4, 5});
    CHECK(bright.masks == dark.masks);
    std::vector<int32_t> holes(10);
    place_holes(block, Philox(7, RandomStream::kEvaluationHoles), 0, kSize,
                {{5, 2}, DType::kI32, Device::kCpu, holes.data()});
    CHECK(bright.corners == holes);
    REQUIRE(result.methods.size() == 2);
    CHECK(result.methods[0].name == "bright");
    REQUIRE(result.methods[0].pictures.size() == 5);
    REQUIRE(result.truth.size() == 5);
    CHECK(result.skipped.empty());
    for (size_t n = 0; n < 5; ++n) {
      CHECK(result.pictures[n].number == static_cast<int64_t>(n));
      CHECK(result.pictures[n].corner->row == holes[2 * n]);
      CHECK(result.pictures[n].corner->column == holes[2 * n + 1]);
      CHECK(result.pictures[n].hole_share == 0.25);
      // 1 is the byte 255; -0.5 is 63.75, truncated.
      for (const auto& [m, byte] : {std::pair{0, 255}, {1, 63}}) {
        const PictureScore& score = result.methods[static_cast<size_t>(m)].pictures[n];
        const double difference =
            mean_difference(pictures, static_cast<int64_t>(n), holes[2 * n], holes[2 * n + 1], byte);
        CHECK(score.hole.l1_percent == doctest::Approx(100 * difference / 255));
        CHECK(score.image.l1_percent == doctest::Approx(25 * difference / 255));
      }
      std::vector<uint8_t> picture(pictures.begin() + static_cast<int64_t>(n) * 768,
                                   pictures.begin() + static_cast<int64_t>(n + 1) * 768);
      std::vector<uint8_t> mask(kSize * kSize);
      const Tensor mask_tensor{{1, kSize, kSize}, DType::kU8, Device::kCpu, mask.data()};
      mark_squares({{1, 2}, DType::kI32, Device::kCpu, holes.data() + 2 * n}, mask_tensor);
      const Tensor picture_tensor{{1, kSize, kSize, 3}, DType::kU8, Device::kCpu, picture.data()};
      const HoleLook look = look_at_holes(ctx, picture_tensor, mask_tensor)[0];
      CHECK(result.truth[n].seam->across == look.seam->across);
      CHECK(result.truth[n].gradient_energy == look.gradient_energy);
    }
  }
}

TEST_CASE("evaluation: holes of any form: drawn by number, scored over the missing pixels") {
  const TemporaryFolder folder;
  const std::vector<uint8_t> pictures = noise_pictures(5, kSize, 3);
  put_dataset(folder / "a.bin", pictures);
  const auto source = open_pictures(folder / "a.bin", kSize, 3);
  const HoleOptions options{.form = HoleForm::kBox, .min_area = 0.05, .max_area = 0.5};
  const std::vector<uint8_t> masks = drawn(options, 4, 5);
  Recorder bright;
  const Method methods[] = {bright.method("bright", 1)};
  Context ctx(2);
  const Evaluation result =
      evaluate(ctx, *source, methods, {.holes = drawn_holes(options, 4), .batch_size = 2});
  CHECK(bright.masks == masks);
  CHECK(bright.corners.empty());
  for (size_t n = 0; n < 5; ++n) {
    double sum = 0, missing = 0;
    for (size_t pixel = 0; pixel < 256; ++pixel) {
      if (masks[n * 256 + pixel] == 0) continue;
      ++missing;
      for (size_t c = 0; c < 3; ++c) sum += 255 - pictures[(n * 256 + pixel) * 3 + c];
    }
    CHECK(result.pictures[n].hole_share == doctest::Approx(missing / 256));
    CHECK_FALSE(result.pictures[n].corner.has_value());
    CHECK(result.methods[0].pictures[n].hole.l1_percent == doctest::Approx(100 * sum / missing / 3 / 255));
    CHECK(result.methods[0].pictures[n].image.l1_percent == doctest::Approx(100 * sum / 256 / 3 / 255));
  }
}

TEST_CASE("evaluation: the same scores for any batch size and any number of threads") {
  const TemporaryFolder folder;
  put_dataset(folder / "a.bin", noise_pictures(7, kSize, 3));
  const auto source = open_pictures(folder / "a.bin", kSize, 3);
  std::optional<Evaluation> first;
  for (const int threads : {1, 3}) {
    for (const int64_t batch_size : {1, 3, 64}) {
      Context ctx(threads);
      std::vector<Method> methods = baseline_methods(ctx);
      methods.push_back(patch_method(ctx, "patches", baseline_methods(ctx).back().paint, {}));
      Evaluation result = evaluate(ctx, *source, methods, {.batch_size = batch_size});
      if (!first) first = result;
      REQUIRE(result.methods.size() == 5);
      for (size_t m = 0; m < 5; ++m)
        CHECK(std::ranges::equal(result.methods[m].pictures, first->methods[m].pictures, same));
    }
  }
}

TEST_CASE("evaluation: the fills without learning, each as it is named") {
  // A slope in a black frame: the harmonic fill continues it to the byte, the ring has the mean of the hole,
  // all that is known is darker.
  std::vector<uint8_t> slope;
  double known = 0;
  for (int64_t i = 0; i < kSize; ++i)
    for (int64_t j = 0; j < kSize; ++j) {
      const bool frame = i == 0 || j == 0 || i == kSize - 1 || j == kSize - 1;
      slope.push_back(static_cast<uint8_t>(frame ? 0 : 20 + 5 * i + 3 * j));
      if (i < 4 || i >= 12 || j < 4 || j >= 12) known += slope.back() / 192.0;
    }
  const TemporaryFolder folder;
  put_dataset(folder / "slope.bin", slope);
  const auto source = open_pictures(folder / "slope.bin", kSize, 1);
  Context ctx(1);
  const std::vector<Method> methods = baseline_methods(ctx);
  const Evaluation result =
      evaluate(ctx, *source, methods, {.holes = placed_squares(HolePlacement::kCenter, 1)});
  const auto l1 = [&](size_t m) { return result.methods[m].pictures[0].hole.l1_percent * 2.55; };
  const auto distance = [](double byte) {  // of the slope in the hole from a constant
    double sum = 0;
    for (int64_t i = 4; i < 12; ++i)
      for (int64_t j = 4; j < 12; ++j) sum += std::abs(static_cast<double>(20 + 5 * i + 3 * j) - byte) / 64;
    return sum;
  };
  CHECK(result.methods[0].name == "grey");
  CHECK(l1(0) == doctest::Approx(distance(127)));
  CHECK(result.methods[1].name == "known_mean");
  CHECK(l1(1) == doctest::Approx(distance(std::floor(known))));
  CHECK(result.methods[2].name == "ring_mean");
  CHECK(l1(2) == doctest::Approx(distance(80)).epsilon(0.03));  // or 79: rounding and truncation
  CHECK(result.methods[3].name == "harmonic");
  CHECK(l1(3) <= 1);  // truncation again
}

TEST_CASE("evaluation: patches continue a texture that the harmonic fill smears") {
  constexpr int64_t kWide = 32;  // around the hole lie whole patches
  std::vector<uint8_t> stripes;
  for (int64_t i = 0; i < kWide * kWide; ++i) stripes.push_back(i % 2 == 0 ? 40 : 200);
  const TemporaryFolder folder;
  put_dataset(folder / "stripes.bin", stripes);
  const auto source = open_pictures(folder / "stripes.bin", kWide, 1);
  Context ctx(1);
  const Method harmonic = baseline_methods(ctx).back();
  const std::vector<Method> methods = {patch_method(ctx, "patches", harmonic.paint, {}), harmonic};
  const Evaluation result =
      evaluate(ctx, *source, methods, {.holes = placed_squares(HolePlacement::kCenter, 1)});
  CHECK(result.methods[0].pictures[0].hole.l1_percent < 1);
  CHECK(result.methods[1].pictures[0].hole.l1_percent > 20);
}

TEST_CASE(
    "evaluation: of a folder, what is no picture is skipped, and holes stay those of the file's number") {
  const TemporaryFolder folder;
  for (int i = 0; i < 5; ++i)
    write_png(folder / (std::to_string(i) + ".png"), noise_image(kSize, kSize, 3, static_cast<uint64_t>(i)));
  Context ctx(2);
  Recorder all, some;
  const Method all_method[] = {all.method("m", 0)}, some_method[] = {some.method("m", 0)};
  const Evaluation whole =
      evaluate(ctx, *open_pictures(folder.path(), kSize, 3), all_method, {.batch_size = 4});
  put_file(folder / "1.png", "damaged");
  put_file(folder / "4.png", "");
  const Evaluation rest =
      evaluate(ctx, *open_pictures(folder.path(), kSize, 3), some_method, {.batch_size = 4});
  REQUIRE(rest.skipped.size() == 2);
  CHECK(rest.skipped[0].name == "1.png");
  CHECK(contains(rest.skipped[0].reason, "not a PNG"));
  CHECK(rest.skipped[1].name == "4.png");
  CHECK(some.batches == std::vector<int64_t>{3});  // nothing is painted for a batch without pictures
  REQUIRE(rest.pictures.size() == 3);
  for (const auto& [i, number] : {std::pair{0, 0}, {1, 2}, {2, 3}}) {
    const auto at = static_cast<size_t>(i), was = static_cast<size_t>(number);
    CHECK(rest.pictures[at].name == whole.pictures[was].name);
    CHECK(rest.pictures[at].corner->row == whole.pictures[was].corner->row);
    CHECK(same(rest.methods[0].pictures[at], whole.methods[0].pictures[was]));
  }

  for (const char* name : {"0.png", "2.png", "3.png"}) put_file(folder / name, "damaged");
  const std::string message = error_message(
      [&] { evaluate(ctx, *open_pictures(folder.path(), kSize, 3), some_method, EvaluationOptions{}); });
  CHECK(contains(message, "none of 5 files"));
}

TEST_CASE("evaluation: a limit takes the first pictures") {
  const TemporaryFolder folder;
  put_dataset(folder / "a.bin", noise_pictures(5, kSize, 3));
  const auto source = open_pictures(folder / "a.bin", kSize, 3);
  Context ctx(1);
  for (const auto& [limit, pictures] : {std::pair{3, 3}, {9, 5}}) {
    Recorder recorder;
    const Method methods[] = {recorder.method("m", 0)};
    CHECK(evaluate(ctx, *source, methods, {.batch_size = 2, .limit = limit}).pictures.size() ==
          static_cast<size_t>(pictures));
  }
}

TEST_CASE("evaluation: a value that is not finite, and sizes that cannot be scored, are refused") {
  const TemporaryFolder folder;
  put_dataset(folder / "a.bin", noise_pictures(2, 84, 1));
  Context ctx(1);
  for (const float value :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    const Method methods[] = {{"broken", [value](const Batch& batch, const Tensor& inpainted) {
                                 std::fill_n(inpainted.as<float>(), inpainted.elements(), 0.0f);
                                 const Tensor& mask = batch.holes.mask;
                                 for (int64_t i = mask.elements() - 1; i >= 0; --i)
                                   if (mask.as<uint8_t>()[i] != 0) {
                                     inpainted.as<float>()[i] = value;
                                     return;
                                   }
                               }}};
    const std::string message = error_message(
        [&] { evaluate(ctx, *open_pictures(folder / "a.bin", 84, 1), methods, EvaluationOptions{}); });
    CHECK(contains(message, "broken"));
    CHECK(contains(message, "picture 1"));
  }
  const auto refused = [&](int64_t size, const HoleSource& holes) {
    return error_message([&] { HoleBatch(*open_pictures(folder / "a.bin", size, 1), 2, holes); });
  };
  const HoleSource center = placed_squares(HolePlacement::kCenter, 1);
  CHECK(contains(refused(6, center), "image_size 6: pictures are compared in windows of 7"));
  CHECK(contains(refused(21, center), "image_size 21: square holes take half of it"));
  CHECK_NOTHROW(
      HoleBatch(*open_pictures(folder / "a.bin", 21, 1), 2, drawn_holes({.form = HoleForm::kBox}, 1)));
}

TEST_CASE("evaluation: a method that changes a known pixel is found out") {
  const TemporaryFolder folder;
  put_dataset(folder / "a.bin", noise_pictures(3, kSize, 3));
  const auto source = open_pictures(folder / "a.bin", kSize, 3);
  Context ctx(1);
  Recorder honest;
  for (const int64_t at : {int64_t{0}, kSize * kSize * 3 - 1}) {
    const Method methods[] = {{"liar", [&, at](const Batch& batch, const Tensor& inpainted) {
                                 honest.method("honest", 0).paint(batch, inpainted);
                                 float& value = inpainted.as<float>()[2 * kSize * kSize * 3 + at];
                                 value = value > 0 ? -1.0f : 1.0f;
                               }}};
    const HoleSource center = placed_squares(HolePlacement::kCenter, 1);
    CHECK_THROWS_WITH_AS(evaluate(ctx, *source, methods, {.holes = center}),
                         doctest::Contains("liar changed a known pixel of picture 2"), Error);
  }
}

TEST_CASE("evaluation: pictures ranked by the hole's error") {
  MethodScores scores{"m", std::vector<PictureScore>(4)};
  for (const auto& [i, error] : {std::pair{0, 2.0}, {1, 0.5}, {2, 2.0}, {3, 0.0}})
    scores.pictures[static_cast<size_t>(i)].hole.l2_percent = error;
  CHECK(rank_pictures(scores) == std::vector<size_t>{3, 1, 0, 2});
}

TEST_CASE("example pictures: a column a picture, and the picture, its hole, and what each method paints") {
  const TemporaryFolder folder;
  const std::vector<uint8_t> pictures = noise_pictures(4, kSize, 3);
  put_dataset(folder / "a.bin", pictures);
  const auto source = open_pictures(folder / "a.bin", kSize, 3);
  const Context ctx(1);
  Recorder one, two;
  const Method methods[] = {one.method("one", 1), two.method("two", -1)};
  const Image image = example_grid(example_pictures(
      ctx, *source, methods, placed_squares(HolePlacement::kRandom, 3), std::vector<int64_t>{2, 0, 3}));
  REQUIRE(image.width == 3 * kSize);
  REQUIRE(image.height == 4 * kSize);
  std::vector<int32_t> holes(8);
  place_holes(HolePlacement::kRandom, Philox(3, RandomStream::kEvaluationHoles), 0, kSize,
              {{4, 2}, DType::kI32, Device::kCpu, holes.data()});
  int64_t column = 0;
  for (const int64_t number : {2, 0, 3}) {
    const int64_t top = holes[static_cast<size_t>(2 * number)],
                  left = holes[static_cast<size_t>(2 * number + 1)];
    int differences = 0;
    for (int64_t i = 0; i < 4 * kSize; ++i)
      for (int64_t j = 0; j < kSize; ++j)
        for (int64_t c = 0; c < 3; ++c) {
          const int64_t y = i % kSize;
          const bool hole = y >= top && y < top + kHole && j >= left && j < left + kHole;
          const int painted[] = {-1, 127, 255, 0};  // by row of pictures; the first is never painted
          const int want = hole && i >= kSize
                               ? painted[i / kSize]
                               : pictures[static_cast<size_t>(((number * kSize + y) * kSize + j) * 3 + c)];
          differences += image.pixel(i, column * kSize + j)[c] != want;
        }
    CHECK(differences == 0);
    ++column;
  }
  put_file(folder / "text", "no picture");
  const auto files = open_pictures(folder.path(), kSize, 3);
  CHECK(contains(error_message([&] {
                   example_pictures(ctx, *files, methods, placed_squares(HolePlacement::kRandom, 3),
                                    std::vector<int64_t>{1});
                 }),
                 "text"));
}
