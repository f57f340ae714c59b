#include "train/fill/fill_plan.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace inpaint {
namespace {

PixelBox joined(const PixelBox& a, const PixelBox& b) {
  const int64_t top = std::min(a.top, b.top), left = std::min(a.left, b.left);
  return {top, left, std::max(a.bottom(), b.bottom()) - top, std::max(a.right(), b.right()) - left};
}

// A job along one direction.
struct Line {
  struct Window {
    int64_t start, zone, zone_end;
  };
  int64_t begin, length;  // of the region, in the picture
  int64_t pixels;         // when it is reduced
  std::vector<Window> windows;
};

// A box from `begin`, `length` long, in a picture of `limit` pixels; `times`: pixels that become one.
Line plan_line(int64_t begin, int64_t length, int64_t limit, double times, int64_t window) {
  const double reduced = static_cast<double>(length) / times;
  const auto zones =
      std::max<int64_t>(1, static_cast<int64_t>(std::ceil(reduced * 2 / static_cast<double>(window) - 1e-9)));
  const double needed = zones == 1 ? static_cast<double>(window) : reduced + static_cast<double>(window) / 2;
  Line line;
  line.length = std::min(limit, static_cast<int64_t>(std::ceil(needed * times)));
  line.begin = std::clamp<int64_t>(begin + length / 2 - line.length / 2, 0, limit - line.length);
  line.pixels = std::max<int64_t>(1, std::llround(static_cast<double>(line.length) / times));
  const double shrink = static_cast<double>(line.pixels) / static_cast<double>(line.length);
  const double first = static_cast<double>(begin - line.begin) * shrink,
               zone = static_cast<double>(length) * shrink / static_cast<double>(zones);
  for (int64_t k = 0; k < zones; ++k) {
    const auto zone_begin = static_cast<int64_t>(std::floor(first + zone * static_cast<double>(k)));
    const auto zone_end =
        std::min(line.pixels, static_cast<int64_t>(std::ceil(first + zone * static_cast<double>(k + 1))));
    const int64_t middle = (zone_begin + zone_end) / 2 - window / 2;
    line.windows.push_back({std::clamp<int64_t>(middle, std::min<int64_t>(0, line.pixels - window),
                                                std::max<int64_t>(0, line.pixels - window)),
                            zone_begin, zone_end});
  }
  return line;
}

FillJob plan_job(std::vector<size_t> parts, const PixelBox& box, const Image& picture, double times,
                 int64_t window) {
  const Line rows = plan_line(box.top, box.height, picture.height, times, window);
  const Line columns = plan_line(box.left, box.width, picture.width, times, window);
  FillJob job{std::move(parts), box, {rows.begin, columns.begin, rows.length, columns.length}, rows.pixels,
              columns.pixels,   {}};
  for (const Line::Window& r : rows.windows)
    for (const Line::Window& c : columns.windows)
      job.windows.push_back({r.start, c.start, {r.zone, c.zone, r.zone_end - r.zone, c.zone_end - c.zone}});
  return job;
}

double times_of(const HolePart& part, const Image& picture, int64_t window) {
  const int64_t longer = std::max(part.box.height, part.box.width);
  const int64_t width = part_width(part, picture.height, picture.width);
  const int64_t extent = 2 * width >= longer ? longer : width;
  return std::max(1.0, static_cast<double>(extent) / (static_cast<double>(window) / 2));
}

}  // namespace

std::vector<FillJob> plan_fill(std::span<const HolePart> parts, const Image& picture, int64_t window) {
  const int64_t half = window / 2;
  const auto is_small = [half](const PixelBox& box) { return box.height <= half && box.width <= half; };
  std::vector<FillJob> jobs;
  std::vector<bool> done(parts.size());
  for (size_t i = 0; i < parts.size(); ++i) {
    if (done[i]) continue;
    std::vector<size_t> together = {i};
    PixelBox box = parts[i].box;
    double times = 1;
    if (is_small(box)) {
      // Parts come by their first rows, so that those behind half a window's rows are too far.
      for (size_t k = i + 1; k < parts.size() && parts[k].box.top < parts[i].box.top + half; ++k) {
        const PixelBox both = joined(box, parts[k].box);
        if (done[k] || !is_small(both)) continue;
        done[k] = true;
        box = both;
        together.push_back(k);
      }
    } else {
      times = times_of(parts[i], picture, window);
    }
    jobs.push_back(plan_job(std::move(together), box, picture, times, window));
  }
  return jobs;
}

double window_weight(int64_t pixel, int64_t begin, int64_t end, int64_t window) {
  const int64_t outside = pixel < begin ? begin - pixel : pixel >= end ? pixel - end + 1 : 0;
  const double fade = static_cast<double>(window) / 8;
  if (static_cast<double>(outside) >= fade) return 0;
  return 0.5 + 0.5 * std::cos(std::numbers::pi * static_cast<double>(outside) / fade);
}

}  // namespace inpaint
