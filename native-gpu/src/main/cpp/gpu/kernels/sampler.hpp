// Tokens and log-probabilities from logits, on the device; docs/NUMERICS.md defines both.
#pragma once

#include "../../cpu/sampler.hpp"
#include "../runtime/runtime.hpp"

namespace cairn::gpu {

// A row of logits and what is wanted of it.
struct LogitJob {
  int row;             // of the step
  int slot, position;  // of the row
  int sample;          // 1: draw the next token; 0: the token is that after `position`
  int prompt;          // tokens of the prompt
  int top;             // log-probabilities of so many tokens; −1: of none, not even the one drawn
  SamplingParams sampling;
  uint32_t seedLow, seedHigh;
  // Places in the bytes that steer the step: so many LogitBias, and a bit for each token that may
  // be drawn, in words of 64.
  int biases, masked;
  uint32_t biasesAt, maskAt;
};

struct LogitResult {
  int finite, token;
  Logprobs logprobs;
};

// Scratch of one row of logits, in the device's memory.
struct DrawScratch {
  float* logits;         // [rows][ld] after biases, penalties and masks, where there are any
  uint32_t* counts;      // [rows][ld]; zero between uses
  uint64_t* candidates;  // [rows][candidateStride]
  double* runs;          // [rows][runStride]
  size_t candidateStride, runStride;
};

// bytes of the scratch of a row, each part's
struct DrawScratchSize {
  size_t logits, counts, candidates, runs;
  explicit DrawScratchSize(int vocabulary);
};

struct Draws {
  float* logits;  // [rows][ld]; capped in place
  size_t ld;
  int vocabulary, rows;
  float cap;  // 0: none
  const LogitJob* jobs;
  LogitResult* results;
  int* history;  // [slots][historyStride]; drawn tokens are appended
  size_t historyStride;
  DrawScratch scratch;
  const uint8_t* steering;  // in which jobs name places
};
// Finiteness, caps, draws, log-probabilities; `logprobs`: whether any row wants the last.
void draw(const Draws& d, bool logprobs, Queue queue);

}  // namespace cairn::gpu
