// What the native methods ask of the back end that their library holds.
#pragma once

#include <memory>
#include <string>

#include "../cpu/engine.hpp"

namespace cairn::backend {

// Four lines: the kernels that `choice` stands for, the numerics version, what the machine offers,
// and why something faster that it offers is not used. Throws Failure(UNAVAILABLE).
std::string describe(const std::string& choice);

// Loads a model. Throws Failure.
std::unique_ptr<Engine> open(const ModelDesc& desc, const EngineConfig& config,
                             const std::string& choice, const Progress& progress);

// Bytes a second that the device reads from its memory. Takes about a second.
double read_rate(int threads);

}  // namespace cairn::backend
