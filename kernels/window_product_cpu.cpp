// window_product on the CPU; contract in window_product_cpu.h. Bound by the multiply-adds: a panel of weights
// is packed into the second-level cache and every tile of rows streams it from there.
#include "kernels/window_product_cpu.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace inpaint::cpu {
namespace {

// Panel rows packed at a time: 256 KB of the widest panel, a part of the second-level cache.
template <typename T>
constexpr int64_t kDepth = sizeof(T) == 2 ? 2048 : 1024;

// Grid coordinates whose windows hold the same places [lo, hi) inside the picture, along one axis.
struct Band {
  int64_t begin, end, lo, hi;
};

constexpr int64_t kMaxWindow = 4;

struct Bands {
  std::array<Band, 2 * kMaxWindow> bands;  // lo and hi change window times at most
  int64_t count = 0;

  const Band* begin() const { return bands.data(); }
  const Band* end() const { return bands.data() + count; }
};

Bands bands_of(int64_t grid, int64_t source, int64_t window, int64_t stride, int64_t before) {
  Bands found;
  for (int64_t i = 0; i < grid; ++i) {
    const int64_t first = stride * i - before;
    const int64_t lo = std::clamp<int64_t>(-first, 0, window),
                  hi = std::clamp<int64_t>(source - first, 0, window);
    if (found.count > 0) {
      Band& last = found.bands[static_cast<size_t>(found.count - 1)];
      if (last.lo == lo && last.hi == hi) {
        last.end = i + 1;
        continue;
      }
    }
    found.bands.at(static_cast<size_t>(found.count++)) = {i, i + 1, lo, hi};
  }
  return found;
}

// Rows that multiply the same places of their windows: rows [lo_p, hi_p) and columns [lo_q, hi_q).
struct Group {
  int64_t first, count, lo_p, hi_p, lo_q, hi_q;
  bool started;  // its sums hold a block of the depth
};

struct Groups {
  std::array<Group, 4 * kMaxWindow * kMaxWindow> groups;
  int64_t count = 0;
};

// The origins (of window and output pixel) of rows [begin, end) in the order of their groups.
Groups find_rows(const WindowProduct& s, int64_t begin, int64_t end, int64_t* source_rows,
                 int64_t* out_rows) {
  Groups found;
  int64_t group_begin = 0, written = 0;
  const Bands columns = bands_of(s.grid_w, s.source_w, s.window, s.stride, s.left);
  for (const Band& a : bands_of(s.grid_h, s.source_h, s.window, s.stride, s.top)) {
    for (const Band& b : columns) {
      const int64_t width = b.end - b.begin, height = a.end - a.begin, size = s.images * height * width;
      const int64_t from = std::max(begin, group_begin), to = std::min(end, group_begin + size);
      if (from < to) {
        found.groups.at(static_cast<size_t>(found.count++)) = {written, to - from, a.lo, a.hi,
                                                               b.lo,    b.hi,      false};
        const int64_t within = from - group_begin;
        int64_t j = within % width, i = within / width % height, n = within / width / height;
        for (int64_t row = from; row < to; ++row, ++written) {
          const int64_t y = a.begin + i, x = b.begin + j;
          source_rows[written] =
              ((n * s.source_h + s.stride * y - s.top) * s.source_w + s.stride * x - s.left) * s.channels;
          out_rows[written] =
              ((n * s.out_h + s.out_step * y + s.out_top) * s.out_w + s.out_step * x + s.out_left) *
              s.outputs;
          if (++j == width) {
            j = 0;
            if (++i == height) i = 0, ++n;
          }
        }
      }
      group_begin += size;
    }
  }
  return found;
}

// A part of the depth: places [k_begin, k_end) of each of the window's rows [p_begin, p_end). A row of a
// window is one run of window * channels values of the source.
struct Block {
  int64_t p_begin, p_end, k_begin, k_end;

  int64_t panel_row(int64_t p, int64_t k) const { return (p - p_begin) * (k_end - k_begin) + k - k_begin; }
};

template <typename T>
void pack(const TileKernels<T>& kernels, const WindowProduct& s, const Block& block, const T* w,
          int64_t output, int64_t columns, int64_t vectors, T* panel) {
  const bool transposed = s.w_channel == 1;
  const bool one_run = transposed && s.w_column == s.channels;
  for (int64_t p = block.p_begin; p < block.p_end; ++p) {
    for (int64_t k = block.k_begin, next; k < block.k_end; k = next) {
      const int64_t q = k / s.channels, c = k % s.channels;
      next = one_run ? block.k_end : std::min(block.k_end, k - c + s.channels);
      const T* from = w + (s.w_offset + p * s.w_row + q * s.w_column + c * s.w_channel + output * s.w_output);
      T* to = panel + block.panel_row(p, k) * vectors * kernels.lanes;
      if (transposed) {
        kernels.pack_transposed(from, s.w_output, next - k, columns, vectors, to);
      } else {
        kernels.pack_rows(from, s.w_channel, next - k, columns, vectors, to);
      }
    }
  }
}

// Where sums wait between blocks of the depth: row r of the chunk at data[r * stride].
template <typename T>
struct Sums {
  SumOf<T>* data;
  int64_t stride;
};

// Adds a block of the depth to a group's sums. Where tile.out is set, this is the last block and the rows are
// written there.
template <typename T>
void multiply(const TileKernels<T>& kernels, const WindowProduct& s, const Block& block, Group& group,
              int64_t vectors, const Sums<T>& sums, PanelTile<T> tile) {
  std::array<TileRun, kMaxWindow> runs;
  tile.runs = runs.data();
  tile.run_count = 0;
  const int64_t from = std::max(block.k_begin, group.lo_q * s.channels);
  const int64_t to = std::min(block.k_end, group.hi_q * s.channels);
  for (int64_t p = std::max(block.p_begin, group.lo_p); p < std::min(block.p_end, group.hi_p) && from < to;
       ++p)
    runs[static_cast<size_t>(tile.run_count++)] = {p * s.source_w * s.channels + from,
                                                   block.panel_row(p, from), to - from};
  if (tile.run_count == 0 && tile.out == nullptr) return;
  tile.resume = group.started;
  tile.sums_stride = sums.stride;
  group.started = true;
  const int64_t *source_rows = tile.rows + group.first, *out_rows = tile.out_rows + group.first;
  const int64_t tiles = (group.count + kernels.rows(vectors) - 1) / kernels.rows(vectors);
  for (int64_t t = 0; t < tiles; ++t) {  // tiles of nearly equal height: no tile with a row or two
    const int64_t first = group.count * t / tiles, height = group.count * (t + 1) / tiles - first;
    tile.rows = source_rows + first;
    tile.out_rows = out_rows + first;
    tile.sums = sums.data + (group.first + first) * sums.stride;
    kernels.panel_tile[vectors][height](tile);
  }
}

int64_t widest_panel(DType dtype) {
  const auto width = [](const auto& kernels) { return kernels.lanes * kernels.vectors; };
  int64_t widest = 0;
  for (const TileSet* set : tile_sets())
    widest = std::max(widest, dtype == DType::kF64   ? width(set->f64)
                              : dtype == DType::kF32 ? width(set->f32)
                                                     : width(set->b16));
  return widest;
}

// The scratch memory of one worker.
template <typename T>
struct Scratch {
  int64_t *source_rows, *out_rows;
  T* panel;
  SumOf<T>* sums;

  explicit Scratch(void* memory)
      : source_rows(static_cast<int64_t*>(memory)),
        out_rows(source_rows + kWindowProductRows),
        panel(reinterpret_cast<T*>(out_rows + kWindowProductRows)),
        sums(reinterpret_cast<SumOf<T>*>(panel + kDepth<T> * widest_panel(kDTypeOf<T>))) {}

  static int64_t bytes() {
    return 2 * kWindowProductRows * static_cast<int64_t>(sizeof(int64_t)) +
           widest_panel(kDTypeOf<T>) * (kDepth<T> * static_cast<int64_t>(sizeof(T)) +
                                        kWindowProductRows * static_cast<int64_t>(sizeof(SumOf<T>)));
  }
};

// Without `out` the sums stay where they are.
template <typename T>
void run_rows(const TileKernels<T>& kernels, const WindowProduct& s, int64_t begin, int64_t end,
              int64_t first_output, int64_t columns, const T* source, const T* w, T* out, const Sums<T>& sums,
              const Scratch<T>& scratch) {
  Groups groups = find_rows(s, begin, end, scratch.source_rows, scratch.out_rows);
  const int64_t vectors = (columns + kernels.lanes - 1) / kernels.lanes;
  PanelTile<T> tile{};
  tile.source = source;
  tile.rows = scratch.source_rows;
  tile.panel = scratch.panel;
  tile.out_rows = scratch.out_rows;
  tile.columns = columns;
  const int64_t run = s.window * s.channels;  // a row of a window
  const int64_t rows_per_block = std::max<int64_t>(1, kDepth<T> / run);
  for (int64_t p = 0; p < s.window; p += rows_per_block) {
    for (int64_t k = 0; k < run; k += kDepth<T>) {
      const Block block{p, std::min(s.window, p + rows_per_block), k, std::min(run, k + kDepth<T>)};
      pack(kernels, s, block, w, first_output, columns, vectors, scratch.panel);
      const bool last = block.p_end == s.window && block.k_end == run;
      tile.out = last && out != nullptr ? out + first_output : nullptr;
      for (int64_t g = 0; g < groups.count; ++g)
        multiply(kernels, s, block, groups.groups[static_cast<size_t>(g)], vectors, sums, tile);
    }
  }
}

}  // namespace

int64_t window_product_scratch_bytes(DType dtype) {
  if (dtype == DType::kBF16) return Scratch<bf16>::bytes();
  return dtype == DType::kF32 ? Scratch<float>::bytes() : Scratch<double>::bytes();
}

template <typename T>
void window_product_rows(const TileKernels<T>& kernels, const WindowProduct& s, int64_t begin, int64_t end,
                         int64_t first_output, int64_t columns, const T* source, const T* w, T* out,
                         void* scratch) {
  const Scratch<T> memory(scratch);
  run_rows<T>(kernels, s, begin, end, first_output, columns, source, w, out,
              {memory.sums, (columns + kernels.lanes - 1) / kernels.lanes * kernels.lanes}, memory);
}

template <typename T>
void window_product_sums(const TileKernels<T>& kernels, const WindowProduct& s, int64_t begin, int64_t end,
                         int64_t first_output, int64_t columns, const T* source, const T* w, SumOf<T>* sums,
                         int64_t stride, void* scratch) {
  run_rows<T>(kernels, s, begin, end, first_output, columns, source, w, nullptr, {sums, stride},
              Scratch<T>(scratch));
}

template <typename T>
void window_products(const Context& ctx, const TileKernels<T>& kernels,
                     std::span<const WindowProduct> products, const T* source, const T* w, T* out,
                     void* scratch) {
  const int64_t rows = products.front().rows(), outputs = products.front().outputs;
  const int64_t width = kernels.lanes * kernels.vectors, panels = (outputs + width - 1) / width;
  const int64_t parts = panels * static_cast<int64_t>(products.size());
  // Every task packs its weights, so few rows cost; but each thread should have some tasks. The cut leaves
  // every sum as it is, so it may depend on the number of threads.
  constexpr int64_t kTasksPerThread = 4, kFewRows = 96;
  const int64_t wanted = (kTasksPerThread * ctx.threads() + parts - 1) / parts;
  const int64_t chunks = std::max((rows + kWindowProductRows - 1) / kWindowProductRows,
                                  std::min(wanted, (rows + kFewRows - 1) / kFewRows));
  const int64_t scratch_bytes = window_product_scratch_bytes(kDTypeOf<T>);
  ctx.parallel(chunks * parts, [&](int64_t task, int worker) {
    const int64_t chunk = task / parts, first_output = task % panels * width;
    const WindowProduct& product = products[static_cast<size_t>(task % parts / panels)];
    window_product_rows(kernels, product, rows * chunk / chunks, rows * (chunk + 1) / chunks, first_output,
                        std::min(width, outputs - first_output), source, w, out,
                        static_cast<std::byte*>(scratch) + worker * scratch_bytes);
  });
}

#define INPAINT_INSTANTIATE(T)                                                                              \
  template void window_product_rows(const TileKernels<T>&, const WindowProduct&, int64_t, int64_t, int64_t, \
                                    int64_t, const T*, const T*, T*, void*);                                \
  template void window_product_sums(const TileKernels<T>&, const WindowProduct&, int64_t, int64_t, int64_t, \
                                    int64_t, const T*, const T*, SumOf<T>*, int64_t, void*);                \
  template void window_products(const Context&, const TileKernels<T>&, std::span<const WindowProduct>,      \
                                const T*, const T*, T*, void*);
INPAINT_INSTANTIATE(float)
INPAINT_INSTANTIATE(double)
INPAINT_INSTANTIATE(bf16)
#undef INPAINT_INSTANTIATE

}  // namespace inpaint::cpu
