// Charts as inline SVG, drawn by the program: they need no script. Colours come from the page's style.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace inpaint {

struct ChartPoint {
  double x = 0, y = 0;
  std::optional<double> half_width = {};  // of the interval around y
};

// Points that are not finite are left out.
struct ChartSeries {
  std::string name;  // any text
  std::vector<ChartPoint> points;
  bool has_line = true, has_marks = true;
};

struct Chart {
  std::string title;                         // any text, with the unit; so are the other texts
  std::string x_title;                       // below the axis
  std::vector<ChartSeries> series;           // up to kMostSeries
  std::vector<std::string> categories = {};  // x 0, 1, 2 ... have these names; empty: x are numbers
  std::optional<double> level = {};          // a horizontal line to compare with
  std::optional<double> marked_x = {};       // a vertical line, if it lies in the range
  std::string marked_text = {};              // what it stands for
};

inline constexpr size_t kMostSeries = 6;  // colours and marks to tell them apart

// A <figure> with its title, the drawing and, for more than one series, a legend. The drawing's label says
// each series' first and last value, its least and its largest. Without a point it says that there is
// nothing to show.
std::string chart_html(const Chart& chart);

// Round numbers about `wanted` apart, from below `low` to above `high`: 1, 2 or 5 times a power of ten apart.
struct Ticks {
  double first = 0, step = 1;
  int count = 0;  // at least 2
  double at(int i) const { return first + step * i; }
  double last() const { return at(count - 1); }
};
Ticks round_ticks(double low, double high, int wanted);

}  // namespace inpaint
