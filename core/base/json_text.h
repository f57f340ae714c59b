// JSON written value by value. (The library's tree of values needs memory when it is taken apart, and ends
// the process where there is none; what is written after each step must not.)
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace inpaint {

std::string json_text(std::string_view text);  // quoted; what is no UTF-8 becomes U+FFFD
std::string json_text(int64_t number);
std::string json_text(
    double number);  // the shortest text that reads back to the same bits; null if not finite
std::string json_text(bool value);

class JsonObject {
 public:
  template <typename T>
  JsonObject& add(std::string_view key, const T& value) {
    return add_json(key, json_text(value));
  }
  JsonObject& add_json(std::string_view key, std::string_view json);  // JSON already
  std::string text() const { return text_ + '}'; }

 private:
  std::string text_ = "{";
};

}  // namespace inpaint
