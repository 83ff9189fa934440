#include "thread_pool.hpp"

#include <pthread.h>
#include <sched.h>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace cairn {
namespace {

// About 20 µs: longer than the gap between two phases, shorter than the gap between two steps.
constexpr int kSpins = 1000;

void pause() {
#if defined(__x86_64__)
  _mm_pause();
#endif
}

template <class T>
void wait_while(const std::atomic<T>& value, T old) {
  for (int i = 0; i < kSpins; i++) {
    if (value.load(std::memory_order_acquire) != old) return;
    pause();
  }
  while (value.load(std::memory_order_acquire) == old) value.wait(old, std::memory_order_acquire);
}

}  // namespace

void set_float_mode() {
#if defined(__x86_64__)
  _mm_setcsr((_mm_getcsr() & ~0x6000u) | 0x8040u);  // round to nearest, FTZ, DAZ
#elif defined(__aarch64__)
  uint64_t fpcr;
  asm volatile("mrs %0, fpcr" : "=r"(fpcr));
  asm volatile("msr fpcr, %0" ::"r"(fpcr | (1ull << 24)));
#endif
}

ThreadPool::ThreadPool(int threads, bool pinned) {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (pinned && sched_getaffinity(0, sizeof allowed, &allowed) == 0)
    for (int i = 0; i < CPU_SETSIZE && this->pinned() < threads; i++)
      if (CPU_ISSET(i, &allowed)) processors_.push_back(i);
  for (int i = 1; i < threads; i++) workers_.emplace_back([this, i] { work(i); });
}

ThreadPool::~ThreadPool() {
  stop_ = true;
  phase_.fetch_add(1, std::memory_order_release);
  phase_.notify_all();
  for (std::thread& t : workers_) t.join();
}

void ThreadPool::pin(int thread) const {
  if (thread >= pinned()) return;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(static_cast<size_t>(processors_[static_cast<size_t>(thread)]), &one);
  pthread_setaffinity_np(pthread_self(), sizeof one, &one);
}

void ThreadPool::enter() { pin(0); }

void ThreadPool::start(int tasks, const void* body, Call call) {
  body_ = body;
  call_ = call;
  tasks_ = tasks;
  next_.store(0, std::memory_order_relaxed);
  running_.store(static_cast<int>(workers_.size()), std::memory_order_relaxed);
  phase_.fetch_add(1, std::memory_order_release);
  phase_.notify_all();
  drain(0);
  for (;;) {
    const int left = running_.load(std::memory_order_acquire);
    if (left == 0) return;
    wait_while(running_, left);
  }
}

void ThreadPool::drain(int thread) {
  for (;;) {
    const int task = next_.fetch_add(1, std::memory_order_relaxed);
    if (task >= tasks_) return;
    call_(body_, task, thread);
  }
}

void ThreadPool::work(int thread) {
  set_float_mode();
  pin(thread);
  uint32_t seen = 0;
  for (;;) {
    wait_while(phase_, seen);
    seen++;
    if (stop_) return;
    drain(thread);
    if (running_.fetch_sub(1, std::memory_order_acq_rel) == 1) running_.notify_all();
  }
}

}  // namespace cairn
