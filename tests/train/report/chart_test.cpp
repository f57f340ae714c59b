#include "train/report/chart.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <sstream>

#include "tests/harness/error_message.h"
#include "tests/harness/html_page.h"

using namespace inpaint;

namespace {

struct Place {
  double x, y;
};

// Where the paths begin; only those with these attributes first.
std::vector<Place> path_begins(const std::string& html, const std::string& attributes = "") {
  std::vector<Place> found;
  for (const std::string& path : all_between(html, attributes + "d=\"M", "\"")) {
    std::istringstream text(path);
    Place place;
    REQUIRE((text >> place.x >> place.y));
    found.push_back(place);
  }
  return found;
}

Chart line_of(std::vector<ChartPoint> points) {
  return {.title = "loss", .x_title = "step", .series = {{"a", std::move(points)}}};
}

}  // namespace

TEST_CASE("chart: ticks are round, and hold all values") {
  for (const auto& ends : {std::pair{0.0, 1.0},
                           {0.0312, 0.0871},
                           {-3.2, 7.9},
                           {1e-6, 2e-4},
                           {5.0, 5.0},
                           {0.0, 0.0},
                           {-2.0, -2.0},
                           {99990.0, 100010.0},
                           {1.0, 60.0}}) {
    const double low = ends.first, high = ends.second;
    CAPTURE(low);
    CAPTURE(high);
    const Ticks ticks = round_ticks(low, high, 5);
    CHECK(ticks.first <= low + 1e-9 * std::abs(low));
    CHECK(ticks.last() >= high - 1e-9 * std::abs(high));
    CHECK(ticks.count >= 2);
    CHECK(ticks.count <= 7);
    const double leading = ticks.step / std::pow(10, std::floor(std::log10(ticks.step) + 1e-9));
    CHECK((std::abs(leading - 1) < 1e-6 || std::abs(leading - 2) < 1e-6 || std::abs(leading - 5) < 1e-6));
  }
}

TEST_CASE("chart: a larger value stands higher, a later one further right") {
  const std::string html = chart_html(line_of({{.x = 1, .y = 0.5}, {.x = 2, .y = 0.25}, {.x = 5, .y = 1}}));
  const std::vector<Place> marks = path_begins(html, "class=\"mark\" ");
  REQUIRE(marks.size() == 3);
  CHECK(marks[0].x < marks[1].x);
  CHECK((marks[2].x - marks[1].x) == doctest::Approx(3 * (marks[1].x - marks[0].x)).epsilon(0.01));
  CHECK(marks[1].y > marks[0].y);
  CHECK(marks[2].y < marks[0].y);
  CHECK((marks[1].y - marks[0].y) * 2 == doctest::Approx(marks[0].y - marks[2].y).epsilon(0.01));
  CHECK(contains(html, "aria-label=\"loss. a: first 0.5, last 1, between 0.25 and 1.\""));
}

TEST_CASE("chart: everything stays inside the drawing, intervals as long as the world too") {
  Chart chart = line_of({{.x = 0, .y = 1, .half_width = 1e9}, {.x = 1, .y = 2, .half_width = 0.1}});
  chart.categories = {"few", "many"};
  chart.series.push_back({"b", {{.x = 0, .y = -3}, {.x = 1, .y = 4}}});
  chart.level = 0;
  const std::string html = chart_html(chart);
  for (const Place place : path_begins(html)) {
    CHECK((place.x >= -8 && place.x <= 480));
    CHECK((place.y >= -8 && place.y <= 290));
  }
  CHECK(contains(html, ">few</text>"));
  CHECK(contains(html, "class=\"legend\""));
  CHECK(contains(html, "class=\"level\""));
  // The values stay apart: the long interval does not flatten them.
  const std::vector<Place> marks = path_begins(html, "class=\"mark\" ");
  REQUIRE(marks.size() == 6);  // two of them are the legend's
  CHECK(marks[2].y - marks[3].y > 40);
}

TEST_CASE("chart: without a finite value it says so, and names are escaped") {
  const double infinity = std::numeric_limits<double>::infinity();
  CHECK(contains(chart_html(line_of({})), "nothing to show"));
  CHECK(contains(chart_html(line_of({{.x = 1, .y = infinity}})), "nothing to show"));
  CHECK(contains(chart_html({.title = "t", .x_title = "x", .series = {}}), "nothing to show"));
  Chart hostile = line_of({{.x = 1, .y = 1}, {.x = 2, .y = std::nan("")}, {.x = 3, .y = 1}});
  hostile.title = hostile.x_title = hostile.series[0].name = hostile.marked_text = "<img src=x>";
  hostile.marked_x = 2;
  hostile.series.push_back({"<i>", {{.x = 1, .y = 2}}});
  const std::string html = chart_html(hostile);
  CHECK_FALSE(contains(html, "<img"));
  CHECK_FALSE(contains(html, "<i>"));
  CHECK_FALSE(contains(html, "nan"));
  CHECK_FALSE(contains(html, "inf"));
  CHECK(contains(html, "class=\"marked\""));
}
