#include "train/fill/picture_filler.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/fill/harmonic_fill.h"
#include "kernels/picture/to_bytes.h"
#include "train/fill/fill_plan.h"
#include "train/fill/harmonic_base.h"
#include "train/fill/patch_finish.h"
#include "train/fill/region.h"

namespace inpaint {
namespace {

// The bytes of values as a picture's file has them (kernels/picture/to_bytes.h).
void put_bytes(const Context& ctx, const std::vector<float>& values, std::vector<uint8_t>& bytes) {
  bytes.resize(values.size());
  const Shape shape{static_cast<int64_t>(values.size())};
  to_bytes(ctx, {shape, DType::kF32, Device::kCpu, const_cast<float*>(values.data())},
           {shape, DType::kU8, Device::kCpu, bytes.data()});
}

void put_part(const Context& ctx, const HolePart& part, const std::vector<float>& values, Image& picture) {
  std::vector<uint8_t> bytes;
  put_bytes(ctx, values, bytes);
  for (const HoleRun& run : part.runs)
    std::copy_n(bytes.data() + run.first * picture.channels, (run.end - run.begin) * picture.channels,
                picture.pixel(run.row, run.begin));
}

// Where a place beyond the end of a line of `count` pixels is mirrored to; the end pixels are not repeated.
int64_t mirrored(int64_t at, int64_t count) {
  if (count == 1) return 0;
  const int64_t period = 2 * (count - 1), place = ((at % period) + period) % period;
  return std::min(place, period - place);
}

int64_t known_pixels(const Region& region, const FillWindow& window, int64_t size) {
  int64_t known = 0;
  for (int64_t row = std::max<int64_t>(window.top, 0); row < std::min(window.top + size, region.height());
       ++row)
    for (int64_t column = std::max<int64_t>(window.left, 0);
         column < std::min(window.left + size, region.width()); ++column)
      known += region.is_missing(row, column) ? 0 : 1;
  return known;
}

}  // namespace

// Paints the windows of a region: what has to be added to the region's pixels.
class PictureFiller::WindowPainter {
 public:
  WindowPainter(Context& ctx, InferenceModel& model)
      : ctx_(ctx),
        model_(model),
        size_(model.image_size()),
        channels_(static_cast<int>(model.image_channel())) {
    const Shape pictures{1, size_, size_, channels_};
    picture_ = arena_.reserve(pictures, DType::kU8);
    mask_ = arena_.reserve({1, size_, size_}, DType::kU8);
    offsets_ = arena_.reserve({1, 2}, DType::kI32);
    painted_ = arena_.reserve(pictures, DType::kF32);
    harmonic_ = arena_.reserve(pictures, DType::kF32);
    arena_.allocate(Device::kCpu);
    ctx.reserve_workspace(harmonic_fill_workspace_bytes(ctx, pictures, DType::kF32));
  }

  int64_t size() const { return size_; }
  int channels() const { return channels_; }

  // Makes of `region`, whose missing pixels hold the harmonic fill, what has to be added there; 0 elsewhere.
  void paint(Region& region, std::span<const FillWindow> windows) {
    if (model_.settings().model == ModelKind::kHarmonicUnet)
      paint_at_once(region, windows);
    else
      paint_inwards(region, windows);
  }

 private:
  void paint_at_once(Region& region, std::span<const FillWindow> windows) {
    const size_t pixels = static_cast<size_t>(region.height() * region.width());
    std::vector<double> sums(pixels * static_cast<size_t>(channels_)), weights(pixels);
    for (const FillWindow& window : windows) {
      load(region, window);
      const Tensor painted = arena_.tensor(painted_), harmonic = arena_.tensor(harmonic_);
      std::transform(bytes(), bytes() + painted.elements(), harmonic.as<float>(),
                     [](uint8_t byte) { return (static_cast<float>(byte) - 127.5f) / 127.5f; });
      ctx_.reserve_workspace(harmonic_fill_workspace_bytes(ctx_, harmonic.shape, harmonic.dtype));
      harmonic_fill(ctx_, arena_.tensor(mask_), harmonic);
      model_.paint({arena_.tensor(picture_), {arena_.tensor(mask_), {}}}, painted);
      each_pixel(region, window, [&](int64_t row, int64_t column, int64_t at) {
        const PixelBox& zone = window.zone;
        const double weight = window_weight(row, zone.top, zone.bottom(), size_) *
                              window_weight(column, zone.left, zone.right(), size_);
        const auto pixel = static_cast<size_t>(row * region.width() + column);
        weights[pixel] += weight;
        for (int64_t c = 0; c < channels_; ++c)
          sums[pixel * static_cast<size_t>(channels_) + static_cast<size_t>(c)] +=
              weight * static_cast<double>(painted.as<float>()[at + c] - harmonic.as<float>()[at + c]);
      });
    }
    for (int64_t row = 0; row < region.height(); ++row)
      for (int64_t column = 0; column < region.width(); ++column) {
        const auto pixel = static_cast<size_t>(row * region.width() + column);
        const bool has_word = region.is_missing(row, column) && weights[pixel] > 0;
        for (int64_t c = 0; c < channels_; ++c)
          region.pixel(row, column)[c] =
              has_word
                  ? static_cast<float>(sums[pixel * static_cast<size_t>(channels_) + static_cast<size_t>(c)] /
                                       weights[pixel])
                  : 0;
      }
  }

  void paint_inwards(Region& region, std::span<const FillWindow> windows) {
    const Region base = region;
    std::vector<FillWindow> left(windows.begin(), windows.end());
    while (!left.empty()) {
      const auto next = std::ranges::max_element(
          left, {}, [&](const FillWindow& window) { return known_pixels(region, window, size_); });
      const FillWindow window = *next;
      left.erase(next);
      load(region, window);
      const auto corner = [this](int64_t zone, int64_t extent, int64_t start) {
        return static_cast<int32_t>(std::clamp<int64_t>(zone + extent / 2 - size_ / 4 - start, 0, size_ / 2));
      };
      int32_t* const offsets = arena_.tensor(offsets_).as<int32_t>();
      offsets[0] = corner(window.zone.top, window.zone.height, window.top);
      offsets[1] = corner(window.zone.left, window.zone.width, window.left);
      model_.paint({arena_.tensor(picture_), {arena_.tensor(mask_), arena_.tensor(offsets_)}},
                   arena_.tensor(painted_));
      const float* const painted = arena_.tensor(painted_).as<float>();
      each_pixel(region, window, [&](int64_t row, int64_t column, int64_t at) {
        if (!is_inside(window.zone, row, column) || !region.is_missing(row, column)) return;
        std::copy_n(painted + at, channels_, region.pixel(row, column));
        region.set_known(row, column);
      });
    }
    for (int64_t row = 0; row < region.height(); ++row)
      for (int64_t column = 0; column < region.width(); ++column)
        for (int64_t c = 0; c < channels_; ++c) region.pixel(row, column)[c] -= base.pixel(row, column)[c];
  }

  static bool is_inside(const PixelBox& box, int64_t row, int64_t column) {
    return row >= box.top && row < box.bottom() && column >= box.left && column < box.right();
  }

  uint8_t* bytes() const { return arena_.tensor(picture_).as<uint8_t>(); }

  // The window's pixels and mask; what lies beyond the region is its mirror image.
  void load(const Region& region, const FillWindow& window) {
    uint8_t *to = bytes(), *missing = arena_.tensor(mask_).as<uint8_t>();
    for (int64_t i = 0; i < size_; ++i)
      for (int64_t j = 0; j < size_; ++j) {
        const int64_t row = mirrored(window.top + i, region.height()),
                      column = mirrored(window.left + j, region.width());
        *missing++ = region.is_missing(row, column) ? 1 : 0;
        const float* from = region.pixel(row, column);
        for (int64_t c = 0; c < channels_; ++c)
          *to++ = static_cast<uint8_t>(std::clamp(from[c] * 127.5f + 128.0f, 0.0f, 255.0f));
      }
  }

  // f(row, column, index of the window's pixel) for the pixels of the window inside the region.
  template <typename F>
  void each_pixel(const Region& region, const FillWindow& window, F&& f) const {
    for (int64_t i = 0; i < size_; ++i)
      for (int64_t j = 0; j < size_; ++j) {
        const int64_t row = window.top + i, column = window.left + j;
        if (row >= 0 && column >= 0 && row < region.height() && column < region.width())
          f(row, column, (i * size_ + j) * channels_);
      }
  }

  Context& ctx_;
  InferenceModel& model_;
  int64_t size_;
  int channels_;
  Arena arena_;
  int picture_, mask_, offsets_, painted_, harmonic_;
};

PictureFiller::PictureFiller(Context& ctx, InferenceModel* model, Finish finish)
    : ctx_(ctx), finish_(finish) {
  if (model != nullptr) painter_ = std::make_unique<WindowPainter>(ctx, *model);
}

PictureFiller::~PictureFiller() = default;

void PictureFiller::fill_in_model_channels(Image& picture, const Image& mask,
                                           std::span<const HolePart> parts) {
  std::vector<std::vector<float>> fills;
  for (const HolePart& part : parts) fills.push_back(harmonic_base(ctx_, picture, mask, part));
  for (size_t k = 0; k < parts.size(); ++k) put_part(ctx_, parts[k], fills[k], picture);
  if (painter_ == nullptr) return;
  std::vector<float> added(static_cast<size_t>(picture.channels));
  for (const FillJob& job : plan_fill(parts, picture, painter_->size())) {
    Region region = Region(picture, mask, job.region).reduced(job.height, job.width);
    painter_->paint(region, job.windows);
    for (const size_t number : job.parts) {
      float* value = fills[number].data();
      for (const HoleRun& run : parts[number].runs)
        for (int64_t column = run.begin; column < run.end; ++column) {
          region.sample(run.row, column, added.data());
          for (const float more : added) *value++ += more;
        }
      put_part(ctx_, parts[number], fills[number], picture);
    }
  }
}

void PictureFiller::fill(Image& picture, const Image& mask) {
  INPAINT_CHECK(mask.channels == 1 && mask.height == picture.height && mask.width == picture.width,
                "a mask {} x {} x {} for a picture {} x {}", mask.height, mask.width, mask.channels,
                picture.height, picture.width);
  const std::vector<HolePart> parts = hole_parts(mask);
  const int channels = painter_ ? painter_->channels() : picture.channels;
  if (channels == picture.channels) {
    fill_in_model_channels(picture, mask, parts);
  } else if (picture.channels == 1) {
    Image coloured = with_channels(picture, channels);
    fill_in_model_channels(coloured, mask, parts);
    picture = with_channels(std::move(coloured), 1);
  } else {
    Image one(picture.height, picture.width, 1);
    const auto step = static_cast<size_t>(picture.channels);
    for (size_t c = 0; c < step; ++c) {
      for (size_t k = 0; k < one.bytes.size(); ++k) one.bytes[k] = picture.bytes[k * step + c];
      fill_in_model_channels(one, mask, parts);
      for (size_t k = 0; k < one.bytes.size(); ++k) picture.bytes[k * step + c] = one.bytes[k];
    }
  }
  if (finish_ == Finish::kPatches) finish(picture, mask, parts);
}

void PictureFiller::finish(Image& picture, const Image& mask, std::span<const HolePart> parts) {
  const int64_t side = std::max(picture.height, picture.width);
  const bool seen_whole = painter_ != nullptr && side <= painter_->size();
  PatchMatchOptions options = seen_whole ? patch_match_of_painted(side) : PatchMatchOptions{};
  constexpr int64_t kTogether = 64;  // small parts are finished together inside so many pixels
  for (const FillJob& job : plan_fill(parts, picture, 2 * kTogether)) {
    options.box = job.box;
    copy_texture(ctx_, picture, mask, options);
    ++options.seed;
  }
}

}  // namespace inpaint
