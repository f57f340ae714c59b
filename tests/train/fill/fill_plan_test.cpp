#include "train/fill/fill_plan.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace inpaint;

namespace {

struct Plan {
  Plan(int64_t height, int64_t width, const std::vector<PixelBox>& boxes, int64_t window)
      : mask(height, width, 1) {
    for (const PixelBox& box : boxes)
      for (int64_t row = box.top; row < box.bottom(); ++row)
        std::fill_n(mask.pixel(row, box.left), box.width, uint8_t{1});
    parts = hole_parts(mask);
    jobs = plan_fill(parts, mask, window);
  }
  Image mask;
  std::vector<HolePart> parts;
  std::vector<FillJob> jobs;
};

// What holds of every plan.
void check_plan(const Plan& plan, int64_t window) {
  std::vector<int> seen(plan.parts.size());
  for (const FillJob& job : plan.jobs) {
    const PixelBox& r = job.region;
    CHECK(r.top >= 0);
    CHECK(r.left >= 0);
    CHECK(r.bottom() <= plan.mask.height);
    CHECK(r.right() <= plan.mask.width);
    CHECK(job.height <= r.height);
    CHECK(job.width <= r.width);
    Image painted(job.height, job.width, 1);
    for (const FillWindow& w : job.windows) {
      // A window leaves the region only where the region is smaller.
      CHECK((job.height >= window ? w.top >= 0 && w.top + window <= job.height
                                  : w.top <= 0 && w.top + window >= job.height));
      CHECK((job.width >= window ? w.left >= 0 && w.left + window <= job.width
                                 : w.left <= 0 && w.left + window >= job.width));
      CHECK(w.zone.top >= w.top);
      CHECK(w.zone.left >= w.left);
      CHECK(w.zone.bottom() <= w.top + window);
      CHECK(w.zone.right() <= w.left + window);
      CHECK(w.zone.height <= window / 2 + 2);
      CHECK(w.zone.width <= window / 2 + 2);
      for (int64_t row = w.zone.top; row < w.zone.bottom(); ++row)
        std::fill_n(painted.pixel(row, w.zone.left), w.zone.width, uint8_t{1});
    }
    for (const size_t number : job.parts) {
      ++seen[number];
      const PixelBox& box = plan.parts[number].box;
      CHECK(box.top >= job.box.top);
      CHECK(box.bottom() <= job.box.bottom());
      // Every missing pixel lies in a zone.
      for (const HoleRun& run : plan.parts[number].runs)
        for (int64_t column = run.begin; column < run.end; ++column)
          REQUIRE(*painted.pixel((run.row - r.top) * job.height / r.height,
                                 (column - r.left) * job.width / r.width) == 1);
    }
  }
  CHECK(std::ranges::all_of(seen, [](int times) { return times == 1; }));
}

}  // namespace

TEST_CASE("fill plan: a small part lies in the middle of one window, as it is") {
  const Plan plan(300, 400, {{100, 200, 20, 30}}, 64);
  REQUIRE(plan.jobs.size() == 1);
  CHECK(plan.jobs[0].region == PixelBox{78, 183, 64, 64});
  CHECK(plan.jobs[0].height == 64);
  REQUIRE(plan.jobs[0].windows.size() == 1);
  CHECK(plan.jobs[0].windows[0].zone == PixelBox{22, 17, 20, 30});
  check_plan(plan, 64);
}

TEST_CASE("fill plan: parts near each other share a window, others do not") {
  const Plan plan(300, 400, {{100, 200, 5, 5}, {110, 220, 6, 6}, {100, 300, 5, 5}, {250, 10, 3, 3}}, 64);
  REQUIRE(plan.parts.size() == 4);
  REQUIRE(plan.jobs.size() == 3);
  CHECK(plan.jobs[0].parts.size() == 2);
  CHECK(plan.jobs[0].box == PixelBox{100, 200, 16, 26});
  check_plan(plan, 64);
}

TEST_CASE("fill plan: a large compact part is reduced to half a window") {
  const Plan plan(1080, 1920, {{400, 800, 200, 300}}, 128);
  REQUIRE(plan.jobs.size() == 1);
  const FillJob& job = plan.jobs[0];
  CHECK(job.region.width == 600);
  CHECK(job.width == 128);
  REQUIRE(job.windows.size() == 1);
  CHECK(job.windows[0].zone.width >= 64);
  CHECK(job.windows[0].zone.width <= 66);
  check_plan(plan, 128);
}

TEST_CASE("fill plan: a long narrow part keeps its scale and gets several windows") {
  const Plan plan(400, 900, {{200, 50, 20, 800}}, 64);
  REQUIRE(plan.jobs.size() == 1);
  CHECK(plan.jobs[0].width == plan.jobs[0].region.width);
  CHECK(plan.jobs[0].windows.size() == 25);
  check_plan(plan, 64);
  // Twice as wide as half a window: reduced by two.
  const Plan wide(400, 900, {{150, 50, 64, 800}}, 64);
  CHECK(wide.jobs[0].width * 2 == wide.jobs[0].region.width);
  check_plan(wide, 64);
}

TEST_CASE("fill plan: at the borders, and in pictures smaller than a window") {
  struct Hole {
    int64_t height, width;  // of the picture
    PixelBox box;
  };
  for (const Hole& hole : {Hole{300, 400, {0, 0, 30, 30}},
                           {300, 400, {290, 395, 10, 5}},
                           {40, 50, {10, 10, 20, 20}},
                           {40, 500, {0, 20, 39, 400}},
                           {9, 7, {2, 2, 3, 3}},
                           {200, 200, {0, 0, 199, 200}},
                           {1, 90, {0, 20, 1, 60}}})
    for (const int64_t window : {64, 128}) {
      CAPTURE(hole.height);
      CAPTURE(window);
      check_plan(Plan(hole.height, hole.width, {hole.box}, window), window);
    }
}

TEST_CASE("fill plan: a window has its whole say in its zone and none far from it") {
  CHECK(window_weight(10, 10, 20, 64) == 1);
  CHECK(window_weight(19, 10, 20, 64) == 1);
  CHECK(window_weight(6, 10, 20, 64) == doctest::Approx(0.5));
  CHECK(window_weight(23, 10, 20, 64) == doctest::Approx(0.5));
  CHECK(window_weight(2, 10, 20, 64) == 0);
  CHECK(window_weight(27, 10, 20, 64) == 0);
}
