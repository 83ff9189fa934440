#include "step_plan.hpp"

#include <algorithm>
#include <cstring>

namespace cairn::gpu {

void StepPlan::make(const StepJob& step, std::vector<Slot>& slots) {
  for (auto* v : {&slots_, &positions_, &jobRows_, &jobChunks_, &pooledChunks_}) v->clear();
  jobs_.clear();
  runs_.clear();
  tasks_.clear();
  pools_.clear();
  updates_.clear();
  steering_.clear();
  for (size_t c = 0; c < step.chunks.size(); c++) {
    const ChunkJob& chunk = step.chunks[c];
    Slot& slot = slots[static_cast<size_t>(chunk.slot)];
    if (chunk.restart) slot.blockCount = 0;
    for (int32_t b : chunk.blocks) updates_.push_back({chunk.slot, slot.blockCount++, b});
    add_rows(chunk, slot, static_cast<int>(c));
  }
  int most = 1;
  for (const AttendTask& run : runs_) most = std::max(most, run.count * group_);
  const int queries = queries_of_a_task(most);
  for (const AttendTask& run : runs_)
    for (int i = 0; i < run.count * group_; i += queries)
      tasks_.push_back({run.row, i, std::min(queries, run.count * group_ - i)});
  shape_ = {static_cast<int>(slots_.size()), static_cast<int>(jobs_.size()),
            static_cast<int>(tasks_.size()), static_cast<int>(pools_.size()), queries,
            std::any_of(jobs_.begin(), jobs_.end(),
                        [](const LogitJob& j) { return j.sample == 0 || j.top >= 0; })};
  const auto base = static_cast<uint32_t>(layout().steering);
  for (LogitJob& j : jobs_) j.biasesAt += base, j.maskAt += base;
}

void StepPlan::add_rows(const ChunkJob& chunk, const Slot& slot, int index) {
  const int first = static_cast<int>(slots_.size());
  if (slot.pooling != Pooling::NONE) add_pool(chunk, slot, first, index);
  for (int i = 0; i < chunk.rows(); i += kRunRows)
    runs_.push_back({first + i, 0, std::min(kRunRows, chunk.rows() - i)});
  // all rows that draw share what steers them
  const uint32_t biasesAt =
      chunk.sample ? put(slot.biases.data(), slot.biases.size() * sizeof(LogitBias)) : 0;
  const uint32_t maskAt =
      chunk.sample ? put(chunk.allowed.data(), chunk.allowed.size() * sizeof(uint64_t)) : 0;
  for (int i = 0; i < chunk.rows(); i++) {
    const int position = chunk.start + i, row = first + i;
    slots_.push_back(chunk.slot);
    positions_.push_back(position);
    if (chunk.sample && i >= chunk.count - 1) {
      LogitJob& job = add_job(slot, chunk.slot, row, position, true, index);
      job.biases = static_cast<int>(slot.biases.size());
      job.biasesAt = biasesAt;
      job.masked = chunk.allowed.empty() ? 0 : 1;
      job.maskAt = maskAt;
    } else if (slot.promptLogprobs && position + 1 < slot.prompt) {
      add_job(slot, chunk.slot, row, position, false, index);
    }
  }
}

void StepPlan::add_pool(const ChunkJob& chunk, const Slot& slot, int row, int index) {
  const bool ends = chunk.start + chunk.count == slot.prompt;
  if (slot.pooling == Pooling::MEAN)
    pools_.push_back({chunk.slot, row, chunk.count, chunk.start == 0 ? 1 : 0});
  else if (ends)
    pools_.push_back({chunk.slot, row + chunk.count - 1, 1, 1});
  if (ends) pooledChunks_.push_back(index);
}

LogitJob& StepPlan::add_job(const Slot& slot, int slotNumber, int row, int position, bool sample,
                            int chunk) {
  jobRows_.push_back(row);
  jobChunks_.push_back(chunk);
  jobs_.push_back({row, slotNumber, position, sample ? 1 : 0, slot.prompt, slot.logprobs, slot.sampling,
                   static_cast<uint32_t>(slot.seed), static_cast<uint32_t>(slot.seed >> 32), 0, 0, 0, 0});
  return jobs_.back();
}

uint32_t StepPlan::put(const void* from, size_t bytes) {
  const size_t at = steering_.size();
  steering_.resize(at + bytes);
  if (bytes > 0) std::memcpy(&steering_[at], from, bytes);
  return static_cast<uint32_t>(at);
}

void StepPlan::write(uint8_t* to) const {
  const StepLayout at = layout();
  auto put = [&](size_t place, const auto& values) {
    if (!values.empty()) std::memcpy(to + place, values.data(), values.size() * sizeof(values[0]));
  };
  put(at.slots, slots_);
  put(at.positions, positions_);
  put(at.jobRows, jobRows_);
  put(at.jobs, jobs_);
  put(at.tasks, tasks_);
  put(at.pools, pools_);
  put(at.updates, updates_);
  put(at.steering, steering_);
}

size_t StepPlan::most_bytes(const EngineConfig& c, const ModelDesc& d) {
  StepShape most;
  most.rows = most.jobs = c.maxBatchTokens;
  // each run ends in at most one task that is not full
  most.tasks = c.maxBatchTokens * ((d.heads / d.kvHeads + 7) / 8 + 1);
  const size_t blocks = static_cast<size_t>((c.maxContext + c.blockTokens - 1) / c.blockTokens);
  const size_t words = static_cast<size_t>((d.vocabulary + 63) / 64);
  most.pools = std::min(c.maxSlots, c.maxBatchTokens);
  const size_t chunks = static_cast<size_t>(most.pools);
  const size_t steering = chunks * (words * sizeof(uint64_t) + kMaxBiases * sizeof(LogitBias));
  return StepLayout(most, static_cast<size_t>(c.maxSlots) * blocks, steering).end;
}

}  // namespace cairn::gpu
