#include "fiber.hpp"

#include <pthread.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace cairn::gpu::emulator {
namespace {

#if defined(__SANITIZE_ADDRESS__)
// The sanitizer is told of each switch: where the new stack is.
void announce(void* stack) {
  if (stack != nullptr) {
    __sanitizer_start_switch_fiber(nullptr, stack, Context::kStackBytes);
    return;
  }
  pthread_attr_t attributes;
  void* bottom;
  size_t size;
  pthread_getattr_np(pthread_self(), &attributes);
  pthread_attr_getstack(&attributes, &bottom, &size);
  pthread_attr_destroy(&attributes);
  __sanitizer_start_switch_fiber(nullptr, bottom, size);
}
void arrived() { __sanitizer_finish_switch_fiber(nullptr, nullptr, nullptr); }
#else
void announce(void*) {}
void arrived() {}
#endif

}  // namespace

#if defined(__x86_64__)
extern "C" void cairn_switch_stack(void** from, void* to);
asm(R"(
.text
.globl cairn_switch_stack
.hidden cairn_switch_stack
.type cairn_switch_stack,@function
cairn_switch_stack:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size cairn_switch_stack,.-cairn_switch_stack
)");
#endif

Context::~Context() { std::free(stack_); }

void Context::prepare(void (*entry)()) {
  if (stack_ == nullptr) stack_ = std::aligned_alloc(4096, kStackBytes);
  if (stack_ == nullptr) throw std::bad_alloc();
#if defined(__SANITIZE_ADDRESS__)
  __asan_unpoison_memory_region(stack_, kStackBytes);
#endif
#if defined(__x86_64__)
  constexpr size_t kSaved = 6;
  void** top = reinterpret_cast<void**>(static_cast<uint8_t*>(stack_) + kStackBytes);
  *--top = nullptr;  // in place of a return address, so that the stack is aligned as after a call
  *--top = reinterpret_cast<void*>(entry);
  top -= kSaved;
  std::memset(top, 0, kSaved * sizeof(void*));
  pointer_ = top;
#else
  getcontext(&context_);
  context_.uc_stack.ss_sp = stack_;
  context_.uc_stack.ss_size = kStackBytes;
  context_.uc_link = nullptr;
  makecontext(&context_, entry, 0);
#endif
}

void Context::switch_to(Context& other) {
  announce(other.stack_);
#if defined(__x86_64__)
  cairn_switch_stack(&pointer_, other.pointer_);
#else
  swapcontext(&context_, &other.context_);
#endif
  arrived();
}

void Context::entered() { arrived(); }

}  // namespace cairn::gpu::emulator
