// cut_hole and paste_hole on CUDA; contract in hole.h. Memory-bound: every output written once, and all
// inputs read once from memory but the hole's bytes, which come from the cache the second time.
#include "kernels/cuda/launch.h"
#include "kernels/cuda/normalized_pixel_cuda.h"
#include "kernels/picture/hole.h"

namespace inpaint::cuda {
namespace {

struct Pictures {
  int64_t n;
  unsigned size, hole, c;
  unsigned row, hole_row;              // values of a row of pixels
  unsigned row_packs, hole_row_packs;  // packs of a row; the last may be cut off by the row's end
};

// Where a picture's hole begins: its first row, and its first value in a row.
struct Corner {
  unsigned i, at;

  __device__ Corner(const Pictures& s, const int32_t* offsets, int64_t n) {
    const int last = static_cast<int>(s.size - s.hole);
    i = static_cast<unsigned>(min(max(offsets[2 * n], 0), last));
    at = static_cast<unsigned>(min(max(offsets[2 * n + 1], 0), last)) * s.c;
  }
};

// The blocks' x goes over the packs of a picture's `masked` and then of its `hidden`, their y over pictures.
// sm_90: at most 40 registers, 128-bit stores
template <bool kPacked, typename T>
__global__ void __launch_bounds__(kBlockThreads)
    cut_hole_kernel(Pictures s, const uint8_t* __restrict__ images, const int32_t* __restrict__ offsets,
                    T* __restrict__ masked, T* __restrict__ hidden) {
  constexpr int kSize = Pack<T>::kSize;
  const unsigned picture_packs = s.size * s.row_packs, packs = picture_packs + s.hole * s.hole_row_packs;
  for (int64_t n = blockIdx.y; n < s.n; n += gridDim.y) {
    const Corner corner(s, offsets, n);
    for (auto p = static_cast<unsigned>(global_thread()); p < packs; p += gridDim.x * blockDim.x) {
      if (p < picture_packs) {
        const unsigned i = p / s.row_packs, at = (p - i * s.row_packs) * kSize;
        const int64_t row = (n * s.size + i) * s.row;
        Pack<T> values = normalized_pack<T>(load<kPacked, kSize>(images + row, at, s.row));
        if (i - corner.i < s.hole) {
#pragma unroll
          for (int k = 0; k < kSize; ++k)
            if (at + k - corner.at < s.hole_row) values[k] = T(0.0f);
        }
        store<kPacked>(values, masked + row, at, s.row);
      } else {
        const unsigned q = p - picture_packs, i = q / s.hole_row_packs,
                       at = (q - i * s.hole_row_packs) * kSize;
        const uint8_t* const from = images + (n * s.size + corner.i + i) * s.row + corner.at;
        const Pack<T> values = normalized_pack<T>(load<false, kSize>(from, at, s.hole_row));
        store<kPacked>(values, hidden + (n * s.hole + i) * s.hole_row, at, s.hole_row);
      }
    }
  }
}

// In place, packs outside the hole stay as they are. No pointer is __restrict__: inpainted may be masked.
// sm_90: at most 64 registers, 128-bit loads, 128-bit stores
template <bool kPacked, typename T>
__global__ void __launch_bounds__(kBlockThreads)
    paste_hole_kernel(Pictures s, const T* masked, const T* fake, const int32_t* offsets, T* inpainted) {
  constexpr int kSize = Pack<T>::kSize;
  for (int64_t n = blockIdx.y; n < s.n; n += gridDim.y) {
    const Corner corner(s, offsets, n);
    for (auto p = static_cast<unsigned>(global_thread()); p < s.size * s.row_packs;
         p += gridDim.x * blockDim.x) {
      const unsigned i = p / s.row_packs, at = (p - i * s.row_packs) * kSize;
      const bool touches = i - corner.i < s.hole && at + kSize > corner.at && at < corner.at + s.hole_row;
      if (!touches && masked == inpainted) continue;
      const int64_t row = (n * s.size + i) * s.row;
      Pack<T> values = load<kPacked, kSize>(masked + row, at, s.row);
      if (touches) {
        const T* const from = fake + (n * s.hole + i - corner.i) * s.hole_row;
#pragma unroll
        for (int k = 0; k < kSize; ++k)
          if (at + k - corner.at < s.hole_row) values[k] = from[at + k - corner.at];
      }
      store<kPacked>(values, inpainted + row, at, s.row);
    }
  }
}

template <typename T>
Pictures pictures_of(const char* op, const Tensor& picture, const Tensor& block) {
  constexpr int64_t kSize = Pack<T>::kSize;
  const int64_t size = picture.shape[1], hole = block.shape[1], c = picture.shape[3];
  INPAINT_CHECK(size * size * c < int64_t{1} << 30, "{}: pictures of {}", op, to_string(picture.shape));
  const auto packs = [](int64_t row) { return static_cast<unsigned>((row + kSize - 1) / kSize); };
  return {picture.shape[0],
          static_cast<unsigned>(size),
          static_cast<unsigned>(hole),
          static_cast<unsigned>(c),
          static_cast<unsigned>(size * c),
          static_cast<unsigned>(hole * c),
          packs(size * c),
          packs(hole * c)};
}

dim3 grid_of(const Pictures& s, int64_t packs) {
  const int64_t per_picture = blocks_1d(packs);
  return {static_cast<unsigned>(per_picture),
          static_cast<unsigned>(std::min(s.n, std::max<int64_t>(1, kMaxBlocks1d / per_picture)))};
}

}  // namespace

void cut_hole(const Context& ctx, const Tensor& images, const Tensor& offsets, const Tensor& masked,
              const Tensor& hidden) {
  visit_activation_type(hidden.dtype, [&]<typename T>(T) {
    using D = DeviceType<T>;
    constexpr int kSize = Pack<D>::kSize;
    const Pictures s = pictures_of<D>("cut_hole", images, hidden);
    const uint8_t* const bytes = images.as<uint8_t>();
    D *const maskeds = data_of<T>(masked), *const hiddens = data_of<T>(hidden);
    const bool packed = s.row % kSize == 0 && s.hole_row % kSize == 0 && can_pack<kSize>(bytes) &&
                        can_pack<kSize>(maskeds, hiddens);
    launch("cut_hole", ctx.stream(),
           grid_of(s, int64_t{s.size} * s.row_packs + int64_t{s.hole} * s.hole_row_packs),
           dim3(kBlockThreads), 0, packed ? cut_hole_kernel<true, D> : cut_hole_kernel<false, D>, s, bytes,
           offsets.as<int32_t>(), maskeds, hiddens);
  });
}

void paste_hole(const Context& ctx, const Tensor& masked, const Tensor& fake, const Tensor& offsets,
                const Tensor& inpainted) {
  visit_activation_type(fake.dtype, [&]<typename T>(T) {
    using D = DeviceType<T>;
    constexpr int kSize = Pack<D>::kSize;
    const Pictures s = pictures_of<D>("paste_hole", masked, fake);
    const D* const maskeds = data_of<T>(masked);
    D* const inpainteds = data_of<T>(inpainted);
    const bool packed = s.row % kSize == 0 && can_pack<kSize>(maskeds, inpainteds);
    launch("paste_hole", ctx.stream(), grid_of(s, int64_t{s.size} * s.row_packs), dim3(kBlockThreads), 0,
           packed ? paste_hole_kernel<true, D> : paste_hole_kernel<false, D>, s, maskeds, data_of<T>(fake),
           offsets.as<int32_t>(), inpainteds);
  });
}

}  // namespace inpaint::cuda
