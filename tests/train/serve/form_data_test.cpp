#include "train/serve/form_data.h"

#include <doctest/doctest.h>

#include "tests/harness/error_message.h"
#include "train/serve/request_fault.h"

using namespace inpaint;

namespace {

std::span<const uint8_t> bytes_of(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

std::string text_of(const FormPart& part) { return {part.bytes.begin(), part.bytes.end()}; }

int boundary_status(const std::string& type) {
  try {
    form_boundary(type);
  } catch (const RequestFault& fault) {
    return fault.status();
  }
  return 200;
}

std::string fault_of(const std::string& body) {
  return error_message<RequestFault>([&] { parse_form(bytes_of(body), "b"); });
}

}  // namespace

TEST_CASE("form_boundary: as browsers and curl state it") {
  CHECK(form_boundary("multipart/form-data; boundary=----WebKitFormBoundaryAb1") ==
        "----WebKitFormBoundaryAb1");
  CHECK(form_boundary("Multipart/Form-Data;charset=utf-8 ; BOUNDARY=\"a b'()+_,-./:=?\"") ==
        "a b'()+_,-./:=?");
  CHECK(form_boundary("multipart/form-data; boundary=" + std::string(70, 'x')).size() == 70);
}

TEST_CASE("form_boundary: other types are 415, a missing or wrong boundary 400") {
  for (const char* type : {"", "text/plain", "multipart/mixed; boundary=b",
                           "multipart/form-dataX; boundary=b", "application/x-www-form-urlencoded"})
    CHECK_MESSAGE(boundary_status(type) == 415, type);
  for (const std::string& type :
       {std::string("multipart/form-data"), std::string("multipart/form-data; boundary="),
        std::string("multipart/form-data; boundary=\"a\nb\""),
        std::string("multipart/form-data; boundary=\"a"), std::string("multipart/form-data; boundary=\"a \""),
        "multipart/form-data; boundary=" + std::string(71, 'x'), std::string("multipart/form-data; other=b")})
    CHECK_MESSAGE(boundary_status(type) == 400, type);
}

TEST_CASE("parse_form: names and bytes in their order, whatever the bytes are") {
  const std::string binary("\0\r\n--B\r\n\r\n--\xff\r\n-", 17);
  const std::string body =
      "--b\r\nContent-Disposition: form-data; name=\"image\"; filename=\"a;b\\\"c.png\"\r\n"
      "Content-Type: image/png\r\n\r\n" +
      binary +
      "\r\n--b\r\ncontent-disposition:form-data;filename=x;name=box\r\n\r\n"
      "\r\n--b\r\nX: y\r\nContent-Disposition: form-data; name=\"a\\\"b\"\r\n\r\n1\r\n--b--\r\nafter";
  const std::vector<FormPart> parts = parse_form(bytes_of(body), "b");
  REQUIRE(parts.size() == 3);
  CHECK(parts[0].name == "image");
  CHECK(text_of(parts[0]) == binary);
  CHECK(parts[1].name == "box");
  CHECK(text_of(parts[1]) == "");
  CHECK(parts[2].name == "a\"b");
  CHECK(text_of(parts[2]) == "1");
  CHECK(parse_form(bytes_of("--b--"), "b").empty());
}

TEST_CASE("parse_form: what is cut off or malformed is refused") {
  const std::string body = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nxyz\r\n--b--";
  CHECK(parse_form(bytes_of(body), "b").size() == 1);
  for (size_t length = 0; length < body.size(); ++length)
    CHECK_MESSAGE(contains(fault_of(body.substr(0, length)), "the form"), length);
  CHECK(contains(fault_of("\r\n" + body), "does not begin with the boundary"));
  CHECK(contains(fault_of("--b\r\n\r\n\r\nx\r\n--b--"), "without a name"));
  CHECK(contains(fault_of("--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--"), "without a name"));
  CHECK(contains(fault_of("--b\r\nContent-Disposition: file; name=a\r\n\r\nx\r\n--b--"), "without a name"));
  CHECK(contains(fault_of("--b\r\nno colon\r\n\r\nx\r\n--b--"), "without a colon"));
  CHECK(contains(fault_of("--b\r\nContent-Disposition: form-data; name=a\r\nX: " +
                          std::string(kMaxPartHead, 'x') + "\r\n\r\nx\r\n--b--"),
                 "longer than 4096 bytes"));
}

TEST_CASE("parse_form: the number of parts is limited") {
  const std::string part = "--b\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n";
  std::string body;
  for (size_t k = 0; k < kMaxFormParts; ++k) body += part;
  CHECK(parse_form(bytes_of(body + "--b--"), "b").size() == kMaxFormParts);
  CHECK(contains(fault_of(body + part + "--b--"), "more than 256 parts"));
}
