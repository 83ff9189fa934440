#include "cpu_runner.hpp"

#include "arena.hpp"
#include "checks.hpp"

namespace cairn {

void check_memory(const RunnerMemory& m, size_t have, const char* what) {
  const size_t need = m.weights + m.kv + m.scratch;
  if (need <= have) return;
  auto mib = [](size_t b) {
    return text(static_cast<int64_t>((b + (1 << 20) - 1) >> 20)) + " MiB";
  };
  throw Failure(Status::MEMORY, "the device needs " + mib(need) + " (weights " + mib(m.weights) +
                                    ", KV store " + mib(m.kv) + ", scratch " + mib(m.scratch) +
                                    ") and " + mib(have) + what + " are available");
}

CpuRunner::CpuRunner(const ModelDesc& desc, const EngineConfig& config, const Kernels& kernels,
                     const Progress& progress)
    : config_(config), model_(desc, config.weights, config.threads) {
  check_memory(memory(), available_memory(), "");
  forward_ = std::make_unique<Forward>(model_, kernels, config_);
  model_.load(progress, forward_->pool());
}

RunnerMemory CpuRunner::memory() const {
  return {model_.weight_bytes(), model_.mapped_bytes(), Forward::kv_bytes(model_.desc(), config_),
          Forward::scratch_bytes(model_.desc(), config_)};
}

}  // namespace cairn
