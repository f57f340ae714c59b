#include "core/base/json_text.h"

#include <doctest/doctest.h>

#include <cmath>
#include <nlohmann/json.hpp>

using namespace inpaint;

TEST_CASE("json text: values, in the order they are added") {
  CHECK(JsonObject().text() == "{}");
  CHECK(JsonObject().add("b", int64_t{-3}).add("a", 0.1).add("t", true).add_json("l", "[1,2]").text() ==
        R"({"b":-3,"a":0.1,"t":true,"l":[1,2]})");
  CHECK(json_text(std::nan("")) == "null");
  CHECK(json_text(-INFINITY) == "null");
  CHECK(json_text(1.0) == "1.0");
}

TEST_CASE("json text: any text reads back, and what is no UTF-8 does not break the line") {
  for (const std::string& text :
       {std::string("\"\\\n\x01\x7f"), std::string("\xc3\xa9"), std::string(1, '\0')})
    CHECK(nlohmann::json::parse(json_text(text)).get<std::string>() == text);
  CHECK(nlohmann::json::parse(json_text(std::string_view("a\xff"))).get<std::string>() == "a\xef\xbf\xbd");
  CHECK(nlohmann::json::parse(JsonObject().add("\"", int64_t{1}).text())["\""] == 1);
}
