package dev.cairn.model.tokenizer;

import dev.cairn.model.Tokenizer;
import dev.cairn.model.gguf.GgufMetadata;

/** Makes the tokenizer that a GGUF file's metadata describes. */
public final class Tokenizers {
  private Tokenizers() {}

  /**
   * The tokenizer of a model.
   *
   * @throws dev.cairn.model.ModelException when the metadata is incomplete or of a kind that is not
   *     supported
   */
  public static Tokenizer of(GgufMetadata metadata) {
    String key = "tokenizer.ggml.model";
    String model =
        metadata.string(key).orElseThrow(() -> metadata.refuse("the key " + key + " is missing"));
    return switch (model) {
      case "gpt2" -> new ByteLevelTokenizer(Vocabulary.read(metadata));
      case "llama" -> new SentencePieceTokenizer(Vocabulary.read(metadata));
      default ->
          throw metadata.refuse(
              key + " is \"" + model + "\", which is not supported; supported are gpt2 and llama");
    };
  }
}
