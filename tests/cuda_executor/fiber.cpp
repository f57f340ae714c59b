#include "tests/cuda_executor/fiber.h"

#include <sys/mman.h>
#include <unistd.h>

#include <new>

namespace inpaint::executor {
namespace context = boost::context::detail;

namespace {
const size_t kPage = static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

Fiber::Fiber() {
  void* const memory = mmap(nullptr, kStackBytes + kPage, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  mprotect(memory, kPage, PROT_NONE);
  stack_ = static_cast<std::byte*>(memory) + kPage;
}

Fiber::~Fiber() {
  asan::unpoison(stack_, kStackBytes);
  munmap(stack_ - kPage, kStackBytes + kPage);
}

bool Fiber::start(const std::function<void()>& work) {
  work_ = &work;
  if (here_ == nullptr) here_ = context::make_fcontext(stack_ + kStackBytes, kStackBytes, enter);
  return continue_it();
}

bool Fiber::continue_it() {
  void* fake_stack = nullptr;
  finished_ = false;
  asan::start_switch(&fake_stack, stack_, kStackBytes);
  here_ = context::jump_fcontext(here_, this).fctx;
  asan::finish_switch(fake_stack, nullptr, nullptr);
  return finished_;
}

void Fiber::suspend() {
  asan::start_switch(&fake_stack_, caller_stack_, caller_stack_bytes_);
  caller_ = context::jump_fcontext(caller_, this).fctx;
  asan::finish_switch(fake_stack_, &caller_stack_, &caller_stack_bytes_);
}

void Fiber::abandon() {
  asan::unpoison(stack_, kStackBytes);
  here_ = nullptr;
  fake_stack_ = nullptr;
}

// One fiber does one piece of work after the other: a new stack frame is made for the first only.
void Fiber::enter(context::transfer_t from) {
  Fiber& self = *static_cast<Fiber*>(from.data);
  asan::finish_switch(nullptr, &self.caller_stack_, &self.caller_stack_bytes_);
  self.caller_ = from.fctx;
  for (;;) {
    (*self.work_)();
    self.finished_ = true;
    self.suspend();
  }
}

}  // namespace inpaint::executor
