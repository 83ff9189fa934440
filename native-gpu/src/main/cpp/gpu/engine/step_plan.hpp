// What the kernels of a step are told: rows, queries that attend together, rows of logits, changes of
// block tables. It is written by the CPU in one piece and copied to the device in one piece, whose
// parts follow each other without gaps: their places depend on the shape alone, but for that of the
// last, the biases and masks, which jobs name by their distance from the plan's begin.
#pragma once

#include <vector>

#include "../../cpu/step_runner.hpp"
#include "../kernels/attention.hpp"
#include "../kernels/rows.hpp"
#include "../kernels/sampler.hpp"

namespace cairn::gpu {

// Steps of one shape run the same kernels with the same arguments.
struct StepShape {
  int rows = 0, jobs = 0, tasks = 0, pools = 0;
  int queries = 1;        // of a task, at most
  bool logprobs = false;  // whether any row wants them
  bool operator==(const StepShape&) const = default;
};

// Byte offsets of the parts.
struct StepLayout {
  size_t slots, positions, jobRows, jobs, tasks, pools, updates, steering, end;

  StepLayout(const StepShape& s, size_t updateCount, size_t steeringBytes) {
    size_t at = 0;
    auto place = [&](size_t count, size_t each) {
      const size_t here = at;
      at = (at + count * each + 15) & ~size_t{15};
      return here;
    };
    slots = place(static_cast<size_t>(s.rows), sizeof(int));
    positions = place(static_cast<size_t>(s.rows), sizeof(int));
    jobRows = place(static_cast<size_t>(s.jobs), sizeof(int));
    jobs = place(static_cast<size_t>(s.jobs), sizeof(LogitJob));
    tasks = place(static_cast<size_t>(s.tasks), sizeof(AttendTask));
    pools = place(static_cast<size_t>(s.pools), sizeof(PoolTask));
    updates = place(updateCount, sizeof(BlockUpdate));
    steering = place(steeringBytes, 1);
    end = at;
  }
};

class StepPlan {
 public:
  // Of a model whose key heads have `group` query heads each.
  explicit StepPlan(int group) : group_(group) {}

  // Appends blocks to the slots' tables as the step says.
  void make(const StepJob& step, std::vector<Slot>& slots);
  void write(uint8_t* to) const;
  // bytes that a plan can take
  static size_t most_bytes(const EngineConfig& c, const ModelDesc& d);

  const StepShape& shape() const { return shape_; }
  StepLayout layout() const { return {shape_, updates_.size(), steering_.size()}; }
  int update_count() const { return static_cast<int>(updates_.size()); }
  // the chunk of each row of logits
  const std::vector<int>& job_chunks() const { return jobChunks_; }
  const std::vector<LogitJob>& jobs() const { return jobs_; }
  // the chunks whose slots have pooled their whole prompt with this step
  const std::vector<int>& pooled_chunks() const { return pooledChunks_; }

 private:
  static constexpr int kRunRows = 16;

  void add_rows(const ChunkJob& chunk, const Slot& slot, int index);
  void add_pool(const ChunkJob& chunk, const Slot& slot, int row, int index);
  LogitJob& add_job(const Slot& slot, int slotNumber, int row, int position, bool sample, int chunk);
  // Appends to what steers; returns where.
  uint32_t put(const void* from, size_t bytes);

  const int group_;
  StepShape shape_;
  std::vector<int> slots_, positions_, jobRows_, jobChunks_, pooledChunks_;
  std::vector<LogitJob> jobs_;
  std::vector<AttendTask> runs_, tasks_;
  std::vector<PoolTask> pools_;
  std::vector<BlockUpdate> updates_;
  std::vector<uint8_t> steering_;
};

}  // namespace cairn::gpu
