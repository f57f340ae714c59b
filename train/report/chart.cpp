#include "train/report/chart.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/base/error.h"
#include "train/report/html.h"

namespace inpaint {
namespace {

constexpr double kWidth = 480, kHeight = 290, kLeft = 62, kRight = 14, kTop = 14, kBottom = 52;

struct Range {
  double low = std::numeric_limits<double>::infinity(), high = -std::numeric_limits<double>::infinity();

  void add(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  bool is_empty() const { return low > high; }
};

bool is_finite(const ChartPoint& point) { return std::isfinite(point.x) && std::isfinite(point.y); }

template <typename F>
void for_each_point(const Chart& chart, F&& look) {
  for (const ChartSeries& series : chart.series)
    for (const ChartPoint& point : series.points)
      if (is_finite(point)) look(point);
}

Range x_range(const Chart& chart) {
  if (!chart.categories.empty()) return {-0.5, static_cast<double>(chart.categories.size()) - 0.5};
  Range range;
  for_each_point(chart, [&](const ChartPoint& point) { range.add(point.x); });
  return range;
}

// The values, and of their intervals so much that the values stay apart.
Range y_range(const Chart& chart) {
  Range values;
  if (chart.level) values.add(*chart.level);
  for_each_point(chart, [&](const ChartPoint& point) { values.add(point.y); });
  const double spread = values.high - values.low;
  Range range = values;
  for_each_point(chart, [&](const ChartPoint& point) {
    if (!point.half_width || !std::isfinite(*point.half_width)) return;
    const double most = spread > 0 ? std::min(*point.half_width, spread) : *point.half_width;
    range.add(point.y - most);
    range.add(point.y + most);
  });
  return range;
}

std::string tick_text(double value, double step) {
  const double size = std::max(std::abs(value), step);
  if (size >= 1e6 || size < 1e-4) return fmt::format("{:.3g}", value == 0 ? 0 : value);
  const int decimals = std::max(0, static_cast<int>(std::ceil(-std::log10(step) - 1e-9)));
  return fmt::format("{:.{}f}", std::abs(value) < step / 1e3 ? 0 : value, decimals);
}

// What stands for a value of series `number`: a form of its own, beside its colour.
std::string mark(size_t number, double x, double y) {
  static constexpr const char* kForms[kMostSeries] = {
      "m-5 0a5 5 0 1 0 10 0a5 5 0 1 0 -10 0z", "m-4.5 -4.5h9v9h-9z", "m0 -6l5.5 10h-11z",
      "m0 -6.5l6 6.5l-6 6.5l-6 -6.5z",         "m0 6l5.5 -10h-11z",  "m-6 -2h12v4h-12z"};
  return fmt::format("<path class=\"mark\" d=\"M{:.1f} {:.1f}{}\"/>", x, y, kForms[number]);
}

class Drawing {
 public:
  Drawing(const Chart& chart, const Range& x, const Range& y)
      : chart_(chart), y_ticks_(round_ticks(y.low, y.high, 5)) {
    x_ = x;
    if (x_.low == x_.high) {
      x_.low -= 0.5;
      x_.high += 0.5;
    }
  }

  std::string svg() const {
    std::string text = fmt::format("<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">\n", kWidth,
                                   kHeight, html_text(label()));
    text += y_axis() + x_axis();
    if (chart_.level) text += line("level", kLeft, y_of(*chart_.level), kWidth - kRight, y_of(*chart_.level));
    if (chart_.marked_x && *chart_.marked_x >= x_.low && *chart_.marked_x <= x_.high)
      text += line("marked", x_of(*chart_.marked_x), kTop, x_of(*chart_.marked_x), kHeight - kBottom);
    for (size_t i = 0; i < chart_.series.size(); ++i) text += series(i);
    return text + "</svg>\n";
  }

 private:
  double x_of(double x) const {
    return kLeft + (x - x_.low) / (x_.high - x_.low) * (kWidth - kLeft - kRight);
  }
  double y_of(double y) const {
    const double share = (y - y_ticks_.first) / (y_ticks_.last() - y_ticks_.first);
    return kHeight - kBottom - std::clamp(share, 0.0, 1.0) * (kHeight - kTop - kBottom);
  }

  static std::string line(const char* kind, double x1, double y1, double x2, double y2) {
    return fmt::format("<path class=\"{}\" d=\"M{:.1f} {:.1f}L{:.1f} {:.1f}\"/>\n", kind, x1, y1, x2, y2);
  }

  static std::string text_at(double x, double y, const char* anchor, const std::string& text) {
    return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\">{}</text>\n", x, y, anchor,
                       html_text(text));
  }

  std::string y_axis() const {
    std::string text;
    for (int i = 0; i < y_ticks_.count; ++i) {
      const double value = y_ticks_.at(i), y = y_of(value);
      text += line("grid", kLeft, y, kWidth - kRight, y);
      text += text_at(kLeft - 8, y + 4.5, "end", tick_text(value, y_ticks_.step));
    }
    return text;
  }

  std::string x_axis() const {
    const double below = kHeight - kBottom + 20;
    std::string text = text_at((kLeft + kWidth - kRight) / 2, kHeight - 8, "middle", chart_.x_title);
    for (size_t i = 0; i < chart_.categories.size(); ++i)
      text += text_at(x_of(static_cast<double>(i)), below, "middle", chart_.categories[i]);
    if (!chart_.categories.empty()) return text;
    const Ticks ticks = round_ticks(x_.low, x_.high, 5);
    for (int i = 0; i < ticks.count; ++i)
      if (ticks.at(i) >= x_.low && ticks.at(i) <= x_.high)
        text += text_at(x_of(ticks.at(i)), below, "middle", tick_text(ticks.at(i), ticks.step));
    return text;
  }

  // Series of named places stand beside each other there.
  double shift(size_t number) const {
    if (chart_.categories.empty()) return 0;
    return 13 * (static_cast<double>(number) - static_cast<double>(chart_.series.size() - 1) / 2);
  }

  std::string series(size_t number) const {
    const ChartSeries& series = chart_.series[number];
    std::string path, rest;
    for (const ChartPoint& point : series.points) {
      if (!is_finite(point)) continue;
      const double x = x_of(point.x) + shift(number), y = y_of(point.y);
      path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? 'M' : 'L', x, y);
      if (point.half_width)
        rest += line("interval", x, y_of(point.y - *point.half_width), x, y_of(point.y + *point.half_width));
      if (series.has_marks) rest += mark(number, x, y);
    }
    if (series.has_line) path = fmt::format("<path class=\"line\" d=\"{}\"/>\n", path);
    return fmt::format("<g class=\"series-{}\">\n{}{}\n</g>\n", number + 1, series.has_line ? path : "",
                       rest);
  }

  std::string label() const {
    std::string text = chart_.title + '.';
    for (const ChartSeries& series : chart_.series) {
      Range range;
      double first = 0, last = 0;
      for (const ChartPoint& point : series.points) {
        if (!is_finite(point)) continue;
        if (range.is_empty()) first = point.y;
        last = point.y;
        range.add(point.y);
      }
      if (!range.is_empty())
        text += fmt::format(" {}: first {:.4g}, last {:.4g}, between {:.4g} and {:.4g}.", series.name, first,
                            last, range.low, range.high);
    }
    return text;
  }

  const Chart& chart_;
  Range x_;
  Ticks y_ticks_;
};

std::string legend(const Chart& chart) {
  std::string items;
  if (chart.series.size() > 1)
    for (size_t i = 0; i < chart.series.size(); ++i)
      items += fmt::format(
          "<li><svg class=\"key series-{}\" viewBox=\"-8 -8 16 16\" aria-hidden=\"true\">{}</svg>{}</li>\n",
          i + 1, mark(i, 0, 0), html_text(chart.series[i].name));
  if (chart.marked_x)
    items += fmt::format(
        "<li><svg class=\"key\" viewBox=\"-8 -8 16 16\" aria-hidden=\"true\"><path class=\"marked\" d=\"M0 "
        "-8V8\"/></svg>{}</li>\n",
        html_text(chart.marked_text));
  return items.empty() ? items : "<ul class=\"legend\">\n" + items + "</ul>\n";
}

}  // namespace

Ticks round_ticks(double low, double high, int wanted) {
  INPAINT_CHECK(std::isfinite(low) && std::isfinite(high) && low <= high && wanted >= 1, "{} to {}, {}", low,
                high, wanted);
  double span = high - low;
  if (span <= std::abs(high) * 1e-9) {  // one value, and rounding
    span = high == 0 ? 1 : std::abs(high) / 5;
    low -= span / 2;
    high += span / 2;
  }
  const double power = std::pow(10, std::floor(std::log10(span / wanted)));
  double step = 10 * power;
  for (const double factor : {1.0, 2.0, 5.0})
    if (factor * power * wanted >= span) {
      step = factor * power;
      break;
    }
  const double first = std::floor(low / step + 1e-9) * step;
  const int count = static_cast<int>(std::ceil((high - first) / step - 1e-9)) + 1;
  return {first, step, std::max(2, count)};
}

std::string chart_html(const Chart& chart) {
  INPAINT_CHECK(chart.series.size() <= kMostSeries, "{} series", chart.series.size());
  bool has_points = false;
  for_each_point(chart, [&](const ChartPoint&) { has_points = true; });
  const std::string content = has_points
                                  ? Drawing(chart, x_range(chart), y_range(chart)).svg() + legend(chart)
                                  : "<p>There is nothing to show.</p>\n";
  return fmt::format("<figure class=\"chart\">\n<figcaption>{}</figcaption>\n{}</figure>\n",
                     html_text(chart.title), content);
}

}  // namespace inpaint
