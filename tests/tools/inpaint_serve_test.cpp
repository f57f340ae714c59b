// The program itself, over a socket.
#include <doctest/doctest.h>

#include <atomic>
#include <csignal>
#include <memory>
#include <thread>

#include "core/image/image_codec.h"
#include "tests/harness/error_message.h"
#include "tests/harness/http_client.h"
#include "tests/reliability/program.h"
#include "tests/tools/run_program.h"

using namespace inpaint;
using namespace std::chrono_literals;

namespace {

// inpaint_serve on a free port.
class Served {
 public:
  explicit Served(std::vector<std::string> arguments = {}) {
    arguments.insert(arguments.begin(), {"--port=0", "--device=cpu", "--threads=2", "--checkpoint=none"});
    program_ = std::make_unique<Program>(INPAINT_SERVE, arguments, folder_.path(), streams_.path());
    const std::string begin = "http://127.0.0.1:";
    std::string said;
    for (int k = 0; k < 3000 && !said.ends_with("/\n"); ++k) {
      std::this_thread::sleep_for(20ms);
      said = file_contents(streams_ / "out");
    }
    REQUIRE(said.starts_with(begin));
    port = std::stoi(said.substr(begin.size()));
  }

  Ending end_by(int signal) {
    ::kill(program_->pid(), signal);
    return program_->wait();
  }
  const TemporaryFolder& folder() const { return folder_; }

  int port = 0;

 private:
  TemporaryFolder folder_, streams_;
  std::unique_ptr<Program> program_;
};

std::string slope(int64_t side) {
  Image image(side, side, 3);
  for (int64_t row = 0; row < side; ++row)
    for (int64_t column = 0; column < side; ++column)
      for (int c = 0; c < 3; ++c)
        image.pixel(row, column)[c] = static_cast<uint8_t>(2 * row + column + 10 * c);
  const std::vector<uint8_t> bytes = encode_png(image);
  return {bytes.begin(), bytes.end()};
}

Image image_of(const std::string& bytes) {
  return decode_image({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, "answer");
}

const std::vector<FormField> kForm = {{"image", slope(64)}, {"box", "20,24,16,12"}, {"finish", "none"}};

}  // namespace

TEST_CASE("inpaint_serve: fills a picture, says faults, ends with 128 + N and leaves nothing") {
  Served served;
  const HttpReply health = reply_to(served.port, http_request(served.port, "GET", "/healthz"));
  CHECK(health.status == 200);
  CHECK(contains(health.body, "\"status\":\"ok\",\"model\":\"harmonic\",\"finish\":\"patches\""));
  CHECK(contains(health.body, "\"max_upload_bytes\":67108864,\"max_pixels\":64000000"));

  const HttpReply filled = reply_to(served.port, post_request(served.port, kForm));
  CHECK(filled.status == 200);
  CHECK(filled.header("Content-Type") == "image/png");
  // A slope is harmonic: its fill is the slope itself.
  const Image made = image_of(filled.body), known = image_of(kForm[0].value);
  REQUIRE(made.bytes.size() == known.bytes.size());
  int farthest = 0;
  for (size_t k = 0; k < made.bytes.size(); ++k)
    farthest = std::max(farthest, std::abs(made.bytes[k] - known.bytes[k]));
  CHECK(farthest <= 1);

  std::vector<FormField> holed = kForm;
  Image hole = known;
  for (int64_t row = 24; row < 36; ++row) std::fill_n(hole.pixel(row, 20), 48, uint8_t{0});
  const std::vector<uint8_t> bytes = encode_png(hole);
  holed[0].value = {bytes.begin(), bytes.end()};
  CHECK(image_of(reply_to(served.port, post_request(served.port, holed)).body).bytes == made.bytes);

  const HttpReply fault = reply_to(served.port, post_request(served.port, {{"image", "x"}}));
  CHECK(fault.status == 415);
  CHECK(fault.body.starts_with("{\"error\":\"image: "));
  const Ending ending = served.end_by(SIGTERM);
  CHECK(ending.exit_code == 128 + SIGTERM);
  CHECK(ending.err == "");
  CHECK(served.folder().names().empty());
}

TEST_CASE("inpaint_serve: the limits are those of the command line") {
  Served served({"--max_pixels=1", "--max_upload=1"});
  CHECK(reply_to(served.port, post_request(served.port, kForm)).status == 200);
  const std::string flat = "P5\n1001 1000\n255\n";
  CHECK(reply_to(served.port, post_request(served.port, {{"image", flat}, {"box", "0,0,1,1"}})).status ==
        413);
  CHECK(reply_to(served.port, post_request(served.port, {{"image", std::string(1 << 20, 'x')}})).status ==
        413);
  CHECK(served.end_by(SIGINT).exit_code == 128 + SIGINT);
}

TEST_CASE("inpaint_serve: 16 slow clients and 200 requests at once do not stop it") {
  Served served;
  const std::string request = post_request(served.port, kForm);
  std::vector<std::unique_ptr<ClientSocket>> slow;
  for (size_t k = 0; k < 16; ++k) {
    slow.push_back(std::make_unique<ClientSocket>(served.port));
    slow.back()->send(std::string_view(request).substr(0, 30 * k));
  }
  const Image expected = image_of(reply_to(served.port, request).body);
  std::atomic<int> filled = 0, busy = 0;
  std::vector<std::thread> clients;
  for (int k = 0; k < 200; ++k)
    clients.emplace_back([&] {
      const HttpReply reply = reply_to(served.port, request);
      filled += reply.status == 200 && image_of(reply.body).bytes == expected.bytes;
      busy += reply.status == 503;
    });
  for (std::thread& client : clients) client.join();
  CHECK(filled > 0);
  CHECK(filled + busy == 200);
  CHECK(reply_to(served.port, request).status == 200);
  CHECK(served.end_by(SIGTERM).exit_code == 128 + SIGTERM);
}

TEST_CASE("inpaint_serve: the user's mistakes end with exit code 1 and one line") {
  const TemporaryFolder folder;
  Served served;
  for (const std::string& arguments : {std::string("--checkpoint missing"), std::string("--checkpoint ."),
                                       "--port " + std::to_string(served.port)}) {
    INFO(arguments);
    const ProgramRun refused = run_program(INPAINT_SERVE, folder, "--device cpu " + arguments);
    CHECK(refused.exit_code == 1);
    CHECK(refused.out == "");
    CHECK(refused.err.starts_with("error: "));
    CHECK(std::count(refused.err.begin(), refused.err.end(), '\n') == 1);
  }
}
