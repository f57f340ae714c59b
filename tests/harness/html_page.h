// What has to hold of every HTML page we write, and small helpers to look into one.
#pragma once

#include <doctest/doctest.h>

#include <cctype>
#include <set>
#include <string>
#include <vector>

#include "core/image/image_codec.h"
#include "tests/harness/base64.h"
#include "tests/harness/error_message.h"

namespace inpaint {

// All texts between `begin` and the next `end`.
inline std::vector<std::string> all_between(const std::string& html, const std::string& begin,
                                            const std::string& end) {
  std::vector<std::string> found;
  for (size_t at = html.find(begin); at != std::string::npos; at = html.find(begin, at)) {
    at += begin.size();
    found.push_back(html.substr(at, html.find(end, at) - at));
  }
  return found;
}

// The page without what its style and script hold.
inline std::string without_assets(const std::string& html) {
  std::string rest = html;
  for (const auto& [begin, end] : {std::pair{"<style>", "</style>"}, {"<script>", "</script>"}}) {
    const size_t from = rest.find(begin) + std::string(begin).size(), to = rest.find(end);
    REQUIRE(to != std::string::npos);
    rest.erase(from, to - from);
  }
  return rest;
}

struct Tag {
  std::string name;
  bool closes, closes_itself;
};

// Takes apart "<name a b="c">", "</name>" and "<name/>"; anything else is a mistake.
inline Tag read_tag(const std::string& text) {
  INFO(text);
  size_t at = 1;
  const auto take = [&](auto&& fits) {
    const size_t from = at;
    while (at < text.size() && fits(static_cast<unsigned char>(text[at]))) ++at;
    return text.substr(from, at - from);
  };
  const auto space = [](unsigned char c) { return std::isspace(c) != 0; };
  const auto letter = [](unsigned char c) { return std::isalpha(c) || c == '-'; };
  Tag tag{.name = {}, .closes = text[at] == '/', .closes_itself = false};
  at += tag.closes;
  tag.name = take([](unsigned char c) { return std::islower(c) || std::isdigit(c); });
  REQUIRE_FALSE(tag.name.empty());
  while (!take(space).empty() && letter(text[at])) {  // an attribute
    take(letter);
    if (text[at] != '=') continue;
    REQUIRE(text[++at] == '"');
    at = text.find_first_of("\"<", at + 1);
    REQUIRE(at != std::string::npos);
    REQUIRE(text[at++] == '"');
  }
  tag.closes_itself = text[at] == '/';
  REQUIRE(text.substr(at + tag.closes_itself) == ">");
  return tag;
}

// Every element that is opened is closed, in order. A '<' that begins no tag is a mistake, too.
inline void check_nesting(const std::string& html) {
  const std::set<std::string> empty{"meta", "img", "input", "br"};
  std::vector<std::string> open;
  size_t at = html.find('>') + 1;  // behind the doctype
  for (at = html.find('<', at); at != std::string::npos; at = html.find('<', at + 1)) {
    const size_t end = html.find('>', at);
    REQUIRE(end != std::string::npos);
    const Tag tag = read_tag(html.substr(at, end + 1 - at));
    if (empty.count(tag.name) > 0 || tag.closes_itself) continue;
    if (!tag.closes) {
      open.push_back(tag.name);
    } else {
      REQUIRE_FALSE(open.empty());
      REQUIRE(open.back() == tag.name);
      open.pop_back();
    }
  }
  CHECK(open.empty());
}

// The page holds all it shows, asks for nothing outside, and is well formed. Returns its pictures' number.
inline size_t check_page(const std::string& html) {
  CHECK(html.starts_with("<!DOCTYPE html>"));
  CHECK_FALSE(contains(html, "://"));
  CHECK_FALSE(contains(html, "<link"));
  CHECK_FALSE(contains(html, "@import"));
  CHECK_FALSE(contains(html, "url("));
  CHECK_FALSE(contains(html, "{{"));
  CHECK(contains(html, "default-src 'none'"));
  const std::string body = without_assets(html);
  const std::vector<std::string> sources = all_between(body, "src=\"", "\"");
  for (const std::string& source : sources) {
    const std::string kind = "data:image/png;base64,";
    REQUIRE(source.starts_with(kind));
    CHECK(decode_image(from_base64(source.substr(kind.size())), "picture").width > 0);
  }
  CHECK(all_between(body, "<img ", ">").size() == sources.size());
  for (const std::string& picture : all_between(body, "<img ", ">")) CHECK(contains(picture, " alt=\""));
  for (const std::string& head : all_between(body, "<th", ">"))
    if (head.starts_with(" ")) CHECK(contains(head, "scope="));
  for (const std::string& target : all_between(body, "href=\"#", "\""))
    CHECK(contains(body, "id=\"" + target + "\""));
  check_nesting(body);
  return sources.size();
}

}  // namespace inpaint
