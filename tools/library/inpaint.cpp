#include "tools/library/inpaint.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "core/base/plain_text.h"
#include "core/cpu/level.h"
#include "tools/library/model_thread.h"
#include "train/fill/model_filler.h"
#include "train/holes/picture_mask.h"
#include "train/settings/flag_values.h"

struct inpaint_model {
  inpaint::ModelThread thread;
  std::optional<inpaint::ModelFiller> filler;  // is touched by the thread only
};

namespace inpaint {
namespace {

constexpr int64_t kMostPixels = int64_t{1} << 28;
constexpr WholeRange kGrow{0, 1000}, kThreads{0, 1024}, kGpu{0, 255};

// Memory that is there already: a message about memory that is not must not need any.
thread_local char last_error[1024];

void remember(std::string_view message) {
  const size_t length = std::min(message.size(), sizeof last_error - 1);
  std::memcpy(last_error, message.data(), length);
  last_error[length] = '\0';
}

int failed(int status, std::string_view message) {
  remember(message);
  return status;
}

// Runs what may throw; the status, with its message remembered.
template <typename F>
int guarded(F&& f) noexcept {
  try {
    last_error[0] = '\0';
    f();
    return INPAINT_OK;
  } catch (const OutOfMemory& error) {
    return failed(INPAINT_OUT_OF_MEMORY, error.what());
  } catch (const std::bad_alloc&) {
    return failed(INPAINT_OUT_OF_MEMORY, "out of memory");
  } catch (const UserError& error) {
    try {
      return failed(INPAINT_BAD_INPUT, escaped(error.what()));  // it quotes paths, which may hold anything
    } catch (const std::bad_alloc&) {
      return failed(INPAINT_BAD_INPUT, "bad input, and no memory to say more");
    }
  } catch (const std::system_error& error) {
    if (error.code() == std::errc::resource_unavailable_try_again)
      return failed(INPAINT_OUT_OF_MEMORY,
                    "cannot start a thread: too little memory, or too many threads run already");
    return failed(INPAINT_FAILED, error.what());
  } catch (const std::exception& error) {
    return failed(INPAINT_FAILED, error.what());
  } catch (...) {
    return failed(INPAINT_FAILED, "unknown exception");
  }
}

void check_range(std::string_view name, int64_t value, WholeRange range) {
  if (value < range.min || value > range.max) user_error("{}={}; allowed: {}", name, value, range.text());
}

struct Place {
  DeviceChoice device;
  int gpu;
};

Place place_named(std::string_view name) {
  if (name.empty() || name == "auto") return {DeviceChoice::kAuto, 0};
  if (name == "cpu") return {DeviceChoice::kCpu, 0};
  if (name == "cuda") return {DeviceChoice::kCuda, 0};
  int64_t number = 0;
  if (name.starts_with("cuda:") && parse_whole(name.substr(5), kGpu, number).empty())
    return {DeviceChoice::kCuda, static_cast<int>(number)};
  user_error("device={}; allowed: auto, cpu, cuda or cuda:N", shown(name));
}

// The options of a caller that may be older or newer than this library.
inpaint_options known_options(const inpaint_options* given) {
  inpaint_options options = INPAINT_OPTIONS_INIT;
  if (given == nullptr) return options;
  const auto* const bytes = reinterpret_cast<const unsigned char*>(given);
  if (given->size < sizeof given->size)
    user_error("options.size={}; allowed: sizeof(inpaint_options)", given->size);
  if (given->size > sizeof options &&
      std::any_of(bytes + sizeof options, bytes + given->size, [](unsigned char byte) { return byte != 0; }))
    user_error("options: set a field that version {} of the library does not know", INPAINT_VERSION);
  std::memcpy(&options, given, std::min(given->size, sizeof options));
  check_range("options.grow", options.grow, kGrow);
  if (options.finish != INPAINT_FINISH_PATCHES && options.finish != INPAINT_FINISH_NONE)
    user_error("options.finish={}; allowed: INPAINT_FINISH_PATCHES or INPAINT_FINISH_NONE", options.finish);
  return options;
}

int64_t row_stride(std::string_view name, int64_t stride, int64_t row_bytes) {
  if (stride == 0) return row_bytes;
  if (stride < row_bytes) user_error("{}={}; allowed: 0, or at least {} bytes", name, stride, row_bytes);
  return stride;
}

// A picture in the caller's memory: pixels of `step` bytes, of which the first `channels` are painted.
struct Pixels {
  uint8_t* data;
  int64_t width, height, stride;
  int step, channels;

  uint8_t* at(int64_t row, int64_t column) const { return data + row * stride + column * step; }
};

Image mask_at(const uint8_t* mask, int64_t stride, const Pixels& pixels) {
  Image image(pixels.height, pixels.width, 1);
  for (int64_t row = 0; row < pixels.height; ++row)
    std::transform(mask + row * stride, mask + row * stride + pixels.width, image.pixel(row, 0),
                   [](uint8_t byte) { return static_cast<uint8_t>(byte != 0); });
  return image;
}

Image picture_at(const Pixels& pixels) {
  Image image(pixels.height, pixels.width, pixels.channels);
  for (int64_t row = 0; row < pixels.height; ++row)
    for (int64_t column = 0; column < pixels.width; ++column)
      std::copy_n(pixels.at(row, column), pixels.channels, image.pixel(row, column));
  return image;
}

void put_missing(const Image& filled, const Image& mask, const Pixels& pixels) {
  for (int64_t row = 0; row < pixels.height; ++row)
    for (int64_t column = 0; column < pixels.width; ++column)
      if (*mask.pixel(row, column) != 0)
        std::copy_n(filled.pixel(row, column), pixels.channels, pixels.at(row, column));
}

int fill(inpaint_model* model, Pixels pixels, const uint8_t* mask, int64_t mask_stride,
         const inpaint_options* given) {
  return guarded([&] {
    if (model == nullptr) user_error("model is NULL");
    if (pixels.data == nullptr) user_error("pixels is NULL");
    if (mask == nullptr) user_error("mask is NULL");
    if (pixels.width < 1 || pixels.height < 1 || pixels.width > kMostPixels ||
        pixels.height > kMostPixels / pixels.width)
      user_error("a picture of width={} height={}; allowed: 1 to {} pixels", pixels.width, pixels.height,
                 kMostPixels);
    pixels.stride = row_stride("stride", pixels.stride, pixels.width * pixels.step);
    mask_stride = row_stride("mask_stride", mask_stride, pixels.width);
    const inpaint_options options = known_options(given);

    Image missing = mask_at(mask, mask_stride, pixels);
    grow_mask(missing, options.grow);
    const int64_t count = missing_pixels(missing);
    if (count == 0) return;
    if (count == pixels.width * pixels.height)
      user_error("every pixel of the picture is missing: nothing is left to go on from");
    Image picture = picture_at(pixels);
    const Finish finish = options.finish == INPAINT_FINISH_NONE ? Finish::kNone : Finish::kPatches;
    model->thread.run([&] { model->filler->fill(picture, missing, finish); });
    put_missing(picture, missing, pixels);
  });
}

}  // namespace
}  // namespace inpaint

inpaint_model* inpaint_load(const char* checkpoint, const char* device, int threads) {
  std::unique_ptr<inpaint_model> model;
  const int status = inpaint::guarded([&] {
    if (const std::string problem = inpaint::cpu_level_problem(); !problem.empty())
      throw inpaint::UserError(problem);
    inpaint::check_range("threads", threads, inpaint::kThreads);
    const inpaint::Place place = inpaint::place_named(device == nullptr ? "" : device);
    model = std::make_unique<inpaint_model>();
    model->thread.run([&] {
      model->filler.emplace(checkpoint == nullptr ? "" : checkpoint, place.device, place.gpu, threads);
    });
  });
  return status == INPAINT_OK ? model.release() : nullptr;
}

int inpaint_fill_rgb8(inpaint_model* model, uint8_t* pixels, int64_t width, int64_t height, int64_t stride,
                      const uint8_t* mask, int64_t mask_stride, const inpaint_options* options) {
  return inpaint::fill(model, {pixels, width, height, stride, 3, 3}, mask, mask_stride, options);
}

int inpaint_fill_grey8(inpaint_model* model, uint8_t* pixels, int64_t width, int64_t height, int64_t stride,
                       const uint8_t* mask, int64_t mask_stride, const inpaint_options* options) {
  return inpaint::fill(model, {pixels, width, height, stride, 1, 1}, mask, mask_stride, options);
}

int inpaint_fill_rgba8(inpaint_model* model, uint8_t* pixels, int64_t width, int64_t height, int64_t stride,
                       const uint8_t* mask, int64_t mask_stride, const inpaint_options* options) {
  return inpaint::fill(model, {pixels, width, height, stride, 4, 3}, mask, mask_stride, options);
}

void inpaint_free(inpaint_model* model) {
  if (model == nullptr) return;
  try {
    model->thread.run([model] { model->filler.reset(); });
  } catch (...) {  // the GPU has failed already; there is nobody to tell
  }
  delete model;
}

const char* inpaint_last_error(void) { return inpaint::last_error; }

const char* inpaint_version(void) { return INPAINT_VERSION; }
