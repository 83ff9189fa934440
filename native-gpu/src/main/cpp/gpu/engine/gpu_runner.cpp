#include "gpu_runner.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <thread>

#include "../../cpu/checks.hpp"
#include "../../cpu/cpu_runner.hpp"

namespace cairn::gpu {
namespace {

using Clock = std::chrono::steady_clock;

// Between two looks at a step that is not done: well below the time of a step.
constexpr auto kLook = std::chrono::microseconds(20);

Properties opened(const EngineConfig& config) {
  const GpuSettings& g = config.gpu;
  check_range("memoryShareThousandths", g.memoryShareThousandths, 1, 1000);
  check_range("stepTimeoutMillis", g.stepTimeoutMillis, 1, INT32_MAX);
  check_range("graphs", g.graphs, 0, 4096);
  const DeviceCount found = device_count();
  if (found.count == 0) throw Failure(Status::UNAVAILABLE, found.reason);
  check_range("device", g.device, 0, found.count - 1);
  use_device(g.device);
  return properties(g.device);
}

}  // namespace

GpuRunner::GpuRunner(const ModelDesc& desc, const EngineConfig& config, const Progress& progress)
    : config_(config),
      device_(opened(config)),
      model_(desc, WeightStore::PACKED, config.threads),
      opened_(static_cast<size_t>(config.maxSlots)),
      made_(desc.heads / std::max(1, desc.kvHeads)) {
  check_memory();
  weights_ = std::make_unique<DeviceWeights>(config.gpu.device);
  ThreadPool pool(config.threads);
  model_.load(progress, pool, weights_.get());
  weights_->finish();
  stream_ = std::make_unique<Stream>();
  forward_ = std::make_unique<GpuForward>(model_, config_, device_, *stream_);
  const size_t planBytes = StepPlan::most_bytes(config_, model_.desc());
  const size_t pooledBytes = static_cast<size_t>(std::min(config_.maxSlots, config_.maxBatchTokens)) *
                             static_cast<size_t>(desc.embedding) * sizeof(float);
  const size_t resultBytes = static_cast<size_t>(config_.maxBatchTokens) * sizeof(LogitResult);
  plan_ = DeviceMemory(planBytes);
  results_ = DeviceMemory(resultBytes);
  histories_ = std::make_unique<PinnedMemory>(
      static_cast<size_t>(config_.maxSlots) * static_cast<size_t>(config_.maxContext + 1) * sizeof(int));
  for (int i = 0; i < config_.maxStepsInFlight; i++)
    idle_.push_back(std::make_unique<Flight>(planBytes, resultBytes, pooledBytes));
}

GpuRunner::~GpuRunner() {
  // What is queued still reads the pinned memory; a device that is lost cannot be waited for.
  try {
    use_device(config_.gpu.device);
    if (stream_ != nullptr && !abandoned_) stream_->synchronize();
  } catch (const Failure& f) {
    std::fprintf(stderr, "cairn: closing the device: %s\n", f.what());
  }
}

RunnerMemory GpuRunner::memory() const {
  const size_t plan = StepPlan::most_bytes(config_, model_.desc());
  return {model_.weight_bytes(), 0, GpuForward::kv_bytes(model_.desc(), config_),
          GpuForward::scratch_bytes(model_.desc(), config_) + plan +
              static_cast<size_t>(config_.maxBatchTokens) * sizeof(LogitResult)};
}

void GpuRunner::check_memory() const {
  const auto usable = free_memory() / 1000 * static_cast<size_t>(config_.gpu.memoryShareThousandths);
  char share[32];
  std::snprintf(share, sizeof share, "%.3f", config_.gpu.memoryShareThousandths / 1000.0);
  const std::string what = std::string(" (") + share + " of the free memory of " + device_.name + ")";
  cairn::check_memory(memory(), usable, what.c_str());
}

// A slot's tokens are copied when a step first names it after it was opened, drafts with their step.
// A row of a draft may read what the row before it draws in place of the guess: where they differ it
// does not count.
void GpuRunner::upload_histories(const StepJob& step, std::vector<Slot>& slots) {
  const size_t stride = static_cast<size_t>(config_.maxContext) + 1;
  for (const ChunkJob& c : step.chunks) {
    const size_t number = static_cast<size_t>(c.slot);
    const Slot& slot = slots[number];
    int* pinned = histories_->as<int>() + number * stride;
    if (opened_[number] != slot.opened) {
      opened_[number] = slot.opened;
      std::copy(slot.history.begin(), slot.history.end(), pinned);
      stream_->upload(forward_->history(c.slot), pinned, slot.history.size() * sizeof(int));
    }
    if (c.draft.empty()) continue;
    const auto end = static_cast<size_t>(c.start + c.count);
    std::copy(c.draft.begin(), c.draft.end(), pinned + end);
    stream_->upload(forward_->history(c.slot) + end, pinned + end, c.draft.size() * sizeof(int));
  }
}

void GpuRunner::launch(StepJob& step, std::vector<Slot>& slots) {
  std::unique_ptr<Flight> flight;
  {
    const std::lock_guard lock(mutex_);
    if (idle_.empty()) throw Failure(Status::LOST, "more steps are in flight than were planned for");
    flight = std::move(idle_.front());
    idle_.pop_front();
  }
  made_.make(step, slots);
  made_.write(flight->plan.as<uint8_t>());
  flight->jobs = made_.jobs();
  flight->chunks = made_.job_chunks();
  flight->pooledChunks = made_.pooled_chunks();
  upload_histories(step, slots);
  stream_->upload(plan_.as<uint8_t>(), flight->plan.as<uint8_t>(), made_.layout().end);
  forward_->update_tables(
      reinterpret_cast<const BlockUpdate*>(plan_.as<uint8_t>() + made_.layout().updates),
      made_.update_count(), stream_->queue());
  run_kernels(made_);
  if (!flight->jobs.empty())
    stream_->download(flight->results.as<uint8_t>(), results_.as<uint8_t>(),
                      flight->jobs.size() * sizeof(LogitResult));
  download_pooled(step, *flight);
  flight->done.record(stream_->queue());
  const std::lock_guard lock(mutex_);
  flying_.push_back(std::move(flight));
}

void GpuRunner::run_kernels(const StepPlan& plan) {
  const StepShape& shape = plan.shape();
  auto run = [&] {
    forward_->run(shape, plan_.as<uint8_t>(), results_.as<LogitResult>(), stream_->queue());
  };
  const auto known = std::find_if(graphs_.begin(), graphs_.end(),
                                  [&](const auto& g) { return g.first == shape; });
  if (known != graphs_.end()) {
    known->second->launch(stream_->queue());
    graphLaunches_++;
    return;
  }
  const bool decodes = shape.rows == shape.jobs;
  if (!decodes || graphs_.size() >= static_cast<size_t>(config_.gpu.graphs)) return run();
  stream_->begin_capture();
  try {
    run();
  } catch (const Failure&) {
    stream_->end_capture();
    throw;
  }
  graphs_.emplace_back(shape, stream_->end_capture());
  graphs_.back().second->launch(stream_->queue());
}

void GpuRunner::download_pooled(const StepJob& step, Flight& flight) {
  const size_t width = static_cast<size_t>(model_.desc().embedding);
  float* to = flight.pooled.as<float>();
  for (const int chunk : flight.pooledChunks) {
    const int slot = step.chunks[static_cast<size_t>(chunk)].slot;
    stream_->download(to, forward_->pooled(slot), width * sizeof(float));
    to += width;
  }
}

void GpuRunner::take_pooled(StepJob& step, const Flight& flight) {
  const size_t width = static_cast<size_t>(model_.desc().embedding);
  const float* from = flight.pooled.as<float>();
  for (const int chunk : flight.pooledChunks) {
    ChunkOutput& out = step.outputs[static_cast<size_t>(chunk)];
    out.finite &= std::all_of(from, from + width, [](float x) { return std::isfinite(x); });
    if (out.finite) out.pooled.assign(from, from + width);
    from += width;
  }
}

void GpuRunner::wait(Event& event) const {
  const auto limit = Clock::now() + std::chrono::milliseconds(config_.gpu.stepTimeoutMillis);
  while (!event.reached()) {
    if (abandoned_) throw Failure(Status::CLOSED, "the device is closed");
    if (Clock::now() > limit)
      throw Failure(Status::LOST, "the device did not finish a step within " +
                                      text(config_.gpu.stepTimeoutMillis) + " ms");
    std::this_thread::sleep_for(kLook);
  }
}

void GpuRunner::finish(StepJob& step, std::vector<Slot>& slots) {
  std::unique_ptr<Flight> flight;
  {
    const std::lock_guard lock(mutex_);
    flight = std::move(flying_.front());
    flying_.pop_front();
  }
  use_device(config_.gpu.device);
  wait(flight->done);
  step.outputs.assign(step.chunks.size(), ChunkOutput{});
  const auto* results = flight->results.as<LogitResult>();
  auto slot_of = [&](size_t chunk) -> Slot& {
    return slots[static_cast<size_t>(step.chunks[chunk].slot)];
  };
  for (size_t c = 0; c < step.chunks.size(); c++) step.outputs[c].finite = !slot_of(c).failed;
  take_pooled(step, *flight);
  // of a row of a draft its number, from 1; otherwise 0 or less
  auto drafted = [&](size_t j) {
    const ChunkJob& c = step.chunks[static_cast<size_t>(flight->chunks[j])];
    return flight->jobs[j].position - (c.start + c.count - 1);
  };
  for (size_t j = 0; j < flight->jobs.size(); j++)
    if (results[j].finite == 0 && drafted(j) <= 0)
      step.outputs[static_cast<size_t>(flight->chunks[j])].finite = false;
  for (size_t j = 0; j < flight->jobs.size(); j++) {
    ChunkOutput& out = step.outputs[static_cast<size_t>(flight->chunks[j])];
    if (!out.finite) continue;
    if (const int row = drafted(j); row > 0) {
      const ChunkJob& chunk = step.chunks[static_cast<size_t>(flight->chunks[j])];
      if (results[j].finite != 0 && holds(chunk, static_cast<size_t>(row), out))
        out.more.push_back({results[j].token, results[j].logprobs});
      continue;
    }
    if (flight->jobs[j].sample == 0) {
      out.promptLogprobs.push_back(results[j].logprobs);
      continue;
    }
    out.token = results[j].token;
    out.hasLogprobs = flight->jobs[j].top >= 0;
    if (out.hasLogprobs) out.logprobs = results[j].logprobs;
  }
  for (size_t c = 0; c < step.chunks.size(); c++)
    if (!step.outputs[c].finite) slot_of(c).failed = true;
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(flight));
}

}  // namespace cairn::gpu
