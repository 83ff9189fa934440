// What the device knows of each sequence.
//
// A slot has two sides. The planned side belongs to the thread that submits: it is the state after
// all submitted steps, and every chunk is checked against it. The other belongs to the step thread:
// it is the state after the steps that ran. A slot is opened and freed while no step names it.
#pragma once

#include <cstdint>
#include <vector>

#include "sampler.hpp"

namespace cairn {

// What becomes of the outputs of the final norm of a slot's positions: nothing, their sum, or the last one.
enum class Pooling : int32_t { NONE, MEAN, LAST };

struct Slot {
  bool open = false;
  int64_t opened = 0;  // how often it was
  int inFlight = 0;  // submitted steps that name it and were not awaited

  int32_t prompt = 0;
  SamplingParams sampling;
  std::vector<LogitBias> biases;
  uint64_t seed = 0;
  int32_t logprobs = -1;
  bool promptLogprobs = false;
  Pooling pooling = Pooling::NONE;

  int32_t plannedKnown = 0;     // tokens in the history
  int32_t plannedComputed = 0;  // tokens in the KV store
  std::vector<int32_t> plannedBlocks;
  bool drafted = false;  // a step that was not awaited decides how many of its tokens hold

  std::vector<int32_t> history;  // maxContext + 1
  std::vector<int32_t> blocks;
  int32_t blockCount = 0;
  bool failed = false;  // its logits were not finite: what follows has no token to start from
  std::vector<float> pooled;  // of the positions computed since 0; empty where nothing is pooled
};

struct ChunkJob {
  int32_t slot, start, count;
  bool sample, restart;
  int32_t firstBlock;
  std::vector<int32_t> blocks;
  std::vector<uint64_t> allowed = {};  // a bit for each token that may be drawn; empty: all
  std::vector<int32_t> draft = {};     // what may follow; processed as well, kept where it is drawn

  int32_t rows() const { return count + static_cast<int32_t>(draft.size()); }
};

struct Drawn {
  int32_t token;
  Logprobs logprobs;
};

struct ChunkOutput {
  bool finite = true;
  int32_t token = -1;
  bool hasLogprobs = false;  // of every token drawn
  Logprobs logprobs;
  std::vector<Logprobs> promptLogprobs;
  std::vector<Drawn> more;  // one for each token of the draft that was drawn: what follows it
  std::vector<float> pooled;  // [embedding] where the chunk is the end of a prompt that is pooled
};

// Whether what was drawn before row `row` of a draft, counted from 1, is the draft so far: then the
// row's token is the slot's next one.
inline bool holds(const ChunkJob& chunk, size_t row, const ChunkOutput& out) {
  if (!out.finite || out.more.size() != row - 1) return false;
  return (out.more.empty() ? out.token : out.more.back().token) == chunk.draft[row - 1];
}

struct StepJob {
  int64_t id = 0;
  std::vector<ChunkJob> chunks;
  std::vector<ChunkOutput> outputs;
  int32_t tokens = 0;
  int64_t startNanos = 0, endNanos = 0;
  bool done = false, lost = false;
};

}  // namespace cairn
