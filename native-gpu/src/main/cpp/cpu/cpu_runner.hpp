// Steps on the CPU.
#pragma once

#include "forward.hpp"

namespace cairn {

class CpuRunner final : public StepRunner {
 public:
  // Loads the model. Throws Failure.
  CpuRunner(const ModelDesc& desc, const EngineConfig& config, const Kernels& kernels,
            const Progress& progress);

  const ModelDesc& desc() const override { return model_.desc(); }
  RunnerMemory memory() const override;
  int pinned_threads() const override { return forward_->pinned_threads(); }
  void enter() override { forward_->enter(); }
  bool verifies() const override { return true; }
  void launch(StepJob& step, std::vector<Slot>& slots) override { forward_->run(step, slots); }
  void finish(StepJob&, std::vector<Slot>&) override {}

 private:
  const EngineConfig config_;
  Model model_;
  std::unique_ptr<Forward> forward_;
};

// Throws Failure(MEMORY) where `have` bytes of `what` are too few.
void check_memory(const RunnerMemory& need, size_t have, const char* what);

}  // namespace cairn
