#include "train/fill/picture_filler.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <optional>

#include "tests/harness/temporary_folder.h"
#include "tests/train/run/small_run.h"
#include "train/fill/patch_finish.h"

using namespace inpaint;

namespace {

// A tiny model after some steps, which paints something else than the harmonic fill.
// A hole in a picture of some size.
struct Hole {
  int64_t height, width;
  PixelBox box;
};
constexpr Hole kHoles[] = {{150, 200, {40, 50, 20, 30}},
                           {150, 200, {20, 10, 100, 150}},
                           {30, 45, {0, 5, 20, 40}},
                           {200, 300, {90, 4, 8, 290}},
                           {5, 4, {1, 1, 2, 2}}};

struct Trained {
  explicit Trained(ModelKind kind, int64_t steps = 3, int channels = 3) : ctx(2) {
    TrainSettings s = small_run(folder.path());
    s.model = kind;
    s.image_channel = channels;
    s.max_steps = steps;
    if (channels == 1) s.data_root = folder / "grey";
    if (kind == ModelKind::kHarmonicUnet) {
      s.holes = HoleForm::kMixed;
      s.learning_rate = 0.01;
      s.warm_up = 0;
    }
    if (channels == 1) {
      std::filesystem::create_directories(folder / "grey");
      s.mode = Split::kTrain;
      std::string bytes;
      for (int i = 0; i < kPictures; ++i) {
        const Image picture = procedural_picture(1, i, 64, 1);
        bytes.append(picture.bytes.begin(), picture.bytes.end());
      }
      put_file(data_file(s), bytes);
    }
    run_quietly(s);
    model.emplace(ctx, checkpoint_folder(s), 1);
  }

  TemporaryFolder folder;
  Context ctx;
  std::optional<InferenceModel> model;
};

Image picture_of(int64_t height, int64_t width, int channels = 3) {
  return resize(procedural_picture(7, 3, 64, channels), height, width);
}

Image box_mask(const Image& picture, const PixelBox& box) {
  Image mask(picture.height, picture.width, 1);
  for (int64_t row = box.top; row < box.bottom(); ++row)
    std::fill_n(mask.pixel(row, box.left), box.width, uint8_t{1});
  return mask;
}

Image filled(Context& ctx, InferenceModel* model, Image picture, const Image& mask,
             Finish finish = Finish::kNone) {
  PictureFiller(ctx, model, finish).fill(picture, mask);
  return picture;
}

bool known_stayed(const Image& before, const Image& after, const Image& mask) {
  for (size_t pixel = 0; pixel < mask.bytes.size(); ++pixel)
    for (size_t c = 0; c < static_cast<size_t>(before.channels); ++c) {
      const size_t at = pixel * static_cast<size_t>(before.channels) + c;
      if (mask.bytes[pixel] == 0 && before.bytes[at] != after.bytes[at]) return false;
    }
  return before.height == after.height && before.channels == after.channels;
}

int largest_difference(const Image& a, const Image& b) {
  int largest = 0;
  for (size_t i = 0; i < a.bytes.size(); ++i) largest = std::max(largest, std::abs(a.bytes[i] - b.bytes[i]));
  return largest;
}

// What the model itself paints of a picture of its size.
Image painted_by(Trained& t, const Image& picture, const Image& mask, int32_t row, int32_t column) {
  Image copy = picture, hole = mask;
  std::vector<float> values(picture.bytes.size());
  int32_t offsets[] = {row, column};
  const Shape shape{1, picture.height, picture.width, picture.channels};
  t.model->paint({{shape, DType::kU8, Device::kCpu, copy.bytes.data()},
                  {{{1, picture.height, picture.width}, DType::kU8, Device::kCpu, hole.bytes.data()},
                   {{1, 2}, DType::kI32, Device::kCpu, offsets}}},
                 {shape, DType::kF32, Device::kCpu, values.data()});
  for (size_t i = 0; i < values.size(); ++i)
    copy.bytes[i] = static_cast<uint8_t>(std::clamp(values[i] * 127.5f + 127.5f, 0.0f, 255.0f));
  return copy;
}

}  // namespace

TEST_CASE("picture filler: a picture of the model's size comes out as the model paints it") {
  Trained t(ModelKind::kHarmonicUnet);
  const Image picture = picture_of(64, 64), mask = box_mask(picture, {20, 16, 24, 32});
  const Image result = filled(t.ctx, &*t.model, picture, mask);
  CHECK(largest_difference(result, painted_by(t, picture, mask, 0, 0)) <= 1);
  CHECK(largest_difference(result, filled(t.ctx, nullptr, picture, mask)) >= 3);
  CHECK(known_stayed(picture, result, mask));

  Trained square(ModelKind::kContextEncoder);
  const Image half = box_mask(picture, {16, 16, 32, 32});
  const Image block = filled(square.ctx, &*square.model, picture, half);
  CHECK(largest_difference(block, painted_by(square, picture, half, 16, 16)) <= 1);
  CHECK(known_stayed(picture, block, half));
}

TEST_CASE("picture filler: a model that has learnt nothing leaves the harmonic fill, at any size") {
  Trained t(ModelKind::kHarmonicUnet, 0);
  for (const Hole& hole : kHoles) {
    CAPTURE(hole.height);
    CAPTURE(hole.box.height);
    const Image picture = picture_of(hole.height, hole.width), mask = box_mask(picture, hole.box);
    CHECK(filled(t.ctx, &*t.model, picture, mask) == filled(t.ctx, nullptr, picture, mask));
  }
}

TEST_CASE("picture filler: both kinds of models fill holes of any size, and known pixels keep their bytes") {
  for (const ModelKind kind : {ModelKind::kHarmonicUnet, ModelKind::kContextEncoder}) {
    Trained t(kind);
    for (const Hole& hole : kHoles) {
      CAPTURE(hole.height);
      CAPTURE(hole.box.height);
      const Image picture = picture_of(hole.height, hole.width), mask = box_mask(picture, hole.box);
      const Image result = filled(t.ctx, &*t.model, picture, mask);
      CHECK(known_stayed(picture, result, mask));
      CHECK(largest_difference(result, filled(t.ctx, nullptr, picture, mask)) >= 2);
      Context one(1);
      InferenceModel again(one, t.model->file(), 1);
      CHECK(filled(one, &again, picture, mask) == result);  // the same for any number of threads
    }
  }
}

TEST_CASE("picture filler: what is added to a reduced picture is enlarged without steps") {
  Trained t(ModelKind::kHarmonicUnet);
  Image picture(300, 300, 3);  // constant: the harmonic fill is, too, so that only the residual shows
  std::fill(picture.bytes.begin(), picture.bytes.end(), uint8_t{100});
  const Image mask = box_mask(picture, {70, 70, 160, 160});
  const Image result = filled(t.ctx, &*t.model, picture, mask);
  int steepest = 0, most = 0;
  for (int64_t row = 71; row < 230; ++row)
    for (int64_t column = 71; column < 230; ++column) {
      steepest = std::max(steepest, std::abs(*result.pixel(row, column) - *result.pixel(row, column - 1)));
      most = std::max(most, std::abs(*result.pixel(row, column) - 100));
    }
  CHECK(most >= 3);
  CHECK(steepest <= most / 2 + 1);
}

TEST_CASE("picture filler: grey pictures and models of colours, and the other way round") {
  Trained t(ModelKind::kHarmonicUnet);
  const Image grey = picture_of(100, 120, 1), mask = box_mask(grey, {30, 30, 25, 25});
  const Image result = filled(t.ctx, &*t.model, grey, mask);
  CHECK(result.channels == 1);
  CHECK(known_stayed(grey, result, mask));
  CHECK(result == with_channels(filled(t.ctx, &*t.model, with_channels(grey, 3), mask), 1));

  Trained of_grey(ModelKind::kHarmonicUnet, 3, 1);
  const Image colours = picture_of(100, 120), each = filled(of_grey.ctx, &*of_grey.model, colours, mask);
  Image blue(100, 120, 1);
  for (size_t i = 0; i < blue.bytes.size(); ++i) blue.bytes[i] = colours.bytes[3 * i + 2];
  const Image blue_filled = filled(of_grey.ctx, &*of_grey.model, blue, mask);
  for (size_t i = 0; i < blue.bytes.size(); ++i) REQUIRE(each.bytes[3 * i + 2] == blue_filled.bytes[i]);
}

TEST_CASE("picture filler: parts are filled each for itself, patches finish them") {
  Trained t(ModelKind::kHarmonicUnet);
  const Image picture = picture_of(200, 260);
  Image mask = box_mask(picture, {20, 20, 16, 16});
  const Image alone = filled(t.ctx, &*t.model, picture, mask);
  for (int64_t row = 120; row < 150; ++row) std::fill_n(mask.pixel(row, 180), 40, uint8_t{1});
  const Image both = filled(t.ctx, &*t.model, picture, mask);
  for (int64_t row = 20; row < 36; ++row)
    CHECK(std::equal(alone.pixel(row, 20), alone.pixel(row, 36), both.pixel(row, 20)));
  CHECK(known_stayed(picture, both, mask));

  const Image finished = filled(t.ctx, &*t.model, picture, mask, Finish::kPatches);
  CHECK(known_stayed(picture, finished, mask));
  CHECK(finished != both);
  CHECK(finished == filled(t.ctx, &*t.model, picture, mask, Finish::kPatches));
}

TEST_CASE("picture filler: patches keep to what a model has painted in a picture of its size") {
  Trained t(ModelKind::kHarmonicUnet);
  const Image small = picture_of(60, 64), large = picture_of(60, 70);
  const PixelBox box{20, 20, 20, 30};
  const auto check = [&](const Image& picture, InferenceModel* model, PatchMatchOptions finish) {
    CAPTURE(picture.width);
    const Image mask = box_mask(picture, box);
    Image want = filled(t.ctx, model, picture, mask);
    finish.box = box;
    copy_texture(t.ctx, want, mask, finish);
    CHECK(filled(t.ctx, model, picture, mask, Finish::kPatches) == want);
  };
  check(small, &*t.model, patch_match_of_painted(64));
  check(large, &*t.model, {});
  check(small, nullptr, {});
}
