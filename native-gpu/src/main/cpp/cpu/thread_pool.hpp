// Compute threads that share the tasks of one phase at a time. The caller is thread 0.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace cairn {

// Flush denormal results and inputs to zero on the calling thread: docs/NUMERICS.md, "Denormals".
void set_float_mode();

class ThreadPool {
 public:
  // Pinned: thread i stays on the i-th processor that this process may use; threads that find none
  // stay where the system puts them.
  explicit ThreadPool(int threads, bool pinned = false);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  // Called by the thread that will be thread 0 of run().
  void enter();
  // threads that were given a processor
  int pinned() const { return static_cast<int>(processors_.size()); }
  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  // Calls body(task, thread) for every task below `tasks`, in no order, and returns when all ended.
  // The body does not throw.
  template <class Body>
  void run(int tasks, const Body& body) {
    if (workers_.empty() || tasks <= 1) {
      for (int i = 0; i < tasks; i++) body(i, 0);
      return;
    }
    start(tasks, &body, [](const void* b, int task, int thread) {
      (*static_cast<const Body*>(b))(task, thread);
    });
  }

  // Calls body(row) for every row below `rows`, a few rows a task.
  template <class Body>
  void for_rows(int rows, const Body& body) {
    run((rows + kRowsPerTask - 1) / kRowsPerTask, [&](int task, int) {
      const int first = task * kRowsPerTask;
      const int last = rows - first < kRowsPerTask ? rows : first + kRowsPerTask;
      for (int r = first; r < last; r++) body(static_cast<size_t>(r));
    });
  }

 private:
  static constexpr int kRowsPerTask = 4;
  using Call = void (*)(const void*, int, int);

  void start(int tasks, const void* body, Call call);
  void work(int thread);
  void drain(int thread);
  void pin(int thread) const;

  std::vector<int> processors_;  // of each pinned thread
  std::vector<std::thread> workers_;
  const void* body_ = nullptr;
  Call call_ = nullptr;
  int tasks_ = 0;
  bool stop_ = false;
  alignas(64) std::atomic<int> next_{0};
  alignas(64) std::atomic<uint32_t> phase_{0};
  alignas(64) std::atomic<int> running_{0};
};

}  // namespace cairn
