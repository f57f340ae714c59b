#include "core/base/json_text.h"

#include <nlohmann/json.hpp>

namespace inpaint {
namespace {

// Single values take no memory apart.
std::string dump(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

std::string json_text(std::string_view text) { return dump(std::string(text)); }
std::string json_text(int64_t number) { return dump(number); }
std::string json_text(double number) { return dump(number); }
std::string json_text(bool value) { return dump(value); }

JsonObject& JsonObject::add_json(std::string_view key, std::string_view json) {
  if (text_.size() > 1) text_ += ',';
  text_ += json_text(key);
  text_ += ':';
  text_ += json;
  return *this;
}

}  // namespace inpaint
