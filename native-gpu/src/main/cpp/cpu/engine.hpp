// A model, its slots and the threads that run steps over them.
//
// Three callers at most at a time: one that opens and frees slots, submits and reads counters, one
// that awaits, and the threads inside: one launches steps, and where they run on a device of their
// own another finishes them. Submitting checks every index against the planned state
// of the slots, so that a step that was accepted cannot fail for its numbers.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "kernels/kernels.hpp"
#include "step_runner.hpp"

namespace cairn {

// Devices of the same version give the same bits: docs/NUMERICS.md.
inline constexpr const char* kNumericsVersion = "cpu-1";

struct SlotSpec {
  std::vector<int32_t> tokens;
  int32_t promptLength = 0;
  SamplingParams sampling;
  std::vector<LogitBias> biases = {};
  uint64_t seed = 0;
  int32_t logprobs = -1;
  bool promptLogprobs = false;
  Pooling pooling = Pooling::NONE;
};

struct EngineStats {
  int64_t openSlots = 0, stepsRun = 0, tokensProcessed = 0, busyNanos = 0, idleNanos = 0;
};

class Engine {
 public:
  // Throws Failure(MISUSE) for numbers out of range.
  static const EngineConfig& checked(const EngineConfig& config);
  Engine(const EngineConfig& config, std::unique_ptr<StepRunner> runner);
  // Of a model on the CPU. Throws Failure.
  Engine(const ModelDesc& desc, const EngineConfig& config, const Kernels& kernels,
         const Progress& progress);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  void open_slot(int32_t slot, const SlotSpec& spec);
  void free_slot(int32_t slot);
  void submit(int64_t id, std::vector<ChunkJob> chunks);
  // Waits for the oldest step; throws Failure(CLOSED) once shut_down() was called.
  std::unique_ptr<StepJob> await();
  EngineStats stats();
  // Ends the steps in flight and wakes await().
  void shut_down();

  size_t weight_bytes() const { return memory_.weights; }
  size_t mapped_bytes() const { return memory_.mapped; }
  size_t kv_bytes() const { return memory_.kv; }
  size_t scratch_bytes() const { return memory_.scratch; }
  int pinned_threads() const { return runner_->pinned_threads(); }
  bool verifies_drafts() const { return runner_->verifies(); }
  const EngineConfig& config() const { return config_; }

 private:
  Slot& slot_at(int32_t slot);
  void check(ChunkJob& chunk);
  void check_allowed(const ChunkJob& chunk) const;
  void check_draft(const ChunkJob& chunk) const;
  void check_pooled(const ChunkJob& chunk, const Slot& slot) const;
  void check_blocks(ChunkJob& chunk, const Slot& slot);
  void plan(const ChunkJob& chunk);
  void fill_blocks(const Slot& slot, int32_t start);
  void settle(const ChunkJob& chunk, const ChunkOutput& output);
  void launch_steps();
  void finish_steps();
  void finished(StepJob& job);
  template <class Part>
  void attempt(StepJob& job, const Part& part);

  const EngineConfig config_;
  const std::unique_ptr<StepRunner> runner_;
  const RunnerMemory memory_;
  std::vector<Slot> slots_;
  std::vector<int32_t> blockFill_;   // tokens planned in each KV block
  std::vector<int64_t> blockStamp_;  // last submission that wrote it
  std::vector<int64_t> slotStamp_;   // last submission that named it
  int64_t submissions_ = 0;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::unique_ptr<StepJob>> steps_;  // submitted and not awaited
  // of these, so many were launched, and so many are finished
  size_t launched_ = 0, finished_ = 0;
  int64_t stepsLaunched_ = 0;
  bool stop_ = false;
  std::atomic<bool> lost_ = false;
  std::string lostReason_;
  EngineStats stats_;
  int64_t idleSince_ = 0;
  std::thread launcher_, finisher_;
};

}  // namespace cairn
