// The back end of a GPU's library, and of the emulator's.
#include <algorithm>
#include <sstream>

#include "../../cpu/checks.hpp"
#include "../../jni/backend.hpp"
#include "../kernels/streaming.hpp"
#include "gpu_runner.hpp"

namespace cairn::backend {
namespace {

#if defined(GPU_EMU)

// Shown on an emulator to have the CPU's bits.
constexpr const char* kVersion = kNumericsVersion;
constexpr size_t kReadBytes = size_t{1} << 20;

// auto, or words separated by commas: mma, mfma, wmma or none, lost=N or hung=N, the launch from now on
// at which the device is lost or stops to answer, and devices=N, how many there are.
void choose(const std::string& choice) {
  using gpu::emulator::MatrixUnit;
  gpu::emulator::Settings& s = gpu::emulator::settings();
  s.wave = 32;
  s.matrix = MatrixUnit::MMA;
  s.lostAtLaunch = s.hungAtLaunch = 0;
  s.devices = 1;
  std::stringstream words(choice == "auto" ? "mma" : choice);
  for (std::string word; std::getline(words, word, ',');) {
    const std::string name = word.substr(0, word.find('='));
    const size_t number = std::min(word.size(), name.size() + 1);
    const int64_t value = std::atoll(word.c_str() + number);
    const int64_t launch = gpu::emulator::launches() + value;
    if (name == "lost")
      s.lostAtLaunch = launch;
    else if (name == "hung")
      s.hungAtLaunch = launch;
    else if (name == "devices")
      s.devices = static_cast<int>(value);
    else if (name == "mfma")
      s.wave = 64, s.matrix = MatrixUnit::MFMA;
    else if (name == "wmma")
      s.matrix = MatrixUnit::WMMA;
    else if (name == "none")
      s.matrix = MatrixUnit::NONE;
    else if (name != "mma")
      misuse("instruction set is '" + choice + "', expected words of mma, mfma, wmma, none, lost=, hung=, devices=");
  }
}

#else

// Not the CPU's before the suites have run on a card (docs/NUMERICS.md).
#if defined(GPU_HIP)
constexpr const char* kVersion = "hip-1";
#else
constexpr const char* kVersion = "cuda-1";
#endif
constexpr size_t kReadBytes = size_t{1} << 30;

void choose(const std::string& choice) {
  if (choice != "auto") misuse("instruction set is '" + choice + "', expected auto");
}

#endif

}  // namespace

std::string describe(const std::string& choice) {
  choose(choice);
  const gpu::DeviceCount found = gpu::device_count();
  if (found.count == 0) throw Failure(Status::UNAVAILABLE, found.reason);
  std::string list;
  for (int i = 0; i < found.count; i++) {
    const gpu::Properties p = gpu::properties(i);
    list += (i == 0 ? "" : ", ") + text(i) + ": " + p.name + " " + p.architecture + " " +
            text(static_cast<int64_t>(p.memoryBytes >> 20)) + " MiB";
  }
  return gpu::properties(0).architecture + "\n" + kVersion + "\n" + list + "\n";
}

std::unique_ptr<Engine> open(const ModelDesc& desc, const EngineConfig& config,
                             const std::string& choice, const Progress& progress) {
  choose(choice);
  Engine::checked(config);
  return std::make_unique<Engine>(config, std::make_unique<gpu::GpuRunner>(desc, config, progress));
}

double read_rate(int) {
  gpu::use_device(0);
  return gpu::read_bandwidth(std::min(kReadBytes, gpu::free_memory() / 4), 5);
}

}  // namespace cairn::backend
