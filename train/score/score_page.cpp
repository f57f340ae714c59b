#include "train/score/score_page.h"

#include <algorithm>
#include <cmath>

#include "train/report/chart.h"
#include "train/report/html.h"
#include "train/report/learning_curves.h"
#include "train/report/page.h"
#include "train/report/training_report.h"
#include "train/score/score_figures.h"

namespace inpaint {
namespace {

constexpr const char* kModelName = "model";
constexpr size_t kMostSkippedNames = 20;

struct MethodWords {
  const char *name, *title, *meaning;
};
constexpr MethodWords kMethods[] = {
    {kModelName, "Model", "The trained model."},
    {"patches", "Copied patches",
     "Patches copied from the known part of the picture: texture, but no sense."},
    {"harmonic", "Harmonic fill",
     "The smoothest continuation of what surrounds the hole: what a model has to beat to be worth anything."},
    {"ring_mean", "Mean around the hole", "One colour: the mean of the pixels that touch the hole."},
    {"known_mean", "Mean of the picture", "One colour: the mean of all known pixels."},
    {"grey", "Mid grey", "One colour, the same for all pictures."}};

std::string title_of(const std::string& method) {
  const auto found =
      std::ranges::find(kMethods, method, [](const MethodWords& m) { return std::string(m.name); });
  return found == std::end(kMethods) ? method : found->title;
}

// With a true minus; `sign` stands before what is above 0.
std::string text_of(double value, int decimals, const char* sign = "") {
  const std::string text = fmt::format("{:.{}f}", std::abs(value), decimals);
  return (value < 0 ? "−" : value > 0 ? sign : "") + text;
}

std::string number(const std::optional<double>& value, int decimals, const char* sign = "") {
  return value ? html_number(*value, text_of(*value, decimals, sign)) : "–";
}

std::string interval(const Estimate& estimate, int decimals) {
  return estimate.half_width ? "± " + number(estimate.half_width, decimals) : "";
}

const char* sign_of(GoodFigure good) { return good == GoodFigure::kAboveZero ? "+" : ""; }

// A cell of a table. `path`: the figure's place in scores.json. `pictures`: so many are the rule.
std::string cell(const Estimate& estimate, const FigureWords& words, const std::string& path,
                 int64_t pictures, bool is_best = false) {
  std::string beside = interval(estimate, words.decimals);
  if (estimate.value && estimate.pictures != pictures)
    beside += fmt::format("{}{} picture{}", beside.empty() ? "" : ", ", estimate.pictures,
                          estimate.pictures == 1 ? "" : "s");
  return fmt::format("<td{} data-figure=\"{}\">{}{}</td>", is_best ? " class=\"best\"" : "", html_text(path),
                     number(estimate.value, words.decimals, sign_of(words.good)),
                     beside.empty() ? "" : "<small>" + beside + "</small>");
}

// How far a value is from the best there could be.
double distance(double value, GoodFigure good, const Estimate& truth) {
  switch (good) {
    case GoodFigure::kLow:
      return value;
    case GoodFigure::kNearOne:
      return std::abs(value - 1);
    case GoodFigure::kNearTruth:
      return std::abs(value - truth.value.value_or(1));
    case GoodFigure::kHigh:
    case GoodFigure::kAboveZero:
    case GoodFigure::kAboveHalf:
      return -value;
  }
  return value;
}

std::string good_text(GoodFigure good, const Estimate& truth) {
  switch (good) {
    case GoodFigure::kLow:
      return "lower is better";
    case GoodFigure::kHigh:
      return "higher is better";
    case GoodFigure::kAboveZero:
      return "above 0: better than the fill";
    case GoodFigure::kAboveHalf:
      return "above 50: better more often than not";
    case GoodFigure::kNearOne:
      return "near 1 is good";
    case GoodFigure::kNearTruth:
      return fmt::format(
          "near the true pictures’ is good: <span data-figure=\"true_pictures.seam\">{} {}</span>",
          number(truth.value, 2), interval(truth, 2));
  }
  return "";
}

// With a dash that is none of a minus: "10–20".
std::string bin_title(size_t bin) {
  std::string title = kAreaBins[bin].name;
  return title.replace(title.find('-'), 1, "–");
}

class Writer {
 public:
  explicit Writer(const ScorePage& page) : page_(page), report_(page.report) {
    for (auto method = report_.methods.rbegin(); method != report_.methods.rend(); ++method)
      methods_.push_back(&*method);  // the model first
  }

  std::string page() const {
    Page page{.title = page_.model
                           ? fmt::format("What the model of {} is worth", page_.model->settings.dataname)
                           : "Fills without learning, scored",
              .lead = lead(),
              .sections = {{"scores", "Scores", scores()}, {"sizes", "Scores by hole size", sizes()}}};
    if (!page_.groups.empty()) page.sections.push_back({"pictures", "Pictures", pictures()});
    if (page_.model) page.sections.push_back({"curves", "Learning curves", curves()});
    page.sections.push_back({"settings", "Settings", settings()});
    page.sections.push_back({"again", "Make it again", again()});
    return page_html(page, "inpaint_eval");
  }

 private:
  const MethodSummary* model() const {
    const auto found = std::ranges::find(report_.methods, kModelName, &MethodSummary::name);
    return found == report_.methods.end() ? nullptr : &*found;
  }

  // What the page is about before all others: the model, or the harmonic fill.
  const MethodSummary* subject() const {
    if (const MethodSummary* scored = model()) return scored;
    const auto found = std::ranges::find(report_.methods, kHarmonicName, &MethodSummary::name);
    return found == report_.methods.end() ? nullptr : &*found;
  }

  std::string lead() const {
    std::string html = fmt::format(
        "<p>{} picture{} of {} × {} pixels; {}.{}</p>\n", report_.pictures, report_.pictures == 1 ? "" : "s",
        report_.subject.image_size, report_.subject.image_size,
        html_text(hole_text(report_.subject.holes, report_.subject.image_size)),
        report_.skipped.empty() ? "" : fmt::format(" Files left out: {}.", report_.skipped.size()));
    return html + fmt::format("<p class=\"verdict\">{}</p>\n", verdict()) + keys();
  }

  std::string verdict() const {
    const MethodSummary* scored = model();
    if (scored == nullptr)
      return "No model was scored. These are the fills that need no learning: what a model has to beat.";
    const Estimate& gain = scored->all.over_harmonic.psnr_gain;
    if (!gain.value) return "No picture can be compared with the harmonic fill.";
    constexpr const char* kFill = "the harmonic fill, the smoothest continuation of what surrounds a hole";
    if (!gain.half_width)
      return fmt::format(
          "With one picture nothing can be said about others. In this one the model is {} dB "
          "from {}.",
          text_of(*gain.value, 2, "+"), kFill);
    const double low = *gain.value - *gain.half_width, high = *gain.value + *gain.half_width;
    if (low > 0)
      return fmt::format(
          "The model paints holes <strong>better</strong> than {}: by {:.2f} dB on average. With "
          "95 % confidence the gain on pictures like these is between {:.2f} and {:.2f} dB.",
          kFill, *gain.value, low, high);
    if (high < 0)
      return fmt::format(
          "The model paints holes <strong>worse</strong> than {}: by {:.2f} dB on average. With "
          "95 % confidence the loss on pictures like these is between {:.2f} and {:.2f} dB.",
          kFill, -*gain.value, -high, -low);
    return fmt::format(
        "The model <strong>cannot be told apart</strong> from {}: the gain on pictures like these is "
        "between {} and {} dB, with 95 % confidence.",
        kFill, text_of(low, 2), text_of(high, 2, "+"));
  }

  std::string keys() const {
    const MethodSummary* scored = subject();
    if (scored == nullptr) return "";
    const auto key = [](const std::string& name, const Estimate& estimate, int decimals, const char* sign,
                        const char* unit) {
      return fmt::format("<div><dt>{}</dt><dd>{}{} <small>{}</small></dd></div>\n", name,
                         number(estimate.value, decimals, sign), estimate.value ? unit : "",
                         interval(estimate, decimals));
    };
    const SetSummary& s = scored->all;
    std::string html;
    if (model() != nullptr) {
      html += key("gain over the harmonic fill", s.over_harmonic.psnr_gain, 2, "+", " dB");
      html +=
          key("of the pictures better than the harmonic fill", s.over_harmonic.better_percent, 1, "", " %");
      html += key("SSIM gain over the harmonic fill", s.over_harmonic.ssim_gain, 3, "+", "");
    }
    const std::string of = model() != nullptr ? "" : " of the harmonic fill";
    html += key("PSNR of the holes" + of, s.scores.hole.psnr, 2, "", " dB");
    if (model() == nullptr) html += key("SSIM of the holes" + of, s.scores.hole.ssim, 3, "", "");
    return "<dl class=\"keys\">\n" + html + "</dl>\n";
  }

  // A row of the table: a figure by every method.
  template <typename Of>
  std::string row(const FigureWords& words, const std::string& place, Of&& of) const {
    std::vector<double> distances;
    for (const MethodSummary* method : methods_)
      if (const Estimate estimate = of(*method); estimate.value)
        distances.push_back(distance(*estimate.value, words.good, report_.true_seam));
    const auto [best, worst] = std::ranges::minmax_element(distances);
    std::string html = fmt::format("<tr><th scope=\"row\">{}<small>{}</small></th>", words.title,
                                   good_text(words.good, report_.true_seam));
    for (const MethodSummary* method : methods_) {
      const Estimate estimate = of(*method);
      const bool is_best = estimate.value && *best < *worst &&
                           distance(*estimate.value, words.good, report_.true_seam) == *best;
      html += cell(estimate, words, fmt::format("methods.{}.{}{}", method->name, place, words.name),
                   report_.pictures, is_best);
    }
    return html + "</tr>\n";
  }

  std::string region_rows(const Region& region) const {
    std::string html;
    for (const RegionFigure& figure : kRegionFigures)
      html += row(figure.words, std::string(region.name) + '.', [&](const MethodSummary& method) {
        return (method.all.scores.*region.region).*figure.figure;
      });
    return html + row(kPerfectWords, std::string(region.name) + '.', [&](const MethodSummary& method) {
             return Estimate{
                 report_.pictures, static_cast<double>((method.all.scores.*region.region).perfect), {}};
           });
  }

  std::string rows_head(const char* title) const {
    return fmt::format("<tr><th scope=\"rowgroup\" colspan=\"{}\">{}</th></tr>\n", methods_.size() + 1,
                       title);
  }

  std::string scores() const {
    std::string head = "<td></td>", body;
    for (const MethodSummary* method : methods_)
      head += fmt::format("<th scope=\"col\">{}</th>", html_text(title_of(method->name)));
    body += "<tbody>\n" + rows_head("In the holes") + region_rows(kRegions[0]);
    for (const HoleFigure& figure : kHoleFigures)
      body += row(figure.words, "", [&](const MethodSummary& method) { return figure.of(method.all); });
    body += "</tbody>\n<tbody>\n" + rows_head("In the whole pictures") + region_rows(kRegions[1]);
    for (const HoleFigure& figure : feature_figures(report_.subject, false))
      body += row(figure.words, "", [&](const MethodSummary& method) { return figure.of(method.all); });
    body += "</tbody>\n";
    const std::string table = fmt::format(
        "<table class=\"figures\">\n<caption>± is half of the 95 % confidence interval over pictures; the "
        "best of a "
        "row is marked</caption>\n<thead>\n<tr>{}</tr>\n</thead>\n{}</table>",
        head, body);
    return scrolling("Scores of every method", table) + folded("What the figures mean", meanings()) +
           folded("What is compared", compared());
  }

  static std::string definition(const char* name, const char* meaning) {
    return fmt::format("<dt>{}</dt><dd>{}</dd>\n", name, meaning);
  }

  std::string meanings() const {
    std::string html;
    for (const RegionFigure& figure : kRegionFigures)
      html += definition(figure.words.title, figure.words.meaning);
    html += definition(kPerfectWords.title, kPerfectWords.meaning);
    for (const HoleFigure& figure : kHoleFigures)
      html += definition(figure.words.title, figure.words.meaning);
    for (const HoleFigure& figure : feature_figures(report_.subject, false))
      html += definition(figure.words.title, figure.words.meaning);
    html +=
        definition("±",
                   "Half the width of the 95 % confidence interval (Student’s t). The figure of all pictures "
                   "like these lies in it in 95 of 100 cases.");
    return "<dl class=\"words\">\n" + html + "</dl>\n";
  }

  std::string compared() const {
    std::string html;
    for (const MethodWords& words : kMethods)
      if (std::ranges::find(report_.methods, words.name, &MethodSummary::name) != report_.methods.end())
        html += definition(words.title, words.meaning);
    return "<p>Every method paints the same holes.</p>\n<dl class=\"words\">\n" + html + "</dl>\n";
  }

  bool has_pictures(size_t bin) const {
    return bin < report_.pictures_by_area.size() && report_.pictures_by_area[bin] > 0;
  }

  std::string sizes() const {
    const auto bins = std::ranges::count_if(report_.pictures_by_area, [](int64_t n) { return n > 0; });
    if (bins == 0) return "<p>There are no pictures.</p>\n";
    std::string html = bins == 1
                           ? "<p>All holes are of about one size, so that there is nothing to compare.</p>\n"
                           : size_charts();
    std::string others;
    for (const MethodSummary* method : methods_) {
      if (method == subject())
        html += size_table(*method);
      else
        others += size_table(*method);
    }
    return html + (others.empty() ? "" : folded("The other methods by hole size", others));
  }

  std::vector<ChartPoint> by_size(const MethodSummary& method,
                                  const Estimate& (*of)(const SetSummary&)) const {
    std::vector<ChartPoint> points;
    for (size_t bin = 0; bin < method.by_area.size(); ++bin)
      if (const Estimate& estimate = of(method.by_area[bin]); has_pictures(bin) && estimate.value)
        points.push_back({static_cast<double>(bin), *estimate.value, estimate.half_width});
    return points;
  }

  std::string size_charts() const {
    std::vector<std::string> names;
    for (size_t bin = 0; bin < std::size(kAreaBins); ++bin) names.push_back(bin_title(bin));
    Chart psnr{.title = "PSNR of the holes, dB: higher is better",
               .x_title = "missing share of the picture, %",
               .series = {},
               .categories = names};
    for (const MethodSummary* method : methods_)
      if (psnr.series.size() < kMostSeries)
        psnr.series.push_back(
            {title_of(method->name),
             by_size(*method, [](const SetSummary& s) -> const Estimate& { return s.scores.hole.psnr; })});
    std::string html = chart_html(psnr);
    if (model() != nullptr)
      html = chart_html(
                 {.title = "Gain of the model over the harmonic fill, dB: above 0 is better than the fill",
                  .x_title = psnr.x_title,
                  .series = {{"Model", by_size(*model(),
                                               [](const SetSummary& s) -> const Estimate& {
                                                 return s.over_harmonic.psnr_gain;
                                               })}},
                  .categories = names,
                  .level = 0}) +
             html;
    return "<div class=\"charts\">\n" + html +
           "</div>\n<p>The thin lines are 95 % confidence intervals; one that leaves the chart is cut "
           "off.</p>\n";
  }

  std::string size_table(const MethodSummary& method) const {
    std::string head = "<th scope=\"col\">Missing</th><th scope=\"col\">Pictures</th>", body;
    for (const RegionFigure& figure : kRegionFigures)
      head += fmt::format("<th scope=\"col\">{}</th>", figure.words.title);
    for (const HoleFigure& figure : kHoleFigures)
      head += fmt::format("<th scope=\"col\">{}</th>", figure.words.title);
    for (const HoleFigure& figure : feature_figures(report_.subject, true))
      head += fmt::format("<th scope=\"col\">{}</th>", figure.words.title);
    for (size_t bin = 0; bin < method.by_area.size(); ++bin) {
      if (!has_pictures(bin)) continue;
      const SetSummary& set = method.by_area[bin];
      const int64_t pictures = report_.pictures_by_area[bin];
      const std::string place = fmt::format("methods.{}.by_area.{}.", method.name, kAreaBins[bin].name);
      body += fmt::format("<tr><th scope=\"row\">{} %</th><td>{}</td>", bin_title(bin), pictures);
      for (const RegionFigure& figure : kRegionFigures)
        body +=
            cell(set.scores.hole.*figure.figure, figure.words, place + "hole." + figure.words.name, pictures);
      for (const HoleFigure& figure : kHoleFigures)
        body += cell(figure.of(set), figure.words, place + figure.words.name, pictures);
      for (const HoleFigure& figure : feature_figures(report_.subject, true))
        body += cell(figure.of(set), figure.words, place + figure.words.name, pictures);
      body += "</tr>\n";
    }
    const std::string title = html_text(title_of(method.name));
    return scrolling(
        title_of(method.name) + ": scores by hole size",
        fmt::format("<table class=\"figures\">\n<caption>{}: figures of the holes, by the share of the "
                    "picture that is "
                    "missing</caption>\n<thead>\n<tr>{}</tr>\n</thead>\n<tbody>\n{}</tbody>\n</table>",
                    title, head, body));
  }

  static std::string shot(const std::string& kind, const std::string& title, const Image& image,
                          const std::string& alt, bool is_after = false) {
    return fmt::format("<div class=\"shot\" data-kind=\"{}\"{}>{}<span>{}</span></div>\n", html_text(kind),
                       is_after ? " data-after" : "", html_picture(image, alt), html_text(title));
  }

  std::string compare(const ShownPicture& shown) const {
    const ExamplePicture& picture = shown.picture;
    const std::string name = fmt::format("Picture {}", picture.number);
    std::string shots = shot("hole", "With its hole", picture.masked, name + " with its hole"), psnr;
    for (size_t m = 0; m < page_.shown.size(); ++m) {
      const std::string title = title_of(page_.shown[m]);
      shots += shot(page_.shown[m], title, picture.painted[m], fmt::format("{}, painted: {}", name, title),
                    m + 1 == page_.shown.size());
      const std::optional<double>& decibel = shown.holes[m].psnr;
      psnr = fmt::format("{}: {}{}{}", html_text(title),
                         decibel ? fmt::format("{:.2f} dB", *decibel) : "perfect", psnr.empty() ? "" : ", ",
                         psnr);
    }
    shots += shot("truth", "True picture", picture.truth, name + " as it is");
    const bool named = picture.name != std::to_string(picture.number);
    return fmt::format(
        "<figure class=\"compare\" data-name=\"{}\">\n<div class=\"shots\">\n{}</div>\n<figcaption>{}{}, "
        "{:.0f} % "
        "missing. {}</figcaption>\n</figure>\n",
        html_text(name), shots, html_text(name), named ? ", " + html_name(picture.name) : "",
        100 * shown.hole_share, psnr);
  }

  std::string choice() const {
    std::string html = "<legend>On the left of the line</legend>\n";
    const auto add = [&](const std::string& kind, const std::string& title, bool checked) {
      html += fmt::format("<label><input type=\"radio\" name=\"left\" value=\"{}\"{}>{}</label>\n",
                          html_text(kind), checked ? " checked" : "", html_text(title));
    };
    add("hole", "With its hole", true);
    for (size_t m = 0; m + 1 < page_.shown.size(); ++m) add(page_.shown[m], title_of(page_.shown[m]), false);
    add("truth", "True picture", false);
    return "<fieldset class=\"choice\">\n" + html + "</fieldset>\n";
  }

  std::string pictures() const {
    std::string html = fmt::format("<p>Ranked by the squared error that the {} leaves in the hole.</p>\n",
                                   page_.shown.back() == kModelName ? "model" : "harmonic fill") +
                       choice();
    for (const ShownGroup& group : page_.groups) {
      html += fmt::format("<h3>{}</h3>\n<div class=\"pictures\">\n", html_text(group.title));
      for (const ShownPicture& picture : group.pictures) html += compare(picture);
      html += "</div>\n";
    }
    return html;
  }

  std::string curves() const {
    const ScoredModel& model = *page_.model;
    if (model.history) return learning_curves(*model.history, model.step);
    return "<p>The logs of the training were not found: the checkpoint does not lie in the folder of its "
           "run, or "
           "the run’s log folder is not beside it.</p>\n";
  }

  std::string settings() const {
    const EvaluationSubject& s = report_.subject;
    const std::string holes = hole_text(s.holes, s.image_size);
    std::vector<PageRow> rows{
        {"Pictures", fmt::format("{}, {} of them, {} × {} pixels, {}", html_name(s.data), report_.pictures,
                                 s.image_size, s.image_size, s.image_channel == 1 ? "grey" : "RGB")},
        {"Holes", html_text(holes.starts_with("holes: ") ? holes.substr(7) : holes)}};
    if (s.features)
      rows.push_back({"Features", fmt::format("{} ({}), {} values a picture{}", html_text(s.features->name),
                                              html_name(s.features->file), s.features->dimension,
                                              report_.pictures > s.features->dimension
                                                  ? ""
                                                  : "; with so few pictures, compare Frechet distances with "
                                                    "each other only")});
    if (page_.model)
      rows.push_back(
          {"Model", fmt::format("{}, after {} training steps", html_name(s.checkpoint), page_.model->step)});
    std::string html = scrolling("Settings of the evaluation", row_table("The evaluation", rows));
    if (!report_.skipped.empty()) html += folded("Files left out", skipped());
    if (page_.model)
      html += folded("Settings of the training",
                     scrolling("Settings of the training", settings_table(page_.model->settings)));
    return html;
  }

  std::string skipped() const {
    std::string html;
    for (size_t i = 0; i < std::min(kMostSkippedNames, report_.skipped.size()); ++i)
      html += fmt::format("<li>{}</li>\n", html_name(report_.skipped[i].reason));
    if (report_.skipped.size() > kMostSkippedNames)
      html += fmt::format("<li>and {} more</li>\n", report_.skipped.size() - kMostSkippedNames);
    return "<ul>\n" + html + "</ul>\n";
  }

  std::string again() const {
    return "<p>With the same files, this command gives the same figures and this page:</p>\n" +
           scrolling("Command", fmt::format("<pre><code>{}</code></pre>", html_text(page_.command)));
  }

  const ScorePage& page_;
  const ScoreReport& report_;
  std::vector<const MethodSummary*> methods_;
};

}  // namespace

std::string score_page(const ScorePage& page) { return Writer(page).page(); }

}  // namespace inpaint
