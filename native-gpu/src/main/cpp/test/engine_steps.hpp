// A small random model, and steps that any engine runs over it.
#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "../cpu/engine.hpp"
#include "../cpu/half.hpp"
#include "../cpu/status.hpp"
#include "check.hpp"

namespace cairn {

inline constexpr int kVocabulary = 70, kContext = 100, kSlots = 4, kBlocks = 12, kBatch = 64;

class SmallModel {
 public:
  SmallModel() {
    path_ = "/tmp/cairn_engine_test_XXXXXX";
    const int fd = mkstemp(path_.data());
    close(fd);
    desc_.path = path_;
    desc_.embedding = 64;
    desc_.layers = 2;
    desc_.heads = 4;
    desc_.kvHeads = 2;
    desc_.headLength = 16;
    desc_.feedForward = 96;
    desc_.vocabulary = kVocabulary;
    desc_.ropeDimensions = 16;
    desc_.eps = 1e-5f;
    desc_.attentionScale = 0.25f;
    desc_.windowed.assign(2, false);
    add(WeightType::Q8_0, 64, kVocabulary);
    add(WeightType::F32, 64, 1);
    desc_.tensors.resize(4);
    for (int i = 0; i < 2; i++) {
      add(WeightType::F32, 64, 1);
      add(WeightType::Q8_0, 64, 64);
      add(WeightType::F16, 64, 32);
      add(WeightType::Q4_0, 64, 32);
      add(WeightType::Q8_0, 64, 64);
      add(WeightType::F32, 64, 1);
      add(WeightType::Q4_0, 64, 96);
      add(WeightType::F32, 64, 96);
      add(WeightType::Q8_0, 96, 64);
      desc_.tensors.resize(desc_.tensors.size() + kLayerTensors - kBiasQ);
    }
    std::ofstream(path_, std::ios::binary)
        .write(data_.data(), static_cast<std::streamsize>(data_.size()));
    struct stat s;
    stat(path_.c_str(), &s);
    desc_.fileBytes = s.st_size;
    desc_.modifiedMillis =
        static_cast<int64_t>(s.st_mtim.tv_sec) * 1000 + s.st_mtim.tv_nsec / 1000000;
  }
  ~SmallModel() { unlink(path_.c_str()); }

  const ModelDesc& desc() const { return desc_; }

 private:
  void add(WeightType type, int in, int out) {
    const size_t bytes = row_bytes(type, static_cast<size_t>(in)) * static_cast<size_t>(out);
    desc_.tensors.push_back({static_cast<int32_t>(type), static_cast<int64_t>(data_.size()),
                             static_cast<int64_t>(bytes), in, out});
    for (size_t i = 0; i < bytes; i += block_bytes(type)) {
      std::string block(block_bytes(type), '\0');
      for (char& c : block) c = static_cast<char>(check::integer(-128, 127));
      const float f = check::real(-0.3f, 0.3f);
      const uint16_t h = float_to_half(type == WeightType::Q8_0   ? f / 70
                                       : type == WeightType::Q4_0 ? f / 5
                                                                  : f);
      if (type == WeightType::F32)
        std::memcpy(block.data(), &f, 4);
      else
        std::memcpy(block.data(), &h, 2);
      data_ += block;
    }
  }

  std::string path_, data_;
  ModelDesc desc_;
};

inline EngineConfig config(int threads, KvType kvType = KvType::F16, bool pinned = false) {
  return {threads, kSlots, kContext, kBlocks, 32, kBatch, 3, kvType, pinned};
}

template <class Call>
bool accepted(const Call& call) {
  try {
    call();
    return true;
  } catch (const Failure& f) {
    CHECK(f.status == Status::MISUSE && f.what()[0] != 0);
    return false;
  }
}

inline SlotSpec random_slot() {
  SlotSpec s;
  s.tokens.resize(static_cast<size_t>(check::integer(1, 60)));
  for (int32_t& t : s.tokens) t = check::integer(0, kVocabulary - 1);
  s.promptLength = check::integer(1, static_cast<int>(s.tokens.size()));
  s.sampling.temperature = check::integer(0, 1) ? 1.0f : 0.0f;
  s.logprobs = check::integer(-1, kMaxTop);
  s.promptLogprobs = check::integer(0, 1);
  if (check::integer(0, 2) == 0) s.pooling = static_cast<Pooling>(check::integer(-1, 3));
  if (check::integer(0, 1) && s.pooling != Pooling::NONE) {
    s.promptLength = static_cast<int32_t>(s.tokens.size());
    s.promptLogprobs = false;
  }
  return s;
}

inline ChunkJob random_chunk() {
  ChunkJob c{};
  c.slot = check::integer(-1, kSlots);
  c.start = check::integer(0, 3) ? 0 : check::integer(-5, 80);
  c.count = check::integer(-1, 50);
  c.sample = check::integer(0, 1);
  c.firstBlock = check::integer(0, 3) ? 0 : check::integer(-1, 4);
  c.blocks.resize(static_cast<size_t>(check::integer(0, 4)));
  for (int32_t& b : c.blocks)
    b = check::integer(0, 30) ? check::integer(0, kBlocks - 1) : check::integer(-9, 99);
  c.draft.resize(static_cast<size_t>(check::integer(0, 3) ? 0 : check::integer(0, 6)));
  for (int32_t& t : c.draft)
    t = check::integer(0, 30) ? check::integer(0, kVocabulary - 1) : check::integer(-9, 99);
  return c;
}

// Whatever numbers a step has, it is refused or it runs.
inline void arbitrary_steps(Engine& engine, int count) {
  int inFlight = 0, ran = 0;
  for (int i = 0; i < count; i++) {
    const int slot = check::integer(0, kSlots - 1);
    switch (check::integer(0, 5)) {
      case 0:
        accepted([&] { engine.open_slot(slot, random_slot()); });
        break;
      case 1:
        if (check::integer(0, 3) == 0) accepted([&] { engine.free_slot(slot); });
        break;
      case 2:
        if (inFlight > 0) {
          const auto job = engine.await();
          CHECK(job->done && !job->lost && job->outputs.size() == job->chunks.size());
          for (size_t c = 0; c < job->chunks.size(); c++)
            CHECK(job->chunks[c].sample == (job->outputs[c].token >= 0));
          inFlight--;
          ran++;
        }
        break;
      default: {
        std::vector<ChunkJob> chunks(static_cast<size_t>(check::integer(1, 2)));
        for (ChunkJob& c : chunks) c = random_chunk();
        if (accepted([&] { engine.submit(i, chunks); })) inFlight++;
      }
    }
  }
  CHECK(ran > count / 300);
}

// One thread submits while another awaits; greedy tokens are those of a run step by step.
template <class Open>
std::vector<int32_t> submit_and_await(const Open& open) {
  SlotSpec spec;
  spec.tokens = {1, 2, 3};
  spec.promptLength = 3;
  std::vector<int32_t> expected, actual;
  for (int round = 0; round < 2; round++) {
    const std::unique_ptr<Engine> opened = open();
    Engine& engine = *opened;
    engine.open_slot(0, spec);
    std::vector<int32_t>& tokens = round == 0 ? expected : actual;
    auto await = [&] { tokens.push_back(engine.await()->outputs[0].token); };
    std::thread waiter;
    if (round == 1)
      waiter = std::thread([&] {
        for (int i = 0; i < 80; i++) await();
      });
    for (int32_t i = 0; i < 80; i++) {
      const int32_t done = i == 0 ? 0 : 2 + i, count = i == 0 ? 3 : 1;
      std::vector<int32_t> blocks;
      if (done % 32 == 0) blocks.push_back(done / 32);
      const ChunkJob chunk{0, done, count, true, false, done == 0 ? 0 : (done + 31) / 32, blocks};
      while (!accepted([&] { engine.submit(i, {chunk}); })) std::this_thread::yield();
      if (round == 0) await();
    }
    if (round == 1) waiter.join();
    engine.shut_down();
    bool closed = false;
    try {
      engine.await();
    } catch (const Failure& f) {
      closed = f.status == Status::CLOSED;
    }
    CHECK(closed && engine.stats().stepsRun == 80 && engine.stats().openSlots == 1);
  }
  CHECK(expected == actual && expected.size() == 80);
  return actual;
}

// The prompt's log-probabilities, prefilled `step` tokens at a time.
inline std::vector<float> prompt_logprobs(Engine& engine, int step) {
  constexpr int kLength = 70;
  SlotSpec spec;
  for (int i = 0; i < kLength; i++) spec.tokens.push_back(i * 17 % kVocabulary);
  spec.promptLength = kLength;
  spec.promptLogprobs = true;
  engine.open_slot(0, spec);
  std::vector<float> values;
  for (int32_t at = 0; at < kLength; at += step) {
    const int32_t end = std::min(kLength, at + step);
    ChunkJob chunk{0, at, end - at, end == kLength, false, (at + 31) / 32, {}};
    for (int32_t b = chunk.firstBlock; b * 32 < end; b++) chunk.blocks.push_back(kBlocks - 1 - b);
    engine.submit(1, {chunk});
    const auto job = engine.await();
    for (const Logprobs& l : job->outputs[0].promptLogprobs) values.push_back(l.logprob);
  }
  engine.free_slot(0);
  return values;
}

// What is pooled of a prompt of 70 tokens, prefilled `step` tokens at a time beside another one.
inline std::vector<float> pooled_prompt(Engine& engine, Pooling pooling, int step, bool beside) {
  constexpr int kLength = 70;
  SlotSpec spec, other;
  for (int i = 0; i < kLength; i++) spec.tokens.push_back(i * 17 % kVocabulary);
  spec.promptLength = kLength;
  spec.pooling = pooling;
  other.tokens = {4, 5, 6};
  other.promptLength = 3;
  engine.open_slot(0, spec);
  std::vector<float> pooled;
  for (int32_t at = 0; at < kLength; at += step) {
    const int32_t end = std::min(kLength, at + step);
    ChunkJob chunk{0, at, end - at, false, false, (at + 31) / 32, {}};
    for (int32_t b = chunk.firstBlock; b * 32 < end; b++) chunk.blocks.push_back(kBlocks - 1 - b);
    if (beside) {
      engine.open_slot(1, other);
      engine.submit(1, {{1, 0, 3, true, false, 0, {0}}, chunk});
    } else {
      engine.submit(1, {chunk});
    }
    const auto job = engine.await();
    const ChunkOutput& out = job->outputs.back();
    CHECK(out.finite && out.token == -1 && out.pooled.empty() == (end < kLength));
    if (beside) CHECK(job->outputs[0].token >= 0 && job->outputs[0].pooled.empty());
    engine.free_slot(1);
    pooled = out.pooled;
  }
  engine.free_slot(0);
  return pooled;
}

// Chunks and company change no bit of what is pooled; returns the mean's sum and the last state.
inline std::vector<std::vector<float>> chunks_change_nothing_pooled(Engine& engine) {
  std::vector<std::vector<float>> all;
  for (const Pooling pooling : {Pooling::MEAN, Pooling::LAST}) {
    const std::vector<float> whole = pooled_prompt(engine, pooling, 35, false);
    CHECK(whole.size() == 64);
    for (const int step : {60, 32, 7, 1})
      for (const bool beside : {false, true}) {
        const std::vector<float> cut = pooled_prompt(engine, pooling, step, beside);
        CHECK(cut.size() == whole.size() &&
              std::memcmp(cut.data(), whole.data(), whole.size() * sizeof(float)) == 0);
      }
    all.push_back(whole);
  }
  CHECK(all[0] != all[1]);
  return all;
}

// What `count` tokens of a slot are, with a draft in some steps: the tokens that follow, some of
// them wrong.
inline std::vector<Drawn> with_drafts(Engine& engine, const SlotSpec& spec, int count,
                               const std::vector<Drawn>* known, int* held) {
  std::vector<Drawn> drawn;
  int32_t at = 0, length = static_cast<int32_t>(spec.tokens.size()), blocks = 0;
  const int32_t end = length + count;
  engine.open_slot(0, spec);
  while (length < end) {
    ChunkJob chunk{0, at, length - at, true, false, blocks, {}};
    const int most = known == nullptr ? 0 : std::min(end - length - 1, check::integer(0, 7));
    for (int i = 0; i < most; i++) {
      const int32_t next = (*known)[drawn.size() + static_cast<size_t>(i)].token;
      chunk.draft.push_back(check::integer(0, 5) ? next : check::integer(0, kVocabulary - 1));
    }
    for (; blocks * 32 < at + chunk.rows(); blocks++) chunk.blocks.push_back(kBlocks - 1 - blocks);
    engine.submit(1, {chunk});
    if (!chunk.draft.empty()) {
      ChunkJob early{0, length, 1, true, false, blocks, {}};
      CHECK(!accepted([&] { engine.submit(2, {early}); }));
    }
    const auto job = engine.await();
    const ChunkOutput& out = job->outputs[0];
    CHECK(out.finite && out.hasLogprobs && out.more.size() <= chunk.draft.size());
    drawn.push_back({out.token, out.logprobs});
    for (size_t i = 0; i < out.more.size(); i++) {
      CHECK(chunk.draft[i] == drawn.back().token);
      drawn.push_back(out.more[i]);
    }
    if (out.more.size() < chunk.draft.size())
      CHECK(chunk.draft[out.more.size()] != drawn.back().token);
    at = length + static_cast<int32_t>(out.more.size());
    length = at + 1;
    *held += static_cast<int>(out.more.size());
  }
  engine.free_slot(0);
  return drawn;
}

// Drafts change when tokens come, and nothing of the tokens.
inline std::vector<Drawn> drafts_change_nothing(Engine& engine, float temperature, int rounds) {
  SlotSpec spec;
  spec.tokens = {5, 9, 13, 5, 9};
  spec.promptLength = 5;
  spec.sampling.temperature = temperature;
  spec.sampling.repetitionPenalty = 1.1f;
  spec.sampling.frequencyPenalty = 0.1f;
  spec.biases = {{7, 0.5f}};
  spec.seed = 77;
  spec.logprobs = 3;
  int none = 0, held = 0;
  const std::vector<Drawn> plain = with_drafts(engine, spec, 90, nullptr, &none);
  for (int round = 0; round < rounds; round++) {
    const std::vector<Drawn> drafted = with_drafts(engine, spec, 90, &plain, &held);
    CHECK(drafted.size() == plain.size());
    for (size_t i = 0; i < plain.size(); i++) {
      const Logprobs &a = plain[i].logprobs, &b = drafted[i].logprobs;
      CHECK(plain[i].token == drafted[i].token && a.count == 3 && b.count == 3 &&
            std::memcmp(&a.logprob, &b.logprob, 4) == 0 &&
            std::memcmp(a.tokens, b.tokens, 12) == 0 && std::memcmp(a.values, b.values, 12) == 0);
    }
  }
  CHECK(none == 0 && held > 20 * rounds);
  return plain;
}

}  // namespace cairn
