// Steps on a GPU. Launching a step copies its plan to the device and queues its kernels, as a graph
// where every row draws a token and the shape was seen before; finishing it waits for an event and
// reads the results from pinned memory. Drawn tokens are in the device's history before the host
// knows them, so a step never waits for the one before it on the host.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "../../cpu/thread_pool.hpp"
#include "device_weights.hpp"
#include "gpu_forward.hpp"

namespace cairn::gpu {

class GpuRunner final : public StepRunner {
 public:
  // Loads the model. Throws Failure.
  GpuRunner(const ModelDesc& desc, const EngineConfig& config, const Progress& progress);
  ~GpuRunner() override;

  const ModelDesc& desc() const override { return model_.desc(); }
  RunnerMemory memory() const override;
  bool asynchronous() const override { return true; }
  void enter() override { use_device(config_.gpu.device); }
  void launch(StepJob& step, std::vector<Slot>& slots) override;
  void finish(StepJob& step, std::vector<Slot>& slots) override;
  void abandon() override { abandoned_ = true; }
  bool verifies() const override { return true; }

  const Properties& properties() const { return device_; }
  int64_t graph_launches() const { return graphLaunches_; }

 private:
  // A step between launch and finish.
  struct Flight {
    Flight(size_t planBytes, size_t resultBytes, size_t pooledBytes)
        : plan(planBytes), results(resultBytes), pooled(pooledBytes) {}
    PinnedMemory plan, results, pooled;
    Event done;
    std::vector<LogitJob> jobs;
    std::vector<int> chunks, pooledChunks;
  };

  void check_memory() const;
  void upload_histories(const StepJob& step, std::vector<Slot>& slots);
  void run_kernels(const StepPlan& plan);
  void download_pooled(const StepJob& step, Flight& flight);
  void take_pooled(StepJob& step, const Flight& flight);
  void wait(Event& event) const;

  const EngineConfig config_;
  const Properties device_;
  Model model_;
  std::unique_ptr<DeviceWeights> weights_;
  std::unique_ptr<Stream> stream_;
  std::unique_ptr<GpuForward> forward_;
  DeviceMemory plan_, results_;
  std::unique_ptr<PinnedMemory> histories_;
  std::vector<int64_t> opened_;  // of each slot, when its history was uploaded
  StepPlan made_;
  // Few enough to be looked through; a map of shapes crashes clang 15 as HIP's compiler.
  std::vector<std::pair<StepShape, std::unique_ptr<Graph>>> graphs_;
  std::atomic<int64_t> graphLaunches_ = 0;

  std::mutex mutex_;
  std::deque<std::unique_ptr<Flight>> idle_, flying_;
  std::atomic<bool> abandoned_ = false;
};

}  // namespace cairn::gpu
