// The runtime: memory, streams, events, graphs, errors.

#include <doctest/doctest.h>

#include <cstring>

#include "tests/cuda_executor/executor.h"
#include "tests/cuda_executor/proofs/device_array.h"
#include "tests/cuda_executor/proofs/planted_bugs.h"
#include "tests/cuda_executor/proofs/sample_kernels.h"
#include "tests/harness/error_message.h"

namespace inpaint {
namespace {

using executor::Order;
using executor::StreamOrder;

// A schedule for the length of a test.
class WithStreams {
 public:
  explicit WithStreams(StreamOrder order) : before_(executor::schedule()) {
    executor::set_schedule({Order::kForward, Order::kForward, Order::kForward, order, 7});
  }
  ~WithStreams() { executor::set_schedule(before_); }

 private:
  executor::Schedule before_;
};

class Stream {
 public:
  explicit Stream(unsigned flags = cudaStreamNonBlocking) {
    INPAINT_CUDA_CHECK(cudaStreamCreateWithFlags(&stream_, flags));
  }
  ~Stream() { cudaStreamDestroy(stream_); }
  operator cudaStream_t() const { return stream_; }
  void synchronize() const { INPAINT_CUDA_CHECK(cudaStreamSynchronize(stream_)); }

 private:
  cudaStream_t stream_ = nullptr;
};

class Event {
 public:
  Event() { INPAINT_CUDA_CHECK(cudaEventCreate(&event_)); }
  ~Event() { cudaEventDestroy(event_); }
  operator cudaEvent_t() const { return event_; }

 private:
  cudaEvent_t event_ = nullptr;
};

template <typename T>
struct Pinned {
  explicit Pinned(size_t count) { INPAINT_CUDA_CHECK(cudaMallocHost(&data, count * sizeof(T))); }
  ~Pinned() { cudaFreeHost(data); }
  T* data = nullptr;
};

void read_back(float* to, const float* from, cudaStream_t stream) {
  INPAINT_CUDA_CHECK(cudaMemcpyAsync(to, from, sizeof(float), cudaMemcpyDeviceToHost, stream));
}

TEST_CASE("work waits until somebody waits for it") {
  const DeviceArray<float> x(1, 3.0f), y(1, 0.0f);
  const Stream stream;
  const Pinned<float> result(1);
  *result.data = -1;
  const auto scaled = [&] {
    samples::scale(stream, x, 1, 2.0f, y);
    read_back(result.data, y, stream);
    return *result.data;  // a missing synchronisation
  };
  {
    const WithStreams late(StreamOrder::kLate);
    CHECK(scaled() == -1.0f);
    CHECK(cudaStreamQuery(stream) == cudaErrorNotReady);
    stream.synchronize();
    CHECK(*result.data == 6.0f);
    CHECK(cudaStreamQuery(stream) == cudaSuccess);
    *result.data = -1;
    scaled();
    int queries = 0;
    while (cudaStreamQuery(stream) == cudaErrorNotReady) ++queries;  // polling gets there
    CHECK(queries == 2);
    CHECK(*result.data == 6.0f);
  }
  *result.data = -1;
  const WithStreams at_once(StreamOrder::kAtOnce);
  CHECK(scaled() == 6.0f);
}

TEST_CASE("a missing synchronisation shows as results that depend on the order") {
  const DeviceArray<float> x(1, 3.0f), y(1, 0.0f);
  const Pinned<float> result(1);
  const Stream stream;
  const auto read = [&](bool waits) {
    stream.synchronize();
    *result.data = 0;
    samples::scale(stream, x, 1, 2.0f, y);
    read_back(result.data, y, stream);
    if (waits) stream.synchronize();
    return std::vector<float>{*result.data};
  };
  CHECK_THROWS_AS(executor::in_every_schedule([&] { return read(false); }), executor::ScheduleError);
  executor::in_every_schedule([&] { return read(true); });
}

TEST_CASE("a pinned buffer that is changed before its upload is done shows likewise") {
  const DeviceArray<float> x(1, 0.0f);
  const Pinned<float> source(1);
  const Stream stream;
  CHECK_THROWS_AS(
      executor::in_every_schedule([&] {
        *source.data = 1;
        INPAINT_CUDA_CHECK(cudaMemcpyAsync(x, source.data, sizeof(float), cudaMemcpyHostToDevice, stream));
        *source.data = 2;
        stream.synchronize();
        return x.values();
      }),
      executor::ScheduleError);
}

TEST_CASE("an upload of pageable memory may arrive after the call has returned") {
  const DeviceArray<float> x(1, 0.0f), y(1, 0.0f);
  const Stream stream;
  const auto scaled = [&](bool waits) {
    INPAINT_CUDA_CHECK(cudaMemset(x, 0, sizeof(float)));
    INPAINT_CUDA_CHECK(cudaDeviceSynchronize());
    float source = 3;
    INPAINT_CUDA_CHECK(cudaMemcpy(x, &source, sizeof(float), cudaMemcpyHostToDevice));
    source = 4;  // was read already
    if (waits) INPAINT_CUDA_CHECK(cudaDeviceSynchronize());
    samples::scale(stream, x, 1, 2.0f, y);
    stream.synchronize();
    return y.values();
  };
  CHECK_THROWS_AS(executor::in_every_schedule([&] { return scaled(false); }), executor::ScheduleError);
  executor::in_every_schedule([&] {
    CHECK(scaled(true)[0] == 6.0f);
    return scaled(true);
  });
}

TEST_CASE("streams are ordered by events and by nothing else") {
  const DeviceArray<float> x(1, 1.0f), y(1, 0.0f), z(1, 0.0f);
  const auto chain = [&](bool with_event) {
    const Stream first, second;
    const Event done;
    INPAINT_CUDA_CHECK(cudaMemset(y, 0, sizeof(float)));
    INPAINT_CUDA_CHECK(cudaDeviceSynchronize());
    samples::scale(first, x, 1, 2.0f, y);
    INPAINT_CUDA_CHECK(cudaEventRecord(done, first));
    if (with_event) INPAINT_CUDA_CHECK(cudaStreamWaitEvent(second, done));
    samples::scale(second, y, 1, 3.0f, z);
    second.synchronize();
    return z.values();
  };
  executor::in_every_schedule([&] {
    CHECK(chain(true)[0] == 6.0f);
    return chain(true);
  });
  CHECK_THROWS_AS(executor::in_every_schedule([&] { return chain(false); }), executor::ScheduleError);
}

TEST_CASE("the default stream and ordinary ones never run side by side, and non-blocking ones may") {
  const DeviceArray<float> x(1, 1.0f), y(1, 0.0f), z(1, 0.0f);
  for (const bool blocking : {true, false}) {
    const WithStreams late(StreamOrder::kLate);
    const Stream stream(blocking ? cudaStreamDefault : cudaStreamNonBlocking);
    INPAINT_CUDA_CHECK(cudaMemset(y, 0, sizeof(float)));
    INPAINT_CUDA_CHECK(cudaDeviceSynchronize());
    samples::scale(stream, x, 1, 2.0f, y);
    samples::scale(nullptr, y, 1, 3.0f, z);
    INPAINT_CUDA_CHECK(cudaStreamSynchronize(nullptr));
    CHECK(z.values()[0] == (blocking ? 6.0f : 0.0f));
    samples::scale(nullptr, x, 1, 5.0f, y);
    samples::scale(stream, y, 1, 1.0f, z);
    stream.synchronize();
    CHECK(z.values()[0] == (blocking ? 5.0f : 2.0f));
    INPAINT_CUDA_CHECK(cudaDeviceSynchronize());
  }
}

TEST_CASE("events: query, synchronize, elapsed time") {
  const DeviceArray<float> x(1, 1.0f), y(1, 0.0f);
  const WithStreams late(StreamOrder::kLate);
  const Stream stream;
  const Event start, end;
  float ms = -1;
  CHECK(cudaEventQuery(start) == cudaSuccess);  // never recorded
  INPAINT_CUDA_CHECK(cudaEventRecord(start, stream));
  samples::scale(stream, x, 1, 2.0f, y);
  INPAINT_CUDA_CHECK(cudaEventRecord(end, stream));
  CHECK(cudaEventElapsedTime(&ms, start, end) == cudaErrorNotReady);
  INPAINT_CUDA_CHECK(cudaEventSynchronize(end));
  CHECK(cudaEventQuery(end) == cudaSuccess);
  INPAINT_CUDA_CHECK(cudaEventElapsedTime(&ms, start, end));
  CHECK(ms > 0);
  CHECK(cudaGetLastError() == cudaSuccess);  // "not ready" is no failure
}

TEST_CASE("host functions run in the order of their stream") {
  const WithStreams late(StreamOrder::kLate);
  const Stream stream;
  int calls = 0;
  INPAINT_CUDA_CHECK(cudaLaunchHostFunc(
      stream, [](void* count) { ++*static_cast<int*>(count); }, &calls));
  CHECK(calls == 0);
  stream.synchronize();
  CHECK(calls == 1);
}

struct Graph {
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t exec = nullptr;
  ~Graph() {
    if (exec != nullptr) cudaGraphExecDestroy(exec);
    if (graph != nullptr) cudaGraphDestroy(graph);
  }
};

TEST_CASE("a dry run leaves memory as it was") {
  const DeviceArray<float> x(1, 1.0f), y(1, 0.0f);
  executor::set_dry_run(true);
  samples::scale(nullptr, x, 1, 2.0f, y);
  INPAINT_CUDA_CHECK(cudaDeviceSynchronize());
  executor::set_dry_run(false);
  CHECK(y.values()[0] == 0.0f);
}

TEST_CASE("a captured graph forks, joins and is replayed with what the memory holds then") {
  executor::in_every_schedule([] {
    const DeviceArray<float> x(1, 1.0f), a(1, 0.0f), b(1, 0.0f), sum(1, 0.0f), partial(1);
    const DeviceArray<float> both(2, 0.0f);
    const DeviceArray<unsigned> ticket(1, 0u);
    const Stream stream, side;
    const Event forked, joined;
    Graph g;
    INPAINT_CUDA_CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal));
    samples::scale(stream, x, 1, 2.0f, a);
    INPAINT_CUDA_CHECK(cudaEventRecord(forked, stream));
    INPAINT_CUDA_CHECK(cudaStreamWaitEvent(side, forked));
    samples::scale(stream, a, 1, 3.0f, both);
    samples::scale(side, a, 1, 5.0f, b);
    INPAINT_CUDA_CHECK(cudaMemcpyAsync(both + 1, b, sizeof(float), cudaMemcpyDeviceToDevice, side));
    INPAINT_CUDA_CHECK(cudaEventRecord(joined, side));
    INPAINT_CUDA_CHECK(cudaStreamWaitEvent(stream, joined));
    samples::sum(stream, both, 2, partial, ticket, sum);
    cudaStreamCaptureStatus status{};
    INPAINT_CUDA_CHECK(cudaStreamIsCapturing(side, &status));
    CHECK(status == cudaStreamCaptureStatusActive);
    INPAINT_CUDA_CHECK(cudaStreamEndCapture(stream, &g.graph));
    INPAINT_CUDA_CHECK(cudaStreamIsCapturing(side, &status));
    CHECK(status == cudaStreamCaptureStatusNone);
    size_t nodes = 0;
    INPAINT_CUDA_CHECK(cudaGraphGetNodes(g.graph, nullptr, &nodes));
    CHECK(nodes == 5);
    const std::vector<std::string> names = executor::newest_graph();
    REQUIRE(names.size() == nodes);
    CHECK(contains(names[0], "scale_kernel"));
    CHECK(contains(names[0], " at sample_kernels.cu:"));
    CHECK(names[3] == "copy");
    INPAINT_CUDA_CHECK(cudaGraphInstantiate(&g.exec, g.graph));
    CHECK(sum.values()[0] == 0.0f);  // nothing has run
    std::vector<float> sums;
    const executor::Counters before = executor::counters();
    for (const float value : {1.0f, 10.0f}) {
      INPAINT_CUDA_CHECK(cudaMemcpy(x, &value, sizeof(value), cudaMemcpyHostToDevice));
      INPAINT_CUDA_CHECK(cudaDeviceSynchronize());
      INPAINT_CUDA_CHECK(cudaGraphLaunch(g.exec, stream));
      stream.synchronize();
      sums.push_back(sum.values()[0]);
    }
    CHECK(executor::counters().graph_launches == before.graph_launches + 2);
    CHECK(executor::counters().kernel_launches == before.kernel_launches);
    CHECK(sums == std::vector<float>{16.0f, 160.0f});
    return sums;
  });
}

TEST_CASE("what a capture forbids voids it") {
  const DeviceArray<float> x(1, 1.0f), y(1, 0.0f);
  const auto end_of_capture = [&](const std::function<cudaError_t(cudaStream_t)>& call,
                                  cudaError_t expected) {
    const Stream stream(cudaStreamDefault);
    Graph g;
    INPAINT_CUDA_CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal));
    samples::scale(stream, x, 1, 2.0f, y);
    CHECK(call(stream) == expected);
    return cudaStreamEndCapture(stream, &g.graph);
  };
  const auto unsupported = cudaErrorStreamCaptureUnsupported, invalidated = cudaErrorStreamCaptureInvalidated;
  CHECK(end_of_capture([](cudaStream_t stream) { return cudaStreamSynchronize(stream); }, unsupported) ==
        invalidated);
  CHECK(end_of_capture([](cudaStream_t) { return cudaDeviceSynchronize(); }, unsupported) == invalidated);
  float* pointer = nullptr;
  CHECK(end_of_capture([&](cudaStream_t) { return cudaMalloc(&pointer, 4); }, unsupported) == invalidated);
  CHECK(end_of_capture([&](cudaStream_t) { return cudaMemset(y, 0, 4); }, cudaErrorStreamCaptureImplicit) ==
        invalidated);
  CHECK(end_of_capture([](cudaStream_t) { return cudaSuccess; }, cudaSuccess) == cudaSuccess);
  const Stream other;
  const Event fork;
  CHECK(end_of_capture(
            [&](cudaStream_t stream) {
              cudaEventRecord(fork, stream);
              return cudaStreamWaitEvent(other, fork);
            },
            cudaSuccess) == cudaSuccess);  // joined, but with nothing of its own
  CHECK(end_of_capture(
            [&](cudaStream_t stream) {
              cudaEventRecord(fork, stream);
              cudaStreamWaitEvent(other, fork);
              return cudaMemsetAsync(y, 0, 4, other);
            },
            cudaSuccess) == cudaErrorStreamCaptureUnjoined);
  CHECK(cudaEventSynchronize(fork) == cudaErrorCapturedEvent);
  INPAINT_CUDA_CHECK(cudaEventRecord(fork, other));
  CHECK(end_of_capture([&](cudaStream_t stream) { return cudaStreamWaitEvent(stream, fork); },
                       cudaErrorStreamCaptureIsolation) == cudaSuccess);
  cudaGetLastError();
}

TEST_CASE("device memory has an end, and the error says how much is left") {
  executor::set_device_memory(1 << 20);
  {
    const DeviceArray<char> half(512 << 10);
    size_t free = 0, total = 0;
    INPAINT_CUDA_CHECK(cudaMemGetInfo(&free, &total));
    CHECK(free == 512 << 10);
    CHECK(total == 1 << 20);
    void* pointer = nullptr;
    CHECK(contains(
        error_message<OutOfMemory>([&] { INPAINT_CUDA_CHECK(cudaMalloc(&pointer, (512 << 10) + 1)); }),
        "cudaMalloc(&pointer, (512 << 10) + 1) was refused with 524288 of 1048576 bytes free"));
    CHECK(cudaGetLastError() == cudaSuccess);
    const DeviceArray<char> rest(512 << 10);
  }
  const DeviceArray<char> whole(1 << 20);
  executor::set_device_memory(size_t{4} << 30);
}

TEST_CASE("no device, or too old a driver, is the user's to mend") {
  int count = 0;
  executor::set_device_error(cudaErrorNoDevice);
  CHECK(contains(error_message<UserError>([&] { INPAINT_CUDA_CHECK(cudaGetDeviceCount(&count)); }),
                 "no GPU: "));
  executor::set_device_error(cudaErrorInsufficientDriver);
  CHECK(contains(error_message<UserError>([&] { INPAINT_CUDA_CHECK(cudaSetDevice(0)); }),
                 "install a newer one"));
  executor::set_device_error(cudaSuccess);
  INPAINT_CUDA_CHECK(cudaGetDeviceCount(&count));
  CHECK(count == 1);
}

TEST_CASE("other failures name statement, place, text and error") {
  const std::string text = error_message<Error>([] { INPAINT_CUDA_CHECK(cudaSetDevice(7)); });
  CHECK(contains(text, "runtime_test.cpp:"));
  CHECK(contains(text, ": cudaSetDevice(7): invalid device ordinal (cudaErrorInvalidDevice)"));
  CHECK(cudaGetLastError() == cudaSuccess);
}

TEST_CASE("copies stay inside allocations, and know the two sides apart") {
  const DeviceArray<float> x(4, 1.0f);
  float host[8] = {};
  const auto refused = [](cudaError_t error) {
    const bool violation = !executor::take_violations().empty();
    cudaGetLastError();
    return error != cudaSuccess && violation;
  };
  CHECK(refused(cudaMemcpy(host, x, 20, cudaMemcpyDeviceToHost)));
  CHECK(refused(cudaMemcpy(x + 1, host, 16, cudaMemcpyHostToDevice)));
  CHECK(refused(cudaMemset(x, 0, 17)));
  CHECK(cudaMemcpy(x, host, 16, cudaMemcpyDeviceToHost) == cudaErrorInvalidValue);
  CHECK(cudaFree(x + 1) == cudaErrorInvalidValue);
  CHECK(cudaFree(host) == cudaErrorInvalidValue);
  cudaGetLastError();
  CHECK(cudaMemcpy(host, x, 16, cudaMemcpyDefault) == cudaSuccess);
  CHECK(host[3] == 1.0f);
  CHECK(cudaFree(nullptr) == cudaSuccess);
}

TEST_CASE("copies carry over what was never written" * doctest::skip(!executor::kChecksAccesses)) {
  const DeviceArray<float> x(64), y(64), z(64);
  INPAINT_CUDA_CHECK(cudaMemset(x, 0, 63 * sizeof(float)));
  INPAINT_CUDA_CHECK(cudaMemcpy(y, x, 64 * sizeof(float), cudaMemcpyDeviceToDevice));
  planted::read_only(nullptr, y, z);
  CHECK(cudaDeviceSynchronize() != cudaSuccess);
  const std::vector<std::string> violations = executor::take_violations();
  REQUIRE(violations.size() == 1);
  CHECK(contains(violations[0], "thread (63, 0, 0) reads 4 bytes"));
  cudaGetLastError();
}

TEST_CASE("host waits, launches and allocations are counted") {
  const executor::Counters before = executor::counters();
  {
    const DeviceArray<float> x(1), y(1);
    const Pinned<float> result(1);
    const Stream stream;
    INPAINT_CUDA_CHECK(cudaMemsetAsync(x, 0, sizeof(float), stream));
    samples::scale(stream, x, 1, 2.0f, y);
    read_back(result.data, y, stream);
    CHECK(executor::counters().host_waits == before.host_waits);
    float pageable = 0;
    read_back(&pageable, y, stream);  // not pinned: the call waits
    CHECK(executor::counters().host_waits == before.host_waits + 1);
    stream.synchronize();
    CHECK(executor::counters().host_waits == before.host_waits + 2);
  }
  CHECK(executor::counters().kernel_launches == before.kernel_launches + 1);
  CHECK(executor::counters().allocations == before.allocations + 3);
  CHECK(executor::leaks().empty());
}

TEST_CASE("leaks are named") {
  auto* const x = new DeviceArray<float>(2);
  auto* const stream = new Stream;
  CHECK(contains(executor::leaks(), "1 device allocations of 8 bytes, 1 streams"));
  delete x;
  delete stream;
  CHECK(executor::leaks().empty());
}

TEST_CASE("the fictitious device") {
  int value = 0;
  cudaDeviceProp properties{};
  INPAINT_CUDA_CHECK(cudaGetDeviceProperties(&properties, 0));
  CHECK(properties.major == 9);
  INPAINT_CUDA_CHECK(cudaDeviceGetAttribute(&value, cudaDevAttrMultiProcessorCount, 0));
  CHECK(value == 132);
  CHECK(cudaSetDevice(1) == cudaErrorInvalidDevice);
  CHECK(cudaGetLastError() == cudaErrorInvalidDevice);
  const auto blocks = [](int threads, size_t shared_bytes) {
    int count = 0;
    INPAINT_CUDA_CHECK(cudaOccupancyMaxActiveBlocksPerMultiprocessor(
        &count, static_cast<const void*>(nullptr), threads, shared_bytes));
    return count;
  };
  CHECK(blocks(256, 0) == 8);
  CHECK(blocks(32, 0) == 32);
  CHECK(blocks(33, 100 << 10) == 2);
}

}  // namespace
}  // namespace inpaint
