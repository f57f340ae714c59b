#include "train/run/sample_pictures.h"

#include <algorithm>

#include "core/device/copy.h"
#include "core/file/replace_file.h"
#include "core/image/image_codec.h"
#include "kernels/picture/image_quality.h"
#include "kernels/picture/to_bytes.h"
#include "train/data/picture_grid.h"

namespace inpaint {
namespace {

constexpr uint8_t kMidGrey = 127;  // what to_bytes makes of 0

// The mean over the values that are there, `count` of them; none where none is.
std::optional<double> mean_of(const std::vector<std::optional<double>>& values, int64_t& count) {
  double sum = 0;
  count = 0;
  for (const std::optional<double>& value : values)
    if (value) {
      sum += *value;
      ++count;
    }
  return count > 0 ? std::optional(sum / static_cast<double>(count)) : std::nullopt;
}

}  // namespace

SamplePictures::SamplePictures(Context& ctx, const TrainingStep& step, const Shape& pictures,
                               std::filesystem::path folder)
    : folder_(std::move(folder)) {
  pictures_ = arena_.reserve(pictures, step.picture_type());
  bytes_ = arena_.reserve(pictures, DType::kU8);
  images_ = arena_.reserve(pictures, DType::kU8);
  mask_ = arena_.reserve({pictures[0], pictures[1], pictures[2]}, DType::kU8);
  for (int* id : {&absolute_, &squared_, &ssim_}) *id = arena_.reserve({pictures[0]}, DType::kF64);
  if (const Tensor squares = step.hidden_images(); squares.data != nullptr)
    for (int* id : {&hidden_bytes_, &fake_bytes_}) *id = arena_.reserve(squares.shape, DType::kU8);
  arena_.allocate(ctx.device());
  ctx.reserve_workspace(ssim_workspace_bytes(ctx, pictures));
}

std::vector<SampleSheet> SamplePictures::save(const Context& ctx, const TrainingStep& step,
                                              const Batch& batch, int64_t count, int64_t number) const {
  const std::string stem = std::to_string(number);
  std::vector<SampleSheet> sheets;
  const auto save = [&](const Tensor& pictures, std::string_view shows, const char* ending) {
    sheets.push_back(save_grid(ctx, first_of(pictures, count), shows, stem + ending));
  };
  save(batch.pictures, "pictures", "_0.png");
  const Tensor painted = arena_.tensor(pictures_);
  step.write_inpainted(painted);
  save(as_bytes(ctx, painted), "filled", "_1.png");

  const int64_t channels = batch.pictures.shape[3];
  const uint8_t* pixels = batch.pictures.as<uint8_t>();
  std::vector<uint8_t> masked(pixels, pixels + batch.pictures.elements());
  for (int64_t i = 0; i < batch.holes.mask.elements(); ++i)
    if (batch.holes.mask.as<uint8_t>()[i] != 0)
      std::fill_n(masked.begin() + i * channels, channels, kMidGrey);
  const Tensor with_holes{batch.pictures.shape, DType::kU8, Device::kCpu, masked.data()};
  save(with_holes, "holes", "_2.png");
  if (step.write_harmonic(painted)) save(as_bytes(ctx, painted), "harmonic", "_3.png");
  return sheets;
}

HoleQuality SamplePictures::measure(const Context& ctx, const TrainingStep& step, const Batch& batch,
                                    int64_t count) const {
  upload(ctx, batch.pictures, arena_.tensor(images_));
  upload(ctx, batch.holes.mask, arena_.tensor(mask_));
  const Tensor pictures = arena_.tensor(pictures_);
  step.write_inpainted(pictures);
  Errors painted = compare(ctx, pictures, batch, count);
  HoleQuality quality;
  quality.ssim = painted.ssim;
  quality.psnr = mean_of(painted.psnr, quality.with_psnr);
  if (hidden_bytes_ >= 0) {
    const Tensor hidden = arena_.tensor(hidden_bytes_), fake = arena_.tensor(fake_bytes_);
    to_bytes(ctx, step.hidden_images(), hidden);
    to_bytes(ctx, step.fake_images(), fake);
    quality.ssim = ssim_of(ctx, first_of(hidden, count), first_of(fake, count), {});
  }
  if (!step.write_harmonic(pictures)) return quality;
  const Errors harmonic = compare(ctx, pictures, batch, count);
  for (size_t i = 0; i < painted.psnr.size(); ++i)
    painted.psnr[i] = painted.psnr[i] && harmonic.psnr[i]
                          ? std::optional(*painted.psnr[i] - *harmonic.psnr[i])
                          : std::nullopt;
  quality.gain = mean_of(painted.psnr, quality.with_gain);
  return quality;
}

Tensor SamplePictures::as_bytes(const Context& ctx, const Tensor& pictures) const {
  const Tensor bytes = arena_.tensor(bytes_);
  to_bytes(ctx, pictures, bytes);
  return bytes;
}

SamplePictures::Errors SamplePictures::compare(const Context& ctx, const Tensor& painted, const Batch& batch,
                                               int64_t count) const {
  const Tensor bytes = first_of(as_bytes(ctx, painted), count),
               images = first_of(arena_.tensor(images_), count), mask = first_of(arena_.tensor(mask_), count),
               sums = first_of(arena_.tensor(squared_), count);
  byte_errors(ctx, images, bytes, mask, first_of(arena_.tensor(absolute_), count), sums);
  const HostCopy squared(ctx, sums);

  const int64_t n = images.shape[0], pixels = mask.elements() / n;
  Errors errors{{}, ssim_of(ctx, images, bytes, mask)};
  for (int64_t i = 0; i < n; ++i) {
    const uint8_t* missing = batch.holes.mask.as<uint8_t>() + i * pixels;
    const auto values = static_cast<double>(
        std::count_if(missing, missing + pixels, [](uint8_t m) { return m != 0; }) * images.shape[3]);
    errors.psnr.push_back(psnr(squared->as<double>()[i], values));
  }
  return errors;
}

double SamplePictures::ssim_of(const Context& ctx, const Tensor& a, const Tensor& b,
                               const Tensor& mask) const {
  const int64_t n = a.shape[0];
  const Tensor each = first_of(arena_.tensor(ssim_), n);
  ssim(ctx, a, b, mask, each);
  const HostCopy values(ctx, each);
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += values->as<double>()[i] / static_cast<double>(n);
  return sum;
}

SampleSheet SamplePictures::save_grid(const Context& ctx, const Tensor& pictures, std::string_view shows,
                                      const std::string& name) const {
  const Image grid = picture_grid(HostCopy(ctx, pictures));
  std::vector<uint8_t> png = encode_png(grid);
  replace_file(folder_ / name, {reinterpret_cast<const char*>(png.data()), png.size()});
  return {shows, grid.height, grid.width, grid.channels, std::move(png)};
}

}  // namespace inpaint
