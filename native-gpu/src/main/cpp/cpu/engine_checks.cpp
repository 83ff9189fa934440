// What a step may name, checked against the planned state of the slots.
#include <algorithm>

#include "checks.hpp"
#include "engine.hpp"

namespace cairn {

// A chunk whose firstBlock is 0 and that brings blocks starts a new block table. Its first tokens
// may be in blocks that are filled already (a shared prefix), in whole blocks.
void Engine::check(ChunkJob& c) {
  Slot& s = slot_at(c.slot);
  const std::string name = "chunk of slot " + text(c.slot);
  if (!s.open) misuse("slot " + text(c.slot) + " is not open");
  if (slotStamp_[static_cast<size_t>(c.slot)] == submissions_)
    misuse("slot " + text(c.slot) + " is twice in the step");
  slotStamp_[static_cast<size_t>(c.slot)] = submissions_;
  if (c.count < 1) misuse(name + " has " + text(c.count) + " tokens, expected at least 1");
  if (c.start < 0) misuse(name + " starts at " + text(c.start) + ", expected at least 0");
  if (s.drafted) misuse(name + " follows a draft in a step that was not awaited");
  const int64_t end = static_cast<int64_t>(c.start) + c.count;
  if (end > s.plannedKnown)
    misuse(name + " ends at token " + text(end) + " and the slot knows " + text(s.plannedKnown));
  if (end > config_.maxContext)
    misuse(name + " ends at token " + text(end) + ", expected at most " + text(config_.maxContext));
  if (c.sample && end != s.plannedKnown)
    misuse(name + " samples after token " + text(end) + " and the slot knows " +
           text(s.plannedKnown));
  check_allowed(c);
  check_draft(c);
  check_pooled(c, s);
  c.restart = c.firstBlock == 0 && (c.start == 0 || !c.blocks.empty());
  if (c.restart && s.inFlight > 0 && !s.plannedBlocks.empty())
    misuse(name + " starts anew while a step that names the slot was not awaited");
  check_blocks(c, s);
}

void Engine::check_allowed(const ChunkJob& c) const {
  if (c.allowed.empty()) return;
  const int64_t tokens = runner_->desc().vocabulary, words = (tokens + 63) / 64;
  const std::string name = "chunk of slot " + text(c.slot);
  if (static_cast<int64_t>(c.allowed.size()) != words)
    misuse(name + " has " + text(static_cast<int64_t>(c.allowed.size())) +
           " words of allowed tokens, expected " + text(words));
  const uint64_t last = tokens % 64 == 0 ? ~uint64_t{0} : (uint64_t{1} << (tokens % 64)) - 1;
  uint64_t any = c.allowed.back() & last;
  for (int64_t i = 0; i + 1 < words; i++) any |= c.allowed[static_cast<size_t>(i)];
  if (any == 0) misuse(name + " allows no token, expected at least one");
}

void Engine::check_draft(const ChunkJob& c) const {
  if (c.draft.empty()) return;
  const std::string name = "chunk of slot " + text(c.slot);
  if (!runner_->verifies()) misuse("this device verifies no drafts");
  if (!c.sample) misuse(name + " has a draft and draws no token");
  if (!c.allowed.empty()) misuse(name + " has a draft and allowed tokens, expected one of them");
  if (static_cast<int64_t>(c.start) + c.rows() > config_.maxContext)
    misuse(name + " has a draft that ends at token " +
           text(static_cast<int64_t>(c.start) + c.rows()) + ", expected at most " +
           text(config_.maxContext));
  for (int32_t t : c.draft) check_range("token of a draft", t, 0, runner_->desc().vocabulary - 1);
}

// A sum over all positions is of positions that this slot computes itself.
void Engine::check_pooled(const ChunkJob& c, const Slot& s) const {
  if (s.pooling == Pooling::NONE) return;
  const std::string name = "chunk of slot " + text(c.slot);
  if (c.sample) misuse(name + " draws a token, and the slot is pooled");
  if (s.pooling == Pooling::MEAN && c.start != 0 && c.firstBlock == 0 && !c.blocks.empty())
    misuse(name + " starts anew at " + text(c.start) +
           ", expected 0 for a slot whose positions are summed");
}

void Engine::check_blocks(ChunkJob& c, const Slot& s) {
  const std::string name = "chunk of slot " + text(c.slot);
  const int64_t bt = config_.blockTokens, end = static_cast<int64_t>(c.start) + c.rows();
  const int64_t have = c.restart ? 0 : static_cast<int64_t>(s.plannedBlocks.size());
  if (!c.restart && c.start != s.plannedComputed)
    misuse(name + " starts at " + text(c.start) + ", expected " + text(s.plannedComputed));
  if (c.firstBlock != have)
    misuse(name + " brings blocks from index " + text(c.firstBlock) + ", expected " + text(have));
  const int64_t total = have + static_cast<int64_t>(c.blocks.size());
  if (total * bt < end || total > static_cast<int64_t>(s.blocks.size()))
    misuse(name + " has " + text(total) + " blocks of " + text(bt) +
           " tokens, expected enough for " + text(end) + " tokens and at most " +
           text(static_cast<int64_t>(s.blocks.size())));
  for (int32_t b : c.blocks) check_range("block", b, 0, config_.kvBlocks - 1);
  if (!c.restart) return;
  if (c.start % bt != 0)
    misuse(name + " starts anew at " + text(c.start) + ", expected a multiple of " + text(bt));
  for (int64_t i = 0; i < c.start / bt; i++) {
    const int32_t b = c.blocks[static_cast<size_t>(i)];
    if (blockFill_[static_cast<size_t>(b)] != bt)
      misuse(name + " starts at " + text(c.start) + " and block " + text(b) + " before it holds " +
             text(blockFill_[static_cast<size_t>(b)]) + " tokens");
  }
}

void Engine::plan(const ChunkJob& c) {
  Slot& s = slots_[static_cast<size_t>(c.slot)];
  if (c.restart) s.plannedBlocks.clear();
  const size_t have = s.plannedBlocks.size();
  for (size_t i = 0; i < c.blocks.size(); i++)
    if (static_cast<int64_t>(have + i) >= c.start / config_.blockTokens)
      blockFill_[static_cast<size_t>(c.blocks[i])] = 0;
  s.plannedBlocks.insert(s.plannedBlocks.end(), c.blocks.begin(), c.blocks.end());
  s.plannedComputed = c.start + c.count;
  if (c.sample) s.plannedKnown++;
  s.drafted = !c.draft.empty();
  fill_blocks(s, c.start);
}

void Engine::fill_blocks(const Slot& s, int32_t start) {
  for (int32_t i = start / config_.blockTokens; i * config_.blockTokens < s.plannedComputed; i++)
    blockFill_[static_cast<size_t>(s.plannedBlocks[static_cast<size_t>(i)])] =
        std::min(config_.blockTokens, s.plannedComputed - i * config_.blockTokens);
}

// The tokens of a draft that were drawn are computed, and what was drawn after them is known.
void Engine::settle(const ChunkJob& c, const ChunkOutput& output) {
  if (c.draft.empty()) return;
  Slot& s = slots_[static_cast<size_t>(c.slot)];
  const auto held = static_cast<int32_t>(output.more.size());
  const int32_t before = s.plannedComputed;
  s.drafted = false;
  s.plannedComputed += held;
  s.plannedKnown += held;
  fill_blocks(s, before);
}

}  // namespace cairn
