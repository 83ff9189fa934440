#include "../cpu/cpu_features.hpp"
#include "../cpu/read_rate.hpp"
#include "backend.hpp"

namespace cairn::backend {

std::string describe(const std::string& choice) {
  const CpuFeatures features = cpu_features();
  return std::string(choose_kernels(choice).name) + "\n" + kNumericsVersion + "\n" +
         cairn::describe(features) + "\n" + (features.amxInt8 ? amx_refusal() : "");
}

std::unique_ptr<Engine> open(const ModelDesc& desc, const EngineConfig& config,
                             const std::string& choice, const Progress& progress) {
  return std::make_unique<Engine>(desc, config, choose_kernels(choice), progress);
}

double read_rate(int threads) { return static_cast<double>(streaming_read_rate(threads)); }

}  // namespace cairn::backend
