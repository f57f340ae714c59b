#include "train/serve/form_data.h"

#include <algorithm>
#include <optional>

#include "train/serve/request_fault.h"

namespace inpaint {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool same_word(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

struct Parameter {
  std::string_view name;
  std::string value;
};

// Takes the next "; name=value" or `; name="value"` off the front of a header's value. Nothing at its end,
// and for a value that is written otherwise.
std::optional<Parameter> take_parameter(std::string_view& text) {
  text = trimmed(text);
  if (!text.starts_with(';')) return std::nullopt;
  text.remove_prefix(1);
  const size_t equals = text.find('=');
  if (equals == std::string_view::npos) return std::nullopt;
  Parameter parameter{trimmed(text.substr(0, equals)), {}};
  text = trimmed(text.substr(equals + 1));
  if (!text.starts_with('"')) {
    const size_t end = std::min(text.find(';'), text.size());
    parameter.value = trimmed(text.substr(0, end));
    text.remove_prefix(end);
    return parameter;
  }
  for (size_t k = 1; k < text.size(); ++k) {
    if (text[k] == '"') {
      text.remove_prefix(k + 1);
      return parameter;
    }
    if (text[k] == '\\' && k + 1 < text.size()) ++k;
    parameter.value += text[k];
  }
  return std::nullopt;  // no closing quote
}

// The parameter of that name in what follows the first word of a header's value.
std::optional<std::string> parameter_named(std::string_view name, std::string_view text) {
  while (const auto parameter = take_parameter(text))
    if (same_word(parameter->name, name)) return parameter->value;
  return std::nullopt;
}

std::string_view first_word(std::string_view value) { return trimmed(value.substr(0, value.find(';'))); }

std::string_view after_first_word(std::string_view value) {
  return value.substr(std::min(value.find(';'), value.size()));
}

// The name that the headers of a part give it.
std::string name_of_part(std::string_view head) {
  while (!head.empty()) {
    const size_t end = std::min(head.find("\r\n"), head.size());
    const std::string_view line = head.substr(0, end);
    head.remove_prefix(std::min(end + 2, head.size()));
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos)
      refuse(400, "the form has a part with a header line without a colon");
    if (!same_word(line.substr(0, colon), "content-disposition")) continue;
    const std::string_view value = line.substr(colon + 1);
    if (same_word(first_word(value), "form-data"))
      if (auto name = parameter_named("name", after_first_word(value))) return *name;
  }
  refuse(400, "the form has a part without a name");
}

bool is_boundary_character(char c) {
  return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') ||
         std::string_view("'()+_,-./:=? ").find(c) != std::string_view::npos;
}

}  // namespace

std::string form_boundary(std::string_view content_type) {
  if (!same_word(first_word(content_type), "multipart/form-data"))
    refuse(415, "send a form: Content-Type multipart/form-data, as `curl -F image=@FILE` does");
  const auto boundary = parameter_named("boundary", after_first_word(content_type));
  if (!boundary || boundary->empty() || boundary->size() > 70 || boundary->back() == ' ' ||
      !std::ranges::all_of(*boundary, is_boundary_character))
    refuse(400, "the Content-Type of the form has no boundary of 1 to 70 allowed characters");
  return *boundary;
}

std::vector<FormPart> parse_form(std::span<const uint8_t> body, std::string_view boundary) {
  const std::string delimiter = "\r\n--" + std::string(boundary);
  const std::string_view all(reinterpret_cast<const char*>(body.data()), body.size());
  std::vector<FormPart> parts;
  // The first delimiter stands at the beginning, without a line before it.
  if (!all.starts_with(std::string_view(delimiter).substr(2)))
    refuse(400, "the form does not begin with the boundary that its Content-Type states");
  size_t at = delimiter.size() - 2;
  while (true) {
    std::string_view rest = all.substr(at);
    if (rest.starts_with("--")) return parts;
    if (!rest.starts_with("\r\n")) refuse(400, "the form is cut off, or has a malformed boundary");
    if (parts.size() == kMaxFormParts) refuse(400, "the form has more than {} parts", kMaxFormParts);
    const size_t head_end = rest.substr(0, kMaxPartHead + 4).find("\r\n\r\n");
    if (head_end == std::string_view::npos)
      refuse(400, "the form is cut off, or the headers of a part are longer than {} bytes", kMaxPartHead);
    FormPart part{name_of_part(rest.substr(0, head_end).substr(std::min<size_t>(2, head_end))), {}};
    const size_t begin = at + head_end + 4, end = all.find(delimiter, begin);
    if (end == std::string_view::npos) refuse(400, "the form is cut off: its last boundary is missing");
    part.bytes = body.subspan(begin, end - begin);
    parts.push_back(std::move(part));
    at = end + delimiter.size();
  }
}

}  // namespace inpaint
