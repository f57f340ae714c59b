// window_product on the CPU; contract in window_product_cpu.h. Bound by the multiply-adds: a panel of weights
// is packed into the second-level cache and every tile of rows streams it from there. Few rows are bound by
// the memory the weights come from.
#include "kernels/cpu/window_product_cpu.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace inpaint::cpu {
namespace {

// Panel rows packed at a time, of all panels together: 256 KB of the widest ones, a part of the
// second-level cache.
template <typename T>
constexpr int64_t kDepth = sizeof(T) == 2 ? 2048 : 1024;

// The outputs of a task in panels of `width` columns, of which the last may have fewer.
struct Panels {
  int64_t lanes, width, first_output, columns;

  int64_t count() const { return (columns + width - 1) / width; }
  int64_t columns_of(int64_t panel) const { return std::min(width, columns - panel * width); }
  int64_t vectors_of(int64_t panel) const { return (columns_of(panel) + lanes - 1) / lanes; }
};

// Grid coordinates whose windows hold the same places [lo, hi) inside the picture, along one axis.
struct Band {
  int64_t begin, end, lo, hi;
};

// Both lo and hi change window times at most.
constexpr int64_t kMaxBands = 2 * kMaxProductWindow + 1;

struct Bands {
  std::array<Band, kMaxBands> bands;
  int64_t count = 0;

  const Band* begin() const { return bands.data(); }
  const Band* end() const { return bands.data() + count; }
};

Bands bands_of(const WindowProduct& s, int64_t grid, int64_t source, int64_t before) {
  // The number of places before pixel `end`, for a window that begins at pixel `first`.
  const auto places = [&](int64_t first, int64_t end) {
    return std::min(s.window, (std::max<int64_t>(end - first, 0) + s.dilation - 1) / s.dilation);
  };
  Bands found;
  for (int64_t i = 0; i < grid; ++i) {
    const int64_t first = s.stride * i - before;
    const int64_t lo = places(first, 0), hi = places(first, source);
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
  std::array<Group, kMaxBands * kMaxBands> groups;
  int64_t count = 0;
};

// The origins (of window and output pixel) of rows [begin, end) in the order of their groups.
Groups find_rows(const WindowProduct& s, int64_t begin, int64_t end, int64_t* source_rows,
                 int64_t* out_rows) {
  Groups found;
  int64_t group_begin = 0, written = 0;
  const Bands columns = bands_of(s, s.grid_w, s.source_w, s.left);
  for (const Band& a : bands_of(s, s.grid_h, s.source_h, s.top)) {
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

// A part of the depth: values [k_begin, k_end) of each of the window's rows [p_begin, p_end). A row of a
// window has window * channels values.
struct Block {
  int64_t p_begin, p_end, k_begin, k_end;

  int64_t width() const { return k_end - k_begin; }
  int64_t rows() const { return (p_end - p_begin) * width(); }
  int64_t panel_row(int64_t p, int64_t k) const { return (p - p_begin) * width() + k - k_begin; }
};

template <typename T>
Block block_at(const WindowProduct& s, int64_t p, int64_t k) {
  constexpr int64_t kPair = 2;
  const int64_t run = s.window * s.channels, depth = kDepth<T> / window_product_panels(s) / kPair * kPair;
  return {p, std::min(s.window, p + std::max<int64_t>(1, depth / run)), k, std::min(run, k + depth)};
}

template <typename T>
Block block_after(const WindowProduct& s, const Block& block) {
  return block.k_end < s.window * s.channels ? block_at<T>(s, block.p_begin, block.k_end)
                                             : block_at<T>(s, block.p_end, 0);
}

// The weights of place k in the window's row p, from an output on.
template <typename T>
const T* weights_at(const WindowProduct& s, const T* w, int64_t p, int64_t k, int64_t output) {
  return w + (s.w_offset + p * s.w_row + k / s.channels * s.w_column + k % s.channels * s.w_channel +
              output * s.w_output);
}

// Panel i begins at to[i * block.rows() * panels.width].
template <typename T>
void pack(const TileKernels<T>& kernels, const WindowProduct& s, const Block& block, const T* w,
          const Panels& panels, T* to) {
  constexpr int64_t kRows = 8;  // rows of w that are read side by side, from panel to panel
  const bool transposed = s.w_channel == 1;
  const bool one_run = transposed && s.w_column == s.channels;
  for (int64_t p = block.p_begin; p < block.p_end; ++p) {
    for (int64_t k = block.k_begin, next; k < block.k_end; k = next) {
      next = one_run ? block.k_end : std::min(block.k_end, k - k % s.channels + s.channels);
      if (!transposed) next = std::min(next, k + kRows);
      for (int64_t i = 0; i < panels.count(); ++i) {
        const int64_t columns = panels.columns_of(i), vectors = panels.vectors_of(i);
        const T* from = weights_at(s, w, p, k, panels.first_output + i * panels.width);
        T* panel = to + i * block.rows() * panels.width + block.panel_row(p, k) * vectors * kernels.lanes;
        if (transposed) {
          kernels.pack_transposed(from, s.w_output, next - k, columns, vectors, panel);
        } else {
          kernels.pack_rows(from, s.w_channel, next - k, columns, vectors, panel);
        }
      }
    }
  }
}

// The rows of w that the next block packs: each tile fetches two of them, `step` values for each of
// its depth.
template <typename T>
struct Ahead {
  const WindowProduct& s;
  const T* w;
  const Panels& panels;
  Block block;
  int64_t step, row = 0;

  void set(PanelTile<T>& tile) {
    tile.ahead = tile.panel;
    tile.ahead_stride = tile.ahead_step = 0;
    if (s.w_channel == 1 || row >= block.rows()) return;
    tile.ahead = weights_at(s, w, block.p_begin + row / block.width(), block.k_begin + row % block.width(),
                            panels.first_output);
    tile.ahead_stride = s.w_channel;
    tile.ahead_step = step;
    row += 2;
  }
};

// The parts of a window that a tile multiplies. A row of a window is one run of the source or, dilated, a run
// for each of its pixels.
struct Runs {
  std::array<TileRun, kMaxProductWindow * kMaxProductWindow> runs;
  int64_t count = 0;

  Runs(const WindowProduct& s, const Block& block, const Group& group) {
    const int64_t from = std::max(block.k_begin, group.lo_q * s.channels),
                  to = std::min(block.k_end, group.hi_q * s.channels);
    for (int64_t p = std::max(block.p_begin, group.lo_p); p < std::min(block.p_end, group.hi_p); ++p)
      for (int64_t k = from, next; k < to; k = next) {
        const int64_t q = k / s.channels;
        next = s.dilation == 1 ? to : std::min(to, (q + 1) * s.channels);
        runs[static_cast<size_t>(count++)] = {
            (p * s.dilation * s.source_w + q * (s.dilation - 1)) * s.channels + k, block.panel_row(p, k),
            next - k};
      }
  }
};

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
              const Panels& panels, const Sums<T>& sums, Ahead<T>& ahead, PanelTile<T> tile) {
  const Runs runs(s, block, group);
  tile.runs = runs.runs.data();
  tile.run_count = runs.count;
  if (tile.run_count == 0 && tile.out == nullptr) return;
  tile.resume = group.started;
  tile.sums_stride = sums.stride;
  group.started = true;
  const int64_t *source_rows = tile.rows + group.first, *out_rows = tile.out_rows + group.first;
  for (int64_t i = 0; i < panels.count(); ++i) {
    const int64_t vectors = panels.vectors_of(i);
    const int64_t tiles = (group.count + kernels.rows(vectors) - 1) / kernels.rows(vectors);
    tile.columns = panels.columns_of(i);
    for (int64_t t = 0; t < tiles; ++t) {  // tiles of nearly equal height: no tile with a row or two
      const int64_t first = group.count * t / tiles, height = group.count * (t + 1) / tiles - first;
      tile.rows = source_rows + first;
      tile.out_rows = out_rows + first;
      tile.sums = sums.data + (group.first + first) * sums.stride + i * panels.width;
      ahead.set(tile);
      kernels.panel_tile[vectors][height](tile);
    }
    tile.panel += block.rows() * panels.width;
    if (tile.out != nullptr) tile.out += panels.width;
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
  const Panels panels{kernels.lanes, kernels.lanes * kernels.vectors, first_output, columns};
  PanelTile<T> tile{};
  tile.source = source;
  tile.rows = scratch.source_rows;
  tile.panel = scratch.panel;
  tile.out_rows = scratch.out_rows;
  for (Block block = block_at<T>(s, 0, 0), next; block.p_begin < s.window; block = next) {
    next = block_after<T>(s, block);
    pack(kernels, s, block, w, panels, scratch.panel);
    const bool last = next.p_begin == s.window;
    tile.out = last && out != nullptr ? out + first_output : nullptr;
    Ahead<T> ahead{s, w, panels, next, panels.columns / block.rows()};
    for (int64_t g = 0; g < groups.count; ++g)
      multiply(kernels, s, block, groups.groups[static_cast<size_t>(g)], panels, sums, ahead, tile);
  }
}

}  // namespace

int64_t window_product_panels(const WindowProduct& s) {
  constexpr int64_t kMost = 16;
  return s.w_channel == 1 ? 1 : std::clamp<int64_t>(kWindowProductRows / s.rows(), 1, kMost);
}

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
  const int64_t count = static_cast<int64_t>(products.size()), parts = count * panels;
  // Every task packs its weights, so few rows cost; but each thread should have some tasks. The cuts leave
  // every sum as it is, so they may depend on the number of threads.
  constexpr int64_t kTasksPerThread = 4, kFewTasksPerThread = 2, kFewRows = 96;
  const int64_t wanted = (kTasksPerThread * ctx.threads() + parts - 1) / parts;
  const int64_t chunks = std::max((rows + kWindowProductRows - 1) / kWindowProductRows,
                                  std::min(wanted, (rows + kFewRows - 1) / kFewRows));
  const int64_t most = window_product_panels(products.front()), few = kFewTasksPerThread * ctx.threads();
  const int64_t cuts = std::clamp((few + count - 1) / count, (panels + most - 1) / most, panels);
  const int64_t scratch_bytes = window_product_scratch_bytes(kDTypeOf<T>);
  ctx.parallel(chunks * count * cuts, [&](int64_t task, int worker) {
    const int64_t chunk = task / (count * cuts), cut = task % cuts;
    const int64_t first_output = panels * cut / cuts * width,
                  end_output = std::min(outputs, panels * (cut + 1) / cuts * width);
    const WindowProduct& product = products[static_cast<size_t>(task / cuts % count)];
    window_product_rows(kernels, product, rows * chunk / chunks, rows * (chunk + 1) / chunks, first_output,
                        end_output - first_output, source, w, out,
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
