// The GPU's kernels as tables of the CPU's operators, so that one suite checks both: arguments go to
// the device and results come back.
#pragma once

#include <vector>

#include "../cpu/kernels/kernels.hpp"

// Of the emulator one for each layout of a wave and of a matrix instruction, of a GPU one.
const std::vector<const cairn::Kernels*>& gpu_operators();
