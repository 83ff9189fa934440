// What computes the steps of an engine: the CPU or a GPU.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kv.hpp"
#include "model.hpp"
#include "slots.hpp"

namespace cairn {

// What a GPU's back end takes beside; the CPU's does not look at it.
struct GpuSettings {
  int32_t device = 0;
  int32_t memoryShareThousandths = 900;  // of the free memory that may be used
  int32_t stepTimeoutMillis = 60000;     // a step that takes longer is a lost device
  int32_t graphs = 64;                   // shapes of steps that are kept as graphs
};

struct EngineConfig {
  int32_t threads = 1, maxSlots = 1, maxContext = 1, kvBlocks = 1, blockTokens = 32;
  int32_t maxBatchTokens = 1, maxStepsInFlight = 2;
  KvType kvType = KvType::F16;
  bool pinThreads = false;
  WeightStore weights = WeightStore::PACKED;
  GpuSettings gpu = {};
};

// Bytes: of weights in the device's memory, of weights that stay in the mapped file, of the KV
// store, and of all else.
struct RunnerMemory {
  size_t weights = 0, mapped = 0, kv = 0, scratch = 0;
};

// A step is launched and later finished, both in the order of submission. Launching queues the work
// and returns; finishing waits for its results, fills the outputs and appends sampled tokens. A
// runner that computes while it launches has nothing to finish.
class StepRunner {
 public:
  virtual ~StepRunner() = default;

  virtual const ModelDesc& desc() const = 0;
  virtual RunnerMemory memory() const = 0;
  virtual int pinned_threads() const { return 0; }
  // Whether steps are finished by a thread of their own while later ones are launched.
  virtual bool asynchronous() const { return false; }
  // Whether it verifies drafts.
  virtual bool verifies() const { return false; }
  // Called once by the thread that launches.
  virtual void enter() {}
  virtual void launch(StepJob& step, std::vector<Slot>& slots) = 0;
  virtual void finish(StepJob& step, std::vector<Slot>& slots) = 0;
  // Makes a finish() that waits return soon; called by any thread.
  virtual void abandon() {}
};

}  // namespace cairn
