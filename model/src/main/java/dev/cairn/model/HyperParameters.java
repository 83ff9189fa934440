package dev.cairn.model;

import dev.cairn.model.gguf.GgufMetadata;
import java.util.OptionalInt;

/** The numbers of a model, read from its metadata with the meaning that llama.cpp gives them. */
final class HyperParameters {
  static final int MAX_EMBEDDING = 1 << 16;
  static final int MAX_LAYERS = 1_024;
  static final int MAX_HEADS = 1_024;
  static final int MAX_HEAD_LENGTH = 1_024;
  static final int MAX_FEED_FORWARD = 1 << 20;
  static final int MAX_CONTEXT = 1 << 24;

  final int embedding;
  final int layers;
  final int heads;
  final int kvHeads;
  final int headLength;
  final int feedForward;
  final int context;
  final float rmsNormEpsilon;
  final int ropeDimensions;

  private final GgufMetadata metadata;
  private final String prefix;

  HyperParameters(GgufMetadata metadata, String architecture) {
    this.metadata = metadata;
    this.prefix = architecture + ".";
    refuseExperts();
    embedding = metadata.required(prefix + "embedding_length", 1, MAX_EMBEDDING);
    layers = metadata.required(prefix + "block_count", 1, MAX_LAYERS);
    feedForward = metadata.required(prefix + "feed_forward_length", 1, MAX_FEED_FORWARD);
    context = metadata.required(prefix + "context_length", 1, MAX_CONTEXT);
    heads = metadata.required(prefix + "attention.head_count", 1, MAX_HEADS);
    kvHeads = metadata.integer(prefix + "attention.head_count_kv", 1, heads).orElse(heads);
    if (heads % kvHeads != 0) {
      throw metadata.refuse(
          prefix
              + "attention.head_count_kv is "
              + kvHeads
              + ", but must divide the "
              + heads
              + " heads");
    }
    headLength = readHeadLength();
    rmsNormEpsilon = readEpsilon();
    ropeDimensions =
        metadata.integer(prefix + "rope.dimension_count", 2, headLength).orElse(headLength);
    requireEven("rope.dimension_count", ropeDimensions);
  }

  private void refuseExperts() {
    int experts = metadata.integer(prefix + "expert_count", 0, Integer.MAX_VALUE).orElse(0);
    if (experts > 0) {
      throw metadata.refuse(
          prefix + "expert_count is " + experts + ", but models of experts are not supported");
    }
  }

  private int readHeadLength() {
    OptionalInt named = metadata.integer(prefix + "attention.key_length", 2, MAX_HEAD_LENGTH);
    if (named.isEmpty() && embedding % heads != 0) {
      throw metadata.refuse(
          prefix
              + "attention.head_count is "
              + heads
              + ", but must divide the embedding length "
              + embedding);
    }
    int length = named.orElse(embedding / heads);
    if (length < 2 || length > MAX_HEAD_LENGTH) {
      throw metadata.refuse(
          "the heads have " + length + " elements, but must have 2 to " + MAX_HEAD_LENGTH);
    }
    requireEven("attention.key_length", length);
    int values =
        metadata
            .integer(prefix + "attention.value_length", 1, MAX_HEAD_LENGTH)
            .orElse(embedding % heads == 0 ? embedding / heads : length);
    if (values != length) {
      throw metadata.refuse(
          prefix
              + "attention.value_length is "
              + values
              + ", but only the key length "
              + length
              + " is supported");
    }
    return length;
  }

  private float readEpsilon() {
    String key = prefix + "attention.layer_norm_rms_epsilon";
    float epsilon =
        metadata.real(key).orElseThrow(() -> metadata.refuse("the key " + key + " is missing"));
    if (!(epsilon > 0 && epsilon < 1)) {
      throw metadata.refuse(key + " is " + epsilon + ", but must be between 0 and 1");
    }
    return epsilon;
  }

  private void requireEven(String key, int value) {
    if (value % 2 != 0) {
      throw metadata.refuse(prefix + key + " is " + value + ", but must be even");
    }
  }
}
