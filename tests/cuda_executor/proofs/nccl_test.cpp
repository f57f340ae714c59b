// Several devices, and the stand-in for NCCL between them: what they carry, and the mistakes that they find.
#include <doctest/doctest.h>
#include <nccl.h>

#include <atomic>
#include <functional>
#include <thread>
#include <vector>

#include "tests/cuda_executor/executor.h"
#include "tests/cuda_executor/proofs/device_array.h"
#include "tests/cuda_executor/proofs/sample_kernels.h"
#include "tests/harness/error_message.h"

namespace inpaint {
namespace {

constexpr int kCount = 6;

// A rank's device, communicator and stream, and two arrays there.
struct Rank {
  int number;
  ncclComm_t comm = nullptr;
  cudaStream_t stream = nullptr;
  float *mine = nullptr, *others = nullptr;

  void exchange(int peer, size_t sent, size_t received) const {
    ncclGroupStart();
    ncclSend(mine, sent, ncclFloat32, peer, comm, stream);
    ncclRecv(others, received, ncclFloat32, peer, comm, stream);
    ncclGroupEnd();
  }
  std::vector<float> received() const {
    std::vector<float> values(kCount);
    cudaMemcpyAsync(values.data(), others, sizeof(float) * kCount, cudaMemcpyDeviceToHost, stream);
    cudaStreamSynchronize(stream);
    return values;
  }
};

// Calls body(rank) on a thread of each of two ranks, whose arrays hold 10 * rank + i, and nothing.
void as_two_ranks(const std::function<void(const Rank&)>& body, int devices = 2) {
  executor::set_devices(devices);
  ncclUniqueId id;
  REQUIRE(ncclGetUniqueId(&id) == ncclSuccess);
  std::vector<std::thread> threads;
  for (int number = 0; number < 2; ++number)
    threads.emplace_back([&, number] {
      Rank rank{number};
      cudaSetDevice(number % devices);
      cudaStreamCreateWithFlags(&rank.stream, cudaStreamNonBlocking);
      cudaMalloc(&rank.mine, sizeof(float) * kCount);
      cudaMalloc(&rank.others, sizeof(float) * kCount);
      std::vector<float> values;
      for (int i = 0; i < kCount; ++i) values.push_back(static_cast<float>(10 * number + i));
      cudaMemcpy(rank.mine, values.data(), sizeof(float) * kCount, cudaMemcpyHostToDevice);
      cudaDeviceSynchronize();
      if (devices == 2) ncclCommInitRank(&rank.comm, 2, id, number);
      body(rank);
      if (rank.comm != nullptr) ncclCommDestroy(rank.comm);
      cudaFree(rank.mine);
      cudaFree(rank.others);
      cudaStreamDestroy(rank.stream);
    });
  for (std::thread& thread : threads) thread.join();
  executor::set_devices(1);
}

std::vector<float> of_rank(int number) {
  std::vector<float> values;
  for (int i = 0; i < kCount; ++i) values.push_back(static_cast<float>(10 * number + i));
  return values;
}

void check_one_violation(const char* part) {
  const std::vector<std::string> found = executor::take_violations();
  REQUIRE(!found.empty());
  CHECK_MESSAGE(contains(found.front(), part), "'", found.front(), "' does not hold '", part, "'");
}

}  // namespace

TEST_CASE("NCCL: what ranks send each other, in every order of streams") {
  executor::in_every_schedule([] {
    std::vector<float> results(2 * kCount);
    as_two_ranks([&](const Rank& rank) {
      for (int i = 0; i < 3; ++i) rank.exchange(1 - rank.number, kCount, kCount);
      const std::vector<float> values = rank.received();
      CHECK(values == of_rank(1 - rank.number));
      std::copy(values.begin(), values.end(), results.begin() + rank.number * kCount);
    });
    return results;
  });
}

TEST_CASE("NCCL: a call returns before it is done, and its stream waits for the other rank") {
  std::atomic<bool> enqueued = false, seen = false;
  as_two_ranks([&](const Rank& rank) {
    if (rank.number == 0) {
      rank.exchange(1, kCount, kCount);
      seen = cudaStreamQuery(rank.stream) == cudaErrorNotReady;
      enqueued = true;
    } else {
      while (!enqueued) std::this_thread::yield();
      rank.exchange(0, kCount, kCount);
    }
    CHECK(rank.received() == of_rank(1 - rank.number));
  });
  CHECK(seen);
}

TEST_CASE("NCCL: calls in a graph, replayed") {
  as_two_ranks([&](const Rank& rank) {
    cudaGraph_t graph = nullptr;
    cudaGraphExec_t exec = nullptr;
    REQUIRE(cudaStreamBeginCapture(rank.stream, cudaStreamCaptureModeThreadLocal) == cudaSuccess);
    rank.exchange(1 - rank.number, kCount, kCount);
    REQUIRE(cudaStreamEndCapture(rank.stream, &graph) == cudaSuccess);
    REQUIRE(cudaGraphInstantiate(&exec, graph) == cudaSuccess);
    for (int i = 0; i < 3; ++i) {
      cudaMemsetAsync(rank.others, 0, sizeof(float) * kCount, rank.stream);
      CHECK(cudaGraphLaunch(exec, rank.stream) == cudaSuccess);
      CHECK(rank.received() == of_rank(1 - rank.number));
    }
    cudaGraphExecDestroy(exec);
    cudaGraphDestroy(graph);
  });
  CHECK(executor::take_violations().empty());
}

TEST_CASE("NCCL: calls that differ between ranks are found") {
  as_two_ranks([](const Rank& rank) {  // a size
    rank.exchange(1 - rank.number, rank.number == 0 ? 5 : kCount, kCount);
    cudaStreamSynchronize(rank.stream);
  });
  check_one_violation("call 0 of the ranks differs: rank 0 sends 5 float32 to rank 1, rank 1 receives 6");
  as_two_ranks([](const Rank& rank) {  // a type
    ncclGroupStart();
    ncclSend(rank.mine, 2, rank.number == 0 ? ncclFloat64 : ncclFloat32, 1 - rank.number, rank.comm,
             rank.stream);
    ncclRecv(rank.others, 2, ncclFloat32, 1 - rank.number, rank.comm, rank.stream);
    ncclGroupEnd();
    cudaStreamSynchronize(rank.stream);
  });
  check_one_violation("rank 0 sends 2 float64 to rank 1, rank 1 receives 2 float32");
  as_two_ranks([](const Rank& rank) {  // the order
    for (const size_t size : {size_t{3}, size_t{4}})
      rank.exchange(1 - rank.number, rank.number == 0 ? size : 7 - size, rank.number == 0 ? size : 7 - size);
    cudaStreamSynchronize(rank.stream);
  });
  check_one_violation("call 0 of the ranks differs: rank 0 sends 3 float32 to rank 1, rank 1 receives 4");
  as_two_ranks([](const Rank& rank) {  // nobody receives
    if (rank.number == 0)
      ncclSend(rank.mine, 2, ncclFloat32, 1, rank.comm, rank.stream);
    else
      ncclSend(rank.mine, 2, ncclFloat32, 0, rank.comm, rank.stream);
    cudaStreamSynchronize(rank.stream);
  });
  check_one_violation("rank 0 sends 2 float32 to rank 1, rank 1 receives nothing from it");
}

TEST_CASE("NCCL: memory that a call may not use") {
  as_two_ranks([](const Rank& rank) {  // what comes lies over what goes
    if (rank.number == 1) return;
    ncclGroupStart();
    ncclSend(rank.mine, 4, ncclFloat32, 1 - rank.number, rank.comm, rank.stream);
    ncclRecv(rank.mine + 2, 4, ncclFloat32, 1 - rank.number, rank.comm, rank.stream);
    ncclGroupEnd();
  });
  check_one_violation("receives 4 float32 from rank 1 into memory of which it sends 4 float32");
  float* of_first = nullptr;
  std::atomic<bool> there = false;
  as_two_ranks([&](const Rank& rank) {  // another device's
    if (rank.number == 0) {
      of_first = rank.mine;
      there = true;
      rank.exchange(1, kCount, kCount);
    } else {
      while (!there) std::this_thread::yield();
      Rank wrong = rank;
      wrong.mine = of_first;
      wrong.exchange(0, kCount, kCount);
    }
    cudaStreamSynchronize(rank.stream);
  });
  check_one_violation("from device 1");
  as_two_ranks([](const Rank& rank) {  // nothing has written what goes
    ncclGroupStart();
    ncclSend(rank.others, 2, ncclFloat32, 1 - rank.number, rank.comm, rank.stream);
    ncclRecv(rank.mine, 2, ncclFloat32, 1 - rank.number, rank.comm, rank.stream);
    ncclGroupEnd();
    cudaStreamSynchronize(rank.stream);
  });
  if (executor::kChecksAccesses) check_one_violation("uninitialised");
}

TEST_CASE("NCCL: what it refuses") {
  as_two_ranks([](const Rank& rank) {
    cudaStream_t of_other = nullptr;
    cudaSetDevice(1 - rank.number);
    cudaStreamCreateWithFlags(&of_other, cudaStreamNonBlocking);
    cudaSetDevice(rank.number);
    CHECK(ncclSend(rank.mine, 2, ncclFloat32, 2, rank.comm, rank.stream) == ncclInvalidArgument);
    CHECK(ncclSend(rank.mine, 2, ncclFloat32, 1 - rank.number, rank.comm, of_other) ==
          ncclUnhandledCudaError);
    CHECK(ncclGroupEnd() == ncclInvalidUsage);
    ncclUniqueId id{};
    ncclComm_t comm = nullptr;
    CHECK(ncclCommInitRank(&comm, 2, id, rank.number) == ncclSystemError);  // another process has made it
    cudaStreamDestroy(of_other);
  });
  ncclUniqueId id;
  REQUIRE(ncclGetUniqueId(&id) == ncclSuccess);
  as_two_ranks(
      [&](const Rank& rank) {  // both on one device
        ncclComm_t comm = nullptr;
        CHECK(ncclCommInitRank(&comm, 2, id, rank.number) == ncclInvalidUsage);
      },
      1);
  CHECK(executor::take_violations().empty());
}

TEST_CASE("NCCL: a communicator that goes before a graph of its calls") {
  as_two_ranks([](const Rank& rank) {
    cudaGraph_t graph = nullptr;
    cudaStreamBeginCapture(rank.stream, cudaStreamCaptureModeThreadLocal);
    rank.exchange(1 - rank.number, kCount, kCount);
    cudaStreamEndCapture(rank.stream, &graph);
    CHECK(ncclCommDestroy(rank.comm) == ncclSuccess);
    cudaGraphDestroy(graph);
  });
  check_one_violation("a graph holds calls of a communicator that is destroyed");
}

TEST_CASE("NCCL: one that is aborted lets its stream end") {
  as_two_ranks([](const Rank& rank) {
    if (rank.number == 1) return;  // never comes
    rank.exchange(1, kCount, kCount);
    CHECK(ncclCommAbort(rank.comm) == ncclSuccess);
    CHECK(cudaStreamSynchronize(rank.stream) == cudaSuccess);
  });
  CHECK(executor::take_violations().empty());
}

TEST_CASE("devices: a kernel, a copy and an event belong to theirs") {
  executor::set_devices(2);
  int device = -1, count = 0;
  CHECK(cudaGetDeviceCount(&count) == cudaSuccess);
  CHECK(count == 2);
  CHECK(cudaSetDevice(2) == cudaErrorInvalidDevice);
  REQUIRE(cudaSetDevice(1) == cudaSuccess);
  std::thread([&] { cudaGetDevice(&device); }).join();
  CHECK(device == 0);  // of each thread its own
  cudaStream_t streams[2];
  cudaEvent_t event = nullptr;
  float *first = nullptr, *second = nullptr;
  for (const int number : {0, 1}) {
    REQUIRE(cudaSetDevice(number) == cudaSuccess);
    REQUIRE(cudaStreamCreateWithFlags(&streams[number], cudaStreamNonBlocking) == cudaSuccess);
    REQUIRE(cudaMalloc(number == 0 ? &first : &second, 1 << 20) == cudaSuccess);
  }
  size_t free = 0, total = 0;
  cudaMemGetInfo(&free, &total);
  CHECK(total - free == 1 << 20);  // of the second alone
  REQUIRE(cudaEventCreate(&event) == cudaSuccess);
  CHECK(cudaEventRecord(event, streams[0]) == cudaErrorInvalidResourceHandle);
  CHECK(cudaEventRecord(event, streams[1]) == cudaSuccess);
  cudaMemsetAsync(second, 0, 64, streams[0]);
  cudaStreamSynchronize(streams[0]);
  check_one_violation("of device 1, from device 0");
  REQUIRE(cudaSetDevice(0) == cudaSuccess);
  CHECK_THROWS_AS(samples::scale(streams[1], second, 16, 2, second), Error);  // a stream of another device
  if (executor::kChecksAccesses) {
    samples::scale(streams[0], second, 16, 2, first);
    cudaStreamSynchronize(streams[0]);
    check_one_violation("of device 1, from device 0");
  }
  cudaEventDestroy(event);
  cudaFree(first);
  cudaFree(second);
  for (const int number : {0, 1}) cudaStreamDestroy(streams[number]);
  cudaSetDevice(0);
  executor::set_devices(1);
}
}  // namespace inpaint
