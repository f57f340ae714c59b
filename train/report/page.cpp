#include "train/report/page.h"

#include <map>

#include "core/base/build_info.h"
#include "core/base/error.h"
#include "train/report/html.h"

namespace inpaint {
namespace {

// Puts values in the places {{name}} of a template, once each: a value is never looked through again.
std::string fill_places(std::string_view text, const std::map<std::string_view, std::string_view>& values) {
  std::string filled;
  for (size_t at = 0; at < text.size();) {
    const size_t open = text.find("{{", at), close = text.find("}}", open);
    filled += text.substr(at, open - at);
    if (close == std::string_view::npos) break;
    const auto value = values.find(text.substr(open + 2, close - open - 2));
    INPAINT_CHECK(value != values.end(), "no value for {}", text.substr(open, close + 2 - open));
    filled += value->second;
    at = close + 2;
  }
  return filled;
}

}  // namespace

std::string page_html(const Page& page, const std::string& program) {
  std::string contents, sections;
  for (const PageSection& section : page.sections) {
    contents += fmt::format("<li><a href=\"#{}\">{}</a></li>\n", section.id, html_text(section.heading));
    sections += fmt::format("<section aria-labelledby=\"{0}\">\n<h2 id=\"{0}\">{1}</h2>\n{2}\n</section>\n",
                            section.id, html_text(section.heading), section.body);
  }
  const std::string title = html_text(page.title), version = html_text(version_text(program));
  return fill_places(report_asset("page.html"), {{"title", title},
                                                 {"lead", page.lead},
                                                 {"contents", contents},
                                                 {"sections", sections},
                                                 {"version", version},
                                                 {"style", report_asset("page.css")},
                                                 {"script", report_asset("page.js")}});
}

std::string row_table(std::string_view caption, const std::vector<PageRow>& rows) {
  std::string body;
  for (const PageRow& row : rows)
    body += fmt::format("<tr><th scope=\"row\">{}</th><td>{}</td></tr>\n", html_text(row.name), row.value);
  return fmt::format("<table class=\"rows\">\n<caption>{}</caption>\n<tbody>\n{}</tbody>\n</table>\n",
                     html_text(caption), body);
}

std::string folded(std::string_view summary, std::string_view body) {
  return fmt::format("<details>\n<summary>{}</summary>\n{}\n</details>\n", html_text(summary), body);
}

std::string scrolling(std::string_view label, std::string_view body) {
  return fmt::format(
      "<div class=\"scrolling\" role=\"region\" aria-label=\"{}\" tabindex=\"0\">\n{}\n</div>\n",
      html_text(label), body);
}

}  // namespace inpaint
