// Every planted mistake is caught, with words that name it.

#include "tests/cuda_executor/proofs/planted_bugs.h"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <functional>

#include "tests/cuda_executor/executor.h"
#include "tests/cuda_executor/proofs/device_array.h"
#include "tests/cuda_executor/proofs/sample_kernels.h"
#include "tests/harness/error_message.h"

namespace inpaint {
namespace {

using executor::kChecksAccesses;

struct Outcome {
  bool failed;
  std::string output;  // stderr
};

// Runs the body in a process of its own, which a sanitizer or a fault may end.
Outcome in_own_process(const std::function<void()>& body) {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  fflush(stdout);  // or the child writes it, too
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    dup2(ends[1], STDERR_FILENO);
    for (const int signal_number : {SIGSEGV, SIGABRT})
      signal(signal_number, SIG_DFL);  // not the test program's
    close(ends[0]);
    bool threw = false;
    try {
      body();
    } catch (const std::exception& error) {
      fprintf(stderr, "%s\n", error.what());
      threw = true;
    }
    fflush(stderr);
    _exit(threw || !executor::take_violations().empty() ? 1 : 0);
  }
  close(ends[1]);
  std::string output;
  char piece[4096];
  for (ssize_t n; (n = read(ends[0], piece, sizeof(piece))) > 0;)
    output.append(piece, static_cast<size_t>(n));
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  return {!WIFEXITED(status) || WEXITSTATUS(status) != 0, output};
}

// Runs an op on x and y, of 64 values each, and waits.
void run(const std::function<void(const float* x, float* y)>& op) {
  std::vector<float> values(64);
  for (size_t i = 0; i < 64; ++i) values[i] = static_cast<float>(i);
  const DeviceArray<float> x(values), y(64, 0.0f);
  op(x, y);
  INPAINT_CUDA_CHECK(cudaDeviceSynchronize());
}

// The violation that the op ends in. It is the error of the next call, too.
std::string violation_of(const std::function<void(const float* x, float* y)>& op) {
  const std::string error = error_message<Error>([&] { run(op); });
  const std::vector<std::string> violations = executor::take_violations();
  REQUIRE(violations.size() == 1);
  CHECK(contains(error, violations[0]));
  cudaGetLastError();
  return violations[0];
}

#define CHECK_VIOLATION(op, part) CHECK(contains(violation_of(op), part))
#define CHECK_VIOLATION_OF_Y(op, part) CHECK_VIOLATION([](const float*, float* y) { op(nullptr, y); }, part)

// A breach of bounds: found by the executor, or by the sanitizers in a build that has them.
void check_out_of_bounds(const std::function<void(const float* x, float* y)>& op, const std::string& part,
                         const std::string& sanitizer = "AddressSanitizer") {
  const Outcome outcome = in_own_process([&] { run(op); });
  CAPTURE(outcome.output);
  CHECK(outcome.failed);
  CHECK(contains(outcome.output, kChecksAccesses ? part : sanitizer));
}

TEST_CASE("sound: the same frame around a kernel without a mistake finds nothing") {
  const Outcome outcome =
      in_own_process([] { run([](const float* x, float* y) { planted::read_only(nullptr, x, y); }); });
  CAPTURE(outcome.output);
  CHECK_FALSE(outcome.failed);
}

TEST_CASE("missing barrier: the results depend on the order") {
  const auto body = [] {
    std::vector<float> y(64);
    run([&](const float* x, float* out) {
      planted::missing_barrier(nullptr, x, out);
      INPAINT_CUDA_CHECK(cudaMemcpy(y.data(), out, 64 * sizeof(float), cudaMemcpyDeviceToHost));
    });
    return y;
  };
  if (kChecksAccesses) {
    CHECK_THROWS_AS(executor::in_every_schedule(body), Error);
    executor::take_violations();
  } else {
    CHECK_THROWS_AS(executor::in_every_schedule(body), executor::ScheduleError);
  }
}

TEST_CASE("races" * doctest::skip(!kChecksAccesses)) {
  SUBCASE("shared memory without a barrier") {
    const std::string text =
        violation_of([](const float* x, float* y) { planted::missing_barrier(nullptr, x, y); });
    CHECK(contains(text, "missing_barrier_kernel"));
    CHECK((contains(text, "uninitialised, this block has not written there")));
  }
  SUBCASE("shared memory without __syncwarp") {
    CHECK_VIOLATION([](const float* x, float* y) { planted::missing_warp_barrier(nullptr, x, y); },
                    "static shared memory: races: thread 30 of the block wrote it");
  }
  SUBCASE("between blocks") {
    CHECK_VIOLATION_OF_Y(planted::blocks_overlap, "races: another block wrote it");
  }
  SUBCASE("between blocks that meet at an atomic, without a fence") {
    const DeviceArray<unsigned> ticket(1, 0u);
    CHECK_VIOLATION(
        [&](const float* x, float* y) { planted::sum_without_fence(nullptr, x, y, ticket, y + 32); },
        "races: another block wrote it");
  }
  SUBCASE("between blocks that meet at an atomic, of what other threads did without a barrier") {
    const DeviceArray<unsigned> ticket(1, 0u);
    CHECK_VIOLATION(
        [&](const float* x, float* y) { planted::sum_without_barrier(nullptr, x, y, ticket, y + 32); },
        "races: another block wrote it");
  }
  SUBCASE("a plain access beside an atomic one") {
    const DeviceArray<int> count(1, 0);
    CHECK_VIOLATION([&](const float*, float*) { planted::plain_beside_atomic(nullptr, count); },
                    "atomically changes 4 bytes at offset 0");
  }
}

TEST_CASE("uninitialised values" * doctest::skip(!kChecksAccesses)) {
  CHECK_VIOLATION_OF_Y(planted::uninitialised_shared, "static shared memory: uninitialised");
  CHECK_VIOLATION_OF_Y(planted::uninitialised_dynamic_shared, "dynamic shared memory: uninitialised");
  CHECK_VIOLATION(
      [](const float*, float* y) {
        const DeviceArray<float> never_written(64);
        planted::read_only(nullptr, never_written, y);
      },
      "uninitialised, nothing has written there");
}

TEST_CASE("uninitialised values begin as NaN") {
  const bool checks = kChecksAccesses;
  if (checks) return;  // it is not let run
  run([](const float*, float* y) {
    planted::uninitialised_dynamic_shared(nullptr, y);
    float value = 0;
    INPAINT_CUDA_CHECK(cudaMemcpy(&value, y, sizeof(value), cudaMemcpyDeviceToHost));
    CHECK(value != value);
  });
}

TEST_CASE("wrong masks of warp operations") {
  CHECK_VIOLATION_OF_Y(planted::mask_without_own_lane, "with mask 0x0000ffff, which does not name it");
  CHECK_VIOLATION_OF_Y(planted::mask_with_absent_lane, "lane 16 has ended");
  CHECK_VIOLATION_OF_Y(planted::mask_with_lane_elsewhere, "waits for ever in a warp shuffle");
  CHECK_VIOLATION_OF_Y(planted::mask_with_lane_elsewhere, "lane 16 waits at the barrier");
  CHECK_VIOLATION_OF_Y(planted::shuffle_from_outside_the_mask,
                       "reads the value of lane 16, which the mask does");
  CHECK_VIOLATION_OF_Y(planted::mismatched_masks, "with mask 0xffffffff: lane 1 has ended");
  const DeviceArray<float> y(64, 0.0f);
  CHECK_VIOLATION(
      [](const float*, float* out) {
        samples::warp_rounds(nullptr, 40, reinterpret_cast<int*>(out));  // the last warp has 8 lanes
      },
      "lane 8 has ended or is not in the block");
}

TEST_CASE("divergent barriers") {
  const std::string text =
      violation_of([](const float*, float* y) { planted::divergent_barrier(nullptr, y); });
  CHECK(contains(text, "thread (0, 0, 0) waits for ever at the barrier at "));
  CHECK(contains(text, "thread (32, 0, 0) waits at the barrier at "));
  CHECK_VIOLATION_OF_Y(planted::barrier_after_exit, "thread (40, 0, 0) has ended");
}

TEST_CASE("out of bounds") {
  SUBCASE("the tail of an array, written") {
    check_out_of_bounds([](const float*, float* y) { planted::write_out_of_bounds(nullptr, y, 64); },
                        "block (1, 0, 0), thread (0, 0, 0) writes 4 bytes at offset 256 of allocation");
  }
  SUBCASE("and read") {
    check_out_of_bounds([](const float* x, float* y) { planted::read_out_of_bounds(nullptr, x, y, 64); },
                        "reads 4 bytes at offset 256 of allocation");
  }
  SUBCASE("before the beginning") {
    check_out_of_bounds([](const float* x, float* y) { planted::read_only(nullptr, x - 1, y); },
                        "reads 4 bytes at 4 bytes before allocation");
  }
  SUBCASE("behind dynamic shared memory") {
    check_out_of_bounds([](const float*, float* y) { planted::shared_out_of_bounds(nullptr, y); },
                        "of 256 bytes of dynamic shared memory: out of bounds");
  }
  SUBCASE("a local array") {
    const DeviceArray<int> index(64, 4);
    check_out_of_bounds([&](const float*, float* y) { planted::local_out_of_bounds(nullptr, index, y); },
                        "uses index 4 of the array", "runtime error: index 4 out of bounds");
  }
  SUBCASE("memory that was freed") {
    check_out_of_bounds(
        [](const float*, float* y) {
          const float* freed = nullptr;
          {
            const DeviceArray<float> gone(64, 0.0f);
            freed = gone;
          }
          planted::read_only(nullptr, freed, y);
        },
        "of freed allocation");
  }
  SUBCASE("freed in the order of the stream, and used later") {
    check_out_of_bounds(
        [](const float*, float* y) {
          float* gone = nullptr;
          INPAINT_CUDA_CHECK(cudaMallocAsync(&gone, 256, nullptr));
          INPAINT_CUDA_CHECK(cudaMemsetAsync(gone, 0, 256, nullptr));
          INPAINT_CUDA_CHECK(cudaFreeAsync(gone, nullptr));
          planted::read_only(nullptr, gone, y);
        },
        "of freed allocation");
  }
}

TEST_CASE("a kernel cannot reach the host" * doctest::skip(!kChecksAccesses)) {
  const std::vector<float> host(64);
  CHECK_VIOLATION([&](const float*, float* y) { planted::read_only(nullptr, host.data(), y); },
                  "reads 4 bytes at an address that is not of the device");
  CHECK_VIOLATION([&](const float*, float* y) { planted::read_only(nullptr, nullptr, y); },
                  "reads 4 bytes at an address that is not of the device");
}

TEST_CASE("the host cannot reach the device, but in the order of a stream") {
  const Outcome outcome = in_own_process([] { run([](const float*, float* y) { y[3] = 1.0f; }); });
  CAPTURE(outcome.output);
  CHECK(outcome.failed);
  CHECK(contains(outcome.output, "violation: host code uses device memory, offset 12 of allocation"));
  run([](const float*, float* y) {
    INPAINT_CUDA_CHECK(executor::enqueue_host_code(nullptr, [y] { y[3] = 1.0f; }));
  });
}

#ifdef __clang__
constexpr bool kSeesVectorCopies = false;
#else
constexpr bool kSeesVectorCopies = true;
#endif

TEST_CASE("misaligned vectors" * doctest::skip(!kSeesVectorCopies)) {
  check_out_of_bounds([](const float* x, float* y) { planted::misaligned_vector(nullptr, x, y); },
                      "uses an address not aligned to the 16 bytes of", "misaligned address");
}

TEST_CASE("accesses are not checked where that is switched off" * doctest::skip(!kChecksAccesses)) {
  executor::set_access_checks(false);
  run([](const float*, float* y) { planted::uninitialised_shared(nullptr, y); });
  executor::set_access_checks(true);
  CHECK_VIOLATION_OF_Y(planted::uninitialised_shared, "uninitialised");
}

// Run by ctest with INPAINT_SYNC=1 in the environment.
TEST_CASE("INPAINT_SYNC=1: the launch that fails is the one named" *
          doctest::skip(getenv("INPAINT_SYNC") == nullptr)) {
  const auto message = [](const std::function<void(cudaStream_t)>& body) {
    cudaStream_t stream = nullptr;
    INPAINT_CUDA_CHECK(cudaStreamCreate(&stream));
    const std::string text = error_message<Error>([&] { body(stream); });
    executor::take_violations();
    cudaStreamDestroy(stream);
    return text;
  };
  CHECK(contains(
      message([](cudaStream_t stream) { planted::stop(stream); }),
      "stop: 1 x 1 x 1 blocks of 64 x 1 x 1 threads, 0 bytes of shared memory: unspecified launch failure"));
  CHECK(contains(message([](cudaStream_t stream) {
                   cudaGraph_t graph = nullptr;
                   INPAINT_CUDA_CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal));
                   planted::stop(stream);  // must not wait
                   INPAINT_CUDA_CHECK(cudaStreamEndCapture(stream, &graph));
                   cudaGraphDestroy(graph);
                   throw Error("captured");
                 }),
                 "captured"));
}

TEST_CASE("a sum that is not in a fixed order depends on the order") {
  std::vector<float> x(700, 1.0f);
  x[0] = 1e8f;
  CHECK_THROWS_AS(executor::in_every_schedule([&] {
                    const DeviceArray<float> in(x), sum(1, 0.0f);
                    planted::sum_by_float_atomics(nullptr, in, 700, sum);
                    return sum.values();
                  }),
                  executor::ScheduleError);
  CHECK(executor::take_violations().empty());
}

TEST_CASE("a kernel that stops itself, and one that needs too much stack") {
  CHECK_VIOLATION([](const float*, float*) { planted::stop(nullptr); }, "stopped itself by __trap");
  run([](const float*, float* y) { planted::deep_recursion(nullptr, 3, y); });
  const Outcome outcome = in_own_process(
      [] { run([](const float*, float* y) { planted::deep_recursion(nullptr, 100000, y); }); });
  CAPTURE(outcome.output);
  CHECK(outcome.failed);
  CHECK(contains(outcome.output, "violation: a kernel's stack is full"));
}

TEST_CASE("a process that never looks ends with a failure") {
  const auto ends_badly = [](const std::function<void()>& body, const char* part) {
    const Outcome outcome = in_own_process([&] {
      body();
      exit(0);
    });
    CAPTURE(outcome.output);
    CHECK(outcome.failed);
    CHECK(contains(outcome.output, part));
  };
  ends_badly([] { new DeviceArray<float>(3); }, "leaked: 1 device allocations of 12 bytes");
  ends_badly(
      [] {
        planted::stop(nullptr);
        cudaDeviceSynchronize();
      },
      "stopped itself by __trap");
}

}  // namespace
}  // namespace inpaint
